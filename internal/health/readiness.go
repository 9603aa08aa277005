// SPDX-License-Identifier: Apache-2.0

package health

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/meridian-gslb/meridian/gslb"
)

// Readiness knows whether this process may be asked. World and Answers are
// required. [Readiness.Stop] is safe for concurrent use.
type Readiness struct {
	World   func() *gslb.World // nil before the identity of the cluster is known, or nothing was merged yet
	Answers func() bool        // a table that is ready is served

	stopping atomic.Bool
}

// Stop ends being ready, for good: the process is about to end.
func (r *Readiness) Stop() { r.stopping.Store(true) }

// Checks gives what has to be well (agreement.md §5, design.md R5):
//
//	shutdown | identity | objects read | peers            | answers   | ready
//	began    | any      | any          | any              | any       | no
//	–        | unknown  | –            | –                | –         | no: the API was never reached
//	–        | known    | not yet      | any              | –         | no
//	–        | known    | once         | one is waited for| –         | no, for 4.5 s at most
//	–        | known    | once         | heard or given up| published | yes, and stays so whatever goes away
func (r *Readiness) Checks() []Check {
	return []Check{
		{"shutdown", r.running}, {"identity", r.identity}, {"objects", r.objects}, {"peers", r.peers}, {"answers", r.answers},
	}
}

func (r *Readiness) running() error {
	if r.stopping.Load() {
		return errors.New("the process is stopping")
	}
	return nil
}

func (r *Readiness) identity() error {
	if r.World() == nil {
		return errors.New("the identity of the cluster is not known yet: the Kubernetes API was not reached")
	}
	return nil
}

func (r *Readiness) objects() error {
	if w := r.World(); w == nil || !w.Local.Synced && !w.Local.Restored {
		return errors.New("the objects of this cluster were not read completely yet")
	}
	return nil
}

func (r *Readiness) peers() error {
	w := r.World()
	if w == nil || w.Ready {
		return nil // without a World there is nobody to wait for yet; identity says so
	}
	var waiting []string
	for i := range w.Clusters {
		if w.Clusters[i].Liveness == gslb.Unheard {
			waiting = append(waiting, string(w.Clusters[i].Tag))
		}
	}
	switch {
	case len(waiting) > 0:
		return fmt.Errorf("waiting for %s", strings.Join(waiting, ", "))
	case w.Local.Synced:
		return errors.New("peers are being looked for, or read for the first time")
	}
	return nil
}

func (r *Readiness) answers() error {
	if !r.Answers() {
		return errors.New("no answers were published yet; questions get SERVFAIL")
	}
	return nil
}
