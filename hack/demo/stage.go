// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/internal/kplane"
	"github.com/meridian-gslb/meridian/internal/lab"
)

// Addresses within the lab.
const (
	edgeN = 1
	httpN = 8080
)

// tags are the clusters, in the order in which they are shown.
var tags = []string{"eu", "us"}

// place gives the lab's address of each cluster.
var place = map[string]int{"eu": 11, "us": 12}

// stage is what the story is told on.
type stage struct {
	dir, bin string
	out      io.Writer
	planes   *kplane.Planes
	lab      *lab.Lab
	closed   bool
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// set starts everything: control planes, edge, one Meridian in each cluster,
// the application.
func (s *stage) set(ctx context.Context) error {
	s.say("== Kubernetes: two clusters, eu and us, each with a real API server")
	planes, err := kplane.Start(ctx, kplane.Config{Clusters: tags, Dir: filepath.Join(s.dir, "kubernetes"), Output: s.out})
	if err != nil {
		return fmt.Errorf("starting the control planes: %w", err)
	}
	s.planes = planes
	for _, tag := range tags {
		if err := s.prepare(ctx, tag); err != nil {
			return err
		}
	}
	s.say("\n== DNS: an edge server for %s, and Meridian in each cluster", lab.EdgeZone)
	return s.startMeridian(ctx)
}

// prepare installs the kinds and the application in a cluster.
func (s *stage) prepare(ctx context.Context, tag string) error {
	if _, err := s.kubectl(ctx, tag, nil, "apply", "-f", "api/v1beta1/crds"); err != nil {
		return err
	}
	if _, err := s.kubectl(ctx, tag, nil, "wait", "--for=condition=Established", "--timeout=30s", "-f", "api/v1beta1/crds"); err != nil {
		return err
	}
	app, err := os.ReadFile("hack/demo/app.yaml")
	if err != nil {
		return fmt.Errorf("run the demo from the top of the repository: %w", err)
	}
	_, err = s.kubectl(ctx, tag, strings.NewReader(strings.ReplaceAll(string(app), "@CLUSTER@", tag)), "apply", "-f", "-")
	return err
}

func (s *stage) kubectl(ctx context.Context, tag string, in io.Reader, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := s.planes.Kubectl(ctx, tag, in, args...)
	if err != nil {
		return out, fmt.Errorf("%s: kubectl %s: %w", tag, strings.Join(args, " "), err)
	}
	return out, nil
}

func (s *stage) startMeridian(ctx context.Context) error {
	l, err := lab.New(ctx, s.dir, s.bin)
	if err != nil {
		return err
	}
	s.lab = l
	if l.NeedsPorts() {
		s.say("(port 53 cannot be bound here: the clusters find each other by --peers, and everything is on port %d)", l.Port)
	}
	edgeKey, err := l.Key("edge")
	if err != nil {
		return err
	}
	peerKey, err := l.Key("peers")
	if err != nil {
		return err
	}
	edge, err := l.Start("edge", l.EdgeArgs(edgeN, edgeKey)...)
	if err != nil {
		return err
	}
	if err := s.await(ctx, func() bool { return lab.Addrs(ctx, l.At(edgeN), lab.EdgeZone) == "NODATA" }, edge); err != nil {
		return fmt.Errorf("the edge server does not answer: %w", err)
	}
	s.say("edge      %s  serves %s", l.At(edgeN), lab.EdgeZone)
	for _, tag := range tags {
		c := lab.Cluster{
			Tag: tag, N: place[tag], EdgeAt: l.At(edgeN), EdgeKey: edgeKey, PeerKeys: []string{peerKey}, HTTP: httpN,
			Extra: []string{"--kubeconfig", s.planes.Cluster(tag).Kubeconfig},
		}
		if l.NeedsPorts() {
			for _, o := range tags {
				if o != tag {
					c.Peers = append(c.Peers, o+"="+l.At(place[o]))
				}
			}
		}
		if _, err := l.Start(tag, l.ServeArgs(c)...); err != nil {
			return err
		}
		s.say("%-8s  %s  serves %s", tag, l.At(place[tag]), lab.Zone)
	}
	return nil
}

// await waits until f is true; it fails early when one of the processes ends.
func (s *stage) await(ctx context.Context, f func() bool, ps ...*lab.Process) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, p := range ps {
		go func() {
			select {
			case <-p.Done():
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	if err := lab.Until(ctx, f); err != nil {
		for _, p := range ps {
			err = fmt.Errorf("%w\n%s printed:\n%s", err, p.Name, p.LogTail(10))
		}
		return err
	}
	return nil
}

// close stops all that was started, in order.
func (s *stage) close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	if s.lab != nil {
		errs = append(errs, s.lab.Close())
	}
	if s.planes != nil {
		errs = append(errs, s.planes.Stop())
	}
	return errors.Join(errs...)
}

// since gives whole milliseconds.
func since(d time.Duration) int64 { return d.Milliseconds() }
