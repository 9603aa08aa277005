// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/gslb"
)

// carryTime is how long the edge zone may differ from what was read out of our
// object before that counts as drift: providers need their time.
const carryTime = 2 * time.Minute

// assembler keeps the objects of the zones below one edge zone: it puts
// together what they say, and reads back what the edge zone makes of it.
type assembler struct {
	k        *Keeper
	edge     gslb.Name
	self     gslb.GeoTag
	plans    box[[]fullPlan]
	pokes    box[struct{}]
	removals chan removal

	want    []fullPlan
	left    []gslb.GeoTag         // clusters that said goodbye, as last planned
	served  map[gslb.Name]served  // by zone, as read last
	carried map[gslb.Name]carried // by zone
	due     time.Time             // when to look at the edge again; zero: nothing to look after
	retry   backoff
}

// carried is what ExternalDNS has had to carry into the edge zone, since when.
type carried struct {
	set      []gslb.NameServer
	observed bool
	since    time.Time
}

func newAssembler(k *Keeper, edge gslb.Name, self gslb.GeoTag) *assembler {
	return &assembler{
		k: k, edge: edge, self: self, plans: newBox[[]fullPlan](), pokes: newBox[struct{}](),
		removals: make(chan removal), served: make(map[gslb.Name]served), carried: make(map[gslb.Name]carried),
	}
}

// run waits for one of five things:
//
//  1. a new plan: if it differs, look now
//  2. an object changed, or we became the one who writes: look now
//  3. a zone is to be removed
//  4. it is time to retry or to verify
//  5. ctx ends
func (a *assembler) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Stop()
		if !a.due.IsZero() {
			timer.Reset(time.Until(a.due))
		}
		select {
		case <-ctx.Done():
			return
		case want := <-a.plans:
			if !reflect.DeepEqual(want, a.want) {
				a.want, a.due = want, time.Now()
				if len(want) > 0 {
					a.left = want[0].left
				}
				a.retry.reset()
			}
		case <-a.pokes:
			a.due = time.Now()
			a.retry.reset()
		case r := <-a.removals:
			r.done <- a.remove(ctx, r.zone)
		case <-timer.C:
			a.look(ctx)
		}
	}
}

// look puts every object right and decides when to look again.
func (a *assembler) look(ctx context.Context) {
	if len(a.want) == 0 {
		a.due = time.Time{}
		return
	}
	fine := true
	for i := range a.want {
		s := a.settle(ctx, &a.want[i])
		if ctx.Err() != nil {
			return
		}
		a.k.board.set(s)
		fine = fine && (s.OK || a.want[i].own.Reason != "")
	}
	if fine {
		a.retry.reset()
		a.due = time.Now().Add(a.k.jitter(verifyEvery))
	} else {
		a.due = time.Now().Add(a.k.jitter(a.retry.next(retryMost)))
	}
}

// settle reads the edge zone, brings the object of a zone up to date, and says
// how the zone stands.
func (a *assembler) settle(ctx context.Context, p *fullPlan) ZoneStatus {
	s := ZoneStatus{Zone: p.own.Zone, EdgeZone: p.own.EdgeZone}
	obj, err := a.k.Objects.Get(p.own.Zone)
	if err != nil {
		return failed(s, err)
	}
	ctx, cancel := context.WithTimeout(ctx, publisherBudget)
	defer cancel()
	now, unread := a.read(ctx, p.own.Zone)
	s.Server, s.NameServers = now.server, now.nameServers
	full := PlanFull(a.input(p, obj))
	if full.Reason != "" {
		s.Reason, s.Message = full.Reason, full.Message
		if full.Reason == ReasonUnreachable && unread != nil {
			s = failed(s, unread)
			s.Message = full.Message + "; " + s.Message
		}
		return s
	}
	wrote, err := a.k.Objects.Apply(ctx, full)
	if errors.Is(err, ErrNotLeading) {
		s.Reason, s.Message = ReasonObjectPending, "the instance of this cluster that leads writes "+obj.Where
		return s
	}
	if err != nil {
		a.k.metrics.applied(a.edge, "error")
		return failed(s, err)
	}
	if wrote {
		a.k.metrics.applied(a.edge, "ok")
		a.k.Log.Info("delegation written for ExternalDNS", "zone", full.Zone, "edge", full.EdgeZone, "object", obj.Where, "clusters", clustersOf(full.NameServers))
		if obj, err = a.k.Objects.Get(full.Zone); err != nil {
			return failed(s, err)
		}
	}
	if p.own.Reason != "" {
		s.Reason, s.Message = p.own.Reason, p.own.Message
		return s
	}
	if unread != nil {
		s = failed(s, unread)
		s.Message = obj.Where + " is written, and what became of it cannot be read: " + s.Message
		return s
	}
	return a.judge(s, full, obj, now)
}

