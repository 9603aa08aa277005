// SPDX-License-Identifier: Apache-2.0

package launcher

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The ports are the usual ones; clusters differ by address.
const (
	apiPort      = 6443
	etcdPort     = 2379
	etcdPeerPort = 2380 // etcd 3.6 refuses a Unix socket for its peers
)

// serviceNetwork is where cluster IPs come from. They are virtual, and without
// kube-proxy nothing answers on them. It never overlaps with pods, which are in
// 10/8. The first of them is the API server's.
var (
	serviceNetwork = netip.MustParsePrefix("172.30.0.0/16")
	apiService     = serviceNetwork.Addr().Next()
)

// DefaultControllers are the controllers that make Deployments, Services,
// namespaces and service accounts work. Nodes and Pods are the node's business.
var DefaultControllers = strings.Join([]string{
	"deployment-controller",
	"replicaset-controller",
	"statefulset-controller",
	"endpointslice-controller",
	"namespace-controller",
	"garbage-collector-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"root-ca-certificate-publisher-controller",
}, ",")

func (c *cluster) etcdArgs() []string {
	client := "http://" + c.at(etcdPort).String()
	peer := "http://" + c.at(etcdPeerPort).String()
	return []string{
		"--name=" + c.name,
		"--data-dir=" + c.file("etcd"),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=" + c.name + "=" + peer,
		"--unsafe-no-fsync", // the data need not survive the machine
		"--quota-backend-bytes=" + strconv.Itoa(512<<20),
		"--log-level=warn",
	}
}

func (c *cluster) apiserverArgs() []string {
	args := []string{
		"--etcd-servers=http://" + c.at(etcdPort).String(),
		"--bind-address=" + c.plan.API().String(),
		"--advertise-address=" + c.plan.API().String(),
		"--secure-port=" + strconv.Itoa(apiPort),
		"--service-cluster-ip-range=" + serviceNetwork.String(),
		"--authorization-mode=RBAC",
		"--client-ca-file=" + c.file("ca.crt"),
		"--tls-cert-file=" + c.file("apiserver.crt"),
		"--tls-private-key-file=" + c.file("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.file("sa.pub"),
		"--service-account-signing-key-file=" + c.file("sa.key"),
		"--enable-priority-and-fairness=false",
		// Neither is of use to a single API server, and its Lease is the only thing
		// that a quiet cluster would write.
		"--feature-gates=UnknownVersionInteroperabilityProxy=false,APIServerIdentity=false",
		"--allow-privileged=true",
		"--profiling=false",
		"--shutdown-delay-duration=0s",
	}
	if c.config.ExternalNodes {
		args = append(args, "--kubelet-preferred-address-types=InternalIP") // nobody resolves a node's name
	} else {
		args = append(args, "--endpoint-reconciler-type=none") // a loopback address may not be in the Endpoints of "kubernetes"
	}
	return append(args, c.config.APIServerArgs...)
}

func (c *cluster) controllerManagerArgs() []string {
	return []string{
		"--kubeconfig=" + c.file("kubeconfig"),
		"--controllers=" + c.config.Controllers,
		"--leader-elect=false",
		"--secure-port=0",
		"--root-ca-file=" + c.file("ca.crt"),
		"--service-account-private-key-file=" + c.file("sa.key"),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		"--profiling=false",
	}
}

func (c *cluster) schedulerArgs() []string {
	return []string{
		"--kubeconfig=" + c.file("kubeconfig"),
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
	}
}

func (c *cluster) nodeArgs() []string {
	args := []string{
		"--cluster=" + c.name,
		"--kubeconfig=" + c.file("kubeconfig"),
		"--network=" + c.plan.Network().String(),
		"--http-port=" + strconv.Itoa(c.config.HTTPPort),
		"--log-dir=" + c.file("pods"),
	}
	if c.config.ExternalNodes {
		args = append(args, "--addresses-only")
	}
	return args
}

func (c *cluster) at(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(c.plan.API(), port)
}

func (c *cluster) server() string { return fmt.Sprintf("https://%s", c.at(apiPort)) }
