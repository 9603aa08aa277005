// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
)

// One question takes so long at most; between two rounds of questions is a moment.
const (
	askTimeout = 2 * time.Second
	askEvery   = 500 * time.Millisecond
)

// question is what `meridian ask` asks, and what it wants to hear.
type question struct {
	server string // HOST:PORT
	name   string // absolute
	types  []uint16
	rcode  int
}

func newAsk() *cobra.Command {
	var server, expect string
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "ask NAME TYPE…",
		Short: "Ask a name server, over UDP and TCP, whether it answers for a zone",
		Long: `Ask sends one question for each TYPE over UDP and over TCP, and prints the answers.
It fails unless each of them has the RCODE of --expect; NOERROR has to come with
authority and with a record of the type. It is what "helm test" runs in the cluster.`,
		Example: `  meridian ask cloud.example.com SOA NS --server 203.0.113.10
  meridian ask cloud.example.com SOA --server 127.0.0.1:5353 --within 1m`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := parseQuestion(args, server, expect)
			if err != nil {
				return usageError{err}
			}
			return q.insist(cmd.Context(), cmd.OutOrStdout(), within)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&server, "server", "127.0.0.1:5353", "name server to ask, HOST[:PORT]")
	fs.StringVar(&expect, "expect", "NOERROR", "RCODE that every answer must have")
	fs.DurationVar(&within, "within", 0, "ask again until it is so, at most this long")
	return cmd
}

func parseQuestion(args []string, server, expect string) (*question, error) {
	if len(args) < 2 {
		return nil, errors.New("write: meridian ask NAME TYPE…")
	}
	if _, ok := dns.IsDomainName(args[0]); !ok {
		return nil, fmt.Errorf("%q is not a domain name", args[0])
	}
	q := &question{server: server, name: dns.CanonicalName(args[0])}
	for _, text := range args[1:] {
		t, ok := dns.StringToType[strings.ToUpper(text)]
		if !ok {
			return nil, fmt.Errorf("%q is not a type of records, like SOA, NS, A or AAAA", text)
		}
		q.types = append(q.types, t)
	}
	rcode, ok := dns.StringToRcode[strings.ToUpper(expect)]
	if !ok {
		return nil, fmt.Errorf("--expect: %q is not an RCODE, like NOERROR, NXDOMAIN or REFUSED", expect)
	}
	q.rcode = rcode
	if _, _, err := net.SplitHostPort(q.server); err != nil {
		q.server = net.JoinHostPort(strings.Trim(q.server, "[]"), "53")
	}
	return q, nil
}

// insist asks until all answers are right, or for as long as within; at least once.
func (q *question) insist(ctx context.Context, out io.Writer, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, max(within, 2*askTimeout*time.Duration(len(q.types))))
	defer cancel()
	last := time.Now().Add(within)
	for {
		var answers strings.Builder
		err := q.round(ctx, &answers)
		if err == nil {
			_, err = io.WriteString(out, answers.String())
			return err
		}
		if !time.Now().Add(askEvery).Before(last) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(askEvery):
		}
	}
}

// round asks everything once.
func (q *question) round(ctx context.Context, out io.Writer) error {
	for _, t := range q.types {
		for _, network := range []string{"udp", "tcp"} {
			m := new(dns.Msg).SetQuestion(q.name, t)
			m.RecursionDesired = false
			client := dns.Client{Net: network, Timeout: askTimeout}
			r, took, err := client.ExchangeContext(ctx, m, q.server)
			if err != nil {
				return fmt.Errorf("%s over %s: no answer: %w", dns.TypeToString[t], network, err)
			}
			if err := q.judge(t, r); err != nil {
				return fmt.Errorf("%s over %s: %w", dns.TypeToString[t], network, err)
			}
			fmt.Fprintf(out, ";; %s over %s: %s in %d ms\n", dns.TypeToString[t], network, dns.RcodeToString[r.Rcode], took.Milliseconds())
			for _, rr := range r.Answer {
				fmt.Fprintln(out, rr)
			}
		}
	}
	return nil
}

// judge says what is wrong with an answer.
func (q *question) judge(t uint16, r *dns.Msg) error {
	if r.Rcode != q.rcode {
		return fmt.Errorf("%s says %s, not %s", q.server, dns.RcodeToString[r.Rcode], dns.RcodeToString[q.rcode])
	}
	if q.rcode != dns.RcodeSuccess {
		return nil
	}
	if !r.Authoritative {
		return fmt.Errorf("%s does not answer for %s itself: the answer has no authority (AA)", q.server, q.name)
	}
	for _, rr := range r.Answer {
		if rr.Header().Rrtype == t && strings.EqualFold(rr.Header().Name, q.name) {
			return nil
		}
	}
	return fmt.Errorf("%s has no such record at %s", q.server, q.name)
}
