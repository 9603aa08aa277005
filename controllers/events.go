// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/flowcontrol"
)

// Events are bounded over all objects, so that a change that touches everything does not
// fill the API; of one object the recorder sends 25 at once and then one in five minutes,
// and joins what repeats.
const (
	eventRate  = 10 // a second
	eventBurst = 100
)

// event of an object, not yet sent.
type happening struct{ kind, reason, message string }

func normal(reason, message string) happening {
	return happening{corev1.EventTypeNormal, reason, message}
}

func warning(reason, message string) happening {
	return happening{corev1.EventTypeWarning, reason, message}
}

// eventer sends events within bounds. Only what writers do calls it, so only the leader
// tells.
type eventer struct {
	to      record.EventRecorder
	limit   flowcontrol.RateLimiter
	metrics *metrics
}

func newEventer(to record.EventRecorder, m *metrics) *eventer {
	return &eventer{to: to, limit: flowcontrol.NewTokenBucketRateLimiter(eventRate, eventBurst), metrics: m}
}

// Event sends one event; it never blocks.
func (e *eventer) Event(obj runtime.Object, kind, reason, message string) {
	if !e.limit.TryAccept() {
		e.metrics.events.WithLabelValues(reason, "dropped").Inc()
		return
	}
	e.metrics.events.WithLabelValues(reason, "sent").Inc()
	e.to.Event(obj, kind, reason, message)
}

// Eventf is Event with a format.
func (e *eventer) Eventf(obj runtime.Object, kind, reason, format string, args ...any) {
	e.Event(obj, kind, reason, fmt.Sprintf(format, args...))
}

func (e *eventer) all(obj runtime.Object, hs []happening) {
	for _, h := range hs {
		e.Event(obj, h.kind, h.reason, h.message)
	}
}
