// SPDX-License-Identifier: Apache-2.0

// Package config is all that the process can be told: defaults, flags,
// environment, file, and the check of it all before anything runs.
//
// [Config] holds what was written, as text; [Config.Settings] gives what it
// means, typed, or every problem at once, each with the flag it belongs to. The
// packages that run never see a flag.
package config

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/meridian-gslb/meridian/gslb"
)

// Config is the configuration of `meridian serve` as it was written. Start
// from [Default].
type Config struct {
	GeoTag    string
	ClusterID string

	Zone        string
	EdgeZone    string
	ZoneNegTTL  uint32
	DNSListen   []string
	DNSAddress  []string
	Service     string
	EntryLoopOK bool
	DNS         DNS

	Neighbourhood Neighbourhood

	Kubeconfig string
	Context    string
	Namespace  string
	LeaseName  string
	Manifests  string
	K8gbCompat bool
	StateDir   string
	Guard      time.Duration

	EdgeProvider string
	EdgeDNS      []string
	EdgeTSIGKey  string
	Anchors      []string
	Resolvers    []string
	Delegation   string

	Peers        []string
	PeerTSIGKeys []string
	EntryCheck   string
	Timing       Timing

	K8gbPeers []string

	UpdateTSIGKeys []string
	Transfer       Transfer

	MetricsListen string
	ProbeListen   string
	ShutdownDelay time.Duration
	OnStop        string
	LogLevel      string
	LogFormat     string
}

// Default gives the configuration without any flag.
func Default() Config {
	return Config{
		ZoneNegTTL:    30,
		DNSListen:     []string{":5353"},
		DNS:           defaultDNS(),
		Service:       "meridian",
		LeaseName:     "meridian",
		K8gbCompat:    true,
		EdgeProvider:  ProviderRFC2136,
		EntryCheck:    "on",
		Delegation:    "on",
		Timing:        defaultTiming(),
		Guard:         gslb.DefaultRemovalHold,
		MetricsListen: ":8080",
		ProbeListen:   ":8081",
		OnStop:        OnStopPause,
		LogLevel:      "info",
		LogFormat:     "text",
	}
}

