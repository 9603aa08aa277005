// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
	"github.com/meridian-gslb/meridian/hack/kplane/internal/node"
	"github.com/meridian-gslb/meridian/hack/kplane/internal/spawn"
)

const (
	patience = time.Minute
	often    = 10 * time.Millisecond
	httpPort = 8080
)

// plan is a loopback network that no other process of these tests has.
func plan(t *testing.T) addresses.Plan {
	t.Helper()
	pid := os.Getpid()
	p, err := addresses.NewPlan(netip.AddrFrom4([4]byte{127, byte(200 + pid%40), byte(pid / 40 % 250), 0}), 0)
	require.NoError(t, err)
	return p
}

// A cluster is a node that runs against a fake API.
type cluster struct {
	client *fake.Clientset
	plan   addresses.Plan
	dir    string
	log    *buffer
	stop   func()
}

// start runs a node on an API with these objects.
func start(t *testing.T, objects ...runtime.Object) *cluster {
	t.Helper()
	return startOn(t, fake.NewClientset(objects...))
}

func startOn(t *testing.T, client *fake.Clientset) *cluster {
	t.Helper()
	return startAs(t, client, false)
}

func startAs(t *testing.T, client *fake.Clientset, addressesOnly bool) *cluster {
	t.Helper()
	c := &cluster{client: client, plan: plan(t), dir: t.TempDir(), log: &buffer{}}
	if addressesOnly {
		c.plan = c.plan.WithExternalNodes()
	}
	spawner := spawn.New()
	n, err := node.New(node.Config{
		Cluster: "eu", Client: client, Plan: c.plan, HTTPPort: httpPort, Spawner: spawner, LogDir: c.dir,
		AddressesOnly: addressesOnly,
		Log:           slog.New(slog.NewTextHandler(c.log, nil)),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- n.Run(ctx) }()
	c.stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-result)
		spawner.Close()
	})
	t.Cleanup(c.stop)
	return c
}

// pod makes a Pod that is bound to the node.
func pod(name string, containers ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name, UID: types.UID(name + "-uid")},
		Spec:       corev1.PodSpec{NodeName: "eu-node", SchedulerName: corev1.DefaultSchedulerName, Containers: containers},
	}
}

func web(env ...corev1.EnvVar) corev1.Container {
	return corev1.Container{
		Name: "web", Image: "example.com/web", Env: env,
		Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 9898}, {Name: "dns", ContainerPort: 5353, Protocol: corev1.ProtocolUDP}},
		ReadinessProbe: &corev1.Probe{
			PeriodSeconds: 1, FailureThreshold: 1,
			ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromString("http")}},
		},
	}
}

func service(name string, kind corev1.ServiceType, port int32) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name, UID: types.UID(name + "-uid")},
		Spec:       corev1.ServiceSpec{Type: kind, Ports: []corev1.ServicePort{{Name: "http", Port: port}}},
	}
}

func slice(serviceName string, ready bool, addresses ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "test", Name: serviceName + "-slice", Labels: map[string]string{discoveryv1.LabelServiceName: serviceName},
		},
		Ports: []discoveryv1.EndpointPort{{Name: ptr.To("http"), Port: ptr.To[int32](9898)}},
	}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{a}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		})
	}
	return s
}

// awaitPod waits until the Pod's status is as wanted, and returns the Pod.
func (c *cluster) awaitPod(t *testing.T, name string, wanted func(corev1.PodStatus) bool) *corev1.Pod {
	t.Helper()
	var pod *corev1.Pod
	require.Eventually(t, func() bool {
		var err error
		pod, err = c.client.CoreV1().Pods("test").Get(t.Context(), name, metav1.GetOptions{})
		return err == nil && wanted(pod.Status)
	}, patience, often, "pod %s", name)
	return pod
}

func isReady(status corev1.PodStatus) bool {
	return conditionOf(status, corev1.PodReady).Status == corev1.ConditionTrue
}

func conditionOf(status corev1.PodStatus, kind corev1.PodConditionType) corev1.PodCondition {
	for _, c := range status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return corev1.PodCondition{}
}

// get returns status and body; status 0 means that nobody answers.
func get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	request.Host = host
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

func TestNodeIsReadyAndWritesNothingMore(t *testing.T) {
	c := start(t)
	require.Eventually(t, func() bool {
		n, err := c.client.CoreV1().Nodes().Get(t.Context(), "eu-node", metav1.GetOptions{})
		return err == nil && len(n.Status.Conditions) == 1 && n.Status.Conditions[0].Status == corev1.ConditionTrue
	}, patience, often)
	n, err := c.client.CoreV1().Nodes().Get(t.Context(), "eu-node", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, c.plan.Reported(c.plan.API()).String(), n.Status.Addresses[0].Address, "not a loopback address")
}

