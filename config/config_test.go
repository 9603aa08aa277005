// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/config"
	"github.com/meridian-gslb/meridian/gslb"
)

func keyFile(t *testing.T) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(f, []byte("c2l4dGVlbi1vY3RldHMtYW5kLW1vcmUtb2YtaXQhIQ==\n"), 0o600))
	return f
}

func load(t *testing.T, args []string, env map[string]string, file string) (config.Config, error) {
	t.Helper()
	c := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c.Bind(fs)
	require.NoError(t, fs.Parse(args))
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "meridian.yaml")
		require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	}
	err := config.Load(fs, path, func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	return c, err
}

func TestFlagBeatsEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	c, err := load(t, []string{"--geo-tag", "eu"},
		map[string]string{"MERIDIAN_GEO_TAG": "us", "MERIDIAN_ZONE": "env.example.com"},
		"geo-tag: ap\nzone: file.example.com\nedge-zone: example.com\ndns-listen: [\"127.0.1.1:53\", \"[::1]:53\"]\nzone-negative-ttl: 7\n")
	require.NoError(t, err)
	assert.Equal(t, "eu", c.GeoTag, "the flag wins")
	assert.Equal(t, "env.example.com", c.Zone, "the environment wins over the file")
	assert.Equal(t, "example.com", c.EdgeZone, "the file wins over the default")
	assert.Equal(t, []string{"127.0.1.1:53", "[::1]:53"}, c.DNSListen, "a YAML list replaces the default list")
	assert.EqualValues(t, 7, c.ZoneNegTTL)
	assert.Equal(t, ":8080", c.MetricsListen, "the rest keeps its default")
}

func TestRepeatableFlagInTheEnvironment(t *testing.T) {
	c, err := load(t, nil, map[string]string{"MERIDIAN_PEER_TSIG_KEY": "one:hmac-sha256:/a us=two:hmac-sha256:/b"}, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"one:hmac-sha256:/a", "us=two:hmac-sha256:/b"}, c.PeerTSIGKeys)
}

func TestFileErrorsNameTheLine(t *testing.T) {
	_, err := load(t, nil, nil, "geo-tag: eu\ngeotag: eu\nzone: {a: b}\nzone-negative-ttl: soon\n")
	require.Error(t, err)
	assert.ErrorContains(t, err, `:2: unknown key "geotag"; keys are the names of the flags, like geo-tag`)
	assert.ErrorContains(t, err, ":3: zone: write one value or a list of values")
	assert.ErrorContains(t, err, `zone-negative-ttl: "soon"`)
	_, err = load(t, nil, map[string]string{"MERIDIAN_ZONE_NEGATIVE_TTL": "x"}, "")
	assert.ErrorContains(t, err, `environment variable MERIDIAN_ZONE_NEGATIVE_TTL="x"`)
}

