// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
)

// How often a tally asks each of its servers over UDP, and every how many of those
// over TCP too.
const (
	tallyEvery  = 10 * time.Millisecond
	tallyTCPPer = 10
)

// tally is a client that asks servers often, each question once and of one server, and
// counts how many were answered with addresses.
type tally struct {
	w    *world
	halt context.CancelFunc
	runs sync.WaitGroup

	mu         sync.Mutex
	asked      map[string]int // by transport
	since      time.Time
	unanswered []string
	starved    int // unanswered while this machine stood still
}

// tally begins to ask servers; end it.
func (w *world) tally(servers map[string]string) *tally {
	w.t.Helper()
	ctx, halt := context.WithCancel(w.t.Context())
	t := &tally{w: w, halt: halt, asked: map[string]int{}, since: time.Now()}
	askers := map[string]*asker{}
	for name, at := range servers {
		askers[name] = w.client.asker(at)
	}
	t.runs.Go(func() {
		tick := time.NewTicker(tallyEvery)
		defer tick.Stop()
		for n := 0; ; n++ {
			for name, at := range servers {
				host := hosts[n%len(hosts)]
				t.runs.Go(func() {
					t.note("UDP", name, host, func() (*dns.Msg, error) {
						return askers[name].ask(w.t.Context(), host, dns.TypeA, answerTime)
					})
				})
				if n%tallyTCPPer == 0 {
					t.runs.Go(func() {
						t.note("TCP", name, host, func() (*dns.Msg, error) { return w.client.ask(at, host, dns.TypeA) })
					})
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	w.t.Cleanup(func() { halt(); t.runs.Wait() })
	return t
}

func (t *tally) note(transport, server, host string, ask func() (*dns.Msg, error)) {
	at := time.Now()
	m, err := ask()
	text, took := show(m, err), time.Since(at)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked[transport]++
	switch {
	case strings.HasPrefix(text, "10."):
	case t.w.seen.lateBetween(at, at.Add(took)) >= slack:
		t.starved++
	default:
		t.unanswered = append(t.unanswered, fmt.Sprintf("%s %s asked over %s for %s: %s (%v) after %v", at.Format("15:04:05.000"), server, transport, host, text, err, took))
	}
}

// end ends the asking, waits for the last answers, and holds that there was one to
// every question.
func (t *tally) end() {
	t.w.t.Helper()
	t.halt()
	t.runs.Wait()
	for _, transport := range slices.Sorted(maps.Keys(t.asked)) {
		t.w.t.Logf("%d questions over %s in %v", t.asked[transport], transport, time.Since(t.since).Round(time.Second))
	}
	assert.Empty(t.w.t, t.unanswered[:min(len(t.unanswered), 8)], "every question is answered; %d were not", len(t.unanswered))
	t.w.t.Logf("%d questions unanswered, and %d while this machine gave nobody the processor", len(t.unanswered), t.starved)
}
