// SPDX-License-Identifier: Apache-2.0

package files

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// CheckOptions say what is known beside the files. The zero value means nothing is.
type CheckOptions struct {
	Self          gslb.GeoTag
	Zones         []gslb.ZoneIntent // beside those of ZoneDelegations in the files
	AllowLoopback bool
	NoK8gb        bool                // objects of k8gb are not read
	Validator     *validate.Validator // nil: rules are compiled for this call, which takes some 30 ms
}

// Check gives the verdicts on files, or on folders of them, taken together: those of an
// API server on each object, and what they mean for each other. What an object needs
// and no file has is a warning, since a cluster may have it. Without any zone, hosts
// are not checked against zones. Problems come by file and line. The error says that a
// file cannot be read.
func Check(ctx context.Context, paths []string, o CheckOptions) ([]Problem, error) {
	validator := o.Validator
	if validator == nil {
		var err error
		if validator, err = validate.New(); err != nil {
			return nil, err
		}
	}
	files, err := manifests(paths)
	if err != nil {
		return nil, err
	}
	m := newModel(modelConfig{self: o.Self, zones: o.Zones, allowLoopback: o.AllowLoopback, k8gb: !o.NoK8gb})
	var all []Problem
	for i, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		data, err := readManifest(path, info)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		objects, problems := validator.Objects(ctx, path, data)
		for _, p := range problems {
			all = append(all, Problem{Problem: p, Severity: Error})
		}
		m.set(fmt.Sprintf("%08d", i), objects, false)
	}
	m.settle()
	all = append(all, m.problems()...)
	for _, f := range m.findings() {
		if p, tell := m.verdict(&f); tell {
			all = append(all, p)
		}
	}
	all = append(all, m.recordConflicts()...)
	return sortProblems(append(all, m.conflicts()...)), nil
}

// recordConflicts tells of static records that would not be served beside the hosts and
// records of the files.
func (m *model) recordConflicts() []Problem {
	var hosts []gslb.Name
	for _, state := range m.gslbs {
		for _, o := range state.output.Offers {
			hosts = append(hosts, o.Host)
		}
	}
	var all []Problem
	for _, c := range gslb.ConflictsAlone(m.cfg.self, m.zones.Intents(), hosts) {
		for i := range m.zones.Stated {
			s := &m.zones.Stated[i]
			h := m.inventory.objects[key{s.On.Kind, s.On.Namespace, s.On.Name}]
			if s.Name == c.Name && s.Type == c.Type && h != nil {
				all = append(all, placed(h, Error, s.Path, gslbv1beta1.ReasonRecordConflicted+": "+translate.ConflictSentence(&c)))
			}
		}
	}
	return all
}

// manifests lists the files to read: those given, and the manifests in folders given.
func manifests(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.IsDir() && isManifest(e.Name()) {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
	}
	return files, nil
}

// verdict says what a finding is to somebody who has only files: they say nothing of
// what a cluster holds beside them.
//
//	reason                             | verdict
//	HostOutsideZones, no zone is known | nothing: zones may be anywhere
//	AddressUnknown                     | nothing: a cluster gives addresses
//	ResourceNotFound, ServiceNotFound  | warning: a cluster may have it
//	RefNotPermitted                    | warning: a cluster may have the ReferenceGrant
//	NotProgrammed, EntryIgnored        | warning: a cluster has the status
//	NamespaceNotAllowed                | warning: a cluster has the labels
//	any other                          | error
func (m *model) verdict(f *located) (p Problem, tell bool) {
	message := f.finding.Message
	switch f.finding.Reason {
	case gslbv1beta1.ReasonHostOutsideZones:
		if len(m.zones.Zones) == 0 {
			return Problem{}, false
		}
	case gslbv1beta1.ReasonAddressUnknown:
		return Problem{}, false
	case gslbv1beta1.ReasonResourceNotFound, gslbv1beta1.ReasonServiceNotFound:
		return f.problem(Warning, message+" in the files that were checked"), true
	case gslbv1beta1.ReasonRefNotPermitted, gslbv1beta1.ReasonNotProgrammed, gslbv1beta1.ReasonEntryIgnored:
		return f.problem(Warning, message+", as far as the files that were checked say"), true
	case gslbv1beta1.ReasonNamespaceNotAllowed:
		return f.problem(Warning, message+", as far as the files that were checked say"), true
	}
	return f.problem(Error, message), true
}

// conflicts tells of hosts that several Gslbs ask for. In a cluster the oldest has
// them; files alone often do not say which that is.
func (m *model) conflicts() []Problem {
	names := make([]types.NamespacedName, 0, len(m.gslbs))
	for name := range m.gslbs {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b types.NamespacedName) int {
		x, _ := m.find(a)
		y, _ := m.find(b)
		return cmp.Or(x.Gslb.CreationTimestamp.Compare(y.Gslb.CreationTimestamp.Time), strings.Compare(a.String(), b.String()))
	})
	var all []Problem
	first := make(map[gslb.Name]types.NamespacedName)
	for _, name := range names {
		for _, host := range m.gslbs[name].output.Hosts {
			if host.Host.IsZero() {
				continue
			}
			older, taken := first[host.Host]
			if !taken {
				first[host.Host] = name
				continue
			}
			path := ""
			if strings.HasPrefix(host.Path, "spec.ingress.") { // else it is a field of another object
				path = host.Path
			}
			if _, h := m.find(name); h != nil {
				all = append(all, placed(h, Warning, path, fmt.Sprintf(
					"%s: host %s is asked for by Gslb %s too; the one that was created first has it", gslbv1beta1.ReasonConflicted, host.Host, older)))
			}
		}
	}
	return all
}
