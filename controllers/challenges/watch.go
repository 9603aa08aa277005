// SPDX-License-Identifier: Apache-2.0

package challenges

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// watchFor is how long one watch lasts before the object is read again, by a list,
	// which costs the API nothing.
	watchFor = 10 * time.Minute
	// patience is how long reading may fail before a line says so.
	patience = 10 * time.Second
)

// Run watches the object and tells the Store what it holds, until ctx ends; it then
// returns nil. While the API is away what is known stays.
func (o *Object) Run(ctx context.Context) error {
	pause := newPause()
	var failing time.Time // since when; zero: it is read
	told := false
	good := func() {
		if told {
			o.log.Info("the ConfigMap of dynamic updates is read again", "object", o.cfg.Name, "after", time.Since(failing).Round(time.Millisecond))
		}
		failing, told = time.Time{}, false
	}
	for ctx.Err() == nil {
		began := time.Now()
		err := o.follow(ctx, good)
		if time.Since(began) > patience {
			pause = newPause()
		}
		if err != nil && ctx.Err() == nil {
			if failing.IsZero() {
				failing = time.Now()
			}
			if !told && time.Since(failing) >= patience {
				told = true
				o.log.Error("the ConfigMap of dynamic updates cannot be read; what it held stays", "object", o.cfg.Name, "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause.Step()):
		}
	}
	return nil
}

func newPause() wait.Backoff {
	return wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 32, Cap: 5 * time.Second}
}

// follow reads the object, calls good, and watches until the watch ends; nil: it
// ended in order.
func (o *Object) follow(ctx context.Context, good func()) error {
	only := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, o.cfg.Name).String()}
	asking, cancel := context.WithTimeout(ctx, requestTimeout)
	list, err := o.maps.List(asking, only)
	cancel()
	if err != nil {
		return fmt.Errorf("reading ConfigMap %s: %w", o.cfg.Name, err)
	}
	var object *corev1.ConfigMap
	if len(list.Items) > 0 {
		object = &list.Items[0]
	}
	if err := o.saw(ctx, object); err != nil {
		return err
	}
	good()
	seconds := int64(watchFor / time.Second)
	only.ResourceVersion, only.AllowWatchBookmarks, only.TimeoutSeconds = list.ResourceVersion, true, &seconds
	w, err := o.maps.Watch(ctx, only)
	if err != nil {
		return fmt.Errorf("watching ConfigMap %s: %w", o.cfg.Name, err)
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if err := o.event(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (o *Object) event(ctx context.Context, e watch.Event) error {
	switch e.Type {
	case watch.Added, watch.Modified, watch.Deleted:
		object, ok := e.Object.(*corev1.ConfigMap)
		if !ok {
			return errors.New("a watch gave something else than a ConfigMap")
		}
		if e.Type == watch.Deleted {
			object = nil
		}
		return o.saw(ctx, object)
	case watch.Error:
		return apierrors.FromObject(e.Object)
	case watch.Bookmark:
	}
	return nil
}

// saw takes what a list or a watch gave. It may be older than what this process
// wrote or read since, so what differs from what is held is read once more, from the
// store behind the API.
func (o *Object) saw(ctx context.Context, object *corev1.ConfigMap) error {
	if err := o.lock(ctx); err != nil {
		return err
	}
	defer o.unlock()
	version := ""
	if object != nil {
		version = object.ResourceVersion
	}
	switch {
	case !o.known:
		o.take(object)
		return nil
	case version == o.version:
		return nil
	}
	_, err := o.refresh(ctx)
	return err
}
