// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package edge_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/rfc2136"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/bindtest"
)

// program finds a server that a test needs. Where it is not installed the test is skipped,
// also in CI: BIND is the one that has to be there.
func program(t *testing.T, name, install string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/bin") {
		if p := filepath.Join(dir, name); dir != "" {
			if _, err := os.Stat(p); err == nil {
				return p
			}
		}
	}
	t.Skipf("%s is not installed; on Debian: apt-get install %s", name, install)
	return ""
}

// block gives a fenced block of a page of docs/edge.
func block(t *testing.T, page, kind string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/edge/" + page)
	require.NoError(t, err)
	m := regexp.MustCompile("(?s)```" + regexp.QuoteMeta(kind) + "\n(.*?)```").FindSubmatch(text)
	require.NotNil(t, m, "docs/edge/%s has no block of %s", page, kind)
	return string(m[1])
}

// run starts a server and waits until it answers for example.com; it ends with the test.
func run(t *testing.T, addr netip.AddrPort, log, program string, args ...string) {
	t.Helper()
	out, err := os.Create(log)
	require.NoError(t, err)
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, filepath.Dir(log)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = out.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log)
			t.Logf("%s\n%s", program, text)
		}
	})
	until(t, program+" answers", func() bool { return rfc2136.Ask(t.Context(), addr.String(), parent) == nil })
}

// plain is an edge zone without the traps of foreign.
const plain = `
$ORIGIN example.com.
$TTL 300
@ SOA ns hostmaster 1 3600 600 604800 30
@ NS ns
ns A 127.0.0.1
www A 192.0.2.80
cloud NS ns.elsewhere.example.
`

// keepsDelegation is what every edge server must be able to do: two clusters come, one
// changes its addresses, says so in its heartbeat, and one goes. It gives the other.
func keepsDelegation(t *testing.T, addr netip.AddrPort, euKey, usKey bindtest.Key) *member {
	t.Helper()
	s := &bindtest.Server{Addr: addr}
	dig := digger(t, addr)
	eu := join(t, s, "eu", euKey, []string{"203.0.113.10", "2001:db8::10"})
	us := join(t, s, "us", usKey, []string{"198.51.100.20"})
	eu.until(edge.ReasonDelegated)
	us.until(edge.ReasonDelegated)
	for _, ns := range []string{"gslb-ns-eu-cloud.example.com.", "gslb-ns-us-cloud.example.com.", "ns.elsewhere.example."} {
		assert.Contains(t, dig("cloud.example.com", "NS"), ns)
	}
	assert.Equal(t, "203.0.113.10", dig("gslb-ns-eu-cloud.example.com", "A"))
	assert.Equal(t, "2001:db8::10", dig("gslb-ns-eu-cloud.example.com", "AAAA"))
	until(t, "the heartbeat of us is there", func() bool { return strings.Contains(dig("gslb-heartbeat-us.example.com", "TXT"), `"cluster=us"`) })

	us.tell(func(w *gslb.World) { w.Zones[0].Addrs = parse([]string{"198.51.100.21"}) })
	until(t, "the new address is there", func() bool { return strings.Contains(dig("gslb-ns-us-cloud.example.com", "A"), "198.51.100.21") })
	us.until(edge.ReasonDelegated)
	us.tell(func(w *gslb.World) { w.Alarm.Missed = []gslb.GeoTag{"eu"} })
	until(t, "us says that it misses somebody", func() bool { return strings.Contains(dig("gslb-heartbeat-us.example.com", "TXT"), `"interval=5"`) })

	until(t, "eu has gone", func() bool { return eu.keeper.Remove(t.Context(), cloud, parent) == nil })
	assert.NotContains(t, dig("cloud.example.com", "NS"), "gslb-ns-eu")
	assert.Contains(t, dig("cloud.example.com", "NS"), "ns.elsewhere.example.")
	assert.Empty(t, dig("gslb-ns-eu-cloud.example.com", "A"))
	assert.Empty(t, dig("gslb-heartbeat-eu.example.com", "TXT"))
	assert.Equal(t, "192.0.2.80", dig("www.example.com", "A"))
	return us
}

