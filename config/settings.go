// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// What is announced when the process is told to stop.
const (
	OnStopPause = "pause"
	OnStopLeave = "leave"
)

// maxShutdownDelay is how long peers keep the offers of a cluster that paused.
const maxShutdownDelay = time.Minute

// Settings is what a [Config] means.
type Settings struct {
	Self      gslb.GeoTag
	ClusterID string           // "" means: ask the API
	Zone      *gslb.ZoneIntent // of the flags; nil: zones come from objects only

	DNS       DNS
	DNSListen []string
	DNSAddrs  []netip.Addr // glue; empty: from Service
	Service   string
	Loopback  bool

	Names                     []string       // of this cluster, as neighbours know it, beside Self
	InternalCIDRs, EntryCIDRs []netip.Prefix // inside this cluster; inside it, and entries all the same

	Kubeconfig, Context, Namespace, LeaseName string
	Manifests                                 string        // "" means Kubernetes
	K8gb                                      bool          // k8gb's objects are read too, and its neighbours answered
	StateDir                                  string        // "" means that nothing outlives the process
	RemovalHold                               time.Duration // of hosts that vanish in a mass; 0: none

	ExternalDNS bool         // the delegation is kept by ExternalDNS
	EdgeServers []string     // HOST:PORT that take updates, or with ExternalDNS that are read; empty: no edge is kept, or ExternalDNS and they are found
	EdgeKey     *tsigkey.Key // nil without EdgeServers, and with ExternalDNS
	EdgeAsked   []string     // HOST:PORT of the edge zone where nobody keeps it here, for the check of the delegation
	Anchors     []string     // ADDR:PORT
	Resolvers   []string     // ADDR:PORT; none: those of the machine
	// DelegationCheck asks whether delegations work.
	DelegationCheck bool

	Peers      map[gslb.GeoTag][]string // HOST:PORT; under Self other instances of this cluster
	PeerKeys   []PeerKey                // none: the cluster serves alone
	EntryCheck bool
	// Timing of silence, and how often an entry that answers is asked.
	Timing             gslb.Timing
	EntryCheckInterval time.Duration

	K8gbPeers map[gslb.GeoTag][]string // HOST:PORT of clusters that run k8gb

	UpdateKeys []UpdateKey // none: no updates are taken
	Transfers  Transfers   // nobody: no transfers

	MetricsListen, ProbeListen string
	ShutdownDelay              time.Duration // of going on answering after SIGTERM
	Leaves                     bool          // the cluster goes for good when the process is told to stop
	LogLevel                   slog.Level
	LogJSON                    bool
}

// SeeksPeers reports that peers are looked up at the edge, by the exchange or, without
// a key for that, by what asks k8gb.
func (s *Settings) SeeksPeers() bool {
	return (s.ExternalDNS || len(s.EdgeServers) > 0) && (len(s.PeerKeys) > 0 || s.K8gb)
}

// MeasuresOutside reports that there is something outside by which this cluster
// can tell that it is the one cut off: an edge zone, whoever writes it, or anchors.
func (s *Settings) MeasuresOutside() bool {
	return s.ExternalDNS || len(s.EdgeServers) > 0 || len(s.Anchors) > 0
}

// PeerKey is a key of the exchange.
type PeerKey struct {
	Peer gslb.GeoTag // "" means: for every peer
	Key  *tsigkey.Key
}

// problems collects what is wrong, each with its flag.
type problems []error

func (p *problems) add(flag string, err error) {
	if err != nil {
		*p = append(*p, fmt.Errorf("--%s: %w", flag, err))
	}
}

