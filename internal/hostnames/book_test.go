// SPDX-License-Identifier: Apache-2.0

package hostnames_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/hostnames"
)

// script answers from a table that the test changes, and counts.
type script struct {
	mu      sync.Mutex
	answers map[string]hostnames.Answer
	errs    map[string]error
	asked   map[string]int
}

func newScript() *script {
	return &script{answers: make(map[string]hostnames.Answer), errs: make(map[string]error), asked: make(map[string]int)}
}

func (s *script) Ask(_ context.Context, name string) (hostnames.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[name]++
	return s.answers[name], s.errs[name]
}

func (s *script) says(name string, ttl time.Duration, addrs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.errs, name)
	a := hostnames.Answer{TTL: ttl}
	for _, text := range addrs {
		a.Addrs = append(a.Addrs, netip.MustParseAddr(text))
	}
	s.answers[name] = a
}

func (s *script) fails(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[name], s.errs[name] = hostnames.Answer{}, errors.New("SERVFAIL")
}

func (s *script) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[name]
}

const lb = "lb.example.net"

// start runs a book in the bubble; changes are counted by name.
func start(t *testing.T, c hostnames.Config[string]) (*hostnames.Book[string], func() int) {
	t.Helper()
	var mu sync.Mutex
	changes := 0
	c.OnChange = func(string, []string) { mu.Lock(); changes++; mu.Unlock() }
	c.Rand = func() float64 { return 0 }
	b, err := hostnames.New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	return b, func() int { mu.Lock(); defer mu.Unlock(); return changes }
}

func addrs(b *hostnames.Book[string]) []string {
	var all []string
	for _, a := range b.Addrs(lb) {
		all = append(all, a.String())
	}
	return all
}

func TestAddressesFollowTheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, time.Minute, "198.51.100.1", "2001:db8::1")
		b, changes := start(t, hostnames.Config[string]{Asker: s})
		s.mu.Lock() // whoever is asked does not answer yet
		b.Want("a", []string{lb})
		settled := b.Settled()
		s.mu.Unlock()
		assert.False(t, settled, "nobody has answered yet")
		synctest.Wait()
		assert.True(t, b.Settled())
		assert.Equal(t, []string{"198.51.100.1", "2001:db8::1"}, addrs(b))
		assert.Equal(t, 1, changes())

		s.says(lb, time.Minute, "198.51.100.2")
		time.Sleep(53 * time.Second)
		assert.Equal(t, 1, s.count(lb), "a name is asked for again as its TTL ends, not before")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.1", "198.51.100.2", "2001:db8::1"}, addrs(b), "make before break: caches may still have the old answer")
		time.Sleep(15 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.2"}, addrs(b), "the old answer has ended everywhere")
		assert.Equal(t, 3, changes())
	})
}

func TestAnswersThatRotateDoNotFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, time.Minute, "198.51.100.1", "198.51.100.2")
		b, changes := start(t, hostnames.Config[string]{Asker: s})
		b.Want("a", []string{lb})
		synctest.Wait()
		seen := changes()
		for range 20 {
			s.says(lb, time.Minute, "198.51.100.2", "198.51.100.1")
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		assert.Equal(t, seen, changes())
	})
}

func TestTroubleTakesNothingAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, 10*time.Second, "198.51.100.1")
		b, changes := start(t, hostnames.Config[string]{Asker: s})
		b.Want("a", []string{lb})
		synctest.Wait()
		require.NoError(t, b.Trouble(lb))
		s.fails(lb)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.1"}, addrs(b), "unknown is not gone, however long it takes")
		assert.Equal(t, 1, changes())
		require.Error(t, b.Trouble(lb))
		wanted, failing := b.Count()
		assert.Equal(t, []int{1, 1}, []int{wanted, failing})
		assert.Less(t, s.count(lb), 24*60*2, "pauses grow to a minute")

		s.says(lb, 10*time.Second, "198.51.100.9")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.9"}, addrs(b))
		require.NoError(t, b.Trouble(lb))
	})
}

// TestOneFamilyDoesWithoutTheOther: what cannot be resolved stays as it was, and the
// other family goes on by its TTL, its old addresses too.
func TestOneFamilyDoesWithoutTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		lacks := func(addrs ...string) {
			s.says(lb, 10*time.Second, addrs...)
			s.mu.Lock()
			defer s.mu.Unlock()
			a := s.answers[lb]
			a.Lacks = hostnames.IPv6
			s.answers[lb], s.errs[lb] = a, errors.New("timeout")
		}
		lacks("198.51.100.1")
		b, changes := start(t, hostnames.Config[string]{Asker: s, Known: func(string) []netip.Addr {
			return []netip.Addr{netip.MustParseAddr("198.51.100.8"), netip.MustParseAddr("2001:db8::8")}
		}})
		b.Want("a", []string{lb})
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.1", "2001:db8::8"}, addrs(b), "of before a restart the family that nobody tells of")
		require.Error(t, b.Trouble(lb))

		s.says(lb, 10*time.Second, "198.51.100.1", "2001:db8::1")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"198.51.100.1", "2001:db8::1"}, addrs(b))
		require.NoError(t, b.Trouble(lb))

		lacks("198.51.100.2")
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.2", "2001:db8::1"}, addrs(b))
		assert.Less(t, changes(), 10)
		s.fails(lb)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.2", "2001:db8::1"}, addrs(b), "neither is known now")
		s.says(lb, 10*time.Second, "198.51.100.2")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.2"}, addrs(b), "an answer that has no AAAA")
	})
}

func TestANameIsGoneWhenItIsDeniedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, 30*time.Second, "198.51.100.1")
		b, _ := start(t, hostnames.Config[string]{Asker: s})
		b.Want("a", []string{lb})
		synctest.Wait()
		s.says(lb, 20*time.Second)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		assert.Equal(t, 2, s.count(lb))
		assert.Equal(t, []string{"198.51.100.1"}, addrs(b), "one NXDOMAIN may be a mistake of a moment")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		assert.Empty(t, addrs(b), "two, a negative TTL apart, are an answer")

		s.says(lb, 30*time.Second, "198.51.100.1")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.1"}, addrs(b))
	})
}

func TestATroubleBetweenTwoDenialsStillWantsTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, 30*time.Second, "198.51.100.1")
		b, _ := start(t, hostnames.Config[string]{Asker: s})
		b.Want("a", []string{lb})
		synctest.Wait()
		s.says(lb, 20*time.Second)
		time.Sleep(30 * time.Second)
		s.fails(lb)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.1"}, addrs(b))
		s.says(lb, 20*time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, addrs(b))
	})
}

// TestTroubleKeepsTheNewestToo: not only the addresses whose TTL is the longest.
func TestTroubleKeepsTheNewestToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, 5*time.Minute, "198.51.100.1")
		b, _ := start(t, hostnames.Config[string]{Asker: s})
		b.Want("a", []string{lb})
		synctest.Wait()
		s.says(lb, 10*time.Second, "198.51.100.2")
		time.Sleep(272 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"198.51.100.1", "198.51.100.2"}, addrs(b))
		s.fails(lb)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.1", "198.51.100.2"}, addrs(b))
	})
}

func TestAnAnswerForgetsADenial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, 30*time.Second, "198.51.100.1")
		b, _ := start(t, hostnames.Config[string]{Asker: s})
		b.Want("a", []string{lb})
		synctest.Wait()
		for range 3 {
			s.says(lb, 20*time.Second)
			time.Sleep(31 * time.Second)
			synctest.Wait()
			require.ErrorContains(t, b.Trouble(lb), "does not exist")
			assert.Equal(t, []string{"198.51.100.1"}, addrs(b), "each denial is the first after an answer")
			s.says(lb, 30*time.Second, "198.51.100.1")
			time.Sleep(20 * time.Second)
			synctest.Wait()
			require.NoError(t, b.Trouble(lb))
		}
	})
}

func TestNamesAreAskedForWhileSomebodyWantsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, 10*time.Second, "198.51.100.1")
		b, _ := start(t, hostnames.Config[string]{Asker: s})
		b.Want("a", []string{lb, lb})
		b.Want("b", []string{lb})
		synctest.Wait()
		assert.Equal(t, 1, s.count(lb), "one question, however many want it")
		b.Want("a", nil)
		synctest.Wait()
		assert.NotEmpty(t, addrs(b), "b wants it still")
		b.Want("b", []string{"other.example.net"})
		time.Sleep(time.Hour)
		assert.Equal(t, 1, s.count(lb))
		assert.Empty(t, addrs(b))
		assert.Empty(t, b.All())
	})
}

func TestAddressesFromBeforeARestartCountUntilAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.fails(lb)
		known := func(string) []netip.Addr { return []netip.Addr{netip.MustParseAddr("198.51.100.7")} }
		b, _ := start(t, hostnames.Config[string]{Asker: s, Known: known})
		b.Want("a", []string{lb})
		assert.Equal(t, []string{"198.51.100.7"}, addrs(b), "at once")
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"198.51.100.7"}, addrs(b))
		assert.Equal(t, map[string][]netip.Addr{lb: known(lb)}, b.All())
		s.says(lb, time.Minute, "198.51.100.8")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{"198.51.100.8"}, addrs(b))
	})
}

func TestUsersAreToldOfTheirNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, time.Minute, "198.51.100.1")
		s.says("other.example.net", time.Minute, "198.51.100.2")
		told := make(chan []string, 4)
		b, err := hostnames.New(hostnames.Config[string]{Asker: s, OnChange: func(name string, users []string) { told <- append(users, name) }})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		b.Want("a", []string{lb})
		b.Want("b", []string{"other.example.net"})
		go func() { done <- b.Run(ctx) }()
		b.Await(ctx)
		assert.True(t, b.Settled())
		assert.ElementsMatch(t, [][]string{{"a", lb}, {"b", "other.example.net"}}, [][]string{<-told, <-told})
		cancel()
		require.NoError(t, <-done)
		b.Want("c", []string{"third.example.net"})
		b.Await(ctx) // it ends, although nobody asks any more
	})
}

func TestAQuietBookDoesNoWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(lb, 24*time.Hour, "198.51.100.1")
		b, _ := start(t, hostnames.Config[string]{Asker: s})
		b.Want("a", []string{lb})
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.LessOrEqual(t, s.count(lb), 14, "every five minutes at most")
	})
}

func TestABookNeedsSomebodyToAsk(t *testing.T) {
	_, err := hostnames.New(hostnames.Config[string]{})
	require.ErrorContains(t, err, "Asker")
}
