// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// Hosts of the sample Gslbs.
const (
	rrHost   = "roundrobin." + lab.Zone
	failHost = "failover." + lab.Zone
)

// tell plays the story and gives what was measured. Every step must be seen.
func (s *stage) tell(ctx context.Context) (*result, error) {
	eu, us := s.entries("eu"), s.entries("us")
	both := join(append(slices.Clone(eu), us...))
	s.say("\n== Apply the same two Gslbs in both clusters: docs/samples/roundrobin.yaml and failover.yaml")
	for _, tag := range tags {
		out, err := s.kubectl(ctx, tag, nil, "apply", "-f", "docs/samples/roundrobin.yaml", "-f", "docs/samples/failover.yaml")
		if err != nil {
			return nil, err
		}
		s.say("%s: %s", tag, strings.ReplaceAll(strings.TrimSpace(out), "\n", ", "))
	}
	if err := s.everywhere(ctx, map[string]string{rrHost: both, failHost: join(eu)}); err != nil {
		return nil, err
	}
	s.say("\n== Round robin: all four addresses, asked at the edge")
	s.dig(ctx, rrHost)
	s.visit(ctx, append(slices.Clone(eu), us...), rrHost)
	s.say("\n== Failover: eu comes first")
	s.dig(ctx, failHost)
	if err := s.show(ctx); err != nil {
		return nil, err
	}

	r := &result{Story: "ok"}
	s.say("\n== The application in eu goes away: kubectl scale deployment/frontend-podinfo --replicas=0")
	var err error
	if r.FailoverMS, err = s.scale(ctx, 0, join(us), join(us)); err != nil {
		return nil, err
	}
	s.dig(ctx, failHost)
	s.dig(ctx, rrHost)
	s.visit(ctx, us, failHost)
	if err := s.show(ctx); err != nil {
		return nil, err
	}

	s.say("\n== And comes back: kubectl scale deployment/frontend-podinfo --replicas=2")
	if r.FailbackMS, err = s.scale(ctx, 2, join(eu), both); err != nil {
		return nil, err
	}
	s.dig(ctx, failHost)
	s.dig(ctx, rrHost)
	return r, nil
}

// entries gives the addresses that Ingresses of a cluster get.
func (s *stage) entries(tag string) []string {
	var out []string
	for _, a := range s.planes.Cluster(tag).IngressAddresses {
		out = append(out, a.String())
	}
	return out
}

func join(addrs []string) string {
	slices.SortFunc(addrs, strings.Compare)
	return strings.Join(addrs, " ")
}

// everywhere waits until the edge and every cluster give the wanted answers.
func (s *stage) everywhere(ctx context.Context, want map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	servers := []string{s.lab.At(edgeN)}
	for _, tag := range tags {
		servers = append(servers, s.lab.At(place[tag]))
	}
	for host, addrs := range want {
		for _, server := range servers {
			if _, err := lab.Await(ctx, server, host, addrs); err != nil {
				return err
			}
		}
	}
	return nil
}

