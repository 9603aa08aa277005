// SPDX-License-Identifier: Apache-2.0

// Package launcher runs several Kubernetes clusters on one machine: etcd,
// kube-apiserver, kube-controller-manager and our node for each, as children of
// this process, each cluster on addresses of its own. It prepares certificates
// and kubeconfigs, waits until the clusters work, and stops them in order. What
// the programs do is not its business. `kplane up` calls it.
//
// In the folder it is given:
//
//	kubeconfig             all clusters, a context each
//	kplane.pid             the launcher: SIGTERM stops all, SIGHUP starts again what has ended
//	CLUSTER/kubeconfig     this cluster alone
//	CLUSTER/ready          there when the cluster works; see Ready
//	CLUSTER/PROGRAM.pid    kill or freeze one program by it, gone when the program is
//	CLUSTER/PROGRAM.log
package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
	"github.com/meridian-gslb/meridian/hack/kplane/internal/spawn"
)

// Config is what New needs. Clusters, Dir, Base, Binary, Out and Log are required.
type Config struct {
	Clusters []string   // names, DNS labels, in the order of their addresses
	Dir      string     // data, logs and kubeconfigs; what an earlier run left there is used again
	Base     netip.Addr // the first cluster's /24
	Binary   string     // the multi-call binary that has the programs
	HTTPPort int        // of the ingress role; 0: 80 if it can be bound, else 8080
	// ExternalNodes says that the nodes are kubelets which somebody else runs. Then
	// the cluster has a kube-scheduler, our node gives addresses only, and a cluster
	// is ready before it has a node.
	ExternalNodes bool
	// Controllers is the value of kube-controller-manager's --controllers; empty:
	// DefaultControllers, or all of them with ExternalNodes.
	Controllers   string
	APIServerArgs []string        // more flags for kube-apiserver
	Timeout       time.Duration   // for the start of a cluster; 0: two minutes
	Revive        <-chan struct{} // starts again what has ended; may be nil
	Out           io.Writer       // what a person wants to read
	Log           *slog.Logger
}

// A Launcher runs clusters. Make it with New; it runs once.
type Launcher struct {
	config   Config
	clusters []*cluster
}

// New checks config. It touches no file and no socket.
func New(config Config) (*Launcher, error) {
	if len(config.Clusters) == 0 {
		return nil, errors.New("no clusters: name at least one")
	}
	if config.Dir == "" {
		return nil, errors.New("no folder: name one for data and kubeconfigs")
	}
	dir, err := filepath.Abs(config.Dir) // children run in their own folder
	if err != nil {
		return nil, err
	}
	config.Dir = dir
	if config.Controllers == "" {
		config.Controllers = DefaultControllers
		if config.ExternalNodes {
			config.Controllers = "*"
		}
	}
	if config.Timeout == 0 {
		config.Timeout = 2 * time.Minute
	}
	l := &Launcher{config: config}
	seen := map[string]bool{}
	for i, name := range config.Clusters {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return nil, fmt.Errorf("cluster name %q: %s", name, problems[0])
		}
		if seen[name] {
			return nil, fmt.Errorf("cluster name %q is given twice", name)
		}
		seen[name] = true
		plan, err := addresses.NewPlan(config.Base, i)
		if err != nil {
			return nil, err
		}
		if config.ExternalNodes {
			plan = plan.WithExternalNodes()
		}
		l.clusters = append(l.clusters, newCluster(name, plan, filepath.Join(dir, name), &l.config))
	}
	return l, nil
}

// Run starts all clusters, and returns when ctx has ended and all their
// programs are gone. It fails, and leaves nothing running, if a cluster cannot be
// started; a program that ends later is logged, and the others go on.
func (l *Launcher) Run(ctx context.Context) error {
	release, err := l.occupy()
	if err != nil {
		return err
	}
	defer release()
	if l.config.HTTPPort == 0 {
		l.config.HTTPPort = usableHTTPPort(l.clusters[0].plan)
	}
	for _, c := range l.clusters {
		if err := c.checkPorts(); err != nil {
			return err
		}
	}
	spawner := spawn.New()
	defer spawner.Close()
	if err := l.prepare(spawner); err != nil {
		return err
	}
	defer l.stop()
	began := time.Now()
	starting, giveUp := context.WithCancel(ctx)
	defer giveUp()
	if err := l.start(starting, giveUp); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while starting
		}
		return err
	}
	l.summary(time.Since(began))
	l.serve(ctx)
	return nil
}

// occupy takes the folder for this process, and returns what gives it back.
func (l *Launcher) occupy() (release func(), err error) {
	if err := os.MkdirAll(l.config.Dir, 0o755); err != nil {
		return nil, err
	}
	pidFile := filepath.Join(l.config.Dir, "kplane.pid")
	f, err := os.OpenFile(pidFile, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 16))
		return nil, errors.Join(fmt.Errorf("folder %s is in use by another kplane up, process %s", l.config.Dir, owner), f.Close())
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		// The lock ends with the file; a pid file left behind does no harm.
		_ = os.Remove(pidFile)
		_ = f.Close()
	}, nil
}

func (l *Launcher) prepare(spawner *spawn.Spawner) error {
	for _, c := range l.clusters {
		if err := c.prepare(spawner); err != nil {
			return fmt.Errorf("cluster %s: %w", c.name, err)
		}
	}
	return writeKubeconfig(l.kubeconfig(), l.clusters...)
}

func (l *Launcher) kubeconfig() string { return filepath.Join(l.config.Dir, "kubeconfig") }

// start starts what does not run in all clusters, side by side, and returns when
// each of them works or has failed. It calls failed at once when one has.
func (l *Launcher) start(ctx context.Context, failed func()) error {
	failures := make([]error, len(l.clusters))
	var wg sync.WaitGroup
	for i, c := range l.clusters {
		wg.Go(func() {
			began := time.Now()
			if err := c.start(ctx); err != nil {
				failures[i] = fmt.Errorf("cluster %s: %w", c.name, err)
				failed()
				return
			}
			fmt.Fprintf(l.config.Out, "%s: ready in %.1f s; API %s; Ingress http on %s and %s, port %d\n", c.name,
				time.Since(began).Seconds(), c.server(), c.plan.Ingress()[0], c.plan.Ingress()[1], l.config.HTTPPort)
		})
	}
	wg.Wait()
	for _, err := range failures {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err // the first cause, not those that it stopped
		}
	}
	return errors.Join(failures...)
}

func (l *Launcher) summary(took time.Duration) {
	fmt.Fprintf(l.config.Out, "%d clusters ready in %.1f s; each is a context of: export KUBECONFIG=%s\n",
		len(l.clusters), took.Seconds(), l.kubeconfig())
}

// serve waits for ctx. Meanwhile each event of Revive starts what has ended.
func (l *Launcher) serve(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.config.Revive:
			// One that cannot be revived does not keep the others from it.
			if err := l.start(ctx, func() {}); err != nil && ctx.Err() == nil {
				l.config.Log.Error("cluster not revived", "error", err)
			}
		}
	}
}

func (l *Launcher) stop() {
	var wg sync.WaitGroup
	for _, c := range l.clusters {
		wg.Go(c.stop)
	}
	wg.Wait()
}