// Settings checks the configuration and gives its meaning, or all problems
// joined, one a line.
func (c *Config) Settings() (*Settings, error) {
	var bad problems
	s := &Settings{
		ClusterID: c.ClusterID, DNS: c.DNS, DNSListen: c.DNSListen, Service: c.Service, Loopback: c.EntryLoopOK,
		Kubeconfig: c.Kubeconfig, Context: c.Context, Namespace: c.Namespace, LeaseName: c.LeaseName, Manifests: c.Manifests, K8gb: c.K8gbCompat, StateDir: c.StateDir, RemovalHold: c.Guard,
		MetricsListen: c.MetricsListen, ProbeListen: c.ProbeListen, ShutdownDelay: c.ShutdownDelay,
	}
	c.identity(s, &bad)
	c.Neighbourhood.settings(s, &bad)
	c.zone(s, &bad)
	c.listeners(s, &bad)
	c.edge(s, &bad)
	c.exchange(s, &bad)
	s.Timing, s.EntryCheckInterval = c.Timing.settings(&bad), c.Timing.EntryCheck
	c.k8gb(s, &bad)
	c.updates(s, &bad)
	s.Transfers = c.Transfer.settings(&bad)
	c.logs(s, &bad)
	switch s.Leaves = c.OnStop == OnStopLeave; c.OnStop {
	case OnStopPause, OnStopLeave:
	default:
		bad.add("on-stop", fmt.Errorf("%q: write %s or %s", c.OnStop, OnStopPause, OnStopLeave))
	}
	if c.Guard < 0 || c.Guard > 24*time.Hour {
		bad.add("deletion-guard", fmt.Errorf("%s: write 0 to 24h", c.Guard))
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	return s, nil
}

func (c *Config) identity(s *Settings, bad *problems) {
	if c.GeoTag == "" {
		bad.add("geo-tag", errors.New("is required: the name of this cluster within the zone, like eu"))
		return
	}
	tag, err := gslb.ParseGeoTag(c.GeoTag)
	bad.add("geo-tag", err)
	s.Self = tag
	if c.ClusterID != "" {
		bad.add("cluster-id", gslb.CheckClusterID(c.ClusterID))
	}
	if s.ClusterID == "" && c.Manifests != "" {
		// One process is the cluster; its tag tells it from the others.
		s.ClusterID = "files-" + string(tag)
	}
	if c.Manifests != "" && (c.Kubeconfig != "" || c.Context != "") {
		bad.add("manifests", errors.New("reads files instead of Kubernetes; leave --kubeconfig and --context out"))
	}
}

func (c *Config) zone(s *Settings, bad *problems) {
	switch {
	case c.Zone == "" && c.EdgeZone == "":
		return
	case c.Zone == "":
		bad.add("zone", fmt.Errorf("is missing beside --edge-zone %s; write the zone below it, like cloud.%s", c.EdgeZone, c.EdgeZone))
		return
	case c.EdgeZone == "":
		bad.add("edge-zone", fmt.Errorf("is missing beside --zone %s; write its parent zone", c.Zone))
		return
	}
	zone, err := gslb.ParseName(c.Zone)
	bad.add("zone", err)
	edge, err2 := gslb.ParseName(c.EdgeZone)
	bad.add("edge-zone", err2)
	if err != nil || err2 != nil {
		return
	}
	if !zone.Below(edge) {
		bad.add("zone", fmt.Errorf("%s does not lie below the edge zone %s; it must, like cloud.%s", zone, edge, edge))
		return
	}
	if s.Self != "" {
		_, err = gslb.NameServerName(s.Self, zone, edge)
		bad.add("zone", err)
	}
	if c.ZoneNegTTL > 86400 {
		bad.add("zone-negative-ttl", fmt.Errorf("%d is more than a day; write 0 to 86400 seconds", c.ZoneNegTTL))
	}
	s.Zone = &gslb.ZoneIntent{Zone: zone, EdgeZone: edge, NegTTL: c.ZoneNegTTL}
}

func (c *Config) listeners(s *Settings, bad *problems) {
	c.DNS.check(bad)
	if len(c.DNSListen) == 0 {
		bad.add("dns-listen", errors.New("needs at least one address, like :5353"))
	}
	for flag, addrs := range map[string][]string{"dns-listen": c.DNSListen, "metrics-listen": {c.MetricsListen}, "probe-listen": {c.ProbeListen}} {
		for _, a := range addrs {
			if _, _, err := net.SplitHostPort(a); a != "" && err != nil {
				bad.add(flag, fmt.Errorf("%q is not ADDRESS:PORT, like :5353 or 127.0.1.1:53", a))
			}
		}
	}
	for _, a := range c.DNSAddress {
		addr, err := netip.ParseAddr(strings.TrimSpace(a))
		if err != nil || addr.IsUnspecified() || addr.IsMulticast() {
			bad.add("dns-address", fmt.Errorf("%q is not an address that clients can reach, like 203.0.113.10", a))
			continue
		}
		s.DNSAddrs = append(s.DNSAddrs, addr.Unmap())
	}
	slices.SortFunc(s.DNSAddrs, netip.Addr.Compare)
	s.DNSAddrs = slices.Compact(s.DNSAddrs)
}

// onOff reads a switch.
func onOff(flag, value string, bad *problems) bool {
	if value != "on" && value != "off" {
		bad.add(flag, fmt.Errorf("%q: write on or off", value))
	}
	return value == "on"
}

func (c *Config) exchange(s *Settings, bad *problems) {
	s.Peers = make(map[gslb.GeoTag][]string)
	for _, p := range c.Peers {
		tag, hp, err := parsePeer(p)
		bad.add("peers", err)
		if err == nil {
			s.Peers[tag] = append(s.Peers[tag], hp)
		}
	}
	for _, spec := range c.PeerTSIGKeys {
		var k PeerKey
		if tagText, rest, ok := strings.Cut(spec, "="); ok && !strings.Contains(tagText, ":") {
			tag, err := gslb.ParseGeoTag(tagText)
			bad.add("peer-tsig-key", err)
			k.Peer, spec = tag, rest
		}
		key, err := tsigkey.Parse(spec)
		bad.add("peer-tsig-key", err)
		k.Key = key
		s.PeerKeys = append(s.PeerKeys, k)
	}
	s.EntryCheck = onOff("entry-check", c.EntryCheck, bad)
}

func (c *Config) logs(s *Settings, bad *problems) {
	if c.ShutdownDelay < 0 || c.ShutdownDelay > maxShutdownDelay {
		bad.add("shutdown-delay", fmt.Errorf("%s: write 0s to %s", c.ShutdownDelay, maxShutdownDelay))
	}
	if err := s.LogLevel.UnmarshalText([]byte(c.LogLevel)); err != nil {
		bad.add("log-level", fmt.Errorf("%q: write debug, info, warn or error", c.LogLevel))
	}
	switch c.LogFormat {
	case "text", "json":
		s.LogJSON = c.LogFormat == "json"
	default:
		bad.add("log-format", fmt.Errorf("%q: write text or json", c.LogFormat))
	}
}
