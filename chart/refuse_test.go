// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/strvals"

	"github.com/meridian-gslb/meridian/chart/internal/helm"
)

// TestWrongValuesAreRefused: each wrong value is refused before anything is sent to a
// cluster, with its name and, where that is not obvious, with what would be right.
func TestWrongValuesAreRefused(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		// The schema: kinds, words, ranges, unknown keys.
		{"geotag=eu", "additional properties 'geotag' not allowed"},
		{"service.typ=NodePort", "at '/service': additional properties 'typ' not allowed"},
		{"edge.provider=externaldns,externaldns.enabled=true,externaldns.image.tagg=1", "at '/image': additional properties 'tagg' not allowed"},
		{"replicas=two", "at '/replicas': got string, want integer"},
		{"replicas=0", "at '/replicas': minimum: got 0, want 1"},
		{"geoTag=e_u", "at '/geoTag': 'e_u' does not match pattern '^[A-Za-z0-9-]{0,40}$'"},
		{"kind=StatefulSet", "at '/kind': value must be one of 'Deployment', 'DaemonSet'"},
		{"service.type=ExternalName", "at '/service/type': value must be one of 'LoadBalancer', 'NodePort', 'ClusterIP'"},
		{"service.nodePort=70000", "at '/service/nodePort': maximum: got 70,000, want 65,535"},
		{"service.externalTrafficPolicy=local", "at '/service/externalTrafficPolicy': value must be one of 'Cluster', 'Local'"},
		{"edge.provider=route53", "at '/edge/provider': value must be one of 'rfc2136', 'externaldns', 'none'"},
		{"edge.servers=192.0.2.53", "at '/edge/servers': got string, want array"},
		{"edge.tsig.algorithm=hmac-md5", "at '/edge/tsig/algorithm': value must be one of 'hmac-sha256', 'hmac-sha384', 'hmac-sha512'"},
		{"edge.tsig.secret=not base64", "at '/edge/tsig/secret': 'not base64' does not match pattern"},
		{"peers.static.u_s=192.0.2.1", "at '/peers/static': additional properties 'u_s' not allowed"},
		{"peers.moreKeys[0].name=k", "at '/peers/moreKeys/0': missing property 'existingSecret'"},
		{"entryCheck=maybe", "at '/entryCheck': value must be one of true, false, 'on', 'off'"},
		{"logLevel=loud", "at '/logLevel': value must be one of 'debug', 'info', 'warn', 'error'"},
		{"config.Zone=a", "at '/config': additional properties 'Zone' not allowed"},
		{"config.dns-nside=true", "at '/config': additional properties 'dns-nside' not allowed"},
		{"negativeTTLSeconds=90000", "at '/negativeTTLSeconds': maximum: got 90,000, want 86,400"},
		{"dns.addresses[0]=ns.example.com", "at '/dns/addresses/0': 'ns.example.com' does not match pattern"},
		{"podDisruptionBudget.maxUnavailable=half", "at '/podDisruptionBudget/maxUnavailable': 'half' does not match pattern"},
		{"metrics.serviceMonitor.interval=often", "at '/metrics/serviceMonitor/interval': 'often' does not match pattern"},
		{"hostNetwork=sure", "at '/hostNetwork': got string, want boolean"},
		{"metrics.service=null", "at '/metrics': missing property 'service'"},
		// The templates: what takes several values together.
		{"geoTag=", "geoTag is required: the name of this cluster within the zone, like eu (--set geoTag=eu)"},
		{"geoTag=-eu", `geoTag: "-eu" is not a geo tag: 1 to 40 letters, digits and hyphens, with a letter or digit at both ends`},
		{"zone=cloud.example.org", "zone cloud.example.org does not lie below edgeZone example.com: it must, like cloud.example.com"},
		{"zone=example.com", "zone example.com does not lie below edgeZone example.com"},
		{"zone=myexample.com", "zone myexample.com does not lie below edgeZone example.com"},
		{"zone=", "zone is missing beside edgeZone example.com"},
		{"edgeZone=", "edgeZone is missing beside zone cloud.example.com"},
		{"zone=cloud..example.com", `zone: "cloud..example.com" is not the name of a zone`},
		{"edge.servers[0]=192.0.2.53:dns", `edge.servers: "192.0.2.53:dns" is not HOST or HOST:PORT`},
		{"anchors[0]=1:", `anchors: "1:" is not HOST or HOST:PORT`},
		{"peers.static.EU=192.0.2.1", "peers.static: EU is this cluster itself; list the others only"},
		{"peers.static.us[0]=192.0.2.1:", `peers.static.us: "192.0.2.1:" is not HOST or HOST:PORT`},
		{"dns.transfer.allow[0]=ns.example.com", "at '/dns/transfer/allow/0': 'ns.example.com' does not match pattern"},
		{"dns.transfer.notify[0]=198.51.100.53", "dns.transfer.notify: nobody may transfer what is told of; set dns.transfer.tsig, or dns.transfer.allow"},
		{"service.type=NodePort", "dns.addresses is required with service.type NodePort"},
		{"dns.addresses[0]=1.2.3", `dns.addresses: "1.2.3" is not an address`},
		{"dns.addresses[0]=203.0.113.256", `dns.addresses: "203.0.113.256" is not an address`},
		{"edge.servers[0]=192.0.2.53:70000", `edge.servers: "192.0.2.53:70000" is not HOST or HOST:PORT`},
		{"peers.static.us=[2001:db8::7]:0", `peers.static.us: "[2001:db8::7]:0" is not HOST or HOST:PORT`},
		{"externaldns.enabled=true,externaldns.provider=aws", "ExternalDNS would have nothing to do with edge.provider rfc2136"},
		{"externaldns.enabled=true,edge.provider=externaldns", "externaldns.provider is required"},
		{"peers.tsig.secret=YWJj,peers.tsig.existingSecret=k", "peers.tsig: secret and existingSecret are both set"},
		{"metrics.service.enabled=false,metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor.enabled needs the Service that it selects"},
		{"terminationGracePeriodSeconds=14", "terminationGracePeriodSeconds 14 is too short"},
		{"config.zone=other.example.com", "config.zone: this flag has a value of its own; set zone"},
		{"", "edge.servers is required with edge.provider rfc2136"},
	} {
		t.Run(c.set, func(t *testing.T) {
			values := variants(t)["default"]
			require.NoError(t, strvals.ParseInto(c.set, values))
			if c.set == "" {
				delete(values, "edge")
			}
			_, err := helm.Template("meridian", "meridian", values)
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}

// TestOwnedFlags: config refuses every flag that has a value of its own, and the message
// names a value that exists.
func TestOwnedFlags(t *testing.T) {
	flags := map[string]bool{}
	for name := range variants(t) {
		for flag := range rendered(t, name) {
			flags[flag] = true
		}
	}
	delete(flags, "allow-loopback-entries") // given by config in a variant
	require.Greater(t, len(flags), 15)
	for flag := range flags {
		values := variants(t)["default"]
		values["config"] = helm.Values{flag: "x"}
		_, err := helm.Template("meridian", "meridian", values)
		assert.ErrorContains(t, err, "config."+flag+": this flag has a value of its own")
	}
}

// rendered gives the configuration of a variant by flag.
func rendered(t *testing.T, variant string) map[string]any {
	t.Helper()
	data := find(t, render(t, variants(t)[variant]), "ConfigMap", "meridian").Object["data"].(map[string]any)
	return parse(t, data["meridian.yaml"].(string))[0].Object
}
