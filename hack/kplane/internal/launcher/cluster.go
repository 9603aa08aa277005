// SPDX-License-Identifier: Apache-2.0

package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
	"github.com/meridian-gslb/meridian/hack/kplane/internal/spawn"
)

// Ready is what the file CLUSTER/ready holds, as JSON.
type Ready struct {
	Cluster          string       `json:"cluster"`
	Kubeconfig       string       `json:"kubeconfig"`
	Server           string       `json:"server"`
	Network          netip.Prefix `json:"network"`
	IngressAddresses []netip.Addr `json:"ingressAddresses"`
	HTTPPort         int          `json:"httpPort"`
}

const (
	pollEvery = 25 * time.Millisecond
	stopGrace = 5 * time.Second
)

// A cluster is the programs of one cluster. Its methods are called one after
// the other.
type cluster struct {
	name   string
	plan   addresses.Plan
	dir    string
	config *Config

	etcd, apiserver, controllers, node *child
	scheduler                          *child      // nil without external nodes
	deaths                             chan string // what programs that ended unasked say
	client                             kubernetes.Interface
}

func newCluster(name string, plan addresses.Plan, dir string, config *Config) *cluster {
	return &cluster{name: name, plan: plan, dir: dir, config: config, deaths: make(chan string, 16)}
}

func (c *cluster) file(name string) string { return filepath.Join(c.dir, name) }

// prepare writes what the programs read, and starts none.
func (c *cluster) prepare(spawner *spawn.Spawner) error {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	if _, err := newPKI(c.dir, c.plan.API(), apiService, netip.AddrFrom4([4]byte{127, 0, 0, 1})); err != nil {
		return err
	}
	if err := writeKubeconfig(c.file("kubeconfig"), c); err != nil {
		return err
	}
	rest, err := clientcmd.BuildConfigFromFlags("", c.file("kubeconfig"))
	if err != nil {
		return err
	}
	rest.Timeout = 2 * time.Second
	rest.QPS = -1
	if c.client, err = kubernetes.NewForConfig(rest); err != nil {
		return err
	}
	program := func(name string, args []string) *child {
		return &child{program: name, args: args, dir: c.dir, binary: c.config.Binary, spawner: spawner, ended: c.ended}
	}
	c.etcd = program("etcd", c.etcdArgs())
	c.apiserver = program("kube-apiserver", c.apiserverArgs())
	c.controllers = program("kube-controller-manager", c.controllerManagerArgs())
	c.node = program("node", c.nodeArgs())
	if c.config.ExternalNodes {
		c.scheduler = program("kube-scheduler", c.schedulerArgs())
	}
	for _, p := range c.programs() {
		// A launcher that was killed left them, and others may have those numbers now.
		if err := os.Remove(p.pidFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// programs are all that the cluster has, in the order of their start.
func (c *cluster) programs() []*child {
	all := []*child{c.etcd, c.apiserver, c.controllers, c.scheduler, c.node}
	return slices.DeleteFunc(all, func(p *child) bool { return p == nil })
}

func (c *cluster) ended(program *child, err error) {
	state := "exit status 0"
	if err != nil {
		state = err.Error()
	}
	c.config.Log.Warn("program ended; SIGHUP starts it again", "cluster", c.name,
		"program", program.program, "state", state, "log", program.logFile())
	select {
	case c.deaths <- fmt.Sprintf("%s ended: %s; the last lines of %s:%s",
		program.program, state, program.logFile(), program.lastWords(5)):
	default: // nobody is waiting for a start, and the log has it
	}
}

// start starts what does not run and waits until the cluster works. The order
// matters once: the controller manager gives up if the API server takes more than
// ten seconds, so it starts after it.
func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	for len(c.deaths) > 0 {
		<-c.deaths // of earlier
	}
	if err := os.Remove(c.file("ready")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	programs := c.programs()
	for _, step := range []struct {
		programs []*child
		await    func(context.Context) error
	}{
		{programs[:2], c.apiReady}, // etcd and the API server
		{programs[2:], c.working},
	} {
		for _, program := range step.programs {
			if err := program.start(); err != nil {
				return err
			}
		}
		if err := c.await(ctx, step.await); err != nil {
			return err
		}
	}
	content, err := json.Marshal(c.ready())
	if err != nil {
		return err
	}
	return writeFile(c.file("ready"), append(content, '\n'), 0o644)
}

// await asks until it gets nil, a program ends, or ctx does.
func (c *cluster) await(ctx context.Context, ask func(context.Context) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case death := <-c.deaths:
			return errors.New(death)
		case <-ctx.Done():
			return fmt.Errorf("not ready (%w): %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func (c *cluster) apiReady(ctx context.Context) error {
	_, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	return err
}

// working says whether Pods can be made and will run: the default service
// account exists, our node is Ready (perhaps since an earlier run), and answers.
func (c *cluster) working(ctx context.Context) error {
	if _, err := c.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return err
	}
	if !c.config.ExternalNodes {
		if err := c.nodeReady(ctx); err != nil {
			return err
		}
	}
	gateway := netip.AddrPortFrom(c.plan.Ingress()[0], uint16(c.config.HTTPPort))
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", gateway.String())
	if err != nil {
		return err
	}
	return conn.Close()
}

func (c *cluster) nodeReady(ctx context.Context) error {
	nodes, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	isReady := func(node corev1.Node) bool {
		return slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
			return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
		})
	}
	if !slices.ContainsFunc(nodes.Items, isReady) {
		return errors.New("the node is not Ready")
	}
	return nil
}

func (c *cluster) ready() Ready {
	return Ready{
		Cluster:          c.name,
		Kubeconfig:       c.file("kubeconfig"),
		Server:           c.server(),
		Network:          c.plan.Network(),
		IngressAddresses: c.plan.Ingress(),
		HTTPPort:         c.config.HTTPPort,
	}
}

// stop ends the programs, last started first, one after the other: an API server
// whose etcd is gone hangs for long and keeps its port.
func (c *cluster) stop() {
	_ = os.Remove(c.file("ready")) // if it is there
	for _, program := range slices.Backward(c.programs()) {
		program.stop(stopGrace)
	}
}
