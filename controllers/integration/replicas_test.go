// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers"
)

// TestInstancesBehindOurServiceAreTold: whoever reads them learns their addresses at the
// start and with each change.
func TestInstancesBehindOurServiceAreTold(t *testing.T) {
	api := newClient(t, server)
	own := types.NamespacedName{Namespace: namespace(t, api, nil), Name: "meridian"}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: own.Namespace, Name: "meridian-1", Labels: map[string]string{discoveryv1.LabelServiceName: own.Name}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("dns-tcp"), Protocol: new(corev1.ProtocolTCP), Port: new(int32(5353))}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.1.2.3"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	}
	require.NoError(t, api.Create(t.Context(), slice))
	t.Cleanup(func() { require.NoError(t, api.Delete(context.WithoutCancel(t.Context()), slice)) })

	var mu sync.Mutex
	var told []string
	newSite(t, server, func(c *controllers.Config) {
		c.OwnService = own
		c.Replicas = func(addrs []string) {
			mu.Lock()
			defer mu.Unlock()
			told = addrs
		}
	})
	want := func(addrs ...string) {
		eventually(t, func() error {
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, addrs) {
				return notYet("told of %v", told)
			}
			return nil
		})
	}
	want("10.1.2.3:5353")
	slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{"10.1.2.4"}})
	require.NoError(t, api.Update(t.Context(), slice))
	want("10.1.2.3:5353", "10.1.2.4:5353")
	slice.Endpoints = slice.Endpoints[1:]
	require.NoError(t, api.Update(t.Context(), slice))
	want("10.1.2.4:5353")
}
