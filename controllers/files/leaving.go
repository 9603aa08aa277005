// SPDX-License-Identifier: Apache-2.0

package files

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/leaving"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// holdEntries is how long addresses stay whose status went empty; see [Config].
const holdEntries = 5 * time.Minute

// stays is what keeps addresses that objects do not have any more.
type stays struct {
	memory *leaving.Memory[key]
	drains *leaving.Drains
	due    map[types.NamespacedName]time.Time // when time alone changes what a Gslb means
}

func newStays(c *modelConfig) stays {
	before := c.before
	if before == nil {
		before = func(gslb.Source, gslb.Name) []gslb.Entry { return nil }
	}
	return stays{
		memory: leaving.NewMemory[key](c.holdEntries), drains: leaving.NewDrains(c.holdEntries, c.asksDraining, before),
		due: make(map[types.NamespacedName]time.Time),
	}
}

// forget drops what is known of a Gslb that is gone.
func (s *stays) forget(name types.NamespacedName) {
	s.drains.Forget(name)
	delete(s.due, name)
}

// recall gives an object with the addresses that count now; again is moved to when that
// changes by itself.
func (s *stays) recall(k key, obj refs.Object, now time.Time, again *time.Time) refs.Object {
	kept, until := s.memory.Recall(k, obj, now)
	*again = earlier(*again, until)
	return kept
}

// drain adds to a translation what drains, and notes when it is to be made anew: then, or
// at again.
func (s *stays) drain(name types.NamespacedName, out *translate.Output, now, again time.Time) {
	if again = earlier(again, s.drains.Apply(name, out, now)); again.IsZero() {
		delete(s.due, name)
	} else {
		s.due[name] = again
	}
}

// earlier gives the earlier of two times; zero: never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// touchDue marks the Gslbs that time alone has changed.
func (m *model) touchDue(now time.Time) {
	for name, at := range m.stays.due {
		if !now.Before(at) {
			m.touch(name)
		}
	}
}

// nextDue says when the first of them is due; zero: none is.
func (m *model) nextDue() (next time.Time) {
	for _, at := range m.stays.due {
		next = earlier(next, at)
	}
	return next
}

// alarm sets a timer for the first Gslb that time alone changes.
func (s *Source) alarm(timer *time.Timer) {
	if next := s.model.nextDue(); next.IsZero() {
		timer.Stop()
	} else {
		timer.Reset(max(time.Until(next), 0))
	}
}

// entriesBefore gives the entries that the World has of a Gslb, while the folder is read for
// the first time.
func (s *Source) entriesBefore(source gslb.Source, host gslb.Name) []gslb.Entry {
	if s.synced {
		return nil
	}
	return leaving.EntriesOf(s.cfg.Store.World(), s.cfg.Self, source, host)
}
