// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/gslb"
)

func ready(w *gslb.World) bool { return w.Ready }

func TestFolderIsReadAndFollowed(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	h := start(t, dir)

	h.untilAddrs("the folder is read", "192.0.2.10")
	w := h.until("it is complete", ready)
	zone := w.Zone(gslb.MustName("cloud.example.com"))
	require.NotNil(t, zone)
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.53")}, zone.Addrs)
	offer := w.Host(gslb.MustName("app.cloud.example.com")).Part("eu").Offer
	assert.Equal(t, gslb.Source{Kind: "Gslb", Namespace: "default", Name: "app"}, offer.Source, "without a namespace it is default")
	assert.True(t, offer.Created.IsZero(), "a file gives no time of creation")
	mark := w.Local.Mark
	assert.NotZero(t, mark)

	h.write("backend.yaml", serviceYAML()+"---\n"+sliceYAML(false))
	h.untilAddrs("no backend is ready")
	h.write("backend.yaml", serviceYAML()+"---\n"+sliceYAML(true))
	h.untilAddrs("it is ready again", "192.0.2.10")
	h.write("ingress.yaml", ingressYAML("app", "192.0.2.11", "2001:db8::11"))
	h.untilAddrs("other addresses", "192.0.2.11", "2001:db8::11")
	w = h.until("the mark has risen", func(w *gslb.World) bool { return w.Local.Mark >= mark+3 })
	h.remove("gslb.yaml")
	h.until("the Gslb is gone", func(w *gslb.World) bool { return w.Len() == 0 })
	h.write("gslb.yaml", gslbYAML("app.cloud.example.com"))
	h.untilAddrs("the Gslb is back", "192.0.2.11", "2001:db8::11")
	assert.Empty(t, h.source.Problems())
	assert.Greater(t, h.store.World().Local.Mark, w.Local.Mark)
}

func TestBrokenFileKeepsItsLastGoodState(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	h := start(t, dir)
	h.untilAddrs("the folder is read", "192.0.2.10")

	h.write("gslb.yaml", strings.Replace(gslbYAML("other.cloud.example.com"), "roundRobin", "roundrobin", 1))
	h.untilLog("manifest is wrong; its last good state is kept") // line 1: rules that were not checked
	text := h.untilLog("manifest is wrong; its last good state is kept")
	assert.Contains(t, text, filepath.Join(dir, "gslb.yaml")+":11: spec.strategy.type", "file, line and field")
	assert.Contains(t, text, "object=Gslb default/app")
	problems := h.source.Problems()
	require.Len(t, problems, 2)
	assert.Contains(t, problems[0].Message, "some validation rules were not checked", "as the server says")
	assert.Equal(t, 11, problems[1].Line)
	assert.Equal(t, "spec.strategy.type", problems[1].Path)
	assert.Equal(t, files.Error, problems[1].Severity)

	h.write("ingress.yaml", ingressYAML("app", "192.0.2.12"))
	w := h.untilAddrs("other files go on", "192.0.2.12")
	assert.Nil(t, w.Host(gslb.MustName("other.cloud.example.com")))

	h.write("ingress.yaml", "a: [\n")
	assert.Contains(t, h.untilLog("manifest is wrong; its last good state is kept"), "ingress.yaml:", "not YAML at all")
	h.write("gslb.yaml", gslbYAML("other.cloud.example.com"))
	w = h.until("it is right again", func(w *gslb.World) bool { return w.Host(gslb.MustName("other.cloud.example.com")) != nil })
	assert.Nil(t, w.Host(gslb.MustName("app.cloud.example.com")))
	assert.Contains(t, h.untilLog("manifest is right again, or gone"), "gslb.yaml")
	problems = h.source.Problems()
	require.Len(t, problems, 1, "the other file is still broken")
	assert.Contains(t, problems[0].File, "ingress.yaml")
}

func TestFileThatNeverWasGoodGivesWhatIsRightInIt(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	write(t, dir, "more.yaml", "apiVersion: gslb.meridian.dev/v1beta1\nkind: Gslb\nmetadata: {name: bad}\nspec: {}\n---\n"+
		strings.ReplaceAll(gslbYAML("more.cloud.example.com"), "name: app}\nspec", "name: more}\nspec"))
	h := start(t, dir)
	h.until("the good object counts", func(w *gslb.World) bool { return w.Host(gslb.MustName("more.cloud.example.com")) != nil })
	h.untilAddrs("the neighbours too", "192.0.2.10")
	assert.True(t, files.HasErrors(h.source.Problems()))
}

