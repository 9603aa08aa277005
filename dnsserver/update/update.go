// SPDX-License-Identifier: Apache-2.0

package update

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/dnsupdate"
)

// errNotServed says that what is held did not come to be served in time.
var errNotServed = errors.New("what is held is not served yet")

// refusal is the end of an update whose fault is its own.
type refusal struct {
	rcode   int
	name    string // of the record; "" if none in particular
	problem string // for the log; "": nothing worth a line
}

// Error implements error: the RCODE, the record and the problem.
func (r *refusal) Error() string { return dns.RcodeToString[r.rcode] + " " + r.name + " " + r.problem }

// update does an update (RFC 2136 §3) and gives its RCODE. Everything or nothing of
// it happens.
//
//  1. zone section (§3.1): a zone of ours
//  2. what this cluster holds is read, and served
//  3. prerequisites (§3.2), by what is served
//  4. the update section is looked through (§3.4.1), and permission (§3.3) with it
//  5. it is done (§3.4.2) to what this cluster holds
//  6. that is stored, and served
func (h *Handler) update(ctx context.Context, r *request) int {
	zone, rcode := h.zoneSection(r)
	if rcode == dns.RcodeSuccess {
		rcode = h.change(ctx, r, zone)
	}
	if rcode != dns.RcodeSuccess {
		h.metrics.countRcode(rcode)
	}
	return rcode
}

// zoneSection gives the zone that is to be updated.
func (h *Handler) zoneSection(r *request) (gslb.Name, int) {
	q := r.msg.Question[0]
	if q.Qtype != dns.TypeSOA {
		return gslb.Name{}, dns.RcodeFormatError
	}
	s := h.served.Load()
	if s.world == nil || !s.world.Ready {
		return gslb.Name{}, dns.RcodeServerFailure
	}
	zone, err := gslb.ParseName(q.Name)
	if err != nil || q.Qclass != dns.ClassINET || s.world.Zone(zone) == nil {
		return gslb.Name{}, dns.RcodeNotAuth
	}
	return zone, dns.RcodeSuccess
}

// change does the rest of an update, one at a time. At most maxWaiting wait.
func (h *Handler) change(ctx context.Context, r *request, zone gslb.Name) int {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return dns.RcodeServerFailure
	}
	var before, after []gslb.Record
	err := h.cfg.Storage.Change(ctx, func(held []gslb.Record) ([]gslb.Record, error) {
		s, err := h.await(ctx, zone, held)
		if err != nil {
			return nil, err
		}
		before = sorted(held)
		if after, err = h.edit(view{s, zone}, r, before); err == nil && slices.Equal(before, after) {
			return held, nil
		}
		return after, err
	})
	if err == nil {
		_, err = h.await(ctx, zone, after)
	}
	key := r.signer.KeyName()
	var no *refusal
	switch {
	case errors.As(err, &no):
		if no.problem != "" {
			h.cfg.Log.Warn("an update is refused", "zone", zone, "name", plain(no.name), "key", key, "from", r.from, "problem", no.problem)
		}
		return no.rcode
	case err != nil:
		h.cfg.Log.Error("an update is not done", "zone", zone, "key", key, "from", r.from, "error", err)
		return dns.RcodeServerFailure
	case slices.Equal(before, after):
		h.metrics.count(outcomeUnchanged)
		return dns.RcodeSuccess
	}
	h.metrics.count(outcomeChanged)
	h.cfg.Log.Info("zone updated", "zone", zone, "name", namesOf(r), "added", without(after, before), "removed", without(before, after), "key", key, "from", r.from)
	return dns.RcodeSuccess
}

// namesOf gives the names of an update section for the log, each once, and not many.
func namesOf(r *request) string {
	var names []string
	for _, rr := range r.msg.Ns {
		if n := plain(rr.Header().Name); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(names) > 4 {
		names = append(names[:4], "…")
	}
	return strings.Join(names, " ")
}

// plain gives a name as logs have it.
func plain(name string) string { return strings.TrimSuffix(dns.CanonicalName(name), ".") }

// edit judges an update by what is served and does it to what is held. The error is
// a [refusal].
func (h *Handler) edit(v view, r *request, held []gslb.Record) ([]gslb.Record, error) {
	if rcode := dnsupdate.Prerequisites(v, r.msg.Answer); rcode != dns.RcodeSuccess {
		return nil, &refusal{rcode: rcode}
	}
	if rcode := dnsupdate.Scan(v, r.msg.Ns); rcode != dns.RcodeSuccess {
		return nil, &refusal{rcode: rcode}
	}
	may := h.grants[r.signer.KeyName()]
	next := slices.Clone(held)
	for _, rr := range r.msg.Ns {
		name, err := permit(v, may, rr)
		if err != nil {
			return nil, err
		}
		if next, err = h.apply(v, next, name, rr); err != nil {
			return nil, err
		}
	}
	next = sorted(next)
	if why := beyond(next); why != "" && len(next) >= len(held) {
		return nil, &refusal{dns.RcodeRefused, "", why}
	}
	return next, nil
}

// permit says whether a key may do what a record of the update section asks for.
func permit(v view, may *grant, rr dns.RR) (gslb.Name, error) {
	hd := rr.Header()
	name, err := gslb.ParseName(hd.Name)
	switch {
	case err != nil:
		return name, &refusal{dns.RcodeRefused, hd.Name, "records are kept at names of letters, digits, hyphens and underscores only"}
	case !may.allows(name):
		return name, &refusal{dns.RcodeRefused, hd.Name, "the key may not change this name"}
	case hd.Rrtype != dns.TypeTXT && (hd.Class != dns.ClassANY || hd.Rrtype != dns.TypeANY):
		return name, &refusal{dns.RcodeRefused, hd.Name, fmt.Sprintf("only TXT records are taken, not %s", dns.Type(hd.Rrtype))}
	case hd.Class == dns.ClassINET && v.delegated(name):
		return name, &refusal{dns.RcodeRefused, hd.Name, "the name is delegated to others, who would have to serve it"}
	}
	return name, nil
}

// apply does one record of the update section. A record at the name of a CNAME is
// passed over in silence (§3.4.2.2).
func (h *Handler) apply(v view, records []gslb.Record, name gslb.Name, rr dns.RR) ([]gslb.Record, error) {
	hd := rr.Header()
	if hd.Class == dns.ClassANY {
		return wipe(records, name, hd.Rrtype), nil
	}
	rec, rcode := record(name, rr)
	switch {
	case rcode == dns.RcodeRefused:
		return nil, &refusal{rcode, hd.Name, "the record has more data than is kept"}
	case rcode != dns.RcodeSuccess:
		return nil, &refusal{rcode: rcode}
	case hd.Class == dns.ClassNONE:
		return drop(records, rec), nil
	case v.has(name, dns.TypeCNAME):
		h.cfg.Log.Warn("a record is not added, because its name has a CNAME", "zone", v.zone, "name", name)
		return records, nil
	}
	return put(records, rec), nil
}
