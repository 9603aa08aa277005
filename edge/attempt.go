// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// maxRaces bounds how often a lost race is run again at once.
const maxRaces = 5

// beat reads the heartbeat and writes it if needed.
func (b *beater) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, publisherBudget)
	defer cancel()
	var before []string
	var raced error
	for range maxRaces {
		cur, err := b.read(ctx, "")
		if err != nil {
			return err
		}
		if before != nil && !cur.good && slices.Equal(before, cur.data) {
			b.wildcard = true // read, and yet not there
		}
		before = cur.data
		if b.wentBack(cur) {
			b.moved = true // what it states of our addresses may be old
		}
		b.note(cur)
		write, problem := b.needed(cur)
		if problem != nil {
			return problem
		}
		b.claim.newcomer(b.dispute.newcomer)
		if b.dispute.proven(time.Now()) && b.claim.open(b.dispute.message) {
			b.claimed()
		}
		if !write {
			b.content(cur)
			return nil
		}
		if raced = b.write(ctx, cur); !errors.Is(raced, ErrRaced) {
			return raced
		}
	}
	return raced
}

// wentBack reports that the heartbeat is an older one of our cluster than we saw: the
// edge zone was restored.
func (b *beater) wentBack(cur current) bool {
	return cur.good && !b.seenAt.IsZero() && cur.beat.ClusterID == b.selfID && b.seen.ClusterID == b.selfID && cur.beat.Counter < b.seen.Counter
}

// content notes that the heartbeat says what it should.
func (b *beater) content(cur current) {
	b.moved, b.changed = b.moved && b.target.blind && cur.beat.NS != b.digest, false
	mine := cur.beat.ClusterID == b.selfID && cur.beat.Instance == b.k.Instance
	news := b.claim.set(mine, b.dispute.removableFrom, b.dispute.message)
	if b.claim.read(cur.data, cur.beat.NS, b.digest) || news {
		b.claimed()
	}
}

// write makes one attempt, and reads it back from the server that took it.
func (b *beater) write(ctx context.Context, cur current) error {
	now := time.Now()
	next := b.compose(cur, now)
	data := next.Data()
	server, err := b.k.Publisher.Update(ctx, Change{
		Zone:    b.edge,
		Require: []RRset{b.unchanged(cur)},
		Clear:   []RRset{{Name: b.owner, Type: TypeTXT}},
		Add:     []gslb.Record{{Name: b.owner, Type: TypeTXT, TTL: heartbeatTTL, Data: data}},
	})
	if err != nil {
		return err
	}
	back, err := b.read(ctx, server)
	if err != nil {
		return err
	}
	if !back.good || back.beat.ClusterID != b.selfID || back.beat.Counter < next.Counter {
		return b.ignored(server)
	}
	b.dispute.wrote(cur, b.selfID, now)
	b.wroteAt = now
	b.note(back)
	b.content(back)
	return nil
}

func (b *beater) ignored(server string) error {
	b.k.metrics.ignored(b.edge)
	return &Error{Reason: ReasonIgnored, Server: server, Message: "edge server " + server +
		" said NOERROR to the update of " + b.owner.FQDN() + " TXT and serves something else"}
}
