// SPDX-License-Identifier: Apache-2.0

//go:build load && linux

package load_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// paced asks a good question over UDP at an even rate, whatever becomes of it, as
// a resolver of well-behaved people would.
type paced struct {
	conn *net.UDPConn
	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex
	asked []asked // by ID
	old   []asked // those before, when IDs came round
}

type asked struct{ at, answered time.Time }

const pacedEvery = 2 * time.Millisecond

func packed(t testing.TB, name string, qtype uint16, edit ...func(*dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	for _, e := range edit {
		e(m)
	}
	b, err := m.Pack()
	require.NoError(t, err)
	return b
}

// pace begins to ask.
func (s *server) pace() *paced {
	s.t.Helper()
	c, err := net.Dial("udp", s.at())
	require.NoError(s.t, err)
	raw, err := c.(*net.UDPConn).SyscallConn()
	require.NoError(s.t, err)
	require.NoError(s.t, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}))
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(s.t.Context())
	p := &paced{conn: c.(*net.UDPConn), stop: cancel}
	query := packed(s.t, host, dns.TypeA)
	p.done.Go(func() {
		tick := time.NewTicker(pacedEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			p.mu.Lock()
			if len(p.asked) == 1<<16 {
				p.old, p.asked = append(p.old, p.asked...), p.asked[:0]
			}
			binary.BigEndian.PutUint16(query, uint16(len(p.asked)))
			p.asked = append(p.asked, asked{at: time.Now()})
			p.mu.Unlock()
			_, _ = c.Write(query)
		}
	})
	p.done.Go(func() {
		buf, control := make([]byte, 1500), make([]byte, 128)
		for {
			n, m, _, _, err := p.conn.ReadMsgUDP(buf, control)
			if err != nil {
				return
			}
			now := arrival(control[:m])
			if n < 12 || buf[7] != 2 {
				continue // not the answer
			}
			p.mu.Lock()
			if id := int(binary.BigEndian.Uint16(buf)); id < len(p.asked) {
				p.asked[id].answered = now
			}
			p.mu.Unlock()
		}
	})
	return p
}

// arrival gives when the kernel had a datagram: how long this program then took to look
// at it is not the server's.
func arrival(control []byte) time.Time {
	all, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(all) == 0 || len(all[0].Data) < 16 {
		return time.Now()
	}
	return time.Unix(int64(binary.NativeEndian.Uint64(all[0].Data)), int64(binary.NativeEndian.Uint64(all[0].Data[8:])))
}

// figures are what became of the questions of a while.
type figures struct {
	asked, answered int
	p50, p99, max   time.Duration
}

func (f figures) String() string {
	return fmt.Sprintf("%d of %d answered, p50 %v, p99 %v, max %v", f.answered, f.asked,
		f.p50.Round(time.Microsecond), f.p99.Round(time.Microsecond), f.max.Round(time.Microsecond))
}

// share is how many of a hundred questions were answered.
func (f figures) share() float64 { return 100 * float64(f.answered) / float64(max(f.asked, 1)) }

// end stops asking, waits a moment for answers, and gives the figures.
func (p *paced) end() figures {
	p.stop()
	timer := time.NewTimer(200 * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	_ = p.conn.Close()
	p.done.Wait()
	return figuresOf(append(p.old, p.asked...))
}

func figuresOf(all []asked) figures {
	f := figures{asked: len(all)}
	var took []time.Duration
	for _, a := range all {
		if !a.answered.IsZero() {
			took = append(took, a.answered.Sub(a.at))
		}
	}
	if f.answered = len(took); f.answered > 0 {
		slices.Sort(took)
		f.p50, f.p99, f.max = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	}
	return f
}

// normal gives how long after a moment answers were normal again: from then on 50 in
// a row were answered within a bound. false: never.
func (p *paced) normal(since time.Time, bound time.Duration) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	run, began := 0, time.Time{}
	for _, a := range slices.Concat(p.old, p.asked) {
		switch {
		case a.at.Before(since):
		case a.answered.IsZero(), a.answered.Sub(a.at) > bound:
			run = 0
		default:
			if run == 0 {
				began = a.at
			}
			if run++; run == 50 {
				return max(began.Sub(since), 0), true
			}
		}
	}
	return 0, false
}
