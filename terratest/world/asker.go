// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// How the steady asker asks: as a resolver does, which sends a question again when
// no answer comes, from a new port.
const (
	askEvery   = 50 * time.Millisecond
	tries      = 3
	tryTime    = 800 * time.Millisecond
	keptErrors = 5
)

// Asker asks servers for a host, steadily, until it is stopped.
type Asker struct {
	stop  context.CancelFunc
	done  sync.WaitGroup
	mu    sync.Mutex
	tally map[Server]*Tally
}

// Tally is what the asker got from one server.
type Tally struct {
	Questions int
	Resent    int           // questions that got their answer only when asked again
	Failed    int           // questions without an answer after all tries
	Wrong     int           // answers that were none of the wanted ones
	Longest   time.Duration // until an answer
	Errors    []string      // the first of what failed or was wrong
}

// Ask starts an asker: every 50 ms one question to each server, which has to be
// answered with one of the wanted answers (see AnyOf).
func (s *Stage) Ask(host, want string, servers ...Server) *Asker {
	ctx, cancel := context.WithCancel(s.T.Context())
	a := &Asker{stop: cancel, tally: map[Server]*Tally{}}
	s.T.Cleanup(func() { a.Stop() })
	wants := strings.Split(want, orElse)
	for _, server := range servers {
		a.tally[server] = &Tally{}
	}
	a.done.Go(func() {
		tick := time.NewTicker(askEvery)
		defer tick.Stop()
		for {
			for _, server := range servers {
				a.done.Go(func() { a.ask(ctx, server, host, wants) })
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return a
}

// ask is one question with its tries.
func (a *Asker) ask(ctx context.Context, server Server, host string, wants []string) {
	begin := time.Now()
	var r *dns.Msg
	var err error
	try := 0
	for ; try < tries; try++ {
		if r, err = server.exchange(ctx, host, dns.TypeA, true, tryTime); err == nil || ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return // stopped meanwhile: not counted
	}
	took := time.Since(begin)
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tally[server]
	t.Questions++
	switch {
	case err != nil:
		t.Failed++
		t.complain(begin, err.Error())
		return
	case !slices.Contains(wants, Read(r)):
		t.Wrong++
		t.complain(begin, "answered "+Read(r))
	case try > 0:
		t.Resent++
	}
	t.Longest = max(t.Longest, took)
}

func (t *Tally) complain(at time.Time, what string) {
	if len(t.Errors) < keptErrors {
		t.Errors = append(t.Errors, at.Format("15:04:05.000 ")+what)
	}
}

// Stop ends the asking and gives what each server did. It may be called again.
func (a *Asker) Stop() map[Server]Tally {
	a.stop()
	a.done.Wait()
	out := map[Server]Tally{}
	for s, t := range a.tally {
		out[s] = *t
	}
	return out
}

// String says it in a line.
func (t Tally) String() string {
	s := fmt.Sprintf("%d questions, %d failed, %d wrong, %d asked again, longest %.2f s",
		t.Questions, t.Failed, t.Wrong, t.Resent, t.Longest.Seconds())
	if len(t.Errors) > 0 {
		s += ": " + strings.Join(t.Errors, "; ")
	}
	return s
}

// NothingFailed stops an asker, writes down what it saw, and fails the test unless
// every question was answered, and rightly.
func (s *Stage) NothingFailed(what string, a *Asker) {
	s.T.Helper()
	for server, t := range a.Stop() {
		s.Note(what+": "+server.Name, t.String())
		if t.Questions == 0 || t.Failed > 0 || t.Wrong > 0 {
			s.T.Errorf("%s: %s: %s", what, server.Name, t)
		}
	}
}
