// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// localPrefix begins the name under which a cluster tells its own addresses of a host.
const localPrefix = "localtargets-"

// maxTargets bounds the addresses of a host that are taken.
const maxTargets = 256

// probeKey is the name of a key that nobody has.
const probeKey = "meridian-probe."

// question is one question and its message.
type question struct {
	msg  *dns.Msg
	wire []byte
}

func ask(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	m.RecursionDesired = false
	return m
}

func packed(m *dns.Msg) (question, error) {
	b, err := m.Pack()
	return question{m, b}, err
}

func soaQuestion(zone gslb.Name) (question, error) { return packed(ask(zone.String(), dns.TypeSOA)) }

func hostQuestion(host gslb.Name) (question, error) {
	return packed(ask(localPrefix+host.String(), dns.TypeA))
}

// signedQuestion asks for the SOA, signed with a key that nobody has: who knows
// signatures answers BADKEY in a TSIG record (RFC 8945 §5.2.1), and k8gb as if there
// were none.
func signedQuestion(zone gslb.Name) (question, error) {
	m := ask(zone.String(), dns.TypeSOA)
	m.SetTsig(probeKey, dns.HmacSHA256, 300, time.Now().Unix())
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	b, _, err := dns.TsigGenerate(m, base64.StdEncoding.EncodeToString(secret), "", false)
	return question{m, b}, err
}

// answers reports that a message is the answer to a question. Letters of the name may
// come back in another case.
func answers(reply, q *dns.Msg) bool {
	return reply.Response && reply.Id == q.Id && reply.Opcode == dns.OpcodeQuery && len(reply.Question) == 1 &&
		reply.Question[0].Qtype == q.Question[0].Qtype && reply.Question[0].Qclass == q.Question[0].Qclass &&
		strings.EqualFold(reply.Question[0].Name, q.Question[0].Name)
}

// saysSOA reports that an answer holds the SOA of the zone: the server lives, and
// answers for it.
func saysSOA(m *dns.Msg, zone gslb.Name) bool {
	return m.Rcode == dns.RcodeSuccess && slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return isSOA(rr, zone) })
}

func isSOA(rr dns.RR, zone gslb.Name) bool {
	return rr.Header().Rrtype == dns.TypeSOA && strings.EqualFold(rr.Header().Name, zone.FQDN())
}

// kind is what an answer about a host says.
type kind uint8

const (
	unknown  kind = iota // nothing: an error, no authority, or no answer
	negative             // with authority: there is no address
	positive             // addresses
)

// said is an answer about a host.
type said struct {
	kind  kind
	addrs []netip.Addr // of positive; sorted
	tcp   bool
}

// readHost says what an answer about a host means. k8gb does not set AA, so a negative
// one counts with the SOA of the zone too, if no resolver stands between (RA).
//
//	RCODE    | records                        | is
//	NOERROR  | A of the name                  | positive
//	NOERROR  | none in the answer, authority  | negative
//	NXDOMAIN | authority                      | negative
//	any      | any other                      | unknown
func readHost(m *dns.Msg, zone gslb.Name, tcp, loopback bool) said {
	s := said{tcp: tcp}
	if m.Truncated || m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return s
	}
	if m.Rcode == dns.RcodeSuccess {
		s.addrs = addrsIn(m, loopback)
	}
	authority := m.Authoritative || !m.RecursionAvailable && slices.ContainsFunc(m.Ns, func(rr dns.RR) bool { return isSOA(rr, zone) })
	switch {
	case len(s.addrs) > 0:
		s.kind = positive
	case len(m.Answer) == 0 && authority:
		s.kind = negative
	}
	return s
}

// addrsIn gives the addresses of the name that was asked, as far as clients can reach
// them, sorted.
func addrsIn(m *dns.Msg, loopback bool) []netip.Addr {
	var out []netip.Addr
	for _, rr := range m.Answer {
		a, ok := rr.(*dns.A)
		if !ok || !strings.EqualFold(a.Hdr.Name, m.Question[0].Name) {
			continue
		}
		addr, ok := netip.AddrFromSlice(a.A.To4())
		if !ok || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() || addr.IsLoopback() && !loopback {
			continue
		}
		out = append(out, addr)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	out = slices.Compact(out)
	return out[:min(len(out), maxTargets)]
}