func TestEveryProblemIsNamedWithItsFlag(t *testing.T) {
	key := keyFile(t)
	for _, c := range []struct {
		why  string
		args []string
		want string
	}{
		{"who we are is required", nil, "--geo-tag: is required"},
		{"a tag is one label part", []string{"--geo-tag", "eu west"}, `--geo-tag: "eu west" is not a geo tag`},
		{"a zone needs its parent", []string{"--geo-tag", "eu", "--zone", "cloud.example.com"}, "--edge-zone: is missing beside --zone cloud.example.com"},
		{"a parent needs the zone", []string{"--geo-tag", "eu", "--edge-zone", "example.com"}, "--zone: is missing beside --edge-zone example.com"},
		{"the zone lies below the edge", []string{"--geo-tag", "eu", "--zone", "cloud.example.org", "--edge-zone", "example.com"}, "--zone: cloud.example.org does not lie below the edge zone example.com"},
		{"files or Kubernetes", []string{"--geo-tag", "eu", "--manifests", "d", "--kubeconfig", "k"}, "--manifests: reads files instead of Kubernetes"},
		{"a listener has a port", []string{"--geo-tag", "eu", "--dns-listen", "53"}, `--dns-listen: "53" is not ADDRESS:PORT`},
		{"glue is an address", []string{"--geo-tag", "eu", "--dns-address", "ns.example.com"}, `--dns-address: "ns.example.com" is not an address`},
		{"a limit is a number", []string{"--geo-tag", "eu", "--dns-rate-limit", "-1"}, "--dns-rate-limit: -1: write 0 to 1000000"},
		{"a slip divides", []string{"--geo-tag", "eu", "--dns-rate-slip", "0"}, "--dns-rate-slip: 0: write 1 to 1000000"},
		{"short answers hold an address", []string{"--geo-tag", "eu", "--dns-max-response-without-cookie", "100"}, "--dns-max-response-without-cookie: 100: write 128 or more, or 0"},
		{"somebody may connect", []string{"--geo-tag", "eu", "--dns-tcp-connections", "0"}, "--dns-tcp-connections: 0: write 1 to 1000000"},
		{"TCP is not cut at once", []string{"--geo-tag", "eu", "--dns-tcp-idle", "10ms"}, "--dns-tcp-idle: 10ms: write at least 1s"},
		{"clients are seen or not", []string{"--geo-tag", "eu", "--dns-clients", "maybe"}, `--dns-clients: "maybe": write auto, visible or hidden`},
		{"TLS needs a port", []string{"--geo-tag", "eu", "--dot-listen", "853"}, `--dot-listen: "853" is not ADDRESS:PORT`},
		{"a cluster id is one word", []string{"--geo-tag", "eu", "--cluster-id", "a b"}, `--cluster-id: cluster id "a b": only printable ASCII`},
		{"a certificate is for a port", []string{"--geo-tag", "eu", "--dot-cert-file", "c", "--dot-key-file", "k"}, "--dot-listen: is missing beside the certificate; write :853"},
		{"TLS needs a certificate", []string{"--geo-tag", "eu", "--dot-listen", ":853", "--dot-key-file", "k"}, "--dot-cert-file: is missing beside --dot-listen"},
		{"and its key", []string{"--geo-tag", "eu", "--dot-listen", ":853", "--dot-cert-file", "c"}, "--dot-key-file: is missing beside --dot-listen"},
		{"updates are signed", []string{"--geo-tag", "eu", "--edge-dns", "192.0.2.1"}, "--edge-tsig-key: is required with --edge-dns"},
		{"a key needs a server", []string{"--geo-tag", "eu", "--edge-tsig-key", "k:hmac-sha256:" + key}, "--edge-dns: is missing"},
		{"a weak algorithm", []string{"--geo-tag", "eu", "--peer-tsig-key", "k:hmac-md5:" + key}, `--peer-tsig-key: TSIG key "k:hmac-md5:` + key + `": algorithm "hmac-md5" is not accepted`},
		{"a key file that is not there", []string{"--geo-tag", "eu", "--peer-tsig-key", "k:hmac-sha256:/nonexistent"}, "no such file"},
		{"a scope is a name", []string{"--geo-tag", "eu", "--update-tsig-key", "a b=k:hmac-sha256:" + key}, `--update-tsig-key: "a b" is not a domain name`},
		{"every scope is", []string{"--geo-tag", "eu", "--update-tsig-key", "app.example.com,=k:hmac-sha256:" + key}, "--update-tsig-key: a domain name is missing"},
		{"reports are nobody's to update", []string{"--geo-tag", "eu", "--update-tsig-key", "_report.eu.example.com=k:hmac-sha256:" + key}, "--update-tsig-key: _report.eu.example.com is a name of the exchange between clusters"},
		{"an update is signed by a key", []string{"--geo-tag", "eu", "--update-tsig-key", "app.example.com="}, `--update-tsig-key: TSIG key ""`},
		{"a peer has a tag", []string{"--geo-tag", "eu", "--peers", "192.0.2.1:53"}, "--peers: \"192.0.2.1:53\": write TAG=HOST[:PORT]"},
		{"a k8gb peer has a tag", []string{"--geo-tag", "eu", "--k8gb-peers", "192.0.2.1"}, "--k8gb-peers: \"192.0.2.1\": write TAG=HOST[:PORT]"},
		{"a k8gb peer is another cluster", []string{"--geo-tag", "eu", "--k8gb-peers", "eu=192.0.2.1"}, "--k8gb-peers: \"eu=192.0.2.1\" is this cluster"},
		{"a peer is of one kind", []string{"--geo-tag", "eu", "--peers", "us=192.0.2.1", "--k8gb-peers", "us=192.0.2.1"}, "--k8gb-peers: cluster us is in --peers too"},
		{"k8gb is not asked when it is not to be", []string{"--geo-tag", "eu", "--k8gb-compat=false", "--k8gb-peers", "us=192.0.2.1"}, "--k8gb-peers: has no use with --k8gb-compat=false"},
		{"a provider that does not exist", []string{"--geo-tag", "eu", "--edge-provider", "route53"}, `--edge-provider: "route53" is not a provider; use rfc2136, externaldns or none`},
		{"ExternalDNS has credentials of its own", []string{"--geo-tag", "eu", "--edge-provider", "externaldns", "--edge-tsig-key", "k:hmac-sha256:" + key}, "--edge-tsig-key: signs RFC 2136 updates"},
		{"ExternalDNS reads Kubernetes", []string{"--geo-tag", "eu", "--edge-provider", "externaldns", "--manifests", "d"}, "--edge-provider: externaldns writes DNSEndpoints to Kubernetes"},
		{"a server to read is a server", []string{"--geo-tag", "eu", "--edge-provider", "externaldns", "--edge-dns", "a:b:c"}, `--edge-dns: "a:b:c" is not HOST:PORT`},
		{"a server to ask is a server", []string{"--geo-tag", "eu", "--edge-provider", "none", "--edge-dns", "a:b:c"}, `--edge-dns: "a:b:c" is not HOST:PORT`},
		{"a switch has two positions", []string{"--geo-tag", "eu", "--delegation-check", "yes"}, `--delegation-check: "yes": write on or off`},
		{"no edge, no key for it", []string{"--geo-tag", "eu", "--edge-provider", "none", "--edge-tsig-key", "k:hmac-sha256:" + key}, "--edge-tsig-key: has no use with --edge-provider none"},
		{"a key of transfers", []string{"--geo-tag", "eu", "--transfer-tsig-key", "k:hmac-md5:" + key}, `--transfer-tsig-key: TSIG key "k:hmac-md5:` + key + `": algorithm "hmac-md5" is not accepted`},
		{"a network", []string{"--geo-tag", "eu", "--transfer-allow", "ns.example.com"}, `--transfer-allow: "ns.example.com" is neither an address nor a network like 198.51.100.0/24`},
		{"a network begins with itself", []string{"--geo-tag", "eu", "--transfer-allow", "198.51.100.7/24"}, `--transfer-allow: 198.51.100.7/24 is an address inside the network 198.51.100.0/24`},
		{"who is told may fetch", []string{"--geo-tag", "eu", "--notify", "198.51.100.7"}, "--notify: nobody may transfer what is told of"},
		{"a secondary is an address", []string{"--geo-tag", "eu", "--transfer-allow", "::1", "--notify", "ns.example.com"}, `--notify: "ns.example.com": write [KEYNAME@]ADDR[:PORT]`},
		{"a secondary's key is one of ours", []string{"--geo-tag", "eu", "--transfer-tsig-key", "k:hmac-sha256:" + key, "--notify", "other@198.51.100.7"}, `--notify: "other@198.51.100.7": there is no --transfer-tsig-key of the name "other"`},
		{"a switch is on or off", []string{"--geo-tag", "eu", "--entry-check", "maybe"}, `--entry-check: "maybe": write on or off`},
		{"a level", []string{"--geo-tag", "eu", "--log-level", "loud"}, `--log-level: "loud": write debug, info, warn or error`},
		{"a delay that peers wait for", []string{"--geo-tag", "eu", "--shutdown-delay", "5m"}, `--shutdown-delay: 5m0s: write 0s to 1m0s`},
		{"a format", []string{"--geo-tag", "eu", "--log-format", "xml"}, `--log-format: "xml": write text or json`},
		{"an anchor is an address", []string{"--geo-tag", "eu", "--anchors", "dns.example.net"}, `--anchors: "dns.example.net" is not ADDRESS:PORT`},
		{"a resolver is an address", []string{"--geo-tag", "eu", "--resolvers", "dns.example.net"}, `--resolvers: "dns.example.net" is not ADDRESS:PORT`},
		{"an anchor", []string{"--geo-tag", "eu", "--anchors", "192.0.2.1:port"}, "--anchors:"},
	} {
		t.Run(c.why, func(t *testing.T) {
			cfg, err := load(t, c.args, nil, "")
			require.NoError(t, err)
			_, err = cfg.Settings()
			require.Error(t, err)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestSettings(t *testing.T) {
	key := keyFile(t)
	cfg, err := load(t, []string{
		"--geo-tag", "EU", "--zone", "Cloud.Example.com.", "--edge-zone", "example.com",
		"--edge-dns", "192.0.2.1,ns.example.com:5300", "--edge-tsig-key", "edge:hmac-sha512:" + key,
		"--peers", "us=198.51.100.7,us=[2001:db8::7]:5353", "--peer-tsig-key", "us=one:hmac-sha256:" + key, "--peer-tsig-key", "two:hmac-sha256:" + key,
		"--update-tsig-key", "acme:hmac-sha256:" + key, "--update-tsig-key", "app.cloud.example.com,X.Cloud.example.com.=team:hmac-sha512:" + key,
		"--dns-address", "203.0.113.11,203.0.113.10,203.0.113.10", "--anchors", "2001:db8::1", "--log-level", "debug", "--manifests", "objects",
		"--k8gb-peers", "ap=203.0.113.7:5053,ap=203.0.113.8",
	}, nil, "")
	require.NoError(t, err)
	s, err := cfg.Settings()
	require.NoError(t, err)
	assert.Equal(t, gslb.GeoTag("eu"), s.Self)
	assert.Equal(t, "files-eu", s.ClusterID)
	assert.Equal(t, "cloud.example.com", s.Zone.Zone.String())
	assert.Equal(t, []string{"192.0.2.1:53", "ns.example.com:5300"}, s.EdgeServers)
	assert.Equal(t, "edge.", s.EdgeKey.Name)
	assert.Equal(t, []string{"198.51.100.7:53", "[2001:db8::7]:5353"}, s.Peers["us"])
	require.Len(t, s.PeerKeys, 2)
	assert.Equal(t, gslb.GeoTag("us"), s.PeerKeys[0].Peer)
	assert.Empty(t, s.PeerKeys[1].Peer)
	require.Len(t, s.UpdateKeys, 2)
	assert.Empty(t, s.UpdateKeys[0].Scopes, "challenges of every zone")
	assert.Equal(t, []gslb.Name{gslb.MustName("app.cloud.example.com"), gslb.MustName("x.cloud.example.com")}, s.UpdateKeys[1].Scopes)
	assert.Equal(t, "team.", s.UpdateKeys[1].Key.Name)
	assert.Len(t, s.DNSAddrs, 2, "doubles are dropped")
	assert.Equal(t, []string{"[2001:db8::1]:53"}, s.Anchors)
	assert.True(t, s.EntryCheck)
	assert.Equal(t, map[gslb.GeoTag][]string{"ap": {"203.0.113.7:5053", "203.0.113.8:53"}}, s.K8gbPeers)
}

func TestExternalDNS(t *testing.T) {
	for _, c := range []struct {
		args          []string
		servers       []string
		seeks, wanted bool
		why           string
	}{
		{[]string{"--edge-provider", "externaldns"}, nil, true, true, "servers are found, and without a peer key clusters that run k8gb are sought"},
		{[]string{"--edge-provider", "externaldns", "--k8gb-compat=false"}, nil, false, true, "without either nobody is sought"},
		{[]string{"--edge-provider", "externaldns", "--edge-dns", "192.0.2.1", "--peer-tsig-key", "p:hmac-sha256:" + keyFile(t)}, []string{"192.0.2.1:53"}, true, true, "servers to read"},
		{[]string{"--peer-tsig-key", "p:hmac-sha256:" + keyFile(t)}, nil, false, false, "no edge"},
	} {
		cfg, err := load(t, append([]string{"--geo-tag", "eu"}, c.args...), nil, "")
		require.NoError(t, err)
		s, err := cfg.Settings()
		require.NoError(t, err, c.why)
		assert.Equal(t, c.wanted, s.ExternalDNS, c.why)
		assert.Equal(t, c.servers, s.EdgeServers, c.why)
		assert.Equal(t, c.seeks, s.SeeksPeers(), c.why)
		assert.Equal(t, c.wanted, s.MeasuresOutside(), "an edge zone that is only read shows too that we are cut off: %s", c.why)
		assert.Nil(t, s.EdgeKey, c.why)
	}
}

func TestTransfers(t *testing.T) {
	one, two := "One:hmac-sha256:"+keyFile(t), "two:hmac-sha512:"+keyFile(t)
	cfg, err := load(t, []string{"--geo-tag", "eu", "--transfer-allow", "198.51.100.7,2001:db8::/32", "--notify", "198.51.100.7,TWO@[2001:db8::7]:5353,one.@198.51.100.8:54"},
		map[string]string{"MERIDIAN_TRANSFER_TSIG_KEY": one + " " + two}, "")
	require.NoError(t, err)
	s, err := cfg.Settings()
	require.NoError(t, err)
	require.Len(t, s.Transfers.Keys, 2)
	assert.True(t, s.Transfers.Used())
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32"), netip.MustParsePrefix("2001:db8::/32")}, s.Transfers.Allow)
	var told []string
	for _, to := range s.Transfers.Notify {
		told = append(told, to.Key.Name+" "+to.Addr.String())
	}
	assert.Equal(t, []string{"one. 198.51.100.7:53", "two. [2001:db8::7]:5353", "one. 198.51.100.8:54"}, told)

	cfg, err = load(t, nil, nil, "geo-tag: eu\ntransfer-allow: [198.51.100.7]\nnotify: [198.51.100.7]\n")
	require.NoError(t, err)
	s, err = cfg.Settings()
	require.NoError(t, err)
	assert.Nil(t, s.Transfers.Notify[0].Key, "no key at all: not signed")
	cfg, err = load(t, []string{"--geo-tag", "eu"}, nil, "")
	require.NoError(t, err)
	s, err = cfg.Settings()
	require.NoError(t, err)
	assert.False(t, s.Transfers.Used())
}

func TestTiming(t *testing.T) {
	cfg, err := load(t, []string{"--geo-tag", "eu"}, nil, "")
	require.NoError(t, err)
	s, err := cfg.Settings()
	require.NoError(t, err)
	assert.Equal(t, gslb.DefaultTiming(), s.Timing, "the defaults are those of the model")
	assert.Equal(t, 2*time.Second, s.EntryCheckInterval)
	cfg, err = load(t, []string{"--geo-tag", "eu", "--peer-alarm-after", "4s", "--peer-lost-after", "9s"}, map[string]string{"MERIDIAN_PEER_LEASE": "6s"}, "split-brain-threshold: 10m\nentry-check-interval: 5s\n")
	require.NoError(t, err)
	s, err = cfg.Settings()
	require.NoError(t, err)
	assert.Equal(t, []time.Duration{4 * time.Second, 6 * time.Second, 9 * time.Second, 10 * time.Minute, 5 * time.Second},
		[]time.Duration{s.Timing.Alarm, s.Timing.Lease, s.Timing.Decide, s.Timing.SplitBrain, s.EntryCheckInterval})
	for _, c := range []struct {
		args  []string
		wants string
		why   string
	}{
		{[]string{"--peer-alarm-after", "1s"}, "--peer-alarm-after: 1s is less than 1.5s", "a keep-alive late by a little is no silence"},
		{[]string{"--peer-lease", "2s"}, "--peer-lease: 2s: write 2.5s or more with --peer-alarm-after 2s", "alarm < lease"},
		{[]string{"--peer-lease", "4s"}, "--peer-lost-after: 4.5s: write 5s or more with --peer-lease 4s", "lease < lost"},
		{[]string{"--peer-lost-after", "2m"}, "--peer-lost-after: 2m0s: write 1m0s at most", "a dead cluster has to go"},
		{[]string{"--split-brain-threshold", "1s"}, "--split-brain-threshold: 1s: write 30s to 24h0m0s", "a reboot is no death"},
		{[]string{"--entry-check-interval", "10ms"}, "--entry-check-interval: 10ms: write 1s to 1m0s", "no flood"},
	} {
		cfg, err := load(t, append([]string{"--geo-tag", "eu"}, c.args...), nil, "")
		require.NoError(t, err)
		_, err = cfg.Settings()
		assert.ErrorContains(t, err, c.wants, c.why)
	}
}
