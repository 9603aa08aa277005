// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of single steps: what Meridian does, and what takes Kubernetes part too
// (images, Pods, whole clusters).
const (
	Soon      = time.Minute
	Patiently = 4 * time.Minute
)

// pollEvery is how often a condition is looked at.
const pollEvery = 25 * time.Millisecond

// poll calls f until it gives no error. When ctx ends first, the error is that of
// the last call that was not cut off by it.
func poll(ctx context.Context, f func(ctx context.Context) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last error
	for {
		callCtx, cancel := context.WithTimeout(ctx, callTime)
		err := f(callCtx)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}

// Until is one step: f is called until it gives no error, for at most limit. Its
// error says what is still missing.
func (s *Stage) Until(what string, limit time.Duration, f func(ctx context.Context) error) {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), limit)
	defer cancel()
	begin := time.Now()
	err := poll(ctx, f)
	s.note(Step{What: what, Seconds: seconds(time.Since(begin)), Failed: err != nil})
	if err != nil {
		s.T.Fatalf("%s: not within %v: %v", what, limit, err)
	}
}

// Answers is one step: it waits until every one of the servers answers the host
// with want (see Join); none named are all servers, the edge included.
func (s *Stage) Answers(what, host, want string, servers ...Server) {
	s.T.Helper()
	if len(servers) == 0 {
		servers = s.Servers()
	}
	wants := map[Server]string{}
	for _, server := range servers {
		wants[server] = want
	}
	s.AnswersEach(what, host, wants)
}

// AnswersEach is Answers with a wanted answer for each server; AnyOf joins several
// that are all right. The edge is asked once the clusters are right, since it may
// keep what it was told too early; its time counts from the beginning all the same.
func (s *Stage) AnswersEach(what, host string, wants map[Server]string) {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), Soon)
	defer cancel()
	begin := time.Now()
	step := Step{What: what, Each: map[string]float64{}}
	var mu sync.Mutex
	var missing []string
	ask := func(server Server, want string) {
		err := poll(ctx, func(ctx context.Context) error {
			if got := server.Addrs(ctx, host); !slices.Contains(strings.Split(want, orElse), got) {
				return fmt.Errorf("%s answers %s with %q, want %q", server.Name, host, got, want)
			}
			return nil
		})
		mu.Lock()
		defer mu.Unlock()
		if step.Each[server.Name] = seconds(time.Since(begin)); err != nil {
			missing = append(missing, err.Error())
		}
	}
	var clusters sync.WaitGroup
	for server, want := range wants {
		if server != s.Edge {
			clusters.Go(func() { ask(server, want) })
		}
	}
	clusters.Wait()
	if want, ok := wants[s.Edge]; ok && len(missing) == 0 {
		ask(s.Edge, want)
	}
	step.Seconds, step.Failed = seconds(time.Since(begin)), len(missing) > 0
	s.note(step)
	if len(missing) > 0 {
		s.T.Fatalf("%s: not within %v:\n%s", what, Soon, strings.Join(missing, "\n"))
	}
}

const orElse = " or "

// AnyOf is a wanted answer of several that are all right.
func AnyOf(wants ...string) string { return strings.Join(wants, orElse) }