// TestKnot runs the configuration of docs/edge/knot.md.
func TestKnot(t *testing.T) {
	knotd := program(t, "knotd", "knot")
	dir, addr := t.TempDir(), bindtest.FreePort(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "example.com.zone"), []byte(plain), 0o600))
	conf := fmt.Sprintf("server:\n  listen: %s@%d\n  rundir: %s\n\ndatabase:\n  storage: %s\n\nlog:\n  - target: stderr\n    any: debug\n\n", addr.Addr(), addr.Port(), dir, dir) +
		strings.NewReplacer("SECRET-OF-EU", euKey.Base64(), "SECRET-OF-US", usKey.Base64(), "/var/lib/knot/", dir+"/").Replace(block(t, "knot.md", "knot.conf"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "knot.conf"), []byte(conf), 0o600))
	run(t, addr, filepath.Join(dir, "log"), knotd, "-c", filepath.Join(dir, "knot.conf"))
	us := keepsDelegation(t, addr, euKey, usKey)
	eu := join(t, &bindtest.Server{Addr: addr}, "eu", euKey, []string{"203.0.113.10"}, func(c *edge.Config) { c.Instance = "eu-2" })
	eu.until(edge.ReasonDelegated)
	buriesAndTakesBack(t, addr, eu, us, usKey)

	t.Log("a key may not write what is another's")
	stranger := join(t, &bindtest.Server{Addr: addr}, "cz", euKey, []string{"192.0.2.3"})
	refused := stranger.until(edge.ReasonRefused)
	assert.Equal(t, "BADKEY", refused.RCODE, "as docs/edge/knot.md has it")
	assert.Contains(t, refused.Message, "acl")
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	require.NoError(t, err)
	assert.Contains(t, string(log), "ACL, denied")
}

// TestPowerDNS runs the blocks of docs/edge/powerdns.md.
func TestPowerDNS(t *testing.T) {
	server, util := program(t, "pdns_server", "pdns-server"), program(t, "pdnsutil", "pdns-server")
	dir, addr := t.TempDir(), bindtest.FreePort(t)
	conf := fmt.Sprintf("local-address=%s\nlocal-port=%d\nlaunch=gsqlite3\ngsqlite3-database=%s/db\nsocket-dir=%s\n%s",
		addr.Addr(), addr.Port(), dir, dir, block(t, "powerdns.md", "pdns.conf"))
	if modules := os.Getenv("PDNS_MODULE_DIR"); modules != "" {
		conf += "module-dir=" + modules + "\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pdns.conf"), []byte(conf), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "zone"), []byte(plain), 0o600))
	pdnsutil := func(args ...string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), util, append([]string{"--config-dir=" + dir}, args...)...).CombinedOutput()
		require.NoError(t, err, "pdnsutil %v: %s", args, out)
	}
	sqlite(t, filepath.Join(dir, "db"))
	pdnsutil("load-zone", "example.com", filepath.Join(dir, "zone"))
	key := bindtest.Key{Name: "meridian", Secret: []byte(strings.Repeat("p", 32))}
	for line := range strings.Lines(block(t, "powerdns.md", "console")) {
		if args, ok := strings.CutPrefix(line, "$ pdnsutil "); ok {
			pdnsutil(strings.Fields(strings.ReplaceAll(args, "SECRET", key.Base64()))...)
		}
	}
	run(t, addr, filepath.Join(dir, "log"), server, "--config-dir="+dir, "--daemon=no", "--guardian=no", "--disable-syslog")
	keepsDelegation(t, addr, key, key)
}

// sqlite makes the database of PowerDNS by the schema that its package brings.
func sqlite(t *testing.T, file string) {
	t.Helper()
	tool := program(t, "sqlite3", "sqlite3")
	schema := os.Getenv("PDNS_SCHEMA")
	if schema == "" {
		schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"
	}
	in, err := os.Open(schema)
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	cmd := exec.CommandContext(t.Context(), tool, file)
	cmd.Stdin = in
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