func TestSavingByTruncationLosesNothing(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	h := start(t, dir)
	h.untilAddrs("the folder is read", "192.0.2.10")

	path := filepath.Join(dir, "gslb.yaml")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	h.write("ingress.yaml", ingressYAML("app", "192.0.2.20")) // shows that the folder was read in between
	h.untilAddrs("the host is still there", "192.0.2.20")
	require.NoError(t, os.WriteFile(path, []byte(gslbYAML("app.cloud.example.com")), 0o600))
	h.write("ingress.yaml", ingressYAML("app", "192.0.2.21"))
	h.untilAddrs("and after it was saved", "192.0.2.21")

	require.NoError(t, os.Rename(path, filepath.Join(dir, "renamed.yaml")))
	h.write("ingress.yaml", ingressYAML("app", "192.0.2.22"))
	h.untilAddrs("a renamed file", "192.0.2.22")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "renamed.yaml"), nil, 0o600))
	h.until("a file that stays empty holds nothing", func(w *gslb.World) bool { return w.Len() == 0 })

	seen := false
	for _, w := range h.published() {
		has := w.Host(gslb.MustName("app.cloud.example.com")) != nil
		if seen && !has {
			assert.Equal(t, 0, h.store.World().Len())
			break
		}
		seen = seen || has
	}
	assert.Empty(t, h.source.Problems(), "a rename is no duplicate")
}

// TestConfigMapMount swaps a folder by a link, as the kubelet does.
func TestConfigMapMount(t *testing.T) {
	dir := t.TempDir()
	version := func(name, addr string) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		application(t, filepath.Join(dir, name))
		write(t, filepath.Join(dir, name), "ingress.yaml", ingressYAML("app", addr))
		require.NoError(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	version("..2026_05_01", "192.0.2.1")
	for _, name := range []string{"gslb.yaml", "ingress.yaml", "backend.yaml"} {
		require.NoError(t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	}
	h := start(t, dir)
	h.untilAddrs("the mount is read", "192.0.2.1")
	version("..2026_05_02", "192.0.2.2")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "..2026_05_01")))
	h.untilAddrs("the swap is seen", "192.0.2.2")
	version("..2026_05_03", "192.0.2.3")
	h.untilAddrs("and the next", "192.0.2.3")
}

func TestLinksAreFollowed(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"v1", "v2", "elsewhere"} {
		require.NoError(t, os.Mkdir(filepath.Join(root, name), 0o700))
	}
	application(t, filepath.Join(root, "v1"))
	application(t, filepath.Join(root, "v2"))
	write(t, filepath.Join(root, "v2"), "ingress.yaml", ingressYAML("app", "192.0.2.2"))
	current := filepath.Join(root, "current")
	require.NoError(t, os.Symlink("v1", current))
	h := start(t, current)
	h.untilAddrs("through the link", "192.0.2.10")

	write(t, filepath.Join(root, "elsewhere"), "target", ingressYAML("app", "192.0.2.30"))
	require.NoError(t, os.Remove(filepath.Join(root, "v1", "ingress.yaml")))
	require.NoError(t, os.Symlink(filepath.Join(root, "elsewhere", "target"), filepath.Join(root, "v1", "ingress.yaml")))
	h.untilAddrs("a file that is a link", "192.0.2.30")
	write(t, filepath.Join(root, "elsewhere"), "target", ingressYAML("app", "192.0.2.31"))
	h.untilAddrs("its target changed", "192.0.2.31")

	require.NoError(t, os.Symlink("v2", filepath.Join(root, "next")))
	require.NoError(t, os.Rename(filepath.Join(root, "next"), current))
	h.untilAddrs("the folder's link leads elsewhere", "192.0.2.2")
	write(t, filepath.Join(root, "v2"), "ingress.yaml", ingressYAML("app", "192.0.2.3"))
	h.untilAddrs("and is followed there", "192.0.2.3")
}

func TestFolderThatCannotBeReadMakesBlind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "manifests")
	h := start(t, dir)
	blind := func(w *gslb.World) bool { return !w.Local.Blind.IsZero() }
	w := h.until("there is no folder", blind)
	assert.False(t, w.Ready, "nothing was ever read")

	require.NoError(t, os.Mkdir(dir, 0o700))
	h.until("an empty folder is complete", func(w *gslb.World) bool { return w.Ready && !blind(w) })
	application(t, dir)
	h.untilAddrs("it is followed", "192.0.2.10")

	require.NoError(t, os.Rename(dir, dir+".away"))
	w = h.until("it is gone", blind)
	assert.Equal(t, []string{"192.0.2.10"}, healthy(w), "what was read stays")
	assert.True(t, w.Ready)
	require.NoError(t, os.Rename(dir+".away", dir))
	h.until("it is back", func(w *gslb.World) bool { return !blind(w) })
	h.write("ingress.yaml", ingressYAML("app", "192.0.2.40"))
	h.untilAddrs("and followed again", "192.0.2.40")
}

