// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// answerTime is how long a question waits: long enough for a machine with much to do, and
// no longer than it is worth to wait for a server that is frozen.
const answerTime = 3 * time.Second

// Ask sends one question over UDP, and over TCP if the answer was cut. RD is
// set, so that the lab's edge follows delegations.
func Ask(ctx context.Context, server, name string, qtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	m.SetEdns0(dns.DefaultMsgSize, false)
	for _, network := range []string{"udp", "tcp"} {
		c := dns.Client{Net: network, Timeout: answerTime}
		r, _, err := c.ExchangeContext(ctx, m, server)
		if err != nil {
			return nil, fmt.Errorf("asking %s for %s %s: %w", server, name, dns.TypeToString[qtype], err)
		}
		if !r.Truncated {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s answers %s cut off, over TCP too", server, name)
}

// Addrs gives the addresses of a name, sorted, joined by spaces; what stands in
// their place otherwise: "NODATA", an RCODE, or "no answer".
func Addrs(ctx context.Context, server, name string) string {
	r, err := Ask(ctx, server, name, dns.TypeA)
	if err != nil {
		return "no answer"
	}
	if r.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[r.Rcode]
	}
	var out []string
	for _, rr := range r.Answer {
		if a, ok := rr.(*dns.A); ok {
			out = append(out, a.A.String())
		}
	}
	if len(out) == 0 {
		return "NODATA"
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// pollEvery is how often Await asks.
const pollEvery = 5 * time.Millisecond

// Await asks until the addresses are the wanted ones, and says how long that
// took. The error says what was answered last.
func Await(ctx context.Context, server, name, want string) (time.Duration, error) {
	begin := time.Now()
	got := ""
	err := Until(ctx, func() bool {
		got = Addrs(ctx, server, name)
		return got == want
	})
	if err != nil {
		return 0, fmt.Errorf("%s at %s: want %s, the last answer was %s: %w", name, server, want, got, err)
	}
	return time.Since(begin), nil
}

// Until calls f every 5 ms until it says true.
func Until(ctx context.Context, f func() bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if f() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
