// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// translation is the last translation of one Gslb. It is immutable.
type translation struct {
	uid       types.UID
	incumbent bool // k8gb has a Gslb of the name
	asked     asking
	out       translate.Output
}

// translations holds the last translation of every Gslb, and which Gslbs have a host. The
// translator writes it, the writers read it.
type translations struct {
	mu    sync.RWMutex
	of    map[types.NamespacedName]*translation
	hosts map[gslb.Name]map[types.NamespacedName]struct{}
}

func newTranslations() *translations {
	return &translations{
		of:    make(map[types.NamespacedName]*translation),
		hosts: make(map[gslb.Name]map[types.NamespacedName]struct{}),
	}
}

// get gives the translation of a Gslb; nil if there is none.
func (t *translations) get(g types.NamespacedName) *translation {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.of[g]
}

// put replaces the translation of a Gslb; nil: it is gone.
func (t *translations) put(g types.NamespacedName, next *translation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.of[g]; old != nil {
		for i := range old.out.Hosts {
			n := old.out.Hosts[i].Host
			delete(t.hosts[n], g)
			if len(t.hosts[n]) == 0 {
				delete(t.hosts, n)
			}
		}
	}
	if next == nil {
		delete(t.of, g)
		return
	}
	t.of[g] = next
	for i := range next.out.Hosts {
		n := next.out.Hosts[i].Host
		if n.IsZero() {
			continue
		}
		if t.hosts[n] == nil {
			t.hosts[n] = make(map[types.NamespacedName]struct{})
		}
		t.hosts[n][g] = struct{}{}
	}
}

// len counts the translations.
func (t *translations) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.of)
}

// having gives the Gslbs that have a host.
func (t *translations) having(host gslb.Name) []types.NamespacedName {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return keys(t.hosts[host])
}

// where gives the Gslbs whose translation meets a condition.
func (t *translations) where(meets func(*translation) bool) []types.NamespacedName {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var found []types.NamespacedName
	for g, tr := range t.of {
		if meets(tr) {
			found = append(found, g)
		}
	}
	return found
}

func keys(set map[types.NamespacedName]struct{}) []types.NamespacedName {
	all := make([]types.NamespacedName, 0, len(set))
	for g := range set {
		all = append(all, g)
	}
	return all
}

// ownerOf gives the namespace of the Gslb with the earliest claim that offers a host; "" if none does.
func (t *translations) ownerOf(host gslb.Name) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var oldest *gslb.Offer
	for g := range t.hosts[host] {
		for _, o := range t.of[g].out.Offers {
			if o.Host == host && (oldest == nil || translate.ClaimsBefore(o, oldest)) {
				oldest = o
			}
		}
	}
	if oldest == nil {
		return ""
	}
	return oldest.Source.Namespace
}

// before gives the offer of another Gslb that has the host of o before it; nil if o has it.
func (t *translations) before(o *gslb.Offer) *gslb.Offer {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var first *gslb.Offer
	for g := range t.hosts[o.Host] {
		for _, other := range t.of[g].out.Offers {
			if other.Host == o.Host && other.Source != o.Source && translate.ClaimsBefore(other, o) && (first == nil || translate.ClaimsBefore(other, first)) {
				first = other
			}
		}
	}
	return first
}

// offers reports that an object offers a host.
func (t *translations) offers(source gslb.Source, host gslb.Name) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	of := t.of[types.NamespacedName{Namespace: source.Namespace, Name: source.Name}]
	return of != nil && slices.ContainsFunc(of.out.Offers, func(o *gslb.Offer) bool { return o.Host == host })
}

// latestClaim gives the latest claim of other Gslbs on a host; zero: there is none.
func (t *translations) latestClaim(of types.NamespacedName, host gslb.Name) (at time.Time) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for g := range t.hosts[host] {
		if g == of {
			continue
		}
		for _, o := range t.of[g].out.Offers {
			if o.Host == host {
				at = latest(at, o.Created)
			}
		}
	}
	return at
}

// sameHosts reports that two translations offer the same hosts.
func sameHosts(a, b []*gslb.Offer) bool {
	return slices.EqualFunc(a, b, func(x, y *gslb.Offer) bool { return x.Host == y.Host && x.Created.Equal(y.Created) })
}
