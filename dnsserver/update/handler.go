// SPDX-License-Identifier: Apache-2.0

package update

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsig"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Handler takes updates. Make it with [New]; its methods are safe for concurrent
// use.
type Handler struct {
	cfg     Config
	keys    *tsigkey.Keyring
	grants  map[string]*grant // by name of the key
	metrics *metrics
	waiting chan struct{} // a place for each update in flight
	served  atomic.Pointer[served]
	wrong   atomic.Bool // the last signed update was wrongly signed, and that was told
}

// New makes a handler. It answers SERVFAIL until something is served.
func New(c Config) (*Handler, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	h := &Handler{cfg: c, grants: make(map[string]*grant), metrics: m, waiting: make(chan struct{}, maxWaiting)}
	var keys []*tsigkey.Key
	for _, k := range c.Keys {
		keys = append(keys, k.Key)
		g := h.grants[k.Name]
		if g == nil {
			g = &grant{}
			h.grants[k.Name] = g
		}
		g.challenges = g.challenges || len(k.Scopes) == 0
		g.scopes = append(g.scopes, k.Scopes...)
	}
	h.keys = tsigkey.NewKeyring(keys...)
	h.served.Store(&served{next: make(chan struct{})})
	return h, nil
}

// Publish tells what is served from now on: a World, and what stands at each name by
// it. It must be called in the order of the Worlds, after the table was published.
func (h *Handler) Publish(w *gslb.World, at Served) {
	old := h.served.Swap(&served{world: w, at: at, next: make(chan struct{})})
	close(old.next)
	held := 0
	for i := range w.Zones {
		held += len(w.Zones[i].Challenges)
	}
	h.metrics.held.Set(float64(held))
}

// ServeSlow answers an UPDATE that is signed by one of our keys, or meant to be. It
// returns false, having sent nothing, for every other message, for what is not
// signed, and for keys that are unknown here. It implements dnsserver.SlowPath.
func (h *Handler) ServeSlow(ctx context.Context, msg []byte, from netip.AddrPort, tcp bool, reply func(msg []byte) error) bool {
	if len(msg) < headerSize || msg[2]&0x80 != 0 || int(msg[2]>>3)&0xF != dns.OpcodeUpdate {
		return false
	}
	r := &request{raw: msg, from: from, tcp: tcp, reply: reply}
	signer, err := tsig.Verify(h.keys, msg, time.Now())
	switch {
	case err == nil && signer == nil:
		h.metrics.count(outcomeUnsigned)
		return false
	case errors.Is(err, tsig.ErrBadKey):
		h.metrics.count(outcomeBadKey)
		return false
	case errors.Is(err, tsig.ErrForm):
		h.metrics.count(outcomeFormErr)
		h.answer(r, dns.RcodeFormatError)
		return true
	}
	r.signer = signer
	if err != nil {
		h.wronglySigned(r, err)
		return true
	}
	if h.wrong.CompareAndSwap(true, false) {
		h.cfg.Log.Info("updates are rightly signed again")
	}
	rcode := r.parse()
	if rcode == dns.RcodeSuccess {
		ctx, cancel := context.WithTimeout(ctx, h.cfg.Timeout)
		defer cancel()
		rcode = h.update(ctx, r)
	} else {
		h.metrics.count(outcomeFormErr)
	}
	h.answer(r, rcode)
	return true
}

// wronglySigned answers what does not verify (RFC 8945 §5.2): NOTAUTH, and the
// TSIG error.
func (h *Handler) wronglySigned(r *request, err error) {
	h.metrics.badSignature(r.signer.Code())
	if h.wrong.CompareAndSwap(false, true) {
		h.cfg.Log.Warn("an update is wrongly signed", "from", r.from, "key", r.signer.KeyName(), "error", err)
	}
	if rcode := r.parse(); rcode != dns.RcodeSuccess {
		r.msg = nil
	}
	h.answer(r, dns.RcodeNotAuth)
}

func (h *Handler) answer(r *request, rcode int) {
	wire, err := r.answer(rcode)
	if err == nil {
		err = r.reply(wire)
	}
	if err != nil {
		h.cfg.Log.Debug("the answer to an update cannot be sent", "to", r.from, "error", err)
	}
}

// served is what is served at one moment.
type served struct {
	world *gslb.World
	at    Served
	next  chan struct{} // closed when something newer is served
}

// zoneOf gives the longest of our zones that holds a name, in canonical
// presentation form; the zero Name if none does.
func (s *served) zoneOf(name string) gslb.Name {
	var best gslb.Name
	for i := range s.world.Zones {
		z := s.world.Zones[i].Zone
		if dns.IsSubDomain(z.FQDN(), name) && len(z.String()) > len(best.String()) {
			best = z
		}
	}
	return best
}

// holds reports that what is served of a zone is made of what is held.
func (s *served) holds(zone gslb.Name, held []gslb.Record) bool {
	if s.world == nil || !s.world.Ready {
		return false
	}
	z := s.world.Zone(zone)
	if z == nil {
		return false
	}
	var ours []gslb.Record
	for _, r := range held {
		if s.zoneOf(r.Name.FQDN()) == zone {
			ours = append(ours, r)
		}
	}
	return slices.Equal(sorted(ours), sorted(z.Challenges))
}

// await waits until what is held of a zone is served. The error is that of ctx.
func (h *Handler) await(ctx context.Context, zone gslb.Name, held []gslb.Record) (*served, error) {
	for {
		s := h.served.Load()
		if s.holds(zone, held) {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(errNotServed, ctx.Err())
		case <-s.next:
		}
	}
}