func TestHTTPPod(t *testing.T) {
	c := start(t, pod("app", web(corev1.EnvVar{Name: "WHO", Value: "you"},
		corev1.EnvVar{Name: "PODINFO_UI_MESSAGE", Value: "good day $(WHO) $$(WHO) $(NOBODY)"})))
	p := c.awaitPod(t, "app", isReady)
	assert.Equal(t, corev1.PodRunning, p.Status.Phase)
	listening, ok := c.plan.Listening(netip.MustParseAddr(p.Status.PodIP))
	require.True(t, ok)
	assert.True(t, c.plan.Pods().Contains(listening))

	url := fmt.Sprintf("http://%s:9898", listening)
	status, body := get(t, url+"/some/path", "app.example.com")
	require.Equal(t, http.StatusOK, status)
	var answer node.Answer
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	assert.Equal(t, node.Answer{Cluster: "eu", Namespace: "test", Pod: "app", Host: "app.example.com",
		Path: "/some/path", Message: "good day you $(WHO) $(NOBODY)"}, answer)

	response, err := http.Post(url+"/readyz/disable", "", nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	p = c.awaitPod(t, "app", func(s corev1.PodStatus) bool { return !isReady(s) })
	condition := conditionOf(p.Status, corev1.PodReady)
	assert.Equal(t, "ContainersNotReady", condition.Reason)
	assert.Contains(t, condition.Message, "status 503")

	c.stop()
	status, _ = get(t, url, "")
	assert.Zero(t, status, "nothing listens after the node")
}

func TestPodsKeepTheirAddressWhenTheNodeStartsAgain(t *testing.T) {
	first := start(t, pod("a", web()), pod("b", web()))
	a := first.awaitPod(t, "a", isReady).Status.PodIP
	b := first.awaitPod(t, "b", isReady).Status.PodIP
	require.NotEqual(t, a, b)
	first.stop()

	second := startOn(t, first.client)
	for name, ip := range map[string]string{"a": a, "b": b} {
		listening, _ := second.plan.Listening(netip.MustParseAddr(ip))
		require.Eventually(t, func() bool {
			_, body := get(t, fmt.Sprintf("http://%s:9898/", listening), "")
			return bytes.Contains([]byte(body), []byte(`"pod":"`+name+`"`))
		}, patience, often)
	}
}

func TestProcessPod(t *testing.T) {
	exit := corev1.Container{Name: "exit", Command: []string{"/bin/sh", "-c", "echo $MINE on $POD_IP; exit $(CODE)"},
		Env: []corev1.EnvVar{
			{Name: "CODE", Value: "7"},
			{Name: "MINE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels['app']"}}},
		}}
	once := pod("once", exit)
	once.Labels = map[string]string{"app": "mine"}
	once.Spec.RestartPolicy = corev1.RestartPolicyNever
	again := pod("again", corev1.Container{Name: "exit", Command: []string{"/bin/sh", "-c", "exit 1"}})
	sleeper := pod("sleeper", corev1.Container{Name: "sleep", Command: []string{"/bin/sh", "-c"}, Args: []string{"sleep 1000 & wait"}})
	missing := pod("missing", corev1.Container{Name: "missing", Command: []string{"/nonexistent/program"}})
	secret := pod("secret", corev1.Container{Name: "secret", Command: []string{"/bin/true"},
		Env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "x"}}}}})
	c := start(t, once, again, sleeper, missing, secret)

	p := c.awaitPod(t, "once", func(s corev1.PodStatus) bool { return s.Phase == corev1.PodFailed })
	assert.EqualValues(t, 7, p.Status.ContainerStatuses[0].State.Terminated.ExitCode)
	listening, _ := c.plan.Listening(netip.MustParseAddr(p.Status.PodIP))
	output, err := os.ReadFile(filepath.Join(c.dir, "test_once_exit.log"))
	require.NoError(t, err)
	assert.Equal(t, "mine on "+listening.String()+"\n", string(output))

	c.awaitPod(t, "sleeper", isReady)
	c.awaitPod(t, "again", func(s corev1.PodStatus) bool { return waits(s, "CrashLoopBackOff") })
	c.awaitPod(t, "again", func(s corev1.PodStatus) bool { return s.ContainerStatuses[0].RestartCount > 0 })
	p = c.awaitPod(t, "missing", func(s corev1.PodStatus) bool { return waits(s, "RunContainerError") })
	assert.Contains(t, p.Status.ContainerStatuses[0].State.Waiting.Message, "no such file")
	p = c.awaitPod(t, "secret", func(s corev1.PodStatus) bool { return waits(s, "CreateContainerConfigError") })
	assert.Contains(t, p.Status.ContainerStatuses[0].State.Waiting.Message, "only value and valueFrom.fieldRef")
}