// Bind adds a flag for every field; the present values are the defaults.
func (c *Config) Bind(fs *pflag.FlagSet) {
	fs.StringVar(&c.GeoTag, "geo-tag", c.GeoTag, "name of this cluster within the zone, like eu (required)")
	fs.StringVar(&c.ClusterID, "cluster-id", c.ClusterID, "identity of this cluster, the same in all its replicas (default: UID of namespace kube-system; with --manifests it is files-TAG, so give each such cluster an id of its own)")

	fs.StringVar(&c.Zone, "zone", c.Zone, "load-balanced zone, like cloud.example.com (more zones: ZoneDelegation objects)")
	fs.StringVar(&c.EdgeZone, "edge-zone", c.EdgeZone, "its parent, where the delegation is kept, like example.com")
	fs.Uint32Var(&c.ZoneNegTTL, "zone-negative-ttl", c.ZoneNegTTL, "seconds that negative answers of --zone may be cached")
	fs.StringSliceVar(&c.DNSListen, "dns-listen", c.DNSListen, "addresses of the DNS server, UDP and TCP")
	c.DNS.bind(fs)
	fs.StringSliceVar(&c.DNSAddress, "dns-address", c.DNSAddress, "addresses put in the glue (default: from the status of --service)")
	fs.StringVar(&c.Service, "service", c.Service, "our own DNS Service, NAME or NAMESPACE/NAME, whose status gives the glue")
	fs.BoolVar(&c.EntryLoopOK, "allow-loopback-entries", c.EntryLoopOK, "publish loopback addresses too (demo and tests)")

	c.Neighbourhood.bind(fs)

	fs.StringVar(&c.Kubeconfig, "kubeconfig", c.Kubeconfig, "kubeconfig file (default: in-cluster, then $KUBECONFIG)")
	fs.StringVar(&c.Context, "context", c.Context, "context in the kubeconfig")
	fs.StringVar(&c.Namespace, "namespace", c.Namespace, "namespace of our Lease and Service (default: that of the Pod, or of the kubeconfig's context)")
	fs.StringVar(&c.LeaseName, "lease-name", c.LeaseName, "Lease that elects the writer of status")
	fs.StringVar(&c.Manifests, "manifests", c.Manifests, "read objects from the YAML files of this folder instead of Kubernetes")
	fs.BoolVar(&c.K8gbCompat, "k8gb-compat", c.K8gbCompat, "read the objects of k8gb too (groups k8gb.io and k8gb.absa.oss), answer localtargets-HOST for the hosts that come from them or from annotations k8gb.io/…, and ask the clusters of the zone that run k8gb")
	fs.DurationVar(&c.Guard, "deletion-guard", c.Guard, "how long hosts are kept that vanish in a mass: more than 10, and more than half of what a cluster offers, within 10 s; and the health of hosts whose probes alone fail so; 0: not at all (a ZoneDelegation lets them go by annotation gslb.meridian.dev/allow-mass-removal)")
	fs.StringVar(&c.StateDir, "state-dir", c.StateDir, "folder that outlives the process, where the last good world is kept for a restart without the API (default: none is kept)")

	fs.StringVar(&c.EdgeProvider, "edge-provider", c.EdgeProvider, "how the delegation is kept: rfc2136, externaldns or none")
	fs.StringSliceVar(&c.EdgeDNS, "edge-dns", c.EdgeDNS, "edge DNS servers that take updates, HOST[:PORT]; with externaldns those that are read back (default: the NS set of the edge zone); with none those that are asked whether the delegation works")
	fs.StringVar(&c.EdgeTSIGKey, "edge-tsig-key", c.EdgeTSIGKey, "key that signs RFC 2136 updates, NAME:ALGORITHM:FILE")
	fs.StringVar(&c.Delegation, "delegation-check", c.Delegation, "ask every minute, from the servers of the edge zone down as a resolver would, whether the delegation works: on or off")
	fs.StringSliceVar(&c.Resolvers, "resolvers", c.Resolvers, "recursive resolvers, ADDR[:PORT], that are asked for the addresses of load balancers known by host name (default: those of /etc/resolv.conf)")
	fs.StringSliceVar(&c.Anchors, "anchors", c.Anchors, "name servers outside, ADDR[:PORT], by which a cluster can tell that it is the one cut off")

	fs.StringSliceVar(&c.Peers, "peers", c.Peers, "static peers, TAG=HOST[:PORT], port 53 if none is given (default: found in the zone's NS set at the edge); with our own tag: other instances of this cluster, which in Kubernetes are found by --service")
	fs.StringArrayVar(&c.PeerTSIGKeys, "peer-tsig-key", c.PeerTSIGKeys, "key of the exchange between clusters, [PEER=]NAME:ALGORITHM:FILE; repeatable (in the environment: separated by spaces)")
	fs.StringVar(&c.EntryCheck, "entry-check", c.EntryCheck, "ask the entries of a silent cluster as a client would: on or off")
	c.Timing.bind(fs)

	fs.StringSliceVar(&c.K8gbPeers, "k8gb-peers", c.K8gbPeers, "clusters that run k8gb, TAG=HOST[:PORT], port 53 if none is given, UDP and TCP (default: found in the zone's NS set at the edge, where they do not sign and answer for the zone)")

	fs.StringArrayVar(&c.UpdateTSIGKeys, "update-tsig-key", c.UpdateTSIGKeys, "key that may send dynamic updates of our zones, [SCOPE=]NAME:ALGORITHM:FILE: TXT records at and below the domain names of SCOPE, which are separated by commas; without SCOPE those at names that begin with _acme-challenge; repeatable (in the environment: separated by spaces)")
	c.Transfer.bind(fs)

	fs.StringVar(&c.MetricsListen, "metrics-listen", c.MetricsListen, "address of /metrics and /explain; empty: none")
	fs.StringVar(&c.ProbeListen, "probe-listen", c.ProbeListen, "address of /healthz and /readyz; empty: none")
	fs.DurationVar(&c.ShutdownDelay, "shutdown-delay", c.ShutdownDelay, "how long to go on answering after SIGTERM, while no longer ready, so that a Service can take this Pod out first (5s behind one)")
	fs.StringVar(&c.OnStop, "on-stop", c.OnStop, "what is announced after SIGTERM: pause (the process comes back: others keep what it offered for a minute) or leave (the cluster goes for good: its offers, name server and heartbeat go at once)")
	fs.StringVar(&c.LogLevel, "log-level", c.LogLevel, "debug, info, warn or error")
	fs.StringVar(&c.LogFormat, "log-format", c.LogFormat, "text or json")
}
