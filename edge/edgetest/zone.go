// SPDX-License-Identifier: Apache-2.0

// Package edgetest has an edge zone in memory for tests: an edge.Publisher that
// keeps prerequisites as RFC 2136 asks, and that can be down, refuse, ignore
// updates in silence, or be changed by somebody else in the middle.
package edgetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// Server is the name of the server that a Zone seems to have.
const Server = "edge.test:53"

// Zone is an edge zone in memory. The zero value is empty and well. It is safe
// for concurrent use.
type Zone struct {
	mu       sync.Mutex
	sets     map[key][]string
	trouble  Trouble
	wildcard map[uint16][]string
	before   func()
	updates  []Update
	lookups  []Lookup
}

type key struct {
	name gslb.Name
	typ  uint16
}

// Trouble is what is wrong with a Zone; the zero value is nothing.
type Trouble struct {
	Down   bool          // nobody answers
	Refuse string        // RCODE of every answer
	Ignore bool          // updates are answered NOERROR and not done
	Slow   time.Duration // before every answer; longer than the caller waits: no answer
}

// Update is a change that was asked for.
type Update struct {
	At     time.Time
	Change edge.Change
	Err    error // nil: it was taken (or ignored)
}

// Lookup is a question that was asked.
type Lookup struct {
	At    time.Time
	Query edge.Query
}

var _ edge.Publisher = (*Zone)(nil)

// Break sets what is wrong.
func (z *Zone) Break(t Trouble) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.trouble = t
}

// Before sets what happens in the middle of the next update, before its
// prerequisites are looked at: the moment at which somebody else can win.
func (z *Zone) Before(f func()) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.before = f
}

// Set replaces an RRset, as somebody else would; no data: it goes away.
func (z *Zone) Set(name string, typ uint16, data ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.put(key{gslb.MustName(name), typ}, data)
}

// Wildcard sets what is answered for names that are not there.
func (z *Zone) Wildcard(typ uint16, data ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.wildcard = map[uint16][]string{typ: data}
}

// Get gives an RRset, sorted; nil if there is none.
func (z *Zone) Get(name string, typ uint16) []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.sets[key{gslb.MustName(name), typ}])
}

// Beat gives the heartbeat at a name; false if there is none.
func (z *Zone) Beat(name string) (edge.Heartbeat, bool) {
	data := z.Get(name, edge.TypeTXT)
	if len(data) != 1 {
		return edge.Heartbeat{}, false
	}
	h, err := edge.ParseHeartbeat(data[0])
	return h, err == nil
}

// Updates gives the changes that were asked for, in order.
func (z *Zone) Updates() []Update {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.updates)
}

// Lookups gives the questions that were asked, in order.
func (z *Zone) Lookups() []Lookup {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.lookups)
}

// Lookup implements edge.Publisher.
func (z *Zone) Lookup(ctx context.Context, q edge.Query) (edge.Answer, error) {
	z.mu.Lock()
	z.lookups = append(z.lookups, Lookup{time.Now(), q})
	t := z.trouble
	z.mu.Unlock()
	if err := t.answer(ctx); err != nil {
		return edge.Answer{}, err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	data := z.sets[key{q.Name, q.Type}]
	if len(data) == 0 && !z.used(q.Name) {
		data = z.wildcard[q.Type]
	}
	return edge.Answer{Server: Server, Data: slices.Clone(data)}, nil
}

// answer gives the error by which trouble shows.
func (t Trouble) answer(ctx context.Context) error {
	if t.Slow > 0 {
		select {
		case <-ctx.Done():
			return &edge.Error{Reason: edge.ReasonUnreachable, Message: "no answer", Err: ctx.Err()}
		case <-time.After(t.Slow):
		}
	}
	switch {
	case t.Down:
		return &edge.Error{Reason: edge.ReasonUnreachable, Server: Server, Message: "edge server is down"}
	case t.Refuse != "":
		return &edge.Error{Reason: edge.ReasonRefused, Server: Server, RCODE: t.Refuse, Message: "edge server answers " + t.Refuse}
	}
	return nil
}

// Granted is the zone as the holder of a key sees it that may write these names alone, as
// grants of BIND's update-policy have it: an update that touches another one is refused
// whole, after its prerequisites (RFC 2136 §3.2, §3.3). These may ask for any name.
func (z *Zone) Granted(names ...string) edge.Publisher { return &granted{z, names} }

type granted struct {
	*Zone
	names []string
}

// Update implements edge.Publisher.
func (g *granted) Update(ctx context.Context, c edge.Change) (string, error) {
	return g.update(ctx, c, func(n gslb.Name) bool { return slices.Contains(g.names, n.String()) })
}

// Update implements edge.Publisher.
func (z *Zone) Update(ctx context.Context, c edge.Change) (string, error) {
	return z.update(ctx, c, func(gslb.Name) bool { return true })
}

func (z *Zone) update(ctx context.Context, c edge.Change, may func(gslb.Name) bool) (string, error) {
	z.mu.Lock()
	t, before := z.trouble, z.before
	z.before = nil
	z.mu.Unlock()
	if before != nil {
		before()
	}
	err := t.answer(ctx)
	z.mu.Lock()
	defer z.mu.Unlock()
	if err == nil {
		err = z.take(c, t.Ignore, may)
	}
	z.updates = append(z.updates, Update{time.Now(), c, err})
	return Server, err
}

func (z *Zone) take(c edge.Change, ignore bool, may func(gslb.Name) bool) error {
	for _, want := range c.Require {
		if data := sorted(want.Data); !slices.Equal(z.sets[key{want.Name, want.Type}], data) {
			return &edge.Error{Reason: edge.ReasonRefused, Server: Server, RCODE: "NXRRSET",
				Message: fmt.Sprintf("prerequisite on %s fails", want.Name), Err: edge.ErrRaced}
		}
	}
	for _, n := range touched(c) {
		if !may(n) {
			return &edge.Error{Reason: edge.ReasonRefused, Server: Server, RCODE: "REFUSED", Message: fmt.Sprintf("the key may not write %s", n)}
		}
	}
	if ignore {
		return nil
	}
	for _, s := range c.Clear {
		z.put(key{s.Name, s.Type}, nil)
	}
	for _, r := range c.Remove {
		k := key{r.Name, r.Type}
		z.put(k, slices.DeleteFunc(slices.Clone(z.sets[k]), func(d string) bool { return d == r.Data }))
	}
	for _, r := range c.Add {
		k := key{r.Name, r.Type}
		z.put(k, append(slices.Clone(z.sets[k]), r.Data))
	}
	return nil
}

// touched gives the names that a change writes.
func touched(c edge.Change) (names []gslb.Name) {
	for _, s := range c.Clear {
		names = append(names, s.Name)
	}
	for _, r := range slices.Concat(c.Remove, c.Add) {
		names = append(names, r.Name)
	}
	return names
}

func (z *Zone) put(k key, data []string) {
	if z.sets == nil {
		z.sets = make(map[key][]string)
	}
	if data = sorted(data); len(data) == 0 {
		delete(z.sets, k)
		return
	}
	z.sets[k] = data
}

func (z *Zone) used(name gslb.Name) bool {
	for k := range z.sets {
		if k.name == name {
			return true
		}
	}
	return false
}

func sorted(data []string) []string {
	out := slices.Clone(data)
	slices.Sort(out)
	return slices.Compact(out)
}
