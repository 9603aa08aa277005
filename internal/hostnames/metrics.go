// SPDX-License-Identifier: Apache-2.0

package hostnames

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// register has the names counted when somebody asks. A process has one Book; where there
// is one already, as in what lists all metrics, that one counts.
func (b *Book[K]) register() error {
	if b.c.Registerer == nil {
		return nil
	}
	gauge := func(name, help string, count func() int) error {
		err := b.c.Registerer.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "meridian", Subsystem: "hostnames", Name: name, Help: help,
		}, func() float64 { return float64(count()) }))
		if already := (prometheus.AlreadyRegisteredError{}); errors.As(err, &already) {
			return nil
		}
		return err
	}
	return errors.Join(
		gauge("names", "Host names of load balancers that are resolved for entries.", func() int { n, _ := b.Count(); return n }),
		gauge("unresolved_names", "Those that could not be resolved when they were asked for last, or have no addresses; their last addresses are kept.", func() int { _, n := b.Count(); return n }),
	)
}
