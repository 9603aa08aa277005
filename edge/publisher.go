// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
)

// Types of records that this package reads and writes (RFC 1035 §3.2.2, RFC
// 3596 §2.1).
const (
	TypeA    uint16 = 1
	TypeNS   uint16 = 2
	TypeTXT  uint16 = 16
	TypeAAAA uint16 = 28
)

// A Publisher reads and changes edge zones. Its methods are safe for concurrent
// use, give up in bounded time, and return an [*Error] when they fail.
//
// Data is in presentation format and canonical: names lower-case and absolute,
// addresses as [netip.Addr] prints them, TXT as quoted strings.
type Publisher interface {
	// Lookup asks for one RRset, without recursion. NS of a name below the edge
	// zone is the delegation as the edge zone holds it.
	Lookup(ctx context.Context, q Query) (Answer, error)
	// Update applies a change in one message: all of it, or nothing. It returns
	// the server that took it. [ErrRaced] means that a prerequisite failed.
	// Success says only that the server said so: read it back.
	Update(ctx context.Context, c Change) (server string, err error)
}

// Query names one RRset.
type Query struct {
	Zone   gslb.Name // the edge zone
	Name   gslb.Name
	Type   uint16
	Server string // ask only this one; "": the one that takes updates, else the next
}

// Answer is what a server serves.
type Answer struct {
	Server string
	Data   []string // sorted; empty: there is no such RRset
	Alias  string   // target of a CNAME that stands at the name; "": none
}

// Change is one update of an edge zone. Sets are named by Name and Type.
type Change struct {
	Zone    gslb.Name
	Require []RRset       // prerequisites: the set is exactly Data, or absent where Data is empty
	Clear   []RRset       // sets to be removed whole; Data is ignored
	Remove  []gslb.Record // single records; TTL is ignored
	Add     []gslb.Record
}

// Empty reports that the change would change nothing.
func (c *Change) Empty() bool { return len(c.Clear) == 0 && len(c.Remove) == 0 && len(c.Add) == 0 }

// RRset is a set of records without TTL.
type RRset struct {
	Name gslb.Name
	Type uint16
	Data []string
}

// ErrRaced says that a prerequisite of an update failed: somebody else changed
// the zone since it was read.
var ErrRaced = errors.New("the edge zone was changed by somebody else meanwhile; it is read again")

// Error says why an edge zone could not be read or changed.
type Error struct {
	Reason  Reason
	Server  string // that was asked; "": none
	RCODE   string // the answer's RCODE or TSIG error: "REFUSED", "BADKEY"; "": no answer
	Message string // for people; says what to look at
	Err     error  // the cause, if there is one
}

// Error gives the message, with the cause when there is one.
func (e *Error) Error() string {
	if e.Err == nil || strings.Contains(e.Message, e.Err.Error()) {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// asError gives the [*Error] in err, or wraps it as one of an edge that cannot
// be reached.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: ReasonUnreachable, Message: err.Error(), Err: err}
}
