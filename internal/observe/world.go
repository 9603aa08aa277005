// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
)

// World collects the numbers of the present World (prometheus.Collector).
type World struct {
	world func() *gslb.World

	revision, age, ready, isolated, missed  *prometheus.Desc
	unsought                                *prometheus.Desc
	liveness, since, witness, mark, blind   *prometheus.Desc
	conflict, zoneSerial, zoneServers, size *prometheus.Desc
	held, probes, returning, flapping       *prometheus.Desc
	unread                                  *prometheus.Desc
	k8gb                                    *prometheus.Desc
}

// NewWorld makes the collector; world may give nil while there is none.
func NewWorld(world func() *gslb.World) *World {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("meridian_gslb_"+name, help, labels, nil)
	}
	return &World{
		world:       world,
		revision:    d("world_revision", "Number of the present World."),
		age:         d("world_age_seconds", "Time since the present World was made; it rises in a quiet system."),
		ready:       d("ready", "1 when objects were read, and every known peer was heard or given up."),
		isolated:    d("isolated", "1 while this cluster is probably the one cut off."),
		unsought:    d("peers_unknown", "1 while nobody could tell which other clusters there are, so that names not known here get SERVFAIL."),
		missed:      d("missed_clusters", "Clusters that this cluster misses, and raises its alarm for."),
		liveness:    d("cluster_liveness", "1 for the state that each cluster is in: self, unheard, fresh, doubtful, vouched, lost or left.", "geo_tag", "liveness"),
		since:       d("cluster_liveness_age_seconds", "Time since each cluster came into the state that it is in.", "geo_tag"),
		witness:     d("cluster_witness", "1 for the witness that vouches for a silent cluster.", "geo_tag", "witness"),
		mark:        d("cluster_mark", "How far each cluster's knowledge of its own objects goes.", "geo_tag"),
		blind:       d("cluster_blind", "1 while a cluster cannot read its objects.", "geo_tag"),
		conflict:    d("cluster_conflict", "1 while another cluster uses the same geo tag.", "geo_tag"),
		unread:      d("cluster_unread", "1 while a cluster is heard and its report is read neither from itself nor through a third one.", "geo_tag"),
		k8gb:        d("cluster_k8gb", "1 while a cluster runs k8gb: what is known of it is not signed.", "geo_tag"),
		held:        d("held_hosts", "Hosts that a cluster does not offer any more and that the deletion guard keeps.", "geo_tag"),
		probes:      d("probes_held_hosts", "Hosts of this cluster that stay healthy although their probes fail, because most fail at once and nobody confirms it."),
		returning:   d("returning_hosts", "Hosts with an entry that is healthy again and waits for the delay that its Gslb asks for."),
		flapping:    d("flapping_hosts", "Hosts of this cluster with an entry that was unhealthy several times within a minute, and waits before it counts again."),
		zoneSerial:  d("zone_serial", "SOA serial of each zone.", "zone"),
		zoneServers: d("zone_name_servers", "Name servers of each zone, of all clusters.", "zone"),
		size:        d("world_hosts", "Hosts in the present World."),
	}
}

// Describe implements prometheus.Collector.
func (c *World) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.revision, c.age, c.ready, c.isolated, c.unsought, c.missed, c.liveness, c.since, c.witness, c.mark, c.blind,
		c.conflict, c.unread, c.k8gb, c.held, c.probes, c.returning, c.flapping, c.zoneSerial, c.zoneServers, c.size,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *World) Collect(ch chan<- prometheus.Metric) {
	w := c.world()
	if w == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(c.revision, float64(w.Revision))
	gauge(c.age, time.Since(w.At).Seconds())
	gauge(c.ready, truth(w.Ready))
	gauge(c.isolated, truth(!w.Isolated.IsZero()))
	gauge(c.unsought, truth(!w.Unsought.IsZero()))
	gauge(c.missed, float64(len(w.Alarm.Missed)))
	gauge(c.size, float64(w.Len()))
	gauge(c.probes, float64(w.ProbesHeld.Hosts))
	gauge(c.returning, float64(w.Waiting.Returning))
	gauge(c.flapping, float64(w.Waiting.Flapping))
	for i := range w.Clusters {
		c.cluster(gauge, w, &w.Clusters[i])
	}
	held := make(map[gslb.GeoTag]int)
	for _, h := range w.Held {
		held[h.Cluster] = h.Hosts
	}
	for i := range w.Clusters {
		gauge(c.held, float64(held[w.Clusters[i].Tag]), string(w.Clusters[i].Tag))
	}
	for i := range w.Zones {
		z := &w.Zones[i]
		gauge(c.zoneSerial, float64(z.Serial), z.Zone.String())
		gauge(c.zoneServers, float64(len(z.NameServers)), z.Zone.String())
	}
}

func (c *World) cluster(gauge func(*prometheus.Desc, float64, ...string), w *gslb.World, k *gslb.Cluster) {
	tag, mark, blind := string(k.Tag), k.Mark, k.Blind
	if k.Tag == w.Self {
		mark, blind = w.Local.Mark, w.Local.Blind
	}
	gauge(c.liveness, 1, tag, k.Liveness.String())
	if !k.Since.IsZero() {
		gauge(c.since, time.Since(k.Since).Seconds(), tag)
	}
	if k.Witness.Kind != gslb.NoSighting {
		gauge(c.witness, 1, tag, k.Witness.Kind.String())
	}
	gauge(c.mark, float64(mark), tag)
	gauge(c.blind, truth(!blind.IsZero()), tag)
	gauge(c.conflict, truth(k.Conflict != ""), tag)
	gauge(c.unread, truth(!k.Unread.IsZero()), tag)
	gauge(c.k8gb, truth(k.K8gb), tag)
}

func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}