// judge says how a zone stands whose object is as it should be. What counts is
// what the edge zone serves:
//
//	edge zone = object | ExternalDNS read the object | for          | reason
//	yes                | any                         | –            | Delegated
//	no                 | no                          | any          | DNSEndpointPending
//	no                 | yes                         | < carryTime  | DNSEndpointPending
//	no                 | yes                         | ≥ carryTime  | EdgeDrifted
func (a *assembler) judge(s ZoneStatus, full FullDelegation, obj Object, now served) ZoneStatus {
	differs := differences(full, now)
	since := a.taken(full, obj, len(differs) == 0)
	switch {
	case len(differs) == 0:
		s.OK, s.Reason = true, ReasonDelegated
	case !obj.Observed:
		s.Reason = ReasonObjectPending
		s.Message = fmt.Sprintf("%s is written, and ExternalDNS has not read it yet: is it running, with --source=crd and this namespace?", obj.Where)
	case time.Since(since) < carryTime:
		s.Reason = ReasonObjectPending
		s.Message = fmt.Sprintf("ExternalDNS has read %s, and edge server %s does not serve it yet", obj.Where, now.server)
	default:
		a.k.metrics.ignored(a.edge)
		s.Reason = ReasonDrifted
		s.Message = fmt.Sprintf("ExternalDNS has read %s, and edge server %s serves something else: %s; look at its log", obj.Where, now.server, strings.Join(differs, "; "))
	}
	return s
}

// taken gives since when ExternalDNS has had what the object says.
func (a *assembler) taken(full FullDelegation, obj Object, served bool) time.Time {
	t, known := a.carried[full.Zone]
	if !known || !reflect.DeepEqual(t.set, full.NameServers) || t.observed != obj.Observed {
		t = carried{set: full.NameServers, observed: obj.Observed, since: time.Now()}
	}
	if served {
		t.since = time.Time{} // from here on every difference is drift
	}
	a.carried[full.Zone] = t
	return t.since
}

// input is all that a full delegation is made of.
func (a *assembler) input(p *fullPlan, obj Object) FullInput {
	last, read := a.served[p.own.Zone]
	return FullInput{
		Own: p.own, Reported: p.reported, Lost: p.lost, Left: p.left, Without: obj.Without,
		Exists: obj.Exists, Written: obj.NameServers, Read: read, Served: last.nameServers,
	}
}

// remove takes our part out of a zone's object, and then the object away. It is
// called again until it returns nil:
//
//	object                       | ExternalDNS has read it | we
//	none                         | –                       | are done
//	says nothing but our part    | any                     | remove it, and are done: nobody else is there
//	has our part and others'     | any                     | take ours out
//	has others' alone            | no                      | wait
//	has others' alone            | yes                     | remove it, and are done
//
// Where ExternalDNS only adds and changes records, our glue stays at the edge,
// named by no NS record; the other clusters list us until we have left.
func (a *assembler) remove(ctx context.Context, zone gslb.Name) error {
	a.want = slices.DeleteFunc(slices.Clone(a.want), func(o fullPlan) bool { return o.own.Zone == zone })
	delete(a.served, zone)
	delete(a.carried, zone)
	obj, err := a.k.Objects.Get(zone)
	if errors.Is(err, ErrNotInstalled) || err == nil && !obj.Exists {
		return nil
	}
	if err != nil {
		return err
	}
	name, err := gslb.NameServerName(a.self, zone, a.edge)
	if err != nil {
		return err // who could publish the zone can name its server
	}
	full := withdrawn(FullInput{Own: Delegation{Zone: zone, EdgeZone: a.edge, NameServer: name}, Left: a.left, Written: obj.NameServers, Without: obj.Without})
	ours := slices.ContainsFunc(obj.NameServers, func(ns gslb.NameServer) bool { return ns.Name == name })
	if len(full.NameServers) > 0 && ours {
		if _, err := a.k.Objects.Apply(ctx, full); err != nil {
			return err
		}
		obj.Observed = false
	}
	if len(full.NameServers) > 0 && !obj.Observed {
		return &Error{Reason: ReasonObjectPending, Message: obj.Where + " no longer names this cluster; it goes when ExternalDNS has read that (to go on without, remove it by hand)"}
	}
	if err := a.k.Objects.Delete(ctx, zone); err != nil {
		return err
	}
	a.k.Log.Info("delegation withdrawn", "zone", zone, "edge", a.edge, "object", obj.Where)
	return nil
}

func clustersOf(set []gslb.NameServer) []gslb.GeoTag {
	out := make([]gslb.GeoTag, 0, len(set))
	for _, ns := range set {
		out = append(out, ns.Cluster)
	}
	return out
}
