// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// lifetime is a testing.TB that outlives a test: what several tests share is made with it.
type lifetime struct {
	testing.TB

	ctx    context.Context //nolint:containedctx // as that of a testing.TB
	cancel func()
	mu     sync.Mutex
	ends   []func()
	group  sync.WaitGroup
}

func (l *lifetime) Helper()                   {}
func (l *lifetime) Context() context.Context  { return l.ctx }
func (l *lifetime) Output() io.Writer         { return io.Discard }
func (l *lifetime) Errorf(f string, a ...any) { fmt.Fprintf(os.Stderr, f+"\n", a...) }
func (l *lifetime) FailNow()                  { panic("what the checks of neighbours share does not work") }
func (l *lifetime) Cleanup(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, f)
}

func (l *lifetime) stop() {
	l.cancel()
	l.group.Wait()
	for i := len(l.ends) - 1; i >= 0; i-- {
		l.ends[i]()
	}
}

// tell carries the reports of one cluster to another, as peers do.
func (l *lifetime) tell(from, to *site) {
	l.group.Go(func() {
		beat := time.NewTicker(500 * time.Millisecond)
		defer beat.Stop()
		serial, tag, id := uint32(0), gslb.GeoTag(""), ""
		for {
			select {
			case <-l.ctx.Done():
				return
			case w := <-from.box.C():
				report := w.OwnReport(zone().Zone)
				if report == nil || !w.Local.Synced {
					continue
				}
				serial++
				report.Instance, report.Serial = "one", serial
				tag, id = w.Self, w.SelfID
				require.NoError(l, to.store.SetReport(report))
			case <-beat.C:
			}
			if tag != "" {
				to.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, ID: id, Instance: "one", At: time.Now()})
			}
		}
	})
}
