// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meridian-gslb/meridian/gslb"
)

// Kinds of the Gateway API that others refer to.
var (
	KindGateway        = gatewayKind("Gateway")
	KindListenerSet    = gatewayKind("ListenerSet")
	KindReferenceGrant = gatewayKind("ReferenceGrant")
)

func gatewayKind(kind string) schema.GroupKind {
	return schema.GroupKind{Group: gatewayv1.GroupName, Kind: kind}
}

// gateway is where a route is attached: a Gateway with the listeners that the route can use.
type gateway struct {
	*gatewayv1.Gateway
	on        gslb.Source
	addresses []Entry // of its status, without scheme and port
	odd       []string
	listeners []listener // those with TLS first
	down      string     // why no data plane is behind it, in words; "" if one is
}

// listener is a port of a Gateway that is open.
type listener struct {
	name     string
	hostname string // "": any
	port     uint16
	protocol gatewayv1.ProtocolType
	down     string

	on        string // the Gateway or ListenerSet that has it, in words
	namespace string // of that
	allowed   *gatewayv1.AllowedRoutes
}

// secure reports that clients speak TLS with the listener.
func (l *listener) secure() bool {
	return l.protocol == gatewayv1.HTTPSProtocolType || l.protocol == gatewayv1.TLSProtocolType
}

// gatewayOf finds what a parentRef of a route in a namespace names; why says in words what
// is wrong with it, and both are zero for parents that are none of ours to look at, such as
// the Service of a mesh.
func gatewayOf(l *Lookup, p *gatewayv1.ParentReference, namespace string) (_ *gateway, why string) {
	kind := schema.GroupKind{Group: gatewayv1.GroupName, Kind: KindGateway.Kind}
	if p.Group != nil {
		kind.Group = string(*p.Group)
	}
	if p.Kind != nil {
		kind.Kind = string(*p.Kind)
	}
	if p.Namespace != nil {
		namespace = string(*p.Namespace)
	}
	switch kind {
	case KindGateway:
		return gatewayNamed(l, namespace, string(p.Name))
	case KindListenerSet:
		return listenerSetNamed(l, namespace, string(p.Name))
	case KindService:
		return nil, ""
	}
	return nil, fmt.Sprintf("parent %s %s/%s is of a kind that is not read", kind, namespace, p.Name)
}

func gatewayNamed(l *Lookup, namespace, name string) (*gateway, string) {
	key := ByName(KindGateway, namespace, name)
	obj, _ := l.One(key)
	gw, ok := obj.(*gatewayv1.Gateway)
	if !ok {
		return nil, key.String() + " does not exist"
	}
	g := &gateway{Gateway: gw, on: gslb.Source{Kind: Word(KindGateway), Namespace: namespace, Name: name}}
	for _, kind := range []gatewayv1.GatewayConditionType{gatewayv1.GatewayConditionAccepted, gatewayv1.GatewayConditionProgrammed} {
		g.down = cmp.Or(g.down, denied(gw.Status.Conditions, string(kind), g.on.String()))
	}
	g.readAddresses()
	for i := range gw.Spec.Listeners {
		s := &gw.Spec.Listeners[i]
		open := listener{name: string(s.Name), port: uint16(s.Port), protocol: s.Protocol, on: g.on.String(), namespace: namespace, allowed: s.AllowedRoutes} //nolint:gosec // the schema bounds it to 1..65535
		if s.Hostname != nil {
			open.hostname = string(*s.Hostname)
		}
		for j := range gw.Status.Listeners {
			if st := &gw.Status.Listeners[j]; st.Name == s.Name {
				open.down = listenerDown(st.Conditions, fmt.Sprintf("listener %s of %s", s.Name, g.on))
			}
		}
		g.listeners = append(g.listeners, open)
	}
	g.secureFirst()
	return g, ""
}

