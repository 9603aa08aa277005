// SPDX-License-Identifier: Apache-2.0

package gslbtest

import (
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// step is the grain at which "within", "steady" and "agree" look.
const step = 10 * time.Millisecond

// asked gives the process that a line speaks of: TAG is the first that runs, TAG/N
// that one.
func (s *sim) asked(who string) (*process, error) {
	tag, number, one := strings.Cut(who, "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(tag)
	if err != nil {
		return nil, err
	}
	for _, sl := range c.slots {
		if sl.p != nil && sl.p.running && (!one || fmt.Sprint(sl.n) == number) {
			return sl.p, nil
		}
	}
	return nil, fmt.Errorf("no process %s runs", who)
}

// answer says what a process answers for a host, as a story writes it.
func (p *process) answer(host gslb.Name) (addrs string, because gslb.Reason) {
	t := p.table.Load()
	if t == nil {
		return "not ready", ""
	}
	r := t.Lookup(host, dns.TypeA)
	if r.Host != nil {
		because = strategies.Decide(r.Host).Reason
	}
	switch r.Kind {
	case answers.Answer:
		return joined(r), because
	case answers.NoData:
		return "nodata", because
	case answers.NXDomain:
		return "nothing", ""
	case answers.NotReady, answers.Referral, answers.Refused:
	}
	return r.Kind.String(), ""
}

// joined lists every address that can be in an answer.
func joined(r answers.Result) string {
	var out []string
	for _, sh := range r.Shares {
		for _, a := range sh.Addrs {
			out = append(out, a.String())
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

// ask compares: TAG HOST = ADDR… [because REASON]
func (s *sim) ask(args []string) error {
	if len(args) < 4 || args[2] != "=" {
		return fmt.Errorf("write: ask TAG HOST = ADDR… [because REASON]")
	}
	p, err := s.asked(args[0])
	if err != nil {
		return err
	}
	want := args[3:]
	because := ""
	if i := slices.Index(want, "because"); i >= 0 {
		want, because = slices.Clone(want[:i]), want[i+1]
	}
	slices.Sort(want)
	got, reason := p.answer(gslb.MustName(args[1]))
	if got != strings.Join(want, " ") {
		return fmt.Errorf("the answer is %s (%s)", got, reason)
	}
	if because != "" && because != string(reason) {
		return fmt.Errorf("the answer is right, but because %s", reason)
	}
	return nil
}

// within waits for: DURATION ask …
func (s *sim) within(args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	begin := time.Now()
	for {
		synctest.Wait()
		err := s.do(args[1:])
		if err == nil {
			s.log("after %v: %s", time.Since(begin), strings.Join(args[1:], " "))
			return nil
		}
		if time.Since(begin) >= d {
			return fmt.Errorf("not within %v: %w", d, err)
		}
		time.Sleep(step)
	}
}

// steady watches: DURATION TAG HOST
func (s *sim) steady(args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	p, err := s.asked(args[1])
	if err != nil {
		return err
	}
	host := gslb.MustName(args[2])
	was, _ := p.answer(host)
	for begin := time.Now(); time.Since(begin) < d; time.Sleep(step) {
		synctest.Wait()
		if now, why := p.answer(host); now != was {
			return fmt.Errorf("after %v the answer changed from %s to %s (%s)", time.Since(begin), was, now, why)
		}
	}
	return nil
}

// state compares: TAG OF = LIVENESS [WITNESS]
func (s *sim) state(args []string) error {
	p, err := s.asked(args[0])
	if err != nil {
		return err
	}
	of := p.store.World().Cluster(gslb.GeoTag(args[1]))
	if of == nil {
		return fmt.Errorf("%s does not know %s", args[0], args[1])
	}
	got := of.Liveness.String()
	if of.Liveness == gslb.Vouched {
		got += " " + of.Witness.Kind.String()
	}
	if want := strings.Join(args[3:], " "); got != want && of.Liveness.String() != want {
		return fmt.Errorf("it is %s", got)
	}
	return nil
}
