// SPDX-License-Identifier: Apache-2.0

package files

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// Run reads the folder, and again whenever something changes in it, until ctx ends; it
// then returns nil. It may be called once.
//
// Six things can happen in the loop:
//
//  1. something happened in the folder: wait until quiet, but not for long, then read
//  2. the system lost count of what happened: the same, for every file
//  3. it is time to look anyway, or at a file that was gone
//  4. the name of a load balancer has other addresses
//  5. an address that left has stayed for long enough
//  6. ctx ends
func (s *Source) Run(ctx context.Context) error {
	w := s.watch(s.dir, s.log)
	defer w.close()
	var names sync.WaitGroup
	defer names.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	names.Go(func() { _ = s.names.book.Run(ctx) })
	w.follow()
	timer := time.NewTimer(s.read(ctx, w, nil, time.Now()))
	defer timer.Stop()
	due := time.NewTimer(0)
	defer due.Stop()
	var force map[string]bool
	var since time.Time // of the first event that was not acted upon
	for {
		s.alarm(due)
		select {
		case <-ctx.Done():
			return nil
		case e := <-w.events:
			name, matters := w.about(e)
			if !matters {
				continue
			}
			force = with(force, name)
		case err := <-w.errors:
			s.log.Debug("changes were lost; looking at every file", "error", err)
			force = s.everyFile()
		case <-s.names.news:
			for _, name := range s.names.take() {
				s.model.touch(name)
			}
			s.apply(ctx, nil, time.Now())
			continue
		case now := <-due.C:
			s.model.touchDue(now)
			s.apply(ctx, nil, now)
			continue
		case <-timer.C:
			arrived := since
			if arrived.IsZero() {
				arrived = time.Now()
			}
			since = time.Time{}
			timer.Reset(s.read(ctx, w, force, arrived))
			force = nil
			continue
		}
		if since.IsZero() {
			since = time.Now()
		}
		timer.Reset(max(min(quiet, time.Until(since.Add(patience))), 0))
	}
}

func with(set map[string]bool, name string) map[string]bool {
	if set == nil {
		set = make(map[string]bool)
	}
	set[name] = true
	return set
}

func (s *Source) everyFile() map[string]bool {
	all := map[string]bool{"": true}
	for name := range s.folder.files {
		all[name] = true
	}
	return all
}

// read looks at the folder, hands on what changed, and gives the time until the next
// look. arrived is when the first sign of a change did.
func (s *Source) read(ctx context.Context, w *watch, force map[string]bool, arrived time.Time) time.Duration {
	next := lookAnyway
	if w.fs == nil {
		next = lookWithout
	}
	now := time.Now()
	changed, again, err := s.folder.scan(ctx, now, force)
	if ctx.Err() != nil {
		return next
	}
	if w.follow() {
		again = now.Add(quiet) // what happened before it was followed is found then
	}
	if err != nil {
		s.goBlind(err, now)
		return min(next, lookWithout)
	}
	s.see()
	if len(changed) > 0 || !s.synced {
		s.apply(ctx, changed, arrived)
	}
	if !again.IsZero() {
		next = min(next, max(time.Until(again), 0))
	}
	return next
}

// goBlind says that the folder cannot be read. Everything stays as it was.
func (s *Source) goBlind(err error, now time.Time) {
	if !s.blind.IsZero() {
		return
	}
	s.blind = now
	s.metrics.blind.Set(1)
	s.log.Error("the folder of manifests cannot be read; what was read before is served", "error", err)
	s.cfg.Store.UpdateLocal(func(l *gslb.LocalState) { l.Blind = now })
}

func (s *Source) see() {
	if s.blind.IsZero() {
		return
	}
	s.blind = time.Time{}
	s.metrics.blind.Set(0)
	s.log.Info("the folder of manifests can be read again")
	s.cfg.Store.UpdateLocal(func(l *gslb.LocalState) { l.Blind = time.Time{} })
}

// apply translates what changed and sets the Store: zones first, then hosts, and at
// last the mark, so that it never says more than is known.
func (s *Source) apply(ctx context.Context, changed []string, arrived time.Time) {
	for _, name := range changed {
		f := s.folder.files[name]
		if f == nil {
			s.model.set(name, nil, false)
			continue
		}
		s.model.set(name, f.objects, !f.gone.IsZero())
	}
	changes, zones := s.model.settle()
	if !s.synced {
		s.await(ctx)
		more, moved := s.model.settle()
		changes, zones = append(changes, more...), zones || moved
	}
	if zones || !s.synced {
		s.cfg.Store.SetZones(s.model.zones.Intents())
	}
	for i := range changes {
		s.offer(&changes[i], arrived)
	}
	s.tell(changes)
	if len(changes) > 0 || zones || !s.synced {
		s.metrics.changes.Inc()
		s.advance()
	}
}

// offer sets what one Gslb offers.
func (s *Source) offer(c *change, arrived time.Time) {
	src := c.after.Source
	if src == (gslb.Source{}) { // it is gone
		src = c.before.Source
	}
	if !reflect.DeepEqual(c.before.Offers, c.after.Offers) || c.before.Source == (gslb.Source{}) {
		s.cfg.Store.SetObjectAt(arrived, src, c.after.Offers)
	}
}

// advance raises the mark. It is the time in milliseconds, so that it rises across
// restarts too, and more than that where changes come faster.
func (s *Source) advance() {
	s.mark = max(s.mark+1, uint64(max(time.Now().UnixMilli(), 0))) //nolint:gosec // it is not negative
	first := !s.synced
	s.synced = true
	mark := s.mark
	s.cfg.Store.UpdateLocal(func(l *gslb.LocalState) { l.Mark, l.Synced = mark, true })
	if first {
		s.log.Info("the folder of manifests was read", "gslbs", len(s.model.gslbs), "zones", len(s.model.zones.Zones))
	}
}

// Findings says, in words, what conditions of Gslbs with a host would tell: what of it was
// not found, is left out, or cannot be told from files, such as readiness gates. It may be
// called after Run has returned.
func (s *Source) Findings(host gslb.Name) []string {
	var all []string
	for _, state := range s.model.gslbs {
		if !slices.ContainsFunc(state.output.Hosts, func(h translate.HostStatus) bool { return h.Host == host }) {
			continue
		}
		for i := range state.output.Findings {
			if f := &state.output.Findings[i]; !slices.Contains(all, f.Message) {
				all = append(all, f.Message)
			}
		}
	}
	slices.Sort(all)
	return all
}
