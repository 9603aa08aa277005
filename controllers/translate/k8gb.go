// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// Twins are the Gslbs of one namespace and name, one in each group that they are read
// from; nil where there is none.
type Twins struct {
	Own  *gslbv1beta1.Gslb
	K8gb *k8gb.Gslb
	Absa *absa.Gslb
}

// Chosen is the Gslb that counts among twins.
type Chosen struct {
	Gslb      *gslbv1beta1.Gslb // nil: there is none; TypeMeta says which group it was read from, empty is ours
	Incumbent bool              // for [Input]
	Notes     []Problem         // for [Input]
}

// Choose gives the Gslb that counts: ours, else that of k8gb.io, else that of
// k8gb.absa.oss. One that is being deleted counts only where there is no other. It is as
// old as the oldest of them, so that an object that takes the place of its twin keeps its
// hosts. Nothing in t is changed; what it gives is not to be changed.
func (t Twins) Choose() Chosen {
	all := t.candidates()
	if len(all) == 0 {
		return Chosen{}
	}
	chosen := all[0]
	for i := range all {
		if all[i].Gslb.DeletionTimestamp.IsZero() {
			chosen = all[i]
			break
		}
	}
	oldest := chosen.Gslb.CreationTimestamp
	for i := range all {
		if g := all[i].Gslb; g.DeletionTimestamp.IsZero() && g.CreationTimestamp.Before(&oldest) {
			oldest = g.CreationTimestamp
		}
	}
	if !oldest.Equal(&chosen.Gslb.CreationTimestamp) {
		older := *chosen.Gslb
		older.CreationTimestamp = oldest
		chosen.Gslb = &older
	}
	chosen.Incumbent = t.K8gb != nil || t.Absa != nil
	return chosen
}

// candidates lists the twins, the first that counts first.
func (t Twins) candidates() []Chosen {
	var all []Chosen
	if t.Own != nil {
		all = append(all, Chosen{Gslb: t.Own})
	}
	if t.K8gb != nil {
		all = append(all, fromK8gb(t.K8gb))
	}
	if t.Absa != nil {
		all = append(all, fromK8gb(t.Absa.K8gb()))
	}
	return all
}

func fromK8gb(old *k8gb.Gslb) Chosen {
	var c Chosen
	var notes []k8gb.Note
	c.Gslb, notes = old.Meridian()
	for _, n := range notes {
		c.Notes = append(c.Notes, Problem(n))
	}
	return c
}

// GroupOf gives the API group that a Gslb was read from.
func GroupOf(g *gslbv1beta1.Gslb) string {
	if group, _, found := strings.Cut(g.APIVersion, "/"); found {
		return group
	}
	return gslbv1beta1.Group
}

// Delegations joins our ZoneDelegations and those of k8gb. Of one name ours counts, unless
// it is being deleted.
func Delegations(own []*gslbv1beta1.ZoneDelegation, old []*k8gb.ZoneDelegation) []*gslbv1beta1.ZoneDelegation {
	all := make([]*gslbv1beta1.ZoneDelegation, 0, len(own)+len(old))
	at := make(map[string]int, len(own))
	for _, zd := range own {
		at[zd.Name] = len(all)
		all = append(all, zd)
	}
	for _, zd := range old {
		if !zd.DeletionTimestamp.IsZero() {
			continue
		}
		converted := zd.Meridian()
		i, twin := at[zd.Name]
		switch {
		case !twin:
			all = append(all, converted)
		case !all[i].DeletionTimestamp.IsZero():
			all[i] = converted
		case converted.CreationTimestamp.Before(&all[i].CreationTimestamp):
			older := *all[i]
			older.CreationTimestamp = converted.CreationTimestamp
			all[i] = &older
		}
	}
	return all
}
