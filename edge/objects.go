// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"

	"github.com/meridian-gslb/meridian/gslb"
)

// Objects keeps delegations in objects of an API, which somebody else reads and
// carries into the edge zones: for ExternalDNS those are DNSEndpoints. All
// instances of a cluster see the same objects, and one of them writes. It is
// safe for concurrent use.
type Objects interface {
	// Get gives what is known of the object of a zone; it asks nobody. An error
	// says why nothing can be known, [ErrNotInstalled] that nothing can be there.
	Get(zone gslb.Name) (Object, error)
	// Apply makes the object say what d says, if it says anything else, and
	// reports whether it had to write. [ErrNotLeading]: another instance writes.
	Apply(ctx context.Context, d FullDelegation) (wrote bool, err error)
	// Delete removes the object; one that is not there is no error.
	Delete(ctx context.Context, zone gslb.Name) error
	// Changed gets a value after something changed that Get tells, or that
	// decides who writes. It has one place and is for one reader.
	Changed() <-chan struct{}
}

// Object is what is known of the object of one zone.
type Object struct {
	Where       string            // how people find it: "DNSEndpoint meridian/meridian-cloud.example.com"
	Exists      bool              //
	NameServers []gslb.NameServer // what it says
	Observed    bool              // who carries it into the edge zone has read it as it is
	Without     []gslb.GeoTag     // clusters that an operator takes out by hand
}

// ErrNotInstalled says that there can be no objects.
var ErrNotInstalled = errors.New("their kind is not installed")

// ErrNotLeading says that another instance of this cluster writes the objects.
var ErrNotLeading = errors.New("another instance of this cluster writes")

// A Reader reads edge zones: the part of a [Publisher] that changes nothing.
type Reader interface {
	Lookup(ctx context.Context, q Query) (Answer, error)
}

// readOnly is a Publisher of edge zones that only others write.
type readOnly struct{ Reader }

// Update refuses.
func (readOnly) Update(context.Context, Change) (string, error) {
	return "", &Error{Reason: ReasonNoEdge, Message: "the edge zone is written by others"}
}
