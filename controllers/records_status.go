// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// maxConflicts bounds how many conflicts are told one by one.
const maxConflicts = 10

// recordsServed is condition RecordsServed of a zone. Its Reason is empty where the zone
// has no static records: there is no such condition then.
func (in *zoneInput) recordsServed(own *translate.Zone) metav1.Condition {
	c := metav1.Condition{Type: gslbv1beta1.ConditionRecordsServed, Status: metav1.ConditionTrue}
	if own == nil {
		return c
	}
	z := in.world.Zone(own.Zone)
	if z == nil || z.Static == nil {
		return c
	}
	c.Reason, c.Message = gslbv1beta1.ReasonRecordsServed, "every static record that a cluster states for the zone is served"
	if len(z.Static.Conflicts) > 0 {
		c.Status, c.Reason = metav1.ConditionFalse, gslbv1beta1.ReasonRecordConflicted
		c.Message = "not served: " + conflictsText(z.Static.Conflicts)
	}
	return c
}

func conflictsText(conflicts []gslb.RecordConflict) string {
	texts := make([]string, 0, maxConflicts+1)
	for i := range conflicts {
		if i == maxConflicts {
			texts = append(texts, fmt.Sprintf("and %d more", len(conflicts)-i))
			break
		}
		texts = append(texts, translate.ConflictText(&conflicts[i]))
	}
	return strings.Join(texts, "; ")
}

// endpointNews remembers what was told of DNSEndpoints, which have no status of ours.
type endpointNews struct {
	mu   sync.Mutex
	told map[types.NamespacedName][]happening
}

// next gives what is new about an object, and keeps what is true of it now.
//
//	before  | now     | told
//	any     | nothing | RecordsServed, if something was wrong
//	any     | wrong   | what was not told yet
func (n *endpointNews) next(key types.NamespacedName, wrong []happening) []happening {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.told[key]
	if len(wrong) == 0 {
		delete(n.told, key)
		if len(before) == 0 {
			return nil
		}
		return []happening{normal(gslbv1beta1.EventRecordsServed, "every record of the object is served")}
	}
	if n.told == nil {
		n.told = make(map[types.NamespacedName][]happening)
	}
	n.told[key] = wrong
	return slices.DeleteFunc(slices.Clone(wrong), func(h happening) bool { return slices.Contains(before, h) })
}

// writeEndpoint tells, by events, what is wrong with the records of a DNSEndpoint. It
// never writes the object, whose status is ExternalDNS's.
func (c *Controllers) writeEndpoint(ctx context.Context, key types.NamespacedName) (bool, error) {
	e := &dnsendpoint.DNSEndpoint{}
	if err := c.client.Get(ctx, key, e); err != nil {
		if apierrors.IsNotFound(err) {
			c.news.next(key, nil)
			return false, nil
		}
		return false, err
	}
	world := c.world.Load()
	if world == nil || !world.Ready {
		return false, nil
	}
	c.events.all(e, c.news.next(key, endpointTroubles(c.collector.zones.Load(), world, key)))
	return false, nil
}

// endpointTroubles lists what is wrong with the records of a DNSEndpoint: by itself, and
// beside hosts and the records of others.
func endpointTroubles(zones *translate.ZonesOutput, world *gslb.World, key types.NamespacedName) []happening {
	on := gslb.Source{Kind: dnsendpoint.Kind, Namespace: key.Namespace, Name: key.Name}
	var all []happening
	for i := range zones.Findings {
		if f := &zones.Findings[i]; f.On == on && f.Bad {
			all = append(all, warning(f.Reason, f.Path+": "+f.Message))
		}
	}
	for i := range zones.Stated {
		s := &zones.Stated[i]
		z := world.Zone(s.Zone)
		if s.On != on || z == nil || z.Static == nil {
			continue
		}
		for j := range z.Static.Conflicts {
			if c := &z.Static.Conflicts[j]; c.Name == s.Name && c.Type == s.Type {
				all = append(all, warning(gslbv1beta1.EventRecordConflicted, s.Path+": "+translate.ConflictText(c)))
			}
		}
	}
	if len(all) > maxConflicts {
		more := len(all) - maxConflicts
		all = append(all[:maxConflicts:maxConflicts], warning(all[maxConflicts].reason, fmt.Sprintf("and %d more records are not served; the log and `meridian check` have them all", more)))
	}
	return all
}
