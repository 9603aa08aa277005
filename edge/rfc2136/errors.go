// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// rcodeError is an answer that says no.
type rcodeError struct {
	rcode  int
	tsig   int           // TSIG error (RFC 8945 §3); 0: none
	skew   time.Duration // BADTIME: how far the server's clock is ahead of ours
	signed bool
}

// Error implements error.
func (e *rcodeError) Error() string { return e.name() }

// name is the RCODE, or the TSIG error where there is one.
func (e *rcodeError) name() string {
	code := e.rcode
	if e.tsig != 0 {
		code = e.tsig
	}
	if code == dns.RcodeBadSig {
		return "BADSIG" // 16 is BADVERS elsewhere
	}
	if s := dns.RcodeToString[code]; s != "" {
		return s
	}
	return fmt.Sprintf("RCODE%d", code)
}

// explain makes an [edge.Error] of what went wrong with one server.
func (p *Publisher) explain(err error, what, server string, zone gslb.Name) error {
	if r, ok := errors.AsType[*rcodeError](err); ok {
		return refused(r, what, server, zone, p.client.key.String())
	}
	e := &edge.Error{Reason: edge.ReasonUnreachable, Server: server, Err: steady(err)}
	switch {
	case errors.Is(err, errMismatch):
		e.Message = fmt.Sprintf("edge server %s gave an answer that cannot be trusted", server)
	default:
		e.Message = fmt.Sprintf("edge server %s does not answer the %s over TCP: is it up, and does a firewall let TCP through?", server, what)
	}
	return e
}

// refused says what an RCODE means here and what to look at.
func refused(r *rcodeError, what, server string, zone gslb.Name, key string) *edge.Error {
	e := &edge.Error{Reason: edge.ReasonRefused, Server: server, RCODE: r.name()}
	if r.signed && what == "update" && r.prerequisite() {
		e.Err = edge.ErrRaced
	}
	unsigned := ""
	if !r.signed && r.tsig == 0 {
		unsigned = ", unsigned"
	}
	if unsigned != "" && (r.rcode == dns.RcodeSuccess || r.prerequisite()) {
		e.RCODE, e.Reason = "", edge.ReasonUnreachable // whoever sent it, it proves nothing
	}
	e.Message = fmt.Sprintf("edge server %s answers %s%s: %s", server, r.name(), unsigned, rcodeHint(r, what, zone, key))
	return e
}

// prerequisite reports an RCODE by which prerequisites fail (RFC 2136 §3.2).
func (e *rcodeError) prerequisite() bool {
	switch e.rcode {
	case dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNameError:
		return e.tsig == 0
	}
	return false
}

func rcodeHint(r *rcodeError, what string, zone gslb.Name, key string) string {
	z := zone.FQDN()
	switch r.tsig {
	case 0:
	case dns.RcodeBadKey:
		return fmt.Sprintf("it does not know key %s; create it there under this name and with this algorithm (Knot says so too of a key whose acl does not allow the update)", key)
	case dns.RcodeBadSig:
		return fmt.Sprintf("it knows key %s with another secret; give both sides the same", key)
	case dns.RcodeBadTime:
		return fmt.Sprintf("its clock is %s ours by %v, and TSIG bears %v; set both clocks by NTP", aheadOf(r.skew), r.skew.Abs(), fudge*time.Second)
	default:
		return fmt.Sprintf("it does not accept the signature made with key %s", key)
	}
	switch {
	case !r.signed && (r.rcode == dns.RcodeSuccess || r.prerequisite()):
		return "the answer to a signed message is not signed, so it proves nothing; something between may rewrite DNS messages"
	case r.prerequisite():
		return "a prerequisite does not hold: somebody else changed the zone since it was read"
	}
	switch r.rcode {
	case dns.RcodeFormatError:
		return fmt.Sprintf("it did not understand the %s; something between may rewrite DNS messages: name the primary of %s itself in --edge-dns", what, z)
	case dns.RcodeServerFailure:
		return fmt.Sprintf("it failed on its side; look at its log (is %s loaded, and may the server write the zone's file or journal?)", z)
	case dns.RcodeNotImplemented:
		return fmt.Sprintf("it does not implement dynamic update; name the primary of %s in --edge-dns", z)
	case dns.RcodeRefused:
		if what == "query" {
			return fmt.Sprintf("it does not answer questions about %s from here; allow it with allow-query, and look whether it holds the zone", z)
		}
		return fmt.Sprintf("it does not accept these updates of %s with key %s; allow them with update-policy or allow-update", z, key)
	case dns.RcodeNotAuth:
		return fmt.Sprintf("it is not the primary of %s, or does not accept key %s for it; look at --edge-dns and the server's log", z, key)
	case dns.RcodeNotZone:
		return fmt.Sprintf("a record lies outside %s; look at the zone and edge zone that are configured", z)
	}
	return fmt.Sprintf("it does not accept the %s of %s", what, z)
}

func aheadOf(skew time.Duration) string {
	if skew < 0 {
		return "behind"
	}
	return "ahead of"
}
