// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// remove removes the objects of k8gb of one name, once Meridian has taken over the twin
// and nothing else would take their place. What depends on them is never removed with
// them: an Ingress, and the DNSEndpoints from which ExternalDNS keeps the delegation.
func (m *migration) remove(ctx context.Context, v *move, all []*move) error {
	twin, same, err := m.twin(ctx, v)
	switch {
	case err != nil:
		return err
	case twin == nil || !same:
		return errors.New("it has no twin")
	}
	var accepted *metav1.Condition
	err = m.until(ctx, "Meridian has not read the twin: is it running in this cluster, with --k8gb-compat?", func() (bool, error) {
		var readErr error
		twin, _, readErr = m.twin(ctx, v)
		if readErr != nil || twin == nil {
			return false, readErr
		}
		accepted = acceptedOf(twin)
		return accepted != nil && accepted.ObservedGeneration == twin.GetGeneration(), nil
	})
	switch {
	case err != nil:
		return err
	case accepted.Status != metav1.ConditionTrue:
		return fmt.Errorf("its twin is not accepted: %s: %s", accepted.Reason, accepted.Message)
	}
	if v.gslb != nil {
		if err := m.keepsHosts(ctx, v, twin, all); err != nil {
			return err
		}
	}
	for _, old := range v.old {
		m.say("remove", "%s in %s", v, groupOf(old))
		if err := m.release(ctx, old); err != nil {
			return err
		}
		uid := old.GetUID()
		err := m.api.Delete(ctx, old, client.PropagationPolicy(metav1.DeletePropagationOrphan), client.Preconditions{UID: &uid})
		if client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

func acceptedOf(twin client.Object) *metav1.Condition {
	switch o := twin.(type) {
	case *gslbv1beta1.Gslb:
		return meta.FindStatusCondition(o.Status.Conditions, gslbv1beta1.ConditionAccepted)
	case *gslbv1beta1.ZoneDelegation:
		return meta.FindStatusCondition(o.Status.Conditions, gslbv1beta1.ConditionAccepted)
	}
	return nil
}

// keepsHosts says whose a host would become if the twin, which is younger than what it
// takes the place of, stood alone; nil if nobody else claims one.
func (m *migration) keepsHosts(ctx context.Context, v *move, twin client.Object, all []*move) error {
	g, ok := twin.(*gslbv1beta1.Gslb)
	if !ok {
		return nil
	}
	if c := acceptedOf(g); c.Reason == gslbv1beta1.ReasonClaimedElsewhere {
		return fmt.Errorf("another cluster claims a host too, and could get it, since the twin is younger: %s", c.Message)
	}
	var others gslbv1beta1.GslbList
	if err := m.api.List(ctx, &others); err != nil {
		return err
	}
	mine := strings.Split(g.Status.Hosts, ", ")
	rival := func(obj client.Object, hosts string) error {
		if name(obj) == name(g) || g.CreationTimestamp.Before(new(obj.GetCreationTimestamp())) {
			return nil
		}
		for host := range strings.SplitSeq(hosts, ", ") {
			if host != "" && slices.Contains(mine, host) {
				return fmt.Errorf("host %s would become that of Gslb %s, which is older than the twin; take it out of one of the two", host, name(obj))
			}
		}
		return nil
	}
	for i := range others.Items {
		if err := rival(&others.Items[i], others.Items[i].Status.Hosts); err != nil {
			return err
		}
	}
	for _, other := range all {
		if other.gslb == nil {
			continue
		}
		for _, old := range other.old {
			if err := rival(old, hostsOf(old)); err != nil {
				return err
			}
		}
	}
	return nil
}

// hostsOf gives the hosts in the status of a Gslb of k8gb.
func hostsOf(obj client.Object) string {
	if g, ok := obj.(*k8gb.Gslb); ok {
		return g.Status.Hosts
	}
	if g, ok := obj.(interface{ K8gb() *k8gb.Gslb }); ok {
		return g.K8gb().Status.Hosts
	}
	return ""
}

// release takes k8gb's finalizers away, which nobody else does while its operator is
// stopped.
func (m *migration) release(ctx context.Context, old client.Object) error {
	if !slices.ContainsFunc(old.GetFinalizers(), k8gb.IsFinalizer) {
		return nil
	}
	before, ok := old.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T is no object", old)
	}
	old.SetFinalizers(slices.DeleteFunc(slices.Clone(old.GetFinalizers()), k8gb.IsFinalizer))
	return m.api.Patch(ctx, old, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}
