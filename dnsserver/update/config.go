// SPDX-License-Identifier: Apache-2.0

package update

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/tsigkey"
)

// Bounds of what an update may hold, and of what is held in all.
const (
	maxMessage  = 16 << 10  // octets of a request
	maxSection  = 64        // prerequisites of a message, and its changes
	maxPerName  = 16        // records of a name
	maxHeld     = 512       // records in all
	maxData     = 512       // octets of a record on the wire; ACME needs 44
	maxHeldData = 256 << 10 // octets of the text of all of them: they have to fit into one object
	minTTL      = 1
	maxTTL      = 3600
	maxWaiting  = 32 // updates that wait for their turn
)

// DefaultTimeout bounds one update. Clients wait for two seconds or more.
const DefaultTimeout = 4 * time.Second

// ChallengeLabel is the first label of the names at which ACME looks for the
// records of a challenge (RFC 8555 §8.4).
const ChallengeLabel = "_acme-challenge"

// Key is a key that may send updates.
type Key struct {
	*tsigkey.Key
	// Scopes are names at and below which the key may change TXT records; none: the
	// names of every zone that begin with [ChallengeLabel]. Of several Keys with one
	// name, each may do what all of them may.
	Scopes []gslb.Name
}

// Storage keeps what this cluster holds, the same for all its replicas.
type Storage interface {
	// Change tells the Store what is held now, lets edit make of it what is to be held,
	// keeps that, and tells the Store again. Nothing else changes in between: where
	// another replica was faster, edit is called again. Its slice is not to be written
	// to. An error of edit is given back as it is, and nothing is changed; nor is it
	// where edit gives what it was given. After any other error what is served is what
	// it was.
	Change(ctx context.Context, edit func(held []gslb.Record) ([]gslb.Record, error)) error
}

// Served gives the types of the RRsets that stand at a name, and the data of their
// records in wire form, with names neither compressed nor in capitals.
type Served func(name gslb.Name) iter.Seq2[uint16, [][]byte]

// Config says what a Handler needs. Keys and Storage are required.
type Config struct {
	Keys       []Key
	Storage    Storage
	Timeout    time.Duration         // of one update; 0: [DefaultTimeout]
	Log        *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: no metrics
}

func (c *Config) complete() error {
	switch {
	case len(c.Keys) == 0:
		return errors.New("updates need a key: nothing unsigned changes a zone")
	case c.Storage == nil:
		return errors.New("updates need a storage")
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With("component", "update")
	return nil
}