// scale changes eu's application and measures, in each cluster, the time from
// the API's answer to the first right answer of the cluster's own DNS server.
func (s *stage) scale(ctx context.Context, replicas int, failover, roundrobin string) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := s.kubectl(ctx, "eu", nil, "-n", "test-gslb", "scale", "deployment/frontend-podinfo", "--replicas="+strconv.Itoa(replicas)); err != nil {
		return nil, err
	}
	took := make([]time.Duration, len(tags))
	g, gctx := errgroup.WithContext(ctx)
	for i, tag := range tags {
		g.Go(func() (err error) {
			took[i], err = lab.Await(gctx, s.lab.At(place[tag]), failHost, failover)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for i, tag := range tags {
		out[tag] = since(took[i])
		s.say("%s answers %s after %d ms", tag, failover, out[tag])
	}
	return out, s.everywhere(ctx, map[string]string{failHost: failover, rrHost: roundrobin})
}

// dig asks the edge, with dig where it is installed.
func (s *stage) dig(ctx context.Context, host string) {
	addr, err := netip.ParseAddrPort(s.lab.At(edgeN))
	if err != nil {
		return
	}
	args := []string{"@" + addr.Addr().String()}
	if s.lab.NeedsPorts() {
		args = append(args, "-p", strconv.Itoa(int(addr.Port())))
	}
	args = append(args, host, "+noall", "+answer")
	s.say("$ dig %s", strings.Join(args, " "))
	if out, err := exec.CommandContext(ctx, "dig", args...).Output(); err == nil {
		s.say("%s", strings.TrimSpace(string(out)))
		return
	}
	m, err := lab.Ask(ctx, s.lab.At(edgeN), host, dns.TypeA)
	if err != nil {
		s.say("%v", err)
		return
	}
	for _, rr := range m.Answer {
		s.say("%s", rr)
	}
}

// visit asks each address over HTTP and shows who answers.
func (s *stage) visit(ctx context.Context, addrs []string, host string) {
	for _, a := range addrs {
		at := "http://" + a
		if p := s.planes.Cluster("eu").HTTPPort; p != 80 {
			at += ":" + strconv.Itoa(p)
		}
		s.say("$ curl -H 'Host: %s' %s/\n%s", host, at, s.get(ctx, at+"/", host))
	}
}

func (s *stage) get(ctx context.Context, at, host string) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err.Error()
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(body))
}

// show prints what kubectl says of the Gslbs, once their status tells what is
// answered.
func (s *stage) show(ctx context.Context) error {
	for _, tag := range tags {
		for name, host := range map[string]string{"failover": failHost, "roundrobin": rrHost} {
			if err := s.awaitStatus(ctx, tag, name, host); err != nil {
				return err
			}
		}
		out, err := s.kubectl(ctx, tag, nil, "get", "gslbs.gslb.meridian.dev", "-A", "-o", "wide")
		if err != nil {
			return err
		}
		s.say("\n%s$ kubectl get gslb -A -o wide\n%s", tag, strings.TrimSpace(out))
	}
	return nil
}

// awaitStatus waits until the status of a Gslb tells what its cluster answers.
func (s *stage) awaitStatus(ctx context.Context, tag, name, host string) error {
	want := lab.Addrs(ctx, s.lab.At(place[tag]), host)
	path := "jsonpath={.status.healthyRecords." + strings.ReplaceAll(host, ".", `\.`) + "}"
	got := ""
	err := s.await(ctx, func() bool {
		out, err := s.kubectl(ctx, tag, nil, "-n", "test-gslb", "get", "gslbs.gslb.meridian.dev", name, "-o", path)
		got = join(strings.FieldsFunc(out, func(r rune) bool { return strings.ContainsRune(`[]", `, r) }))
		return err == nil && got == want
	})
	if err != nil {
		return fmt.Errorf("%s: the status of the Gslb %s shows %q, and %s is answered: %w", tag, name, got, want, err)
	}
	return nil
}

// usage says how to look around while the demo stays up.
func (s *stage) usage() {
	port := ""
	if s.lab.NeedsPorts() {
		port = " -p " + strconv.Itoa(s.lab.Port)
	}
	s.say("\n== It stays up until Ctrl-C. Look around:\n")
	s.say("  dig @%s%s %s          # the edge; follows the delegation", s.lab.Addr(edgeN), port, rrHost)
	s.say("  dig @%s%s +norec %s NS          # the delegation itself", s.lab.Addr(edgeN), port, lab.Zone)
	for _, tag := range tags {
		s.say("  dig @%s%s %s            # what %s answers", s.lab.Addr(place[tag]), port, failHost, tag)
	}
	s.say("\n  export KUBECONFIG=%s   # contexts eu and us", s.planes.Kubeconfig())
	s.say("  kubectl --context eu get gslb -A")
	s.say("  kubectl --context eu -n test-gslb scale deployment/frontend-podinfo --replicas=0")
	s.say("  (no kubectl installed? %s kubectl …)", s.planes.Binary())
	s.say("\n  %s explain %s --server http://%s:%d", s.bin, failHost, s.lab.Addr(place["eu"]), httpN)
	s.say("  bin/kubectl-meridian status -A --kubeconfig %s --context us", s.planes.Kubeconfig())
	s.say("  logs: %s/*.log", s.dir)
}
