// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// pen is what writes: it notes when, and fails as told.
type pen struct {
	mu   sync.Mutex
	err  error
	idle bool // there is nothing to write
	at   []time.Time
}

func (p *pen) write(context.Context, types.NamespacedName) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = append(p.at, time.Now())
	return p.err == nil && !p.idle, p.err
}

func (p *pen) set(err error, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.idle = err, idle
}

func (p *pen) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.at)
}

// desk is writers with one pen, in a term.
type desk struct {
	*writers
	pen *pen
	log *logbook
	end func()
}

func newDesk(t *testing.T, first ...task) *desk {
	t.Helper()
	d := &desk{pen: &pen{}, log: &logbook{}}
	log := slog.New(slog.NewTextHandler(d.log, nil))
	m := testMetrics(t)
	r := newReach(log, time.Hour, m, func(time.Time) {})
	all := func(context.Context) []task { return first }
	d.writers = newWriters(log, m, r, all, map[what]writeFunc{writeStatus: d.pen.write, writeZone: d.pen.write})
	return d
}

func (d *desk) lead(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { d.writers.lead(ctx) })
	d.end = sync.OnceFunc(func() { cancel(); group.Wait() })
	t.Cleanup(d.end)
	synctest.Wait()
}

var status = task{writeStatus, nn("a", "g")}

func TestWritersBeginATermWithEverythingAndDropBetweenTerms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, status, task{writeZone, nn("", "z")})
		d.add(status)
		assert.Zero(t, d.pen.count(), "who does not lead writes nothing")
		d.lead(t)
		assert.Equal(t, 2, d.pen.count())
		assert.Equal(t, 1.0, testutil.ToFloat64(d.metrics.leader))
		d.end()
		d.add(status)
		d.addNow(status)
		time.Sleep(time.Minute)
		assert.Equal(t, 2, d.pen.count())
		assert.Zero(t, testutil.ToFloat64(d.metrics.leader))
		d.lead(t)
		assert.Equal(t, 4, d.pen.count())
	})
}

func TestWritersWriteAnObjectTwiceASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.lead(t)
		start := time.Now()
		for time.Since(start) < 10*time.Second {
			d.addNow(status)
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		assert.LessOrEqual(t, d.pen.count(), 21)
		assert.GreaterOrEqual(t, d.pen.count(), 19, "and not less, when there is so much to write")
		assert.Equal(t, start, d.pen.at[0], "the first at once")

		n := d.pen.count()
		d.pen.set(nil, true)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.LessOrEqual(t, d.pen.count(), n+1, "the last state is looked at")
	})
}

func TestWritersTryAgainAndTellAtStartAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.lead(t)
		d.pen.set(forbidden, false)
		d.addNow(status)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		n := d.pen.count()
		assert.Greater(t, n, 5)
		assert.Less(t, n, 30, "more and more rarely")
		assert.Equal(t, 1, strings.Count(d.log.String(), "cannot be written"))
		d.pen.set(nil, false)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Equal(t, n+1, d.pen.count())
		assert.Equal(t, 1, strings.Count(d.log.String(), "is written again"))
	})
}

func TestWritersAreSilentAboutWhatIsNoTrouble(t *testing.T) {
	gslbs := schema.GroupResource{Resource: "gslbs"}
	for _, err := range []error{
		apierrors.NewConflict(gslbs, "g", errors.New("changed")), apierrors.NewAlreadyExists(gslbs, "g"), io.ErrUnexpectedEOF,
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			d.lead(t)
			d.pen.set(err, false)
			d.addNow(status)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			require.Greater(t, d.pen.count(), 1, "it is tried again")
			assert.NotContains(t, d.log.String(), "cannot be written", err.Error())
		})
	}
}

func TestWritersLeaveWhatGoesWithItsNamespace(t *testing.T) {
	terminating := apierrors.NewForbidden(schema.GroupResource{Resource: "ingresses"}, "app", errors.New("being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	gone := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop")
	for _, err := range []error{terminating, gone} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			d.lead(t)
			d.pen.set(err, false)
			d.addNow(status)
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Equal(t, 1, d.pen.count(), "not tried again")
			assert.NotContains(t, d.log.String(), "written")
		})
	}
}

func TestWritersWaitWhileTheAPIIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.lead(t)
		d.reach.suspect(io.EOF, time.Now())
		d.addNow(status)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Zero(t, d.pen.count())
		d.end() // and the term can end meanwhile
	})
}
