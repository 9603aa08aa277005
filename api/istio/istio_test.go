// SPDX-License-Identifier: Apache-2.0

package istio_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1alpha3 "istio.io/api/networking/v1alpha3"

	"github.com/meridian-gslb/meridian/api/istio"
)

// TestItReadsWhatIstioWrites holds that the fields here are those of Istio's own types.
func TestItReadsWhatIstioWrites(t *testing.T) {
	written, err := json.Marshal(&networkingv1alpha3.VirtualService{
		Hosts: []string{"app.cloud.example.com"}, Gateways: []string{"infra/edge", istio.Mesh},
		Http: []*networkingv1alpha3.HTTPRoute{{
			Match: []*networkingv1alpha3.HTTPMatchRequest{{
				Uri:          &networkingv1alpha3.StringMatch{MatchType: &networkingv1alpha3.StringMatch_Exact{Exact: "/ready"}},
				Method:       &networkingv1alpha3.StringMatch{MatchType: &networkingv1alpha3.StringMatch_Prefix{Prefix: "GE"}},
				Headers:      map[string]*networkingv1alpha3.StringMatch{"a": {MatchType: &networkingv1alpha3.StringMatch_Regex{Regex: "b.*"}}},
				QueryParams:  map[string]*networkingv1alpha3.StringMatch{"q": {MatchType: &networkingv1alpha3.StringMatch_Exact{Exact: "1"}}},
				SourceLabels: map[string]string{"app": "x"}, Gateways: []string{"mesh"},
			}},
			Route:    []*networkingv1alpha3.HTTPRouteDestination{{Destination: &networkingv1alpha3.Destination{Host: "podinfo"}, Weight: 7}},
			Delegate: &networkingv1alpha3.Delegate{Name: "more", Namespace: "apps"},
			Retries:  &networkingv1alpha3.HTTPRetry{Attempts: 3},
		}},
		Tls: []*networkingv1alpha3.TLSRoute{{Route: []*networkingv1alpha3.RouteDestination{{Destination: &networkingv1alpha3.Destination{Host: "tls"}}}}},
		Tcp: []*networkingv1alpha3.TCPRoute{{Route: []*networkingv1alpha3.RouteDestination{{Destination: &networkingv1alpha3.Destination{Host: "tcp"}, Weight: 1}}}},
	})
	require.NoError(t, err)
	var vs istio.VirtualServiceSpec
	require.NoError(t, json.Unmarshal(written, &vs))
	assert.Equal(t, istio.VirtualServiceSpec{
		Hosts: []string{"app.cloud.example.com"}, Gateways: []string{"infra/edge", istio.Mesh},
		HTTP: []istio.Rule{{
			Match: []istio.Match{{
				URI: &istio.StringMatch{Exact: "/ready"}, Method: &istio.StringMatch{Prefix: "GE"},
				Headers: map[string]istio.StringMatch{"a": {Regex: "b.*"}}, QueryParams: map[string]istio.StringMatch{"q": {Exact: "1"}},
				SourceLabels: map[string]string{"app": "x"}, Gateways: []string{"mesh"},
			}},
			Route:    []istio.Destination{{Destination: &istio.Host{Host: "podinfo"}, Weight: 7}},
			Delegate: &istio.Delegate{Name: "more", Namespace: "apps"},
		}},
		TLS: []istio.Rule{{Route: []istio.Destination{{Destination: &istio.Host{Host: "tls"}}}}},
		TCP: []istio.Rule{{Route: []istio.Destination{{Destination: &istio.Host{Host: "tcp"}, Weight: 1}}}},
	}, vs)

	written, err = json.Marshal(&networkingv1alpha3.Gateway{
		Selector: map[string]string{"istio": "ingressgateway"},
		Servers: []*networkingv1alpha3.Server{{
			Port: &networkingv1alpha3.Port{Number: 443, Name: "https", Protocol: "HTTPS"}, Hosts: []string{"./*.cloud.example.com"},
			Tls: &networkingv1alpha3.ServerTLSSettings{Mode: networkingv1alpha3.ServerTLSSettings_SIMPLE, HttpsRedirect: true},
		}},
	})
	require.NoError(t, err)
	var gw istio.GatewaySpec
	require.NoError(t, json.Unmarshal(written, &gw))
	assert.Equal(t, istio.GatewaySpec{
		Selector: map[string]string{"istio": "ingressgateway"},
		Servers: []istio.Server{{
			Port: &istio.Port{Number: 443, Protocol: "HTTPS"}, Hosts: []string{"./*.cloud.example.com"},
			TLS: &istio.TLS{Mode: "SIMPLE", HTTPSRedirect: true},
		}},
	}, gw)
}
