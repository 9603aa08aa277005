// SPDX-License-Identifier: Apache-2.0

package kplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Config says what Start starts. Clusters and Dir are required.
type Config struct {
	Clusters []string // names, which are DNS labels
	Dir      string   // data, logs and kubeconfigs; what an earlier run left there is used again
	// Base is the first cluster's /24 (127.0.71.0), the others have those behind
	// it. Zero: a block that no other process has.
	Base     netip.Addr
	HTTPPort int       // of the ingress addresses; 0: 80 if it can be bound, else 8080
	Args     []string  // more flags of `kplane up`
	Output   io.Writer // what the launcher prints; nil: standard error
}

// Planes are running clusters. Its methods are safe for concurrent use, but what
// they do to one program is done in no particular order.
type Planes struct {
	dir      string
	binary   string
	clusters []Cluster
	command  *exec.Cmd
	stdin    io.Closer // the launcher stops when it ends, or when we do
	done     chan struct{}
	result   error // of the launcher, after done
	claim    *claim
}

// stopTime is what stopping may take: five seconds for each of the four programs
// of a cluster at the worst, all clusters at once.
const stopTime = 25 * time.Second

// pollEvery is how often files of the launcher are looked for.
const pollEvery = 20 * time.Millisecond

// Start builds the binary if need be, starts clusters, and returns when all of
// them work. Ctx bounds that, not their life: they run until Stop, or until this
// process is gone. On an error nothing is left running.
func Start(ctx context.Context, config Config) (*Planes, error) {
	if len(config.Clusters) == 0 || config.Dir == "" {
		return nil, errors.New("starting clusters: Clusters and Dir are required")
	}
	binary, err := Binary(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, err
	}
	p := &Planes{dir: dir, binary: binary, done: make(chan struct{})}
	if !config.Base.IsValid() {
		if p.claim, err = claimBlock(len(config.Clusters), os.Getpid()); err != nil {
			return nil, err
		}
		config.Base = p.claim.base
	}
	if err := p.launch(config); err != nil {
		p.claim.release()
		return nil, err
	}
	if err := p.await(ctx, config.Clusters); err != nil {
		_ = p.Stop() // the reason is err, and what it left to say the output has
		return nil, fmt.Errorf("starting clusters: %w", err)
	}
	return p, nil
}

func (p *Planes) launch(config Config) error {
	for _, name := range config.Clusters { // what an earlier run left there is not news
		if err := os.Remove(p.file(name, "ready")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	args := []string{
		"up", "--until-eof",
		"--clusters=" + strings.Join(config.Clusters, ","),
		"--dir=" + p.dir,
		"--base=" + config.Base.String(),
		"--http-port=" + strconv.Itoa(config.HTTPPort),
	}
	p.command = exec.Command(p.binary, append(args, config.Args...)...)
	if config.Output == nil {
		config.Output = os.Stderr
	}
	p.command.Stdout, p.command.Stderr = config.Output, config.Output
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches us; we say when it stops
	stdin, err := p.command.StdinPipe()
	if err != nil {
		return err
	}
	p.stdin = stdin
	if err := p.command.Start(); err != nil {
		return err
	}
	go func() {
		p.result = p.command.Wait()
		close(p.done)
	}()
	return nil
}

// await waits until all clusters are ready and reads what they are.
func (p *Planes) await(ctx context.Context, names []string) error {
	var clusters []Cluster
	for _, name := range names {
		c, err := p.awaitCluster(ctx, name)
		if err != nil {
			return err
		}
		clusters = append(clusters, c)
	}
	p.clusters = clusters
	return nil
}

func (p *Planes) awaitCluster(ctx context.Context, name string) (Cluster, error) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		content, err := os.ReadFile(p.file(name, "ready"))
		if err == nil {
			c := Cluster{Name: name, Dir: p.file(name)}
			return c, json.Unmarshal(content, &c)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Cluster{}, err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return Cluster{}, fmt.Errorf("cluster %s is not ready: %w", name, context.Cause(ctx))
		case <-p.done:
			return Cluster{}, fmt.Errorf("the launcher ended (%w); its output says why", p.result)
		}
	}
}

// Clusters returns the clusters in the order of Config.Clusters.
func (p *Planes) Clusters() []Cluster { return slices.Clone(p.clusters) }

// Cluster returns the cluster of this name. It panics if there is none, which is
// a mistake of the caller.
func (p *Planes) Cluster(name string) Cluster {
	for _, c := range p.clusters {
		if c.Name == name {
			return c
		}
	}
	panic(fmt.Sprintf("kplane: no cluster %q was started", name))
}

// Kubeconfig is the path of a kubeconfig with a context for each cluster, of its name.
func (p *Planes) Kubeconfig() string { return p.file("kubeconfig") }

// Binary is the path of the binary that runs, which also is kubectl: BINARY kubectl ARGS.
func (p *Planes) Binary() string { return p.binary }

// Done is closed when the launcher has ended, and every cluster with it.
func (p *Planes) Done() <-chan struct{} { return p.done }

// Stop ends all clusters in order and returns when they are gone. A second call
// does nothing.
func (p *Planes) Stop() error {
	_ = p.stdin.Close() // an error says that it is closed, or its reader gone
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	defer p.claim.release()
	select {
	case <-p.done:
		if p.result != nil {
			return fmt.Errorf("the launcher failed: %w", p.result)
		}
		return nil
	case <-timer.C:
		err := p.command.Process.Kill() // its children go with it
		<-p.done
		return errors.Join(fmt.Errorf("clusters not stopped within %s, killed", stopTime), err)
	}
}

// Revive starts again every program that has ended, in all clusters, and returns
// when all clusters work. A frozen program is not woken; see Cluster.Thaw.
func (p *Planes) Revive(ctx context.Context) error {
	var names []string
	for _, c := range p.clusters {
		names = append(names, c.Name)
		if err := os.Remove(p.file(c.Name, "ready")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
		return fmt.Errorf("reviving clusters: %w", err)
	}
	for _, name := range names {
		if _, err := p.awaitCluster(ctx, name); err != nil {
			return fmt.Errorf("reviving clusters: %w", err)
		}
	}
	return nil
}

// Kubectl runs kubectl on one cluster with stdin (nil: none), and returns what it
// printed. The error has what it complained about.
func (p *Planes) Kubectl(ctx context.Context, cluster string, stdin io.Reader, args ...string) (string, error) {
	args = append([]string{"kubectl", "--kubeconfig=" + p.Cluster(cluster).Kubeconfig}, args...)
	cmd := exec.CommandContext(ctx, p.binary, args...)
	cmd.Env = append(os.Environ(), "KUBECACHEDIR="+p.file("kubectl-cache"))
	cmd.Stdin = stdin
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaints.String()))
	}
	return out.String(), nil
}

func (p *Planes) file(names ...string) string {
	return filepath.Join(append([]string{p.dir}, names...)...)
}