func TestOneObjectInTwoFiles(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	h := start(t, dir)
	h.untilAddrs("the folder is read", "192.0.2.10")

	h.write("z.yaml", ingressYAML("app", "192.0.2.50"))
	text := h.untilLog("manifest is wrong; its last good state is kept")
	assert.Contains(t, text, filepath.Join(dir, "z.yaml")+":1: Ingress default/app is defined already in "+filepath.Join(dir, "ingress.yaml")+":1")
	assert.Equal(t, []string{"192.0.2.10"}, healthy(h.store.World()), "the first file counts")
	h.remove("ingress.yaml")
	h.untilAddrs("the first is gone: the second counts", "192.0.2.50")
	h.untilLog("manifest is right again, or gone")
	assert.Empty(t, h.source.Problems())
}

func TestAnnotatedIngressMakesAGslbInMemoryOnly(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	require.NoError(t, os.Remove(filepath.Join(dir, "gslb.yaml")))
	h := start(t, dir)
	h.until("the folder is read", ready)
	before := listing(t, dir)
	assert.Equal(t, 0, h.store.World().Len(), "an Ingress alone is nothing to balance")

	annotated := func(annotations string) string {
		return strings.Replace(ingressYAML("app", "192.0.2.10"), "{name: app}", "{name: app, annotations: {"+annotations+"}}", 1)
	}
	h.write("ingress.yaml", annotated("k8gb.io/strategy: failover, k8gb.io/primary-geotag: us, gslb.meridian.dev/dns-ttl-seconds: '5'"))
	w := h.untilAddrs("the annotation makes a Gslb", "192.0.2.10")
	policy := w.Host(gslb.MustName("app.cloud.example.com")).Policy
	assert.Equal(t, gslb.Failover, policy.Strategy)
	assert.Equal(t, gslb.GeoTag("us"), policy.Primary)
	assert.Equal(t, uint32(5), policy.TTL)

	h.write("ingress.yaml", annotated("k8gb.io/strategy: failower"))
	text := h.untilLog("manifest is wrong; its last good state is kept")
	assert.Contains(t, text, "ingress.yaml:3: metadata.annotations[k8gb.io/strategy]")
	assert.Equal(t, gslb.Failover, h.store.World().Host(gslb.MustName("app.cloud.example.com")).Policy.Strategy, "the Gslb stays as it was")

	h.write("gslb.yaml", gslbYAML("app.cloud.example.com"))
	h.until("somebody's own Gslb of the name wins", func(w *gslb.World) bool {
		host := w.Host(gslb.MustName("app.cloud.example.com"))
		return host != nil && host.Policy.Strategy == gslb.RoundRobin
	})
	h.remove("gslb.yaml")
	h.write("ingress.yaml", ingressYAML("app", "192.0.2.10"))
	h.until("without the annotation there is none", func(w *gslb.World) bool { return w.Len() == 0 })
	assert.Equal(t, before, listing(t, dir), "nothing was written into the folder")
}

