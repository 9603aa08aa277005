// SPDX-License-Identifier: Apache-2.0

package addresses

import (
	"fmt"
	"net/netip"
	"sync"
)

// A Pool hands out the addresses of a range and takes them back. An address
// that came back is given out again as late as possible, so that nobody meets a
// stranger where a moment ago a pod was. It is safe for concurrent use.
type Pool struct {
	mu     sync.Mutex
	prefix netip.Prefix
	last   netip.Addr // given out most recently; the search goes on behind it
	owners map[netip.Addr]string
	taken  map[string]netip.Addr
}

// NewPool returns a pool of all addresses of prefix but the broadcast address
// of its /24 (.255).
func NewPool(prefix netip.Prefix) *Pool {
	prefix = prefix.Masked()
	return &Pool{
		prefix: prefix,
		last:   prefix.Addr().Prev(),
		owners: map[netip.Addr]string{},
		taken:  map[string]netip.Addr{},
	}
}

// Take returns the address of owner, a new one if it has none. It fails when
// all addresses are taken.
func (p *Pool) Take(owner string) (netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.taken[owner]; ok {
		return a, nil
	}
	a := p.next(p.last)
	for start := a; ; {
		if _, used := p.owners[a]; !used {
			p.give(a, owner)
			p.last = a
			return a, nil
		}
		if a = p.next(a); a == start {
			return netip.Addr{}, fmt.Errorf("all %d addresses of %s are taken", len(p.owners), p.prefix)
		}
	}
}

// Claim gives owner the address it had before, and says whether it could:
// the address is in the range, nobody else has it, and owner has no other.
func (p *Pool) Claim(a netip.Addr, owner string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if has, ok := p.taken[owner]; ok {
		return has == a
	}
	if _, used := p.owners[a]; used || !p.prefix.Contains(a) || broadcast(a) {
		return false
	}
	p.give(a, owner)
	return true
}

// Release takes owner's address back. Without one it does nothing.
func (p *Pool) Release(owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.taken[owner]; ok {
		delete(p.owners, a)
		delete(p.taken, owner)
	}
}

func (p *Pool) give(a netip.Addr, owner string) {
	p.owners[a] = owner
	p.taken[owner] = a
}

func (p *Pool) next(a netip.Addr) netip.Addr {
	a = a.Next()
	if !p.prefix.Contains(a) || broadcast(a) {
		return p.prefix.Addr()
	}
	return a
}

func broadcast(a netip.Addr) bool {
	return a.Is4() && a.As4()[3] == 255
}