func waits(s corev1.PodStatus, reason string) bool {
	return len(s.ContainerStatuses) == 1 && s.ContainerStatuses[0].State.Waiting != nil &&
		s.ContainerStatuses[0].State.Waiting.Reason == reason
}

func TestPodThatIsDeletedIsStoppedAndRemoved(t *testing.T) {
	going := pod("going", web())
	going.DeletionTimestamp = ptr.To(metav1.Now())
	going.Finalizers = []string{"example.com/keep"}
	c := start(t, going)
	require.Eventually(t, func() bool {
		for _, action := range c.client.Actions() {
			if action.Matches("delete", "pods") {
				return true
			}
		}
		return false
	}, patience, often)
}

func TestReadinessGate(t *testing.T) {
	gated := pod("gated", web())
	gated.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/open"}}
	c := start(t, gated)
	p := c.awaitPod(t, "gated", func(s corev1.PodStatus) bool {
		return conditionOf(s, corev1.ContainersReady).Status == corev1.ConditionTrue
	})
	assert.False(t, isReady(p.Status))
	assert.Equal(t, `the condition "example.com/open" is not True`, conditionOf(p.Status, corev1.PodReady).Message)
}

func TestServiceGetsAnAddress(t *testing.T) {
	lb := service("lb", corev1.ServiceTypeLoadBalancer, 8088)
	lb.Spec.Ports = append(lb.Spec.Ports, corev1.ServicePort{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP})
	ignored := service("ignored", corev1.ServiceTypeLoadBalancer, 8088)
	ignored.Annotations = map[string]string{node.IgnoreAnnotation: "true"}
	c := start(t, pod("app", web()), lb, ignored)
	app := c.awaitPod(t, "app", isReady)
	c.stop()
	_, err := c.client.DiscoveryV1().EndpointSlices("test").Create(t.Context(), slice("lb", true, app.Status.PodIP), metav1.CreateOptions{})
	require.NoError(t, err)

	c = startOn(t, c.client)
	var given []corev1.LoadBalancerIngress
	require.Eventually(t, func() bool {
		s, err := c.client.CoreV1().Services("test").Get(t.Context(), "lb", metav1.GetOptions{})
		require.NoError(t, err)
		given = s.Status.LoadBalancer.Ingress
		return len(given) == 1
	}, patience, often)
	assert.True(t, c.plan.LoadBalancers().Contains(netip.MustParseAddr(given[0].IP)))
	require.Eventually(t, func() bool {
		status, _ := get(t, "http://"+given[0].IP+":8088/", "")
		return status == http.StatusOK
	}, patience, often)
	assert.Contains(t, c.log.String(), "only TCP is proxied")

	other, err := c.client.CoreV1().Services("test").Get(t.Context(), "ignored", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Empty(t, other.Status.LoadBalancer.Ingress)
}

func TestAddressesOnly(t *testing.T) {
	lb := service("lb", corev1.ServiceTypeLoadBalancer, 8088)
	lb.Spec.Ports = append(lb.Spec.Ports, corev1.ServicePort{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP})
	asks := service("asks", corev1.ServiceTypeLoadBalancer, 8088)
	octets := plan(t).Network().Addr().As4()
	octets[3] = 200
	asks.Spec.LoadBalancerIP = netip.AddrFrom4(octets).String()
	outside := service("outside", corev1.ServiceTypeLoadBalancer, 8088)
	outside.Spec.LoadBalancerIP = "192.0.2.1"
	loose := pod("loose", web())
	loose.Spec.NodeName = ""
	c := startAs(t, fake.NewClientset(lb, asks, outside, loose,
		&networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "app", UID: "ingress-uid"}}), true)

	given := map[string]string{}
	require.Eventually(t, func() bool {
		for _, name := range []string{"lb", "asks"} {
			s, err := c.client.CoreV1().Services("test").Get(t.Context(), name, metav1.GetOptions{})
			require.NoError(t, err)
			if len(s.Status.LoadBalancer.Ingress) == 1 {
				given[name] = s.Status.LoadBalancer.Ingress[0].IP
			}
		}
		i, err := c.client.NetworkingV1().Ingresses("test").Get(t.Context(), "app", metav1.GetOptions{})
		require.NoError(t, err)
		return len(given) == 2 && len(i.Status.LoadBalancer.Ingress) == 2
	}, patience, often)
	assert.Equal(t, asks.Spec.LoadBalancerIP, given["asks"])
	assert.True(t, c.plan.LoadBalancers().Contains(netip.MustParseAddr(given["lb"])))
	status, _ := get(t, "http://"+given["lb"]+":8088/", "")
	assert.Zero(t, status, "kube-proxy forwards, not we")
	require.Eventually(t, func() bool {
		return bytes.Contains([]byte(c.log.String()), []byte("192.0.2.1 is taken, or outside of"))
	}, patience, often)
	assert.NotContains(t, c.log.String(), "only TCP is proxied")

	status, _ = get(t, fmt.Sprintf("http://%s:%d/", c.plan.Ingress()[0], httpPort), "unknown.example.com")
	assert.Equal(t, http.StatusNotFound, status, "Ingresses are served")
	nodes, err := c.client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, nodes.Items)
	p, err := c.client.CoreV1().Pods("test").Get(t.Context(), "loose", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Empty(t, p.Spec.NodeName, "the scheduler's business")
}

