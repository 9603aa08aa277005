// SPDX-License-Identifier: Apache-2.0

package externaldns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// writeTimeout bounds one request that writes.
const writeTimeout = 10 * time.Second

// Config says what Objects need. Client and Namespace are required.
type Config struct {
	// Client reaches the API server past every cache; see [NewClient].
	Client client.WithWatch
	// Namespace holds the DNSEndpoints.
	Namespace string
	Logger    *slog.Logger // nil: silent
}

// Objects keeps delegations in DNSEndpoints. It is an [edge.Objects].
type Objects struct {
	client    client.WithWatch
	namespace string
	log       *slog.Logger
	changed   chan struct{} // one place

	writing sync.Mutex      // held while something is written
	term    context.Context // while this process writes; nil otherwise; under writing

	mu      sync.Mutex
	known   map[string]*unstructured.Unstructured // by name; never changed
	trouble *edge.Error                           // why nothing is known; nil: known is good
	told    bool                                  // that they cannot be read
}

var _ edge.Objects = (*Objects)(nil)

// NewClient gives a client for [Config]; it asks nothing yet.
func NewClient(cfg *rest.Config) (client.WithWatch, error) {
	own := rest.CopyConfig(cfg)
	rest.AddUserAgent(own, "meridian")
	own.WarningHandler = rest.NoWarnings{}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(Kind, meta.RESTScopeNamespace)
	return client.NewWithWatch(own, client.Options{Mapper: mapper})
}

// New makes Objects; [Objects.Run] reads, and [Objects.Lead] lets them write.
func New(c Config) (*Objects, error) {
	if c.Client == nil || c.Namespace == "" {
		return nil, errors.New("DNSEndpoints need a Client and a Namespace")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Objects{
		client: c.Client, namespace: c.Namespace, log: c.Logger.With("component", "externaldns"),
		changed: make(chan struct{}, 1), known: make(map[string]*unstructured.Unstructured),
		trouble: &edge.Error{Reason: edge.ReasonPending, Message: "the DNSEndpoints of this cluster have not been read yet"},
	}, nil
}

// Lead lets this process write until ctx ends: a term of the one that holds the Lease. It
// returns when the last write is done.
func (o *Objects) Lead(ctx context.Context) {
	o.writing.Lock()
	o.term = ctx
	o.writing.Unlock()
	o.tell()
	<-ctx.Done()
	o.writing.Lock()
	defer o.writing.Unlock()
	o.term = nil
}

// Changed implements [edge.Objects].
func (o *Objects) Changed() <-chan struct{} { return o.changed }

func (o *Objects) tell() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// Get implements [edge.Objects].
func (o *Objects) Get(zone gslb.Name) (edge.Object, error) {
	name := ObjectName(zone)
	u, err := o.get(name)
	if err != nil {
		return edge.Object{}, err
	}
	if u == nil {
		return edge.Object{Where: whereOf(o.namespace, name)}, nil
	}
	return decode(u, zone), nil
}

// get gives an object as it is known; nil: there is none.
func (o *Objects) get(name string) (*unstructured.Unstructured, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.trouble != nil {
		return nil, o.trouble
	}
	return o.known[name], nil
}

// Apply implements [edge.Objects]. Records in the object that somebody else wrote go: the
// list of endpoints has one owner.
func (o *Objects) Apply(ctx context.Context, d edge.FullDelegation) (bool, error) {
	want := encode(d, o.namespace)
	have, err := o.get(want.GetName())
	if err != nil {
		return false, err
	}
	if says(have, want) {
		return false, nil
	}
	err = o.write(ctx, func(ctx context.Context) error {
		return o.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(want), client.ForceOwnership, client.FieldOwner(gslbv1beta1.ManagedByMeridian))
	})
	if err != nil {
		return false, o.cannot(err, "written", want.GetName())
	}
	o.learn(want)
	return true, nil
}

// Delete implements [edge.Objects].
func (o *Objects) Delete(ctx context.Context, zone gslb.Name) error {
	have, err := o.get(ObjectName(zone))
	if err != nil || have == nil {
		return err
	}
	uid := have.GetUID()
	err = o.write(ctx, func(ctx context.Context) error {
		return client.IgnoreNotFound(o.client.Delete(ctx, have.DeepCopy(), client.Preconditions{UID: &uid}))
	})
	if err != nil {
		return o.cannot(err, "deleted", have.GetName())
	}
	return nil
}

// write does one request, if this process writes.
func (o *Objects) write(ctx context.Context, request func(context.Context) error) error {
	o.writing.Lock()
	defer o.writing.Unlock()
	if o.term == nil || o.term.Err() != nil {
		return edge.ErrNotLeading
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	defer context.AfterFunc(o.term, cancel)()
	return request(ctx)
}

// cannot says why an object could not be written.
func (o *Objects) cannot(err error, what, name string) error {
	if errors.Is(err, edge.ErrNotLeading) {
		return err
	}
	hint := ""
	if apierrors.IsForbidden(err) {
		hint = "; " + grantHint
	}
	return &edge.Error{Reason: edge.ReasonNoObjects, Err: err, Message: fmt.Sprintf("%s cannot be %s: %v%s", whereOf(o.namespace, name), what, err, hint)}
}

// learn takes over what the API server answered to a write, before the watch tells of it.
func (o *Objects) learn(u *unstructured.Unstructured) {
	u.SetManagedFields(nil)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.old(u) {
		o.known[u.GetName()] = u
	}
}

// renew takes over a list, but for what was written after it was made. The lock is held.
func (o *Objects) renew(list map[string]*unstructured.Unstructured, version string) {
	for name, have := range o.known {
		if later(have.GetResourceVersion(), version) {
			list[name] = have
		}
	}
	o.known, o.trouble = list, nil
}

// old reports that a later version of an object is known: the answer to a write and the
// news of a watch overtake each other. The lock is held.
func (o *Objects) old(u *unstructured.Unstructured) bool {
	have := o.known[u.GetName()]
	return have != nil && have.GetUID() == u.GetUID() && later(have.GetResourceVersion(), u.GetResourceVersion())
}

// later compares versions of an API server; false where they are no numbers.
func later(a, b string) bool {
	x, err := strconv.ParseUint(a, 10, 64)
	y, err2 := strconv.ParseUint(b, 10, 64)
	return err == nil && err2 == nil && x > y
}
