// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// How often host names are resolved again.
const (
	resolveEvery   = 30 * time.Second
	resolveRetry   = 5 * time.Second
	resolveTimeout = 5 * time.Second
)

// LocatorConfig says what a Locator needs; all but Log and Rand are required.
type LocatorConfig struct {
	Resolver Resolver
	// OnChange is called by Run with the addresses whenever they changed, sorted
	// and without doubles; never with none after there were some, unless Set took
	// all places away.
	OnChange func([]netip.Addr)
	Rand     func() float64
	Log      *slog.Logger
}

// Locator turns the places of our name server, addresses and host names as the
// status of a Service gives them, into addresses. A host name that no longer
// resolves keeps the addresses that it had.
type Locator struct {
	LocatorConfig
	places box[[]string]

	want   []string
	byName map[string][]netip.Addr // last good
	failed map[string]bool
	told   []netip.Addr
}

// NewLocator makes a Locator; [Locator.Run] sets it to work.
func NewLocator(c LocatorConfig) (*Locator, error) {
	if c.Resolver == nil || c.OnChange == nil {
		return nil, errors.New("a locator needs a Resolver and OnChange")
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Locator{
		LocatorConfig: c, places: newBox[[]string](),
		byName: make(map[string][]netip.Addr), failed: make(map[string]bool),
	}, nil
}

// Set replaces the places. It never blocks and is safe for concurrent use.
func (l *Locator) Set(places []string) { l.places.put(slices.Clone(places)) }

// Run resolves until ctx ends; it then returns nil.
func (l *Locator) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case places := <-l.places:
			if reflect.DeepEqual(places, l.want) {
				continue
			}
			l.want = places
		case <-timer.C:
		}
		timer.Stop()
		if again := l.locate(ctx); again > 0 {
			timer.Reset(again + time.Duration((l.Rand()-0.5)*0.2*float64(again)))
		}
	}
}

// locate resolves what is a name, tells about changes, and says when to do so
// again; 0: never, there are only addresses.
func (l *Locator) locate(ctx context.Context) time.Duration {
	var addrs []netip.Addr
	var again time.Duration
	kept := make(map[string][]netip.Addr)
	for _, p := range l.want {
		if a, err := netip.ParseAddr(p); err == nil {
			addrs = append(addrs, a)
			continue
		}
		found, err := l.resolve(ctx, p)
		if ctx.Err() != nil {
			return 0
		}
		l.report(p, err)
		if err != nil {
			found, again = l.byName[p], resolveRetry
		} else if again == 0 {
			again = resolveEvery
		}
		kept[p] = found
		addrs = append(addrs, found...)
	}
	l.byName = kept
	addrs = sortedAddrs(addrs)
	if !slices.Equal(addrs, l.told) {
		l.told = addrs
		l.OnChange(addrs)
	}
	return again
}

func (l *Locator) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addrs, err := l.Resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("%s has no addresses", host)
	}
	return addrs, err
}

// report logs a failure when it starts and when it ends.
func (l *Locator) report(host string, err error) {
	switch was := l.failed[host]; {
	case err != nil && !was:
		l.failed[host] = true
		l.Log.Warn("name server's host name cannot be resolved; the last addresses are kept", "hostname", host, "error", err)
	case err == nil && was:
		delete(l.failed, host)
		l.Log.Info("name server's host name is resolved again", "hostname", host)
	}
}
