// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/kplane"
)

// onKubernetes puts API servers under clusters, which write what they want of the edge
// zone into objects for ExternalDNS; the others read files and are told of them.
func (w *world) onKubernetes(planes *kplane.Planes, tags ...string) {
	w.t.Helper()
	for _, tag := range tags {
		c, plane := w.of(tag), planes.Cluster(tag)
		kubectl := func(stdin string, args ...string) {
			w.t.Helper()
			_, err := planes.Kubectl(w.t.Context(), tag, strings.NewReader(stdin), args...)
			require.NoError(w.t, err)
		}
		for _, crds := range []string{"../../api/v1beta1/crds", "../../controllers/externaldns/testdata"} {
			kubectl("", "apply", "-f", crds)
			kubectl("", "wait", "--for=condition=Established", "--timeout=60s", "-f", crds)
		}
		kubectl("apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}\n", "apply", "-f", "-")
		c.apply = func(content string) { kubectl(content, "apply", "-f", "-") }
		c.write()
		c.apply(c.hosts())
		server, err := url.Parse(plane.Server)
		require.NoError(w.t, err)
		c.space.relay(server.Host)
		c.source, c.keeps = []string{"--kubeconfig", plane.Kubeconfig}, true
		c.edge = []string{"--edge-provider", "externaldns", "--edge-dns", w.edge.space.at(dnsN)}
		for _, o := range w.clusters {
			if !slices.Contains(tags, o.tag) { // nobody delegates to it
				c.edge = append(c.edge, "--peers", o.tag+"="+o.space.at(dnsN))
			}
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan struct{})
	w.t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		w.edge.carry(ctx, planes, tags)
	}()
}

// relay lets processes inside reach an address of this machine's loopback.
func (s *space) relay(address string) {
	s.t.Helper()
	tcp, udp := s.listen(address)
	_ = udp.Close() // TCP is all there is
	go func() {
		for {
			in, err := tcp.Accept()
			if err != nil {
				return // the test is over
			}
			go func() {
				defer in.Close()
				out, err := net.DialTimeout("tcp", address, dialTime)
				if err != nil {
					return
				}
				defer out.Close()
				both(in, out)
			}()
		}
	}()
}

// carry does the work of ExternalDNS until there is nothing left to do: what the objects
// of these clusters say is written into the edge zone.
func (e *edge) carry(ctx context.Context, planes *kplane.Planes, tags []string) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	written := map[string]bool{}
	for len(written) < len(tags) {
		for _, tag := range tags {
			if records := endpoints(ctx, planes, tag); len(records) >= 2 && !written[tag] {
				written[tag] = assert.NoError(e.w.t, e.insert(records...))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// endpoints are the records that the DNSEndpoints of a cluster want.
func endpoints(ctx context.Context, planes *kplane.Planes, tag string) (records []string) {
	out, err := planes.Kubectl(ctx, tag, nil, "get", "dnsendpoints.externaldns.k8s.io", "-A", "-o", "json")
	if err != nil {
		return nil
	}
	var list struct {
		Items []struct {
			Spec struct {
				Endpoints []struct {
					DNSName    string
					RecordType string
					Targets    []string
				}
			}
		}
	}
	if json.Unmarshal([]byte(out), &list) != nil {
		return nil
	}
	for _, item := range list.Items {
		for _, one := range item.Spec.Endpoints {
			for _, target := range one.Targets {
				if one.RecordType == "NS" {
					target = strings.TrimSuffix(target, ".") + "."
				}
				records = append(records, fmt.Sprintf("%s. 300 IN %s %s", strings.TrimSuffix(one.DNSName, "."), one.RecordType, target))
			}
		}
	}
	return records
}

// TestOnKubernetes: eu and us on real API servers, their delegation carried by
// ExternalDNS, and ap, which offers nothing and reads files, as a witness. MERIDIAN_API_AWAY
// says for how long the API server of eu is away.
func TestOnKubernetes(t *testing.T) {
	if why := missing(); why != "" {
		t.Skip("no partitions here: " + why)
	}
	t.Parallel()
	planes := kplane.ForTest(t, "eu", "us")
	w := newWorldUnwatched(t, plan{clusters: []string{"eu", "us", "ap"}, more: map[string]int{"eu": 2}, noChecks: true, asksReady: true, prepare: func(w *world) {
		ap := w.of("ap")
		ap.offerNothing()
		ap.edge = []string{"--edge-provider", "none", "--peers", "eu=" + w.of("eu").space.at(dnsN), "--peers", "us=" + w.of("us").space.at(dnsN)}
		w.onKubernetes(planes, "eu", "us")
		w.of("eu").extra = []string{"--shutdown-delay", drain.String()}
	}})
	w.watch()
	eu, us, ap := w.of("eu"), w.of("us"), w.of("ap")

	t.Log("the API server of eu is killed; Meridian there starts again meanwhile")
	w.apiAway(planes, eu, us, apiAwayFor(t))

	t.Log("link cut, no heartbeats: the third cluster vouches")
	w.cut(eu.space, us.space)
	w.pass(cutFor)
	assert.Equal(t, "thirdCluster", us.one().witness("eu"))
	w.healed()

	t.Log("the same without the third: each answers with its own")
	w.seen.leave(ap.one())
	require.NoError(t, ap.one().process.Kill())
	w.until("ap is lost", func() bool { return eu.one().liveness("ap") == "lost" && us.one().liveness("ap") == "lost" })
	w.cut(eu.space, us.space)
	w.until("each answers with its own", func() bool {
		return w.seen.latest(asked{eu.one().name, rr}).text == w.entries("eu") && w.seen.latest(asked{us.one().name, fail}).text == w.entries("us")
	})
	since := time.Now()
	w.healLinks()
	w.seen.within("links healed → all equal", w.seen.equal(since), healWithin, since)
	w.seen.judge(8, 4)
}
