// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Neighbourhood says of this cluster what no object in it tells: how other systems name it,
// and which addresses lie inside it.
type Neighbourhood struct {
	ClusterNames  []string
	InternalCIDRs []string
	EntryCIDRs    []string
}

func (n *Neighbourhood) bind(fs *pflag.FlagSet) {
	fs.StringSliceVar(&n.ClusterNames, "cluster-names", n.ClusterNames, "other names of this cluster, by which Liqo, Karmada, Linkerd, Submariner or Cilium know it where that is not the geo tag")
	fs.StringSliceVar(&n.InternalCIDRs, "internal-cidrs", n.InternalCIDRs, "networks of pods and Services inside this cluster, beside those that Nodes, Services and ServiceCIDRs tell of: an address there in the status of an object is no entry")
	fs.StringSliceVar(&n.EntryCIDRs, "entry-cidrs", n.EntryCIDRs, "networks where clients may arrive although they lie among the pods or Services of this cluster: an address there in the status of an object is an entry")
}

func (n *Neighbourhood) settings(s *Settings, bad *problems) {
	s.InternalCIDRs = prefixes("internal-cidrs", n.InternalCIDRs, bad)
	s.EntryCIDRs = prefixes("entry-cidrs", n.EntryCIDRs, bad)
	for _, name := range n.ClusterNames {
		switch name = strings.TrimSpace(name); {
		case name == "" || strings.ContainsAny(name, " \t\n"):
			bad.add("cluster-names", fmt.Errorf("%q is not a name: write names with commas between them, like member1,eu-cluster", name))
		case slices.Contains(s.Names, name):
			bad.add("cluster-names", fmt.Errorf("%q is there twice", name))
		default:
			s.Names = append(s.Names, name)
		}
	}
}

func prefixes(flag string, texts []string, bad *problems) (all []netip.Prefix) {
	for _, text := range texts {
		p, err := parsePrefix(strings.TrimSpace(text))
		if err == nil && p.Bits() == 0 {
			err = errors.New("is every address there is")
		}
		bad.add(flag, err)
		all = append(all, p)
	}
	return all
}
