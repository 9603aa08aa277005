// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// inventoryTimeout bounds one walk through the cache, which is in memory.
const inventoryTimeout = 5 * time.Second

// inventory counts the conditions of Gslbs and ZoneDelegations, as the cache has them,
// when Prometheus asks (prometheus.Collector). Every replica counts; the leader writes.
type inventory struct {
	objects client.Reader
	synced  <-chan struct{} // closed when the cache is complete

	gslbs, zones *prometheus.Desc
}

func newInventory(objects client.Reader, synced <-chan struct{}) *inventory {
	d := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("meridian_controllers_"+name, help, []string{"type", "status", "reason"}, nil)
	}
	return &inventory{
		objects: objects, synced: synced,
		gslbs: d("gslb_conditions", "Gslbs by type, status and reason of their conditions."),
		zones: d("zonedelegation_conditions", "ZoneDelegations by type, status and reason of their conditions."),
	}
}

// Describe implements prometheus.Collector.
func (v *inventory) Describe(ch chan<- *prometheus.Desc) {
	ch <- v.gslbs
	ch <- v.zones
}

// Collect implements prometheus.Collector.
func (v *inventory) Collect(ch chan<- prometheus.Metric) {
	select {
	case <-v.synced:
	default:
		return // not read yet
	}
	ctx, cancel := context.WithTimeout(context.Background(), inventoryTimeout)
	defer cancel()
	var gslbs gslbv1beta1.GslbList
	if v.objects.List(ctx, &gslbs, client.UnsafeDisableDeepCopy) == nil {
		n := make(tally)
		for i := range gslbs.Items {
			n.add(gslbs.Items[i].Status.Conditions)
		}
		n.send(ch, v.gslbs)
	}
	var zones gslbv1beta1.ZoneDelegationList
	if v.objects.List(ctx, &zones, client.UnsafeDisableDeepCopy) == nil {
		n := make(tally)
		for i := range zones.Items {
			n.add(zones.Items[i].Status.Conditions)
		}
		n.send(ch, v.zones)
	}
}

// maxTally bounds the labels: who may write a status could write any reason.
const maxTally = 200

// tally counts conditions by type, status and reason.
type tally map[[3]string]int

func (t tally) add(conditions []metav1.Condition) {
	for i := range conditions {
		c := &conditions[i]
		k := [3]string{c.Type, string(c.Status), c.Reason}
		if _, known := t[k]; known || len(t) < maxTally {
			t[k]++
		}
	}
}

func (t tally) send(ch chan<- prometheus.Metric, d *prometheus.Desc) {
	for k, n := range t {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), k[0], k[1], k[2])
	}
}
