// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"fmt"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// betweenQuestions is how soon a reader that was just answered asks again.
const betweenQuestions = 100 * time.Millisecond

// Announce says what this cluster is about to do, and returns when every reader
// was told, or with the error of ctx. Readers that are between two questions get
// a moment to ask. Store, Run and DNS server must still run.
func (x *Exchange) Announce(ctx context.Context, a gslb.Announcement) error {
	x.cfg.Store.UpdateLocal(func(l *gslb.LocalState) { l.Announcement = a })
	for done, turned := x.author.announced(a); !done; done, turned = x.author.announced(a) {
		if err := wait(ctx, turned, a); err != nil {
			return err
		}
	}
	moment, cancel := context.WithTimeout(ctx, betweenQuestions)
	defer cancel()
	if <-moment.Done(); ctx.Err() != nil {
		return fmt.Errorf("announcing %q to the peers: %w", a, ctx.Err())
	}
	for _, p := range x.author.publications() {
		for behind, left := p.behind(); behind; behind, left = p.behind() {
			if err := wait(ctx, left, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func wait(ctx context.Context, until <-chan struct{}, a gslb.Announcement) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("announcing %q to the peers: %w", a, ctx.Err())
	case <-until:
		return nil
	}
}
