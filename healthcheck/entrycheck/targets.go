// SPDX-License-Identifier: Apache-2.0

package entrycheck

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
)

// userAgent names the asker in access logs.
const userAgent = "meridian-entrycheck"

// wildcardLabel stands for "*" when an entry of a wildcard host is asked and the
// report names no server: any name below it is one that clients may ask for.
const wildcardLabel = "meridian-check"

// wish is one question that the World wants asked, and for whom.
type wish struct {
	question ask.Question
	of       []gslb.GeoTag // clusters in trouble that offer the entry
	state    gslb.Liveness // the most urgent of theirs
	sure     bool          // reported as healthy, not as unknown
	held     bool          // its cluster is heard, and holds it against its own probes
}

// inTrouble reports that the entries of such a cluster are asked.
func inTrouble(l gslb.Liveness) bool {
	return l == gslb.Doubtful || l == gslb.Vouched || l == gslb.Lost
}

// wishes gives what is to be asked for a host, the most promising first: entries
// of clusters in trouble that were not reported unhealthy. The same question is
// there once, whoever it is for.
func wishes(w *gslb.World, h *gslb.Host, loopback bool) []wish {
	if h == nil {
		return nil
	}
	if !slices.ContainsFunc(h.Parts, func(p gslb.Part) bool { return inTrouble(p.Liveness) }) {
		return heldWishes(w, h, loopback)
	}
	shared := believedAddrs(h)
	var out []wish
	for i := range h.Parts {
		p := &h.Parts[i]
		if !inTrouble(p.Liveness) {
			continue
		}
		for k := range p.Offer.Entries {
			e := &p.Offer.Entries[k]
			q, ok := question(h.Name, e, loopback)
			if !ok || e.Health == gslb.Unhealthy || slices.Contains(shared, e.Addr) || sharedWithBelieved(w, p.Cluster, e) {
				continue
			}
			out = add(out, wish{question: q, of: []gslb.GeoTag{p.Cluster}, state: p.Liveness, sure: e.Health == gslb.Healthy})
		}
	}
	slices.SortStableFunc(out, func(a, b wish) int {
		switch {
		case a.sure == b.sure:
			return 0
		case a.sure:
			return -1
		}
		return 1
	})
	return out
}

// heldWishes gives the entries that a cluster which is heard holds to be healthy while
// its own probes fail: it wants to know whether others find them so. An address that
// another cluster offers too says nothing of the one.
func heldWishes(w *gslb.World, h *gslb.Host, loopback bool) []wish {
	var out []wish
	for i := range h.Parts {
		p := &h.Parts[i]
		if p.Liveness != gslb.Fresh {
			continue
		}
		for k := range p.Offer.Entries {
			e := &p.Offer.Entries[k]
			if e.Reason != gslb.ReasonProbesHeld || sharedWithBelieved(w, p.Cluster, e) || offeredElsewhere(h, p.Cluster, e.Addr) {
				continue
			}
			if q, ok := question(h.Name, e, loopback); ok {
				out = append(out, wish{question: q, of: []gslb.GeoTag{p.Cluster}, state: gslb.Lost, sure: true, held: true})
			}
		}
	}
	return out
}

func offeredElsewhere(h *gslb.Host, by gslb.GeoTag, addr netip.Addr) bool {
	return slices.ContainsFunc(h.Parts, func(p gslb.Part) bool {
		return p.Cluster != by && slices.ContainsFunc(p.Entries, func(c gslb.Candidate) bool { return c.Addr == addr })
	})
}

func add(to []wish, n wish) []wish {
	for i := range to {
		w := &to[i]
		if w.question != n.question {
			continue
		}
		if !slices.Contains(w.of, n.of[0]) {
			w.of = append(w.of, n.of[0])
		}
		// Doubtful < Vouched < Lost: the smallest is the most urgent
		w.state, w.sure = min(w.state, n.state), w.sure || n.sure
		return to
	}
	return append(to, n)
}

// believedAddrs gives the addresses that clusters which are heard offer too. An
// answer from one of those would say nothing of the silent cluster.
func believedAddrs(h *gslb.Host) []netip.Addr {
	var out []netip.Addr
	for i := range h.Parts {
		p := &h.Parts[i]
		if p.Liveness != gslb.Self && p.Liveness != gslb.Fresh {
			continue
		}
		for k := range p.Offer.Entries {
			out = append(out, p.Offer.Entries[k].Addr)
		}
	}
	return out
}

func sharedWithBelieved(w *gslb.World, by gslb.GeoTag, e *gslb.Entry) bool {
	return slices.ContainsFunc(e.Owners, func(tag gslb.GeoTag) bool {
		c := w.Cluster(tag)
		return tag != by && c != nil && (c.Liveness == gslb.Self || c.Liveness == gslb.Fresh)
	})
}

// question says how an entry is asked; false if it cannot be, or must not.
//
//	scheme | port if none | asked                        | vouches
//	http   | 80           | GET path                     | status < 500
//	https  | 443          | GET path over TLS with SNI   | status < 500
//	tls    | 443          | TLS handshake with SNI       | when it completes
//	tcp    | not asked    | connect and wait             | when a byte comes
//
// Certificates are not verified: the question is whether the entry serves, and
// authorities that clients trust may be unknown here.
func question(host gslb.Name, e *gslb.Entry, loopback bool) (ask.Question, bool) {
	name := host.String()
	switch {
	case host.IsWildcard() && (e.Ask.SNI == "" || strings.HasPrefix(e.Ask.SNI, "*")):
		name = wildcardLabel + strings.TrimPrefix(name, "*")
	case host.IsWildcard():
		name = e.Ask.SNI
	}
	q := ask.Question{Host: name, SNI: e.Ask.SNI, Path: e.Ask.Path, Agent: userAgent, Unverified: true}
	if q.SNI == "" || strings.HasPrefix(q.SNI, "*") {
		q.SNI = name
	}
	if q.Path == "" {
		q.Path = "/"
	}
	port := e.Ask.Port
	otherwise := uint16(443)
	switch e.Ask.Scheme {
	case "http":
		q.Kind, q.SNI, otherwise = ask.Plain, "", 80
	case "https":
		q.Kind = ask.Secure
	case "tls":
		q.Kind, q.Host, q.Path = ask.Handshake, "", ""
	case "tcp":
		q.Kind, q.Host, q.Path, q.SNI, otherwise = ask.Byte, "", "", "", 0
	default:
		return q, false
	}
	if port == 0 {
		port = otherwise
	}
	q.Addr = netip.AddrPortFrom(e.Addr, port)
	bad := port == 0 || ask.Askable(e.Addr) != "" || e.Addr.IsLoopback() && !loopback
	return q, !bad
}

// vouches reports that an answer shows the entry serving.
func vouches(q ask.Question, a ask.Answer) bool {
	if a.Result != ask.OK {
		return false
	}
	return q.Kind == ask.Handshake || q.Kind == ask.Byte || a.Status < 500
}
