// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// writeStatus brings the status of a Gslb up to date, and tells of answers that changed
// in an event. Before the World is ready nothing is written: unknown is not news.
func (c *Controllers) writeStatus(ctx context.Context, key types.NamespacedName) (bool, error) {
	world, rec := c.world.Load(), c.collector.last.get(key)
	if world == nil || !world.Ready || rec == nil {
		return false, nil
	}
	old := &gslbv1beta1.Gslb{}
	if err := c.client.Get(ctx, key, old); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	if old.UID != rec.uid || !old.DeletionTimestamp.IsZero() {
		return false, nil // another one by now; its translation comes
	}
	in := statusInput{
		gslb: old, out: &rec.out, world: world, peerKey: c.cfg.PeerKey, refusal: c.refusals.get(key), now: time.Now(),
	}
	if !in.current() {
		return false, nil // the World that took the translation in comes
	}
	next := old.DeepCopy()
	next.Status = statusOf(in)
	if equality.Semantic.DeepEqual(old.Status, next.Status) {
		return false, nil
	}
	if err := c.patchStatus(ctx, old, next.DeepCopy()); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	for _, change := range answerChanges(old.Status.Answers, next.Status.Answers) {
		c.events.Event(old, change.kind, change.reason, change.message)
	}
	return true, nil
}

// patchStatus writes what differs in the status, if old is still what the server has.
func (c *Controllers) patchStatus(ctx context.Context, old, next client.Object) error {
	return c.client.Status().Patch(ctx, next, client.MergeFromWithOptions(old, client.MergeFromWithOptimisticLock{}))
}

// answerChange is an event about one host.
type answerChange struct{ kind, reason, message string }

// answerChanges compares the answers of each host, whoever gives them and why.
func answerChanges(old, next []gslbv1beta1.AnswerStatus) []answerChange {
	var changes []answerChange
	for i := range next {
		a := &next[i]
		if i > 0 && next[i-1].Host == a.Host {
			continue // once for each host
		}
		before, after := addressesOf(old, a.Host), addressesOf(next, a.Host)
		if slices.Equal(before, after) {
			continue
		}
		change := answerChange{kind: corev1.EventTypeNormal, reason: a.Reason,
			message: fmt.Sprintf("%s: %s → %s (%s)", a.Host, listed(before), listed(after), a.Message)}
		if len(after) == 0 {
			change.kind = corev1.EventTypeWarning
		}
		changes = append(changes, change)
	}
	for i := range old {
		gone := !slices.ContainsFunc(next, func(a gslbv1beta1.AnswerStatus) bool { return a.Host == old[i].Host })
		if gone && (i == 0 || old[i-1].Host != old[i].Host) {
			changes = append(changes, answerChange{kind: corev1.EventTypeWarning, reason: gslbv1beta1.ReasonNotResolved,
				message: fmt.Sprintf("%s: %s → %s (no cluster offers the host)", old[i].Host, listed(addressesOf(old, old[i].Host)), listed(nil))})
		}
	}
	return changes
}

// addressesOf gives the addresses of a host in all its answers, sorted.
func addressesOf(answers []gslbv1beta1.AnswerStatus, host string) []string {
	var all []string
	for i := range answers {
		if answers[i].Host == host {
			all = append(all, answers[i].Addresses...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func listed(addresses []string) string {
	if len(addresses) == 0 {
		return "no address"
	}
	return strings.Join(addresses, ", ")
}

// refusals holds why embedded Ingresses could not be written. Safe for concurrent use.
type refusals struct {
	mu  sync.Mutex
	why map[types.NamespacedName]string
}

func (r *refusals) get(key types.NamespacedName) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why[key]
}

// set notes a refusal, and reports whether it is news.
func (r *refusals) set(key types.NamespacedName, why string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	news := r.why[key] != why
	r.why[key] = why
	return news
}

func (r *refusals) clear(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.why, key)
}