func TestIngressGetsTwoAddressesAndRoutes(t *testing.T) {
	prefix := networkingv1.PathTypePrefix
	rule := func(host, service string) networkingv1.IngressRule {
		return networkingv1.IngressRule{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: "/", PathType: &prefix, Backend: networkingv1.IngressBackend{
				Service: &networkingv1.IngressServiceBackend{Name: service, Port: networkingv1.ServiceBackendPort{Number: 80}},
			}}},
		}}}
	}
	object := &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "app", UID: "ingress-uid"},
		Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{
			rule("empty.example.com", "empty"), rule("far.example.com", "far"), rule("none.example.com", "none"),
		}},
	}
	c := start(t, object,
		service("empty", corev1.ServiceTypeClusterIP, 80), slice("empty", false, "10.1.2.3"),
		service("far", corev1.ServiceTypeClusterIP, 80), slice("far", true, "192.0.2.1"))
	require.Eventually(t, func() bool {
		i, err := c.client.NetworkingV1().Ingresses("test").Get(t.Context(), "app", metav1.GetOptions{})
		require.NoError(t, err)
		return len(i.Status.LoadBalancer.Ingress) == 2 &&
			i.Status.LoadBalancer.Ingress[0].IP == c.plan.Ingress()[0].String() &&
			i.Status.LoadBalancer.Ingress[1].IP == c.plan.Ingress()[1].String()
	}, patience, often)
	for _, tt := range []struct {
		host   string
		status int
		body   string
	}{
		{"unknown.example.com", http.StatusNotFound, "cluster eu: no Ingress has a rule for unknown.example.com/\n"},
		{"empty.example.com", http.StatusServiceUnavailable, "cluster eu: no endpoint of Service test/empty is ready\n"},
		{"far.example.com", http.StatusServiceUnavailable, "cluster eu: the 1 ready endpoints of Service test/far are outside this machine\n"},
		{"none.example.com", http.StatusServiceUnavailable, "cluster eu: no Service test/none\n"},
	} {
		for _, address := range c.plan.Ingress() {
			status, body := get(t, fmt.Sprintf("http://%s:%d/", address, httpPort), tt.host)
			assert.Equal(t, tt.status, status, tt.host)
			assert.Equal(t, tt.body, body, tt.host)
		}
	}
}

func TestIngressAddressInUseEndsTheNode(t *testing.T) {
	first := start(t)
	require.Eventually(t, func() bool {
		status, _ := get(t, fmt.Sprintf("http://%s:%d/", first.plan.Ingress()[0], httpPort), "")
		return status != 0
	}, patience, often)
	spawner := spawn.New()
	t.Cleanup(spawner.Close)
	second, err := node.New(node.Config{Cluster: "eu", Client: fake.NewClientset(), Plan: first.plan, HTTPPort: httpPort,
		Spawner: spawner, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	assert.ErrorContains(t, second.Run(t.Context()), "address already in use")
}

func TestNewRefusesAnIncompleteConfig(t *testing.T) {
	_, err := node.New(node.Config{})
	assert.ErrorContains(t, err, "required")
}

// A buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
