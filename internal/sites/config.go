// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"time"
)

// DefaultTimeout is for the start of all sites, without what is built and
// fetched before.
const DefaultTimeout = 3 * time.Minute

// Config says what a set of sites is. The supervisor reads it as JSON.
type Config struct {
	Dir           string        `json:"dir"`      // absolute
	Clusters      []string      `json:"clusters"` // names, in the order of their addresses
	ContextPrefix string        `json:"contextPrefix,omitempty"`
	Publish       []Publication `json:"publish,omitempty"`
	Timeout       time.Duration `json:"timeout"`
	Kplane        string        `json:"kplane"`     // path of the multi-call binary
	PauseImage    string        `json:"pauseImage"` // path of an archive
}

var clusterName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$`)

// Validate returns everything that is wrong with what a person has given.
func (c Config) Validate() error {
	var errs []error
	if len(c.Clusters) == 0 {
		errs = append(errs, errors.New("no clusters: name at least one"))
	}
	if len(c.Clusters) > MaxClusters {
		errs = append(errs, fmt.Errorf("%d clusters: at most %d have addresses", len(c.Clusters), MaxClusters))
	}
	seen := map[string]bool{}
	for _, name := range c.Clusters {
		if !clusterName.MatchString(name) {
			errs = append(errs, fmt.Errorf("cluster name %q: want a DNS label of at most 40 letters (a-z), digits and hyphens", name))
		}
		if seen[name] {
			errs = append(errs, fmt.Errorf("cluster name %q is given twice", name))
		}
		seen[name] = true
	}
	listens := map[string]bool{}
	for _, p := range c.Publish {
		if !seen[p.Cluster] {
			errs = append(errs, fmt.Errorf("publication %s: there is no cluster %q (have %v)", p, p.Cluster, c.Clusters))
		}
		for _, protocol := range p.Protocols() {
			key := protocol + " " + p.Listen.String()
			if listens[key] {
				errs = append(errs, fmt.Errorf("publication %s: %s is published twice", p, key))
			}
			listens[key] = true
		}
	}
	return errors.Join(errs...)
}

// Same says in which way a running set is not what is asked for.
func (c Config) Same(other Config) error {
	if fmt.Sprint(c.Clusters) != fmt.Sprint(other.Clusters) {
		return fmt.Errorf("it has clusters %v, not %v", c.Clusters, other.Clusters)
	}
	if c.ContextPrefix != other.ContextPrefix {
		return fmt.Errorf("its context prefix is %q, not %q", c.ContextPrefix, other.ContextPrefix)
	}
	if fmt.Sprint(c.Publish) != fmt.Sprint(other.Publish) {
		return fmt.Errorf("it publishes %v, not %v", c.Publish, other.Publish)
	}
	return nil
}

// A Site is one cluster of a set, and where it is.
type Site struct {
	Plan
	Name       string
	Context    string // in the set's kubeconfig
	NodeName   string
	Kubeconfig string // path of a kubeconfig of this cluster alone, for use from inside the site
	Dir        string // data and logs
}

// Site returns the cluster of this name. It is false if there is none.
func (c Config) Site(name string) (Site, bool) {
	for i, n := range c.Clusters {
		if n == name {
			dir := Layout{Dir: c.Dir}.Site(n)
			return Site{
				Plan: PlanOf(i), Name: n, Context: c.ContextPrefix + n, NodeName: n + "-node",
				Kubeconfig: dir + "/kplane/" + n + "/kubeconfig", Dir: dir,
			}, true
		}
	}
	return Site{}, false
}

// Sites returns all clusters in their order.
func (c Config) Sites() []Site {
	var all []Site
	for _, name := range c.Clusters {
		site, _ := c.Site(name)
		all = append(all, site)
	}
	return all
}

// Status is what a supervisor says of its set.
type Status struct {
	Process  int          `json:"process"` // of the supervisor
	Config   Config       `json:"config"`
	Sites    []SiteStatus `json:"sites"`
	Cuts     []Cut        `json:"cuts,omitempty"`
	Programs Programs     `json:"programs"`
}

// Programs says where the programs of others are that the sites run.
type Programs struct {
	Path        string `json:"path"`        // value of PATH that finds all of them
	LibraryPath string `json:"libraryPath"` // value of LD_LIBRARY_PATH; may be empty
	CNI         string `json:"cni"`         // folder of the network plugins
}

// States of a site.
const (
	Starting = "starting"
	Running  = "running"
	Stopped  = "stopped"
	Frozen   = "frozen"
	Failed   = "failed"
)

// SiteStatus is the state of one site.
type SiteStatus struct {
	Name    string         `json:"name"`
	State   string         `json:"state"`
	Process int            `json:"process,omitempty"` // the site's process 1, as this machine numbers it
	API     netip.AddrPort `json:"api"`               // the API server as this machine reaches it
}

// A Cut is a link that carries nothing: that between two sites or, if B is
// empty, that of A to all others.
type Cut struct {
	A string `json:"a"`
	B string `json:"b,omitempty"`
}