// readAddresses reads where clients arrive.
//
//	address in the status | is
//	IPAddress             | itself
//	Hostname              | itself, to be resolved
//	NamedAddress          | itself where it is an IP address; else its provider alone knows what it means
//	of other types        | told, and not read
//
// An address that the spec asks for is told by its name until the status has one.
func (g *gateway) readAddresses() {
	const byHand = "its provider alone knows what that means: write the address into spec.entryAddresses"
	for _, a := range g.Status.Addresses {
		e := Entry{On: g.on, Path: "status.addresses"}
		switch kind := or(a.Type, gatewayv1.IPAddressType); kind {
		case gatewayv1.IPAddressType:
			e.IP = a.Value
		case gatewayv1.HostnameAddressType:
			e.Hostname = a.Value
		case gatewayv1.NamedAddressType:
			if _, err := netip.ParseAddr(a.Value); err != nil {
				g.odd = append(g.odd, fmt.Sprintf("%s has the address named %q, and %s", g.on, a.Value, byHand))
				continue
			}
			e.IP = a.Value
		default:
			g.odd = append(g.odd, fmt.Sprintf("%s has an address of type %s, which is not read", g.on, kind))
			continue
		}
		g.addresses = append(g.addresses, e)
	}
	if len(g.Status.Addresses) > 0 {
		return
	}
	for _, a := range g.Spec.Addresses {
		if or(a.Type, gatewayv1.IPAddressType) == gatewayv1.NamedAddressType {
			g.odd = append(g.odd, fmt.Sprintf("%s asks for the address named %q, which its status does not tell yet", g.on, a.Value))
		}
	}
}

// listenerSetNamed reads the listeners of a ListenerSet, and the Gateway that opens them.
func listenerSetNamed(l *Lookup, namespace, name string) (*gateway, string) {
	key := ByName(KindListenerSet, namespace, name)
	obj, _ := l.One(key)
	set, ok := obj.(*gatewayv1.ListenerSet)
	if !ok {
		return nil, key.String() + " does not exist"
	}
	parent := gatewayv1.ParentReference{
		Group: set.Spec.ParentRef.Group, Kind: set.Spec.ParentRef.Kind, Namespace: set.Spec.ParentRef.Namespace, Name: set.Spec.ParentRef.Name,
	}
	if parent.Kind != nil && string(*parent.Kind) != KindGateway.Kind {
		return nil, key.String() + " belongs to no Gateway"
	}
	g, why := gatewayOf(l, &parent, namespace)
	if g == nil {
		return nil, why
	}
	if why := attaches(l, g.Gateway, set); why != "" {
		return nil, why
	}
	for _, kind := range []string{string(gatewayv1.ListenerSetConditionAccepted), string(gatewayv1.ListenerSetConditionProgrammed)} {
		g.down = cmp.Or(g.down, denied(set.Status.Conditions, kind, key.String()))
	}
	g.listeners = nil
	for i := range set.Spec.Listeners {
		s := &set.Spec.Listeners[i]
		open := listener{name: string(s.Name), port: uint16(s.Port), protocol: s.Protocol, on: key.String(), namespace: namespace, allowed: s.AllowedRoutes} //nolint:gosec // the schema bounds it to 0..65535
		if s.Hostname != nil {
			open.hostname = string(*s.Hostname)
		}
		for j := range set.Status.Listeners {
			if st := &set.Status.Listeners[j]; st.Name == s.Name {
				open.down = listenerDown(st.Conditions, fmt.Sprintf("listener %s of %s", s.Name, key))
			}
		}
		g.listeners = append(g.listeners, open)
	}
	g.secureFirst()
	return g, ""
}

func (g *gateway) secureFirst() {
	slices.SortStableFunc(g.listeners, func(a, b listener) int {
		switch {
		case a.secure() == b.secure():
			return 0
		case a.secure():
			return -1
		}
		return 1
	})
}

// listenerDown says why nothing listens. Of references only those that a listener cannot do
// without matter: its certificate.
func listenerDown(conditions []metav1.Condition, what string) string {
	down := denied(conditions, string(gatewayv1.ListenerConditionAccepted), what)
	down = cmp.Or(down, denied(conditions, string(gatewayv1.ListenerConditionProgrammed), what))
	c := meta.FindStatusCondition(conditions, string(gatewayv1.ListenerConditionResolvedRefs))
	if down == "" && c != nil && c.Reason == string(gatewayv1.ListenerReasonInvalidCertificateRef) {
		down = denied(conditions, c.Type, what)
	}
	return down
}

// denied says that a condition is False, and why; "" where it is anything else: who writes
// no conditions is believed.
func denied(conditions []metav1.Condition, kind, what string) string {
	c := meta.FindStatusCondition(conditions, kind)
	if c == nil || c.Status != metav1.ConditionFalse {
		return ""
	}
	if kind == string(gatewayv1.ListenerConditionResolvedRefs) {
		kind = "complete"
	}
	text := fmt.Sprintf("%s is not %s: %s", what, strings.ToLower(kind), c.Reason)
	if c.Message != "" {
		text += " (" + c.Message + ")"
	}
	return text
}
