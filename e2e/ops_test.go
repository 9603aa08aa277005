// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/lab"
)

// get reads a page of a process: its status and text; 0 while nothing answers.
func (s *site) get(n, port int, path string) (int, string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	url := "http://" + net.JoinHostPort(s.lab.Addr(n).String(), fmt.Sprint(port)) + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(s.t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

func (c *cluster) readyz() (int, string) { return c.s.get(c.n, httpN+1, "/readyz?verbose") }

func (c *cluster) healthz() int {
	code, _ := c.s.get(c.n, httpN+1, "/healthz")
	return code
}

// rare are metrics that have no series before something happened that these tests
// do not cause.
var rare = map[string]string{
	"meridian_gslb_cluster_witness":           "while a cluster is vouched for",
	"meridian_edge_heartbeat_vouches_total":   "a heartbeat vouched",
	"meridian_peers_signature_failures_total": "a signature did not hold",
}

// documented reads the metrics of docs/metrics.md.
func documented(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	var names []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(meridian_[a-z0-9_]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		names = append(names, m[1])
	}
	require.Greater(t, len(names), 50)
	return names
}

// absent gives the documented metrics that a scrape lacks, but for the rare ones.
func absent(t *testing.T, scrape string, about func(string) bool) []string {
	t.Helper()
	return slices.DeleteFunc(documented(t), func(name string) bool {
		return rare[name] != "" || !about(name) || strings.Contains(scrape, "\n# TYPE "+name+" ")
	})
}

// checkWithPromtool has Debian's promtool judge a scrape, where it is installed.
func checkWithPromtool(t *testing.T, scrape string) {
	t.Helper()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not installed: the linter of the Prometheus library has judged these metrics in the tests of cmd/meridian")
		return
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	var ours []string
	for _, line := range strings.SplitAfter(scrape, "\n") {
		if strings.Contains(line, "meridian_") {
			ours = append(ours, line)
		}
	}
	cmd.Stdin = strings.NewReader(strings.Join(ours, ""))
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, "promtool check metrics:\n%s", out)
	assert.Empty(t, string(out))
}

// TestEveryDocumentedMetricIsServed compares docs/metrics.md with what a running
// process serves, where objects are read from files.
func TestEveryDocumentedMetricIsServed(t *testing.T) {
	s := newSite(t)
	s.startEdge()
	s.serveEntry(111)
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	if s.lab.NeedsPorts() {
		eu.peers, us.peers = []string{"us=" + us.at()}, []string{"eu=" + eu.at()}
	}
	eu.extra = []string{"--state-dir", filepath.Join(s.lab.Dir, "state"), "--transfer-tsig-key", s.peerKey, "--update-tsig-key", s.peerKey}
	eu.write(gslb("app", rr, "roundRobin", "") +
		fmt.Sprintf("  healthCheck: {kind: HTTP, port: %d, path: /, intervalSeconds: 1, rise: 1, fall: 1}\n", entryPort))
	us.write(gslb("app", rr, "roundRobin", ""))
	eu.start()
	us.start()
	s.await(eu.at(), rr, s.addrs(111, 121, 122))
	us.ready(false) // what a peer changes is measured, what a start brings is not
	s.await(eu.at(), rr, s.addrs(111))
	us.ready(true)
	s.await(eu.at(), rr, s.addrs(111, 121, 122))
	files := func(name string) bool { return !strings.HasPrefix(name, "meridian_controllers_") }
	works := `meridian_delegation_works\{status="true",zone="cloud.example.com"\} 1\n`
	if s.lab.NeedsPorts() { // NS and glue carry no port
		works = `meridian_delegation_works\{status="false",zone="cloud.example.com"\} 1\n`
	}
	want := regexp.MustCompile(strings.Join([]string{
		works,
		`meridian_gslb_cluster_liveness\{geo_tag="us",liveness="fresh"\} 1\n`, `meridian_edge_delegated\{zone="cloud.example.com"\} 1\n`,
		`meridian_gslb_hosts\{state="healthy"\} 1\n`, `meridian_health_stuck_loops 0\n`, `meridian_peers_direct\{geo_tag="us"\} 1\n`,
		`meridian_dnsserver_cluster_answers_total\{geo_tag="us",zone="cloud.example.com"\} [1-9]`,
		`meridian_gslb_convergence_seconds_count\{source="peer"\} [1-9]`, `meridian_build_info\{.*version=".+"\} 1\n`,
	}, "|"))
	found := func(text string) int {
		all := make(map[string]bool)
		for _, line := range want.FindAllString(text, -1) {
			name, _, _ := strings.Cut(line, "{")
			all[strings.Fields(name)[0]] = true
		}
		return len(all)
	}
	var scrape, told string
	s.until("every documented metric is there, and says what is so", func() bool {
		lab.Addrs(t.Context(), eu.at(), rr) // asked until an answer began with an entry of each cluster
		code, text := s.get(eu.n, httpN, "/metrics")
		scrape = text
		missing := strings.Join(absent(t, text, files), " ")
		if missing != told {
			t.Logf("not there: %s", missing)
			told = missing
		}
		return code == http.StatusOK && missing == "" && found(text) == 9
	})
	checkWithPromtool(t, scrape)
}

// TestReadinessFollowsWhatIsKnown: a start waits for a peer that does not come, and
// no longer than it takes to give it up; a frozen process is no stuck one.
func TestReadinessFollowsWhatIsKnown(t *testing.T) {
	s := newSite(t)
	eu := s.cluster("eu", 11)
	eu.peers = []string{"us=" + s.lab.At(12)} // nobody there
	eu.write(gslb("app", rr, "roundRobin", ""))
	eu.start()
	s.until("the peer is waited for", func() bool {
		code, text := eu.readyz()
		return code == http.StatusServiceUnavailable && strings.Contains(text, "[-]peers failed: waiting for us\n")
	})
	assert.Equal(t, http.StatusOK, eu.healthz(), "alive before it is ready")
	assert.Equal(t, "SERVFAIL", lab.Addrs(t.Context(), eu.at(), rr), "never an empty zone")
	s.await(eu.at(), rr, s.addrs(111, 112))
	s.until("the peer is given up", func() bool { code, _ := eu.readyz(); return code == http.StatusOK })
	code, text := eu.readyz()
	assert.Equal(t, "[+]loops ok\n[+]shutdown ok\n[+]identity ok\n[+]objects ok\n[+]peers ok\n[+]answers ok\nreadyz check passed\n", text)
	assert.Equal(t, http.StatusOK, code)

	require.NoError(t, eu.process.Freeze())
	s.until("it is frozen", func() bool { return lab.Addrs(t.Context(), eu.at(), rr) == "no answer" }) // a signal takes a moment
	s.steady(3*time.Second, rr, "no answer", eu)
	require.NoError(t, eu.process.Thaw())
	s.until("it is well again", func() bool { return eu.healthz() == http.StatusOK })
	code, text = eu.readyz()
	assert.Equal(t, http.StatusOK, code, text)
	_, scrape := s.get(eu.n, httpN, "/metrics")
	assert.Contains(t, scrape, "\nmeridian_health_stuck_loops 0\n")
}

// TestStopDrains: after SIGTERM a process is not ready any more and goes on
// answering until the delay is over, and its peers keep its addresses.
func TestStopDrains(t *testing.T) {
	s := newSite(t)
	s.startEdge()
	eu, us := s.cluster("eu", 11), s.cluster("us", 12)
	if s.lab.NeedsPorts() {
		eu.peers, us.peers = []string{"us=" + us.at()}, []string{"eu=" + eu.at()}
	}
	eu.extra = []string{"--shutdown-delay", "4s", "--entry-check", "off"}
	us.extra = []string{"--entry-check", "off"}
	eu.write(gslb("app", rr, "roundRobin", ""))
	us.write(gslb("app", rr, "roundRobin", ""))
	eu.start()
	us.start()
	all := s.addrs(111, 112, 121, 122)
	s.await(eu.at(), rr, all)
	s.await(us.at(), rr, all)

	stopped := make(chan error, 1)
	go func() { stopped <- eu.process.Stop() }()
	s.until("it is not ready any more", func() bool {
		code, text := eu.readyz()
		return code == http.StatusServiceUnavailable && strings.Contains(text, "[-]shutdown failed: the process is stopping")
	})
	assert.Equal(t, http.StatusOK, eu.healthz(), "it is not to be killed")
	for range 50 {
		assert.Equal(t, all, lab.Addrs(t.Context(), eu.at(), rr), "it answers on")
	}
	require.NoError(t, <-stopped)
	code, err := eu.process.ExitCode(t.Context())
	require.NoError(t, err)
	assert.Zero(t, code)
	s.steady(6*time.Second, rr, all, us)
}
