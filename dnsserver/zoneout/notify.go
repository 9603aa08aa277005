// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsig"
)

// Timers of NOTIFY. RFC 1996 §3.6 proposes a minute between five attempts; ours
// begin sooner, because a zone changes within seconds.
const (
	notifyWait     = 2 * time.Second // for an answer
	notifyFirst    = time.Second     // until the second attempt; then twice as long each time
	notifyMost     = time.Minute
	notifyAttempts = 10 // in a row; then silence until a serial moves
)

// Exchange sends a message to a server and waits for an answer that good
// accepts, until ctx ends.
type Exchange func(ctx context.Context, to netip.AddrPort, msg []byte, good func(answer []byte) bool) error

// How sending a NOTIFY ends.
const (
	notifyTaken      = "taken"
	notifyRefused    = "refused"
	notifyUnverified = "unverified"
	notifySilent     = "silent"
)

// notifier tells one secondary of serials that moved.
type notifier struct {
	server   *Server
	to       Secondary
	moved    chan struct{}        // one place
	alive    chan struct{}        // one place
	told     map[gslb.Name]uint32 // the last serial that the secondary answered for
	failures int                  // in a row
	silent   time.Time            // until when nothing is sent
}

func newNotifier(s *Server, to Secondary) *notifier {
	return &notifier{server: s, to: to, moved: make(chan struct{}, 1), alive: make(chan struct{}, 1), told: make(map[gslb.Name]uint32)}
}

// run waits for three things:
//
//  1. a serial moved: tell it, unless the last attempt was just in vain
//  2. the time after an attempt in vain is over: try again
//  3. the secondary was heard: it is there, whatever was in vain before
func (n *notifier) run(ctx context.Context) {
	timer := time.NewTimer(0)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.moved:
		case <-timer.C:
		case <-n.alive:
			n.silent = time.Time{}
		}
		if wait := time.Until(n.silent); wait > 0 {
			timer.Reset(wait)
			continue
		}
		if again := n.round(ctx); again > 0 {
			timer.Reset(again)
		}
	}
}

// heard notes that somebody asked from an address: secondaries there are back.
func (s *Server) heard(a netip.Addr) {
	for _, n := range s.notifiers {
		if n.to.Addr.Addr() == a.Unmap() {
			wake(n.alive)
		}
	}
}

// round tells of every zone whose serial moved, until an attempt is in vain. It
// gives how long to wait before the next round, 0 if none is due.
func (n *notifier) round(ctx context.Context) time.Duration {
	known := n.server.zones.Load()
	if known == nil {
		return 0
	}
	all := *known
	names := make([]gslb.Name, 0, len(all))
	for name, z := range all {
		if serial, told := n.told[name]; !told || serial != z.newest.Load().serial {
			names = append(names, name)
		}
	}
	for name := range n.told {
		if all[name] == nil {
			delete(n.told, name)
		}
	}
	slices.SortFunc(names, gslb.Name.Compare)
	for _, name := range names {
		v := all[name].newest.Load()
		err := n.tell(ctx, name, v)
		if ctx.Err() != nil {
			return 0
		}
		if err != nil {
			return n.failed(err)
		}
		n.told[name] = v.serial
	}
	if n.failures > 0 && len(names) > 0 {
		n.failures = 0
		n.server.log.Info("secondary answers NOTIFY again", "to", n.to.Addr)
	}
	return 0
}

// failed counts an attempt in vain and says when to try again; 0: not before a
// serial moves.
func (n *notifier) failed(err error) time.Duration {
	if n.failures == 0 {
		n.server.log.Warn("secondary does not answer NOTIFY", "to", n.to.Addr, "error", err)
	}
	n.failures++
	pause := notifyMost
	if n.failures < 8 {
		pause = min(notifyFirst<<(n.failures-1), notifyMost)
	}
	n.silent = time.Now().Add(pause)
	if n.failures >= notifyAttempts {
		return 0
	}
	return pause
}

// tell sends one NOTIFY. The error says that there was no answer, or none that
// can be believed.
func (n *notifier) tell(ctx context.Context, name gslb.Name, v *version) error {
	ctx, cancel := context.WithTimeout(ctx, notifyWait)
	defer cancel()
	msg := notification(name, v)
	var verifier *tsig.Verifier
	if n.to.Key != nil {
		var err error
		if msg, verifier, err = tsig.Request(n.to.Key, msg, time.Now()); err != nil {
			return err
		}
	}
	rcode, unverified := 0, error(nil)
	err := n.server.cfg.Exchange(ctx, n.to.Addr, msg, func(answer []byte) bool {
		if len(answer) < header || answer[0] != msg[0] || answer[1] != msg[1] || answer[2]&0xF8 != 0x80|dns.OpcodeNotify<<3 {
			return false
		}
		if verifier != nil {
			if unverified = verifier.Verify(answer, time.Now()); unverified != nil {
				return false // somebody else may have sent it
			}
		}
		rcode = int(answer[3] & 0xF)
		return true
	})
	switch {
	case err != nil && unverified != nil:
		n.server.metrics.notified(notifyUnverified)
		return fmt.Errorf("answer to NOTIFY: %w", unverified)
	case err != nil:
		n.server.metrics.notified(notifySilent)
		return err
	case rcode != dns.RcodeSuccess: // RFC 1996 §3.8: an answer ends it
		n.server.metrics.notified(notifyRefused)
		n.server.log.Warn("secondary refuses NOTIFY", "zone", name, "to", n.to.Addr, "rcode", dns.RcodeToString[rcode])
	default:
		n.server.metrics.notified(notifyTaken)
		n.server.log.Debug("secondary was notified", "zone", name, "to", n.to.Addr, "serial", v.serial)
	}
	return nil
}

// notification is a NOTIFY for a zone, with its SOA as a hint (RFC 1996 §3.7).
func notification(name gslb.Name, v *version) []byte {
	soa := v.soa(name)
	r := &request{msg: binary.BigEndian.AppendUint16(nil, uint16(rand.Uint32())), qname: soa.owner, opcode: dns.OpcodeNotify}
	r.question = binary.BigEndian.AppendUint16([]byte(soa.owner), dns.TypeSOA)
	r.question = binary.BigEndian.AppendUint16(r.question, dns.ClassINET)
	var m message
	m.begin(r, dns.RcodeSuccess, true)
	m.buf[2] &^= 0x80 // a request
	m.add(&soa)
	return m.finish(false, 0, false)
}

// overUDP is the usual [Exchange].
func overUDP(ctx context.Context, to netip.AddrPort, msg []byte, good func([]byte) bool) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "udp", to.String())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline) // where it fails, the write does
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := c.Write(msg); err != nil {
		return err
	}
	buf := make([]byte, maxMessage)
	for {
		n, err := c.Read(buf)
		if err != nil {
			if ctx.Err() != nil {
				return errors.New("no answer in time")
			}
			return err
		}
		if good(buf[:n]) {
			return nil
		}
	}
}
