// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"
)

// slowUDP bounds the slow messages from UDP that are worked on at once, each of
// which may cost a signature: they wait for a processor in one queue with the
// goroutines that read the sockets.
const slowUDP = 64

// slowJob is one message for the slow path.
type slowJob struct {
	msg   []byte // its own copy
	from  netip.AddrPort
	tcp   bool
	count *counters
	reply func([]byte) error
}

// slowPool runs slow messages, each in a goroutine of its own, never more than
// a bound, nor more octets than there is room for. Datagrams, whose senders cost
// nothing, get a quarter of the bound, and no more than slowUDP unless every
// message comes here.
type slowPool struct {
	path       SlowPath // nil: there is none
	all, udp   chan struct{}
	room       *room     // for the messages
	responders sync.Pool // of *responder that answer what the slow path does not know
	wg         sync.WaitGroup
}

func newSlowPool(cfg *Config, responder func(*counters) *responder) *slowPool {
	udp := max(cfg.MaxSlow/4, 1)
	if !cfg.SlowAll {
		udp = min(udp, slowUDP)
	}
	p := &slowPool{path: cfg.SlowPath, all: make(chan struct{}, cfg.MaxSlow), udp: make(chan struct{}, udp), room: newRoom(slowRoom)}
	p.responders.New = func() any {
		r := responder(nil)
		r.hasSlow = false
		return r
	}
	return p
}

func (p *slowPool) inFlight() int { return len(p.all) }

// crowded reports that more than half of the room is taken.
func (p *slowPool) crowded() bool { return len(p.all) > cap(p.all)/2 }

// startUDP runs a message that came as a datagram; false: no room.
func (p *slowPool) startUDP(ctx context.Context, job slowJob) bool {
	select {
	case p.udp <- struct{}{}:
	default:
		return false
	}
	if p.start(ctx, job, func() { <-p.udp }) {
		return true
	}
	<-p.udp
	return false
}

// start runs a message and then done; false: no room, and done is not called.
func (p *slowPool) start(ctx context.Context, job slowJob, done func()) bool {
	select {
	case p.all <- struct{}{}:
	default:
		return false
	}
	if !p.room.take(len(job.msg)) {
		<-p.all
		return false
	}
	size := len(job.msg)
	p.wg.Go(func() {
		defer func() {
			p.room.give(size)
			<-p.all
			done()
		}()
		p.run(ctx, job)
	})
	return true
}

// run gives the message to the slow path, and answers it plainly when that does
// not know it. A panic is told and answered with SERVFAIL.
func (p *slowPool) run(ctx context.Context, job slowJob) {
	r := p.responders.Get().(*responder)
	defer p.responders.Put(r)
	r.count, r.now = job.count, 0
	var replies atomic.Uint32
	defer func() {
		if v := recover(); v != nil {
			r.recovered(v)
			if replies.Load() == 0 {
				_ = job.reply(servFail(nil, job.msg)) // where it fails, nobody is there any more
			}
		}
	}()
	qtype := uint16(dns.TypeNone)
	if r.q.parse(job.msg) == formGood {
		qtype = r.q.qtype
	}
	known := p.path.ServeSlow(ctx, job.msg, job.from, job.tcp, func(msg []byte) error {
		if len(msg) < headerSize || len(msg) > maxMessage {
			return errors.New("a DNS message has 12 to 65535 octets")
		}
		first := replies.Add(1) == 1
		if first {
			r.count.query(qtype, int(msg[3]&0xF))
		} else if !job.tcp {
			return errors.New("a datagram is answered once")
		}
		return job.reply(msg)
	})
	if known || replies.Load() > 0 {
		return
	}
	if out, what := r.respond(nil, job.msg, job.from.Addr(), job.tcp); what == answered {
		_ = job.reply(out) // where it fails, nobody is there any more
	}
}