func listing(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestZonesAndNamespacesAreFollowed(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	h := start(t, dir)
	h.untilAddrs("the folder is read", "192.0.2.10")
	inLab := func(w *gslb.World) bool { return w.Host(gslb.MustName("app.lab.example.com")) != nil }

	h.write("gslb.yaml", gslbYAML("app.lab.example.com"))
	assert.Contains(t, h.untilLog("condition is false"), "host app.lab.example.com lies in none of the zones (cloud.example.com)")
	problems := h.source.Problems()
	require.Len(t, problems, 1)
	assert.Equal(t, filepath.Join(dir, "gslb.yaml")+":7: warning: spec.ingress.rules[0].host: HostOutsideZones: host app.lab.example.com lies in none of the zones (cloud.example.com)", problems[0].String())

	zone := `apiVersion: gslb.meridian.dev/v1beta1
kind: ZoneDelegation
metadata: {name: lab}
spec:
  loadBalancedZone: lab.example.com
  parentZone: example.com
`
	h.write("zone.yaml", zone)
	w := h.until("the zone is there", inLab)
	assert.NotNil(t, w.Zone(gslb.MustName("lab.example.com")))
	h.write("zone.yaml", zone+"  allowedNamespaces: {matchLabels: {team: web}}\n")
	h.until("the namespace is not allowed", func(w *gslb.World) bool { return !inLab(w) })
	h.write("namespace.json", `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {"team": "web"}}}`)
	h.until("the namespace has the label", inLab)
	h.remove("zone.yaml")
	h.until("the zone is gone", func(w *gslb.World) bool { return w.Zone(gslb.MustName("lab.example.com")) == nil && !inLab(w) })
}

func TestZoneDelegationOfTheConfigurationsZone(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	h := start(t, dir)
	h.untilAddrs("the folder is read", "192.0.2.10")
	cloud := gslb.MustName("cloud.example.com")
	h.write("zone.yaml", `apiVersion: gslb.meridian.dev/v1beta1
kind: ZoneDelegation
metadata: {name: cloud, annotations: {gslb.meridian.dev/allow-mass-removal: "true"}}
spec:
  loadBalancedZone: cloud.example.com
  parentZone: example.com
  splitBrainThresholdSeconds: 60
  records: [{name: mail, type: A, rdata: [192.0.2.25]}]
`)
	w := h.until("it adds to the zone", func(w *gslb.World) bool { return w.Zone(cloud).AllowRemoval })
	assert.Equal(t, time.Minute, w.Zone(cloud).SplitBrain)
	assert.Len(t, w.Zone(cloud).Records, 1)
	assert.Empty(t, h.source.Problems())
	h.remove("zone.yaml")
	w = h.until("the zone is as it was", func(w *gslb.World) bool { return !w.Zone(cloud).AllowRemoval })
	assert.Empty(t, w.Zone(cloud).Records)
}

func TestVirtualNodesAndSelectors(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	write(t, dir, "backend.yaml", serviceYAML()+"---\n"+strings.Replace(sliceYAML(true), "{addresses", "{nodeName: n1, addresses", 1))
	write(t, dir, "gslb.yaml", `apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {name: app}
spec:
  resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, matchLabels: {app: shop}}
  strategy: {type: roundRobin}
`)
	h := start(t, dir)
	h.until("no Ingress has the labels", func(w *gslb.World) bool { return w.Ready && w.Len() == 0 })
	h.write("ingress.yaml", strings.Replace(ingressYAML("any", "192.0.2.60"), "{name: any}", "{name: any, labels: {app: shop}}", 1))
	h.untilAddrs("an Ingress has the labels", "192.0.2.60")
	h.write("node.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {liqo.io/type: virtual-node, liqo.io/remote-cluster-id: us}}\n")
	h.untilAddrs("the endpoint runs elsewhere")
	h.remove("node.yaml")
	h.untilAddrs("it runs here", "192.0.2.60")
}

func TestWhatChangesNothingTellsNothing(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	h := start(t, dir)
	h.untilAddrs("the folder is read", "192.0.2.10")
	h.until("it is complete", ready)
	before := h.store.World()

	h.write("gslb.yaml", "# a comment\n"+gslbYAML("app.cloud.example.com"))
	h.write("notes.txt", "not a manifest")
	h.write("deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n")
	h.write("old.yaml", "apiVersion: gslb.example.com/v1\nkind: Gslb\nmetadata: {name: app}\n")
	h.write("broken.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: UPPER}\n") // shows that the folder was read
	h.untilLog("manifest is wrong; its last good state is kept")
	assert.Same(t, before, h.store.World())
	problems := h.source.Problems()
	require.Len(t, problems, 2)
	assert.Contains(t, problems[1].String(), "old.yaml:1: warning: apiVersion: a Gslb of gslb.example.com/v1 is not read from files")
}

func TestFileThatCannotBeReadIsTold(t *testing.T) {
	dir := t.TempDir()
	application(t, dir)
	h := start(t, dir)
	h.untilAddrs("the folder is read", "192.0.2.10")
	require.NoError(t, os.Remove(filepath.Join(dir, "gslb.yaml")))
	require.NoError(t, os.Symlink("/dev/null", filepath.Join(dir, "gslb.yaml")))
	assert.Contains(t, h.untilLog("manifest is wrong; its last good state is kept"), "gslb.yaml: not a regular file: "+fs.FileMode(fs.ModeDevice|fs.ModeCharDevice).String())
	assert.Equal(t, []string{"192.0.2.10"}, healthy(h.store.World()))
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := files.New(files.Config{Dir: t.TempDir()})
	assert.ErrorContains(t, err, "needs a folder, a store, the geo tag, a logger and a registerer")
}

func TestMetricsAreWellNamed(t *testing.T) {
	registry := prometheus.NewRegistry()
	store, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
	require.NoError(t, err)
	_, err = files.New(files.Config{Dir: t.TempDir(), Store: store, Self: "eu", Logger: quietLogger(), Registerer: registry})
	require.NoError(t, err)
	found, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, found)
	_, err = files.New(files.Config{Dir: t.TempDir(), Store: store, Self: "eu", Logger: quietLogger(), Registerer: registry})
	assert.Error(t, err, "metrics are registered once")
}
