// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/internal/authtest"
	"github.com/meridian-gslb/meridian/internal/gobuild"
	"github.com/meridian-gslb/meridian/internal/lab"
)

// primary is a meridian process with zones from a folder of manifests, and the
// others as its secondaries.
type primary struct {
	t       *testing.T
	folder  string
	addr    netip.AddrPort
	metrics netip.AddrPort
	key     authtest.Key
	others  []*authtest.Server
	process *lab.Process
}

// startPrimary runs meridian, and the others as secondaries of zones, in each of
// which is a TXT record "marker".
func startPrimary(t *testing.T, zones []judgeZone) *primary {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "meridian")
	require.NoError(t, gobuild.Build(t.Context(), "", "../../cmd/meridian", bin))
	p := &primary{t: t, folder: filepath.Join(dir, "objects"), addr: authtest.FreePort(t), metrics: authtest.FreePort(t),
		key: authtest.Key{Name: "transfer", Secret: bytes.Repeat([]byte("k"), 32)}}
	require.NoError(t, os.Mkdir(p.folder, 0o700))
	p.file("app0.yaml", backends(t, "app0", true))
	p.file("app1.yaml", backends(t, "app1", true))
	p.write(zones)
	var told []string
	addrs := make(map[authtest.Software]netip.AddrPort)
	for _, s := range authtest.All() {
		addrs[s] = authtest.FreePort(t)
		told = append(told, p.key.Name+"@"+addrs[s].String())
	}
	keyFile := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(keyFile, []byte(p.key.Base64()), 0o600))
	l, err := lab.New(t.Context(), dir, bin)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, l.Close())
		if t.Failed() {
			t.Log(p.process.LogTail(40))
		}
	})
	p.process, err = l.Start("eu", "serve", "--geo-tag", "eu", "--manifests", p.folder, "--dns-listen", p.addr.String(), "--dns-address", "192.0.2.53",
		"--edge-provider", "none", "--metrics-listen", p.metrics.String(), "--probe-listen", "", "--entry-check", "off",
		"--transfer-tsig-key", p.key.Name+":hmac-sha256:"+keyFile, "--notify", strings.Join(told, ","))
	require.NoError(t, err)
	var followed []authtest.Zone
	for _, z := range zones {
		p.answersTXT("marker."+z.name, "first")
		followed = append(followed, authtest.Zone{Name: z.name, Primary: p.addr, Key: p.key})
	}
	for _, s := range authtest.All() {
		p.others = append(p.others, authtest.StartAt(t, s, addrs[s], followed...))
	}
	return p
}

// file writes a manifest whole, by rename.
func (p *primary) file(name, content string) {
	p.t.Helper()
	tmp := filepath.Join(filepath.Dir(p.folder), name+".tmp")
	require.NoError(p.t, os.WriteFile(tmp, []byte(content), 0o600))
	require.NoError(p.t, os.Rename(tmp, filepath.Join(p.folder, name)))
}

func (p *primary) write(zones []judgeZone) {
	p.t.Helper()
	for _, z := range zones {
		p.file(z.name+"yaml", z.manifests(p.t))
	}
}
