// SPDX-License-Identifier: Apache-2.0

package challenges

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/state"
)

const (
	// dataKey is where the ConfigMap has the records.
	dataKey = "challenges.json"
	// unreadableKey is where what could not be read is put before it is replaced.
	unreadableKey = "unreadable"
	// conflicts is how often a change is made anew because another replica was faster.
	conflicts = 10
	// requestTimeout bounds one question.
	requestTimeout = 3 * time.Second
)

// ObjectConfig says what an Object needs. Rest, Store, Namespace and Name are
// required.
type ObjectConfig struct {
	Rest      *rest.Config // is copied
	Store     Store
	Namespace string // our own
	Name      string // of the ConfigMap, which is made when there is something to keep
	Dir       string // the state folder, for a start without the API; "": none
	Log       *slog.Logger
}

// Object keeps the records of a cluster in a ConfigMap, which every replica watches
// and the one that took an update writes, with the resource version that it read.
// Its methods are safe for concurrent use.
type Object struct {
	cfg  ObjectConfig
	maps typedcorev1.ConfigMapInterface
	log  *slog.Logger
	read chan struct{} // closed when the object was read, or is known not to exist
	turn chan struct{}

	// Of whoever holds turn:
	copy    state.File // of what is held; Dir "": none
	known   bool
	version string // resource version of what is held; "": there is no object
	held    []gslb.Record
	broken  bool // the object cannot be read, and that was told
}

// NewObject prepares the connection to the API; nothing is asked before
// [Object.Run] or [Object.Change].
func NewObject(c ObjectConfig) (*Object, error) {
	if c.Rest == nil || c.Store == nil || c.Namespace == "" || c.Name == "" {
		return nil, errors.New("records of dynamic updates need a rest.Config, a store, and the namespace and name of their ConfigMap")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	cfg := rest.CopyConfig(c.Rest)
	rest.AddUserAgent(cfg, "meridian")
	cfg.WarningHandler = rest.NoWarnings{}
	kube, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to the Kubernetes API: %w", err)
	}
	o := &Object{
		copy: fileIn(c.Dir), cfg: c, maps: kube.CoreV1().ConfigMaps(c.Namespace), log: c.Log.With("component", "challenges"),
		read: make(chan struct{}), turn: make(chan struct{}, 1),
	}
	if records, err := load(o.copy); err != nil {
		o.log.Error("the records of dynamic updates that were kept for a start without the API are lost", "file", o.copy.Path(), "error", err)
	} else if len(records) > 0 {
		c.Store.SetChallenges(records) // until the API answers
	}
	return o, nil
}

// Read is closed when what is held is known.
func (o *Object) Read() <-chan struct{} { return o.read }

func (o *Object) lock(ctx context.Context) error {
	select {
	case o.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *Object) unlock() { <-o.turn }

// Change implements update.Storage. The object is read from the store behind the
// API, never from a cache: what another replica wrote a moment ago counts.
func (o *Object) Change(ctx context.Context, edit func([]gslb.Record) ([]gslb.Record, error)) error {
	if err := o.lock(ctx); err != nil {
		return err
	}
	defer o.unlock()
	for range conflicts {
		object, err := o.refresh(ctx)
		if err != nil {
			return err
		}
		next, err := edit(o.held)
		if err != nil || slices.Equal(next, o.held) {
			return err
		}
		switch err = o.write(ctx, object, next); {
		case err == nil:
			return nil
		case !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err):
			return fmt.Errorf("writing ConfigMap %s: %w", o.cfg.Name, err)
		}
	}
	return fmt.Errorf("ConfigMap %s changes too often to be written", o.cfg.Name)
}

// refresh reads the object, nil if there is none, and tells the Store what it holds.
// The caller has the turn.
func (o *Object) refresh(ctx context.Context) (*corev1.ConfigMap, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	object, err := o.maps.Get(ctx, o.cfg.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		object, err = nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s: %w", o.cfg.Name, err)
	}
	o.take(object)
	return object, nil
}

// take tells the Store what an object holds, nil: there is none. What cannot be
// read leaves what is known. The caller has the turn.
func (o *Object) take(object *corev1.ConfigMap) {
	version, text := "", ""
	if object != nil {
		version, text = object.ResourceVersion, object.Data[dataKey]
	}
	if o.known && version == o.version {
		return
	}
	var records []gslb.Record
	var err error
	if text != "" {
		records, err = decode([]byte(text))
	}
	switch {
	case err != nil && !o.broken:
		o.log.Error("a ConfigMap cannot be read; what it held stays, and the next update replaces it", "object", o.cfg.Name, "error", err)
		o.broken = true
	case err == nil && o.broken:
		o.log.Info("the ConfigMap can be read again", "object", o.cfg.Name)
		o.broken = false
	}
	o.set(version, records, err == nil)
}

// set notes what is held.
func (o *Object) set(version string, records []gslb.Record, good bool) {
	o.version = version
	if good && !(o.known && slices.Equal(records, o.held)) {
		o.held = records
		o.cfg.Store.SetChallenges(records)
		if err := save(o.copy, records); err != nil {
			o.log.Warn("the records of dynamic updates are not kept for a start without the API", "file", o.copy.Path(), "error", err)
		}
	}
	if !o.known {
		o.known = true
		close(o.read)
	}
}

// write stores records in the place of object, nil: there is none. The caller has
// the turn.
func (o *Object) write(ctx context.Context, object *corev1.ConfigMap, records []gslb.Record) error {
	text, err := encode(records)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if object == nil {
		object, err = o.maps.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Name: o.cfg.Name, Namespace: o.cfg.Namespace,
				Labels: map[string]string{"app.kubernetes.io/name": "meridian", "app.kubernetes.io/managed-by": "meridian"},
			},
			Data: map[string]string{dataKey: string(text)},
		}, metav1.CreateOptions{FieldManager: "meridian"})
	} else {
		next := object.DeepCopy()
		if next.Data == nil {
			next.Data = make(map[string]string)
		}
		if o.broken {
			next.Data[unreadableKey] = next.Data[dataKey]
		}
		next.Data[dataKey] = string(text)
		object, err = o.maps.Update(ctx, next, metav1.UpdateOptions{FieldManager: "meridian"})
	}
	if err != nil {
		return err
	}
	o.broken = false
	o.set(object.ResourceVersion, records, true)
	return nil
}
