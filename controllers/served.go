// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/meridian-gslb/meridian/controllers/refs"
)

// groupPause is the least time between two questions for the versions of a group. A kind
// that is not installed costs no more than those.
const groupPause = 2 * time.Second

// served reads a kind of the table in whichever of its versions the API server has, and
// follows it from one to another. Objects of all versions come as one Go type, with the
// version that they were read in written on them.
type served struct {
	row     *refs.Kind
	clients map[string]rest.Interface // by version
	params  runtime.ParameterCodec
	group   *apiGroup
	labels  func() string // a selector; "" selects all

	mu      sync.Mutex
	version string // that is served, as far as is known; "": none was
	asked   bool
}

var _ toolscache.ListerWatcherWithContext = (*served)(nil)

// newServed makes a reader. The scheme of its own has each Go type under every version: what
// is read need not be converted, as the fields that matter have one form in all.
func newServed(row *refs.Kind, config *rest.Config, client *http.Client, groups map[string]*apiGroup, labels func() string) (*served, error) {
	scheme := runtime.NewScheme()
	s := &served{row: row, clients: make(map[string]rest.Interface), labels: labels}
	for _, version := range row.Versions {
		gv := schema.GroupVersion{Group: row.Group, Version: version}
		scheme.AddKnownTypeWithName(gv.WithKind(row.Kind), row.New())
		scheme.AddKnownTypeWithName(gv.WithKind(row.Kind+"List"), row.List())
		metav1.AddToGroupVersion(scheme, gv)
		c := rest.CopyConfig(config)
		c.GroupVersion, c.APIPath = &gv, "/apis"
		if gv.Group == "" {
			c.APIPath = "/api"
		}
		c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
		c.ContentType, c.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
		var err error
		if s.clients[version], err = rest.RESTClientForConfigAndClient(c, client); err != nil {
			return nil, fmt.Errorf("preparing to read %s: %w", gv.WithKind(row.Kind), err)
		}
	}
	s.params = runtime.NewParameterCodec(scheme)
	if groups[row.Group] == nil {
		groups[row.Group] = &apiGroup{name: row.Group, client: s.clients[row.Versions[0]]}
	}
	s.group = groups[row.Group]
	return s, nil
}

// ListWithContext lists in the first version that is served.
func (s *served) ListWithContext(ctx context.Context, o metav1.ListOptions) (list runtime.Object, err error) {
	o.LabelSelector = s.labels()
	err = s.try(ctx, func(version string) error {
		list = s.row.List()
		err := s.request(version, &o).Do(ctx).Into(list)
		if err == nil {
			err = meta.EachListItem(list, func(obj runtime.Object) error { s.mark(obj, version); return nil })
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// WatchWithContext watches in the version that was listed, else in the first that is served.
func (s *served) WatchWithContext(ctx context.Context, o metav1.ListOptions) (w watch.Interface, err error) {
	o.LabelSelector, o.Watch = s.labels(), true
	err = s.try(ctx, func(version string) error {
		in, err := s.request(version, &o).Watch(ctx)
		if err != nil {
			return err
		}
		w = in
		if !broken(in) {
			w = watch.Filter(in, func(e watch.Event) (watch.Event, bool) {
				if e.Type != watch.Error {
					s.mark(e.Object, version)
				}
				return e, true
			})
		}
		return nil
	})
	return w, err
}

func (s *served) request(version string, o *metav1.ListOptions) *rest.Request {
	return s.clients[version].Get().Resource(s.row.Plural).VersionedParams(o, s.params)
}

func (s *served) mark(obj runtime.Object, version string) {
	obj.GetObjectKind().SetGroupVersionKind(s.row.WithVersion(version))
}

// current gives the version that is read now, or would be.
func (s *served) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version != "" {
		return s.version
	}
	return s.row.Versions[0]
}

// try asks in the version that worked last, and where that is not served in the others. The
// error is NotFound where none is. A kind that was not there is asked for in versions that
// its group has, and those are asked for seldom.
func (s *served) try(ctx context.Context, ask func(version string) error) error {
	s.mu.Lock()
	last, asked := s.version, s.asked
	s.mu.Unlock()
	versions := s.row.Versions
	if last != "" {
		versions = []string{last}
		for _, v := range s.row.Versions {
			if v != last {
				versions = append(versions, v)
			}
		}
	} else if asked {
		versions = s.group.has(ctx, versions)
	}
	err := error(apierrors.NewNotFound(schema.GroupResource{Group: s.row.Group, Resource: s.row.Plural}, ""))
	for _, version := range versions {
		tried := ask(version)
		if apierrors.IsNotFound(tried) {
			continue
		}
		if tried == nil {
			s.found(version)
		}
		return tried
	}
	s.found("")
	return err
}

func (s *served) found(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version, s.asked = version, true
}

// apiGroup knows which versions of a group are served.
type apiGroup struct {
	name   string
	client rest.Interface

	mu    sync.Mutex
	at    time.Time
	known bool
	have  map[string]bool
}

// has gives those of versions that the group has; all, where that cannot be known.
func (g *apiGroup) has(ctx context.Context, versions []string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.at) >= groupPause {
		g.at = now
		var group metav1.APIGroup
		err := g.client.Get().AbsPath("/apis/" + g.name).Do(ctx).Into(&group)
		g.known, g.have = err == nil || apierrors.IsNotFound(err), make(map[string]bool)
		for _, v := range group.Versions {
			g.have[v.Version] = true
		}
	}
	if !g.known {
		return versions
	}
	var served []string
	for _, v := range versions {
		if g.have[v] {
			served = append(served, v)
		}
	}
	return served
}
