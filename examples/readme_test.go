// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

var (
	shown      = regexp.MustCompile("(?s)```yaml\n# (\\S+)\n(.*?)```")
	marked     = regexp.MustCompile("(?s)<!-- scene: ([^\n]+) -->\n```console\n(.*?)```")
	digging    = regexp.MustCompile(`^dig (?:@\S+ )?(\S+) \+short$`)
	getting    = regexp.MustCompile(`^kubectl --context (\S+) -n (\S+) get gslbs\.gslb\.meridian\.dev (\S+)(?: -o jsonpath='(.*)')?$`)
	ofClusters = regexp.MustCompile(`^{\.status\.clusters\[\?\(@\.geoTag=="(\S+)"\)\]\.dependsOn}$`)
	ofMessage  = regexp.MustCompile(`^{\.status\.conditions\[\?\(@\.type=="(\S+)"\)\]\.message}$`)
)

// TestReadmesShowTheFiles: a block that begins with a file's name has its text.
func TestReadmesShowTheFiles(t *testing.T) {
	for _, dir := range folders(t) {
		readme := read(t, dir, "README.md")
		blocks := shown.FindAllStringSubmatch(readme, -1)
		assert.NotEmpty(t, blocks, dir)
		for _, b := range blocks {
			assert.Equal(t, read(t, dir, b[1]), b[2], "%s/%s", dir, b[1])
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		require.NoError(t, err)
		values, err := filepath.Glob(filepath.Join(dir, "values", "*.yaml"))
		require.NoError(t, err)
		for _, f := range append(files, values...) {
			name, err := filepath.Rel(dir, f)
			require.NoError(t, err)
			assert.Contains(t, readme, name, "%s says nothing of it", dir)
		}
	}
}

// TestReadmesNameThePageTheyFollow: by a link to the neighbour's own walk-through.
func TestReadmesNameThePageTheyFollow(t *testing.T) {
	for _, dir := range folders(t) {
		readme := read(t, dir, "README.md")
		_, first, _ := strings.Cut(readme, "\n## 1. ")
		first, _, _ = strings.Cut(first, "\n## 2. ")
		intro, _, _ := strings.Cut(readme, "\n## 1. ")
		assert.Regexp(t, `\]\(https://\S+\)`, intro+first, dir)
	}
}

// TestTheIndexHasEveryExample: that links lead somewhere is checked for all pages.
func TestTheIndexHasEveryExample(t *testing.T) {
	for _, dir := range folders(t) {
		assert.Contains(t, read(t, "README.md"), "("+dir+"/README.md)")
	}
}

// TestReadmesTellTheTruth plays each scene of each README, and compares what dig and
// kubectl show there.
func TestReadmesTellTheTruth(t *testing.T) {
	validator := newValidator(t)
	told := make(map[string][]string)
	for _, dir := range folders(t) {
		for _, block := range marked.FindAllStringSubmatch(read(t, dir, "README.md"), -1) {
			told[dir+": "+block[1]] = append(told[dir+": "+block[1]], block[2])
		}
	}
	for _, s := range scenes(t) {
		name := s.example + ": " + s.name
		t.Run(name, func(t *testing.T) {
			require.NotEmpty(t, told[name], "the README has it")
			synctest.Test(t, func(t *testing.T) {
				clusters := s.play(t, validator)
				for _, block := range told[name] {
					for _, part := range strings.Split("\n"+block, "\n$ ")[1:] {
						command, output, _ := strings.Cut(part, "\n")
						assert.Equal(t, normal(strings.TrimSpace(output)), normal(say(t, clusters, command)), "$ %s", command)
					}
				}
			})
		})
		delete(told, name)
	}
	assert.Empty(t, told, "scenes that are told and not played")
}

// TestTheCopySaysWhatItIs: the Gslb that Liqo's copy of the Ingress asks for is told from
// the one that a person's Ingress asks for (O1).
func TestTheCopySaysWhatItIs(t *testing.T) {
	first := func(s scene) bool { return s.example == "liqo" }
	s := scenes(t)[slices.IndexFunc(scenes(t), first)]
	for tag, origin := range map[string]string{"gslb-eu": gslbv1beta1.OriginAnnotation, "gslb-us": gslbv1beta1.OriginReflected} {
		g := newCluster(t, newValidator(t), gslb.GeoTag(tag), s.objects(t, tag)).gslbs["podinfo/podinfo"].gslb
		assert.Equal(t, origin, g.Labels[gslbv1beta1.LabelOrigin], tag)
		assert.Equal(t, gslbv1beta1.ScopeClusterset, g.Spec.ServiceHealthScope)
	}
}

// normal makes of any white space in a line one space.
func normal(output string) string {
	lines := strings.Split(output, "\n")
	for i := range lines {
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	return strings.Join(lines, "\n")
}

// say gives what a command says in a scene.
func say(t *testing.T, clusters map[string]*cluster, command string) string {
	t.Helper()
	if m := digging.FindStringSubmatch(command); m != nil {
		return dig(t, clusters, gslb.MustName(m[1]))
	}
	m := getting.FindStringSubmatch(command)
	require.NotNil(t, m, "a command that is not known here: %s", command)
	c := clusters[m[1]]
	require.NotNil(t, c, "cluster %s", m[1])
	b := c.gslbs[m[2]+"/"+m[3]]
	require.NotNil(t, b, "Gslb %s", m[3])
	switch path := m[4]; {
	case path == "":
		return table(c, b)
	case ofClusters.MatchString(path):
		of := ofClusters.FindStringSubmatch(path)[1]
		clusters := c.status(b).Clusters
		i := slices.IndexFunc(clusters, func(s gslbv1beta1.ClusterStatus) bool { return s.GeoTag == of })
		require.GreaterOrEqual(t, i, 0, "cluster %s", of)
		if len(clusters[i].DependsOn) == 0 {
			return ""
		}
		raw, err := json.Marshal(clusters[i].DependsOn)
		require.NoError(t, err)
		return string(raw)
	case ofMessage.MatchString(path):
		condition := meta.FindStatusCondition(c.status(b).Conditions, ofMessage.FindStringSubmatch(path)[1])
		require.NotNil(t, condition, path)
		return condition.Message
	}
	require.Fail(t, "a path that is not known here", m[4])
	return ""
}

// dig gives the addresses that every cluster answers, sorted; answers that are drawn are
// all in it.
func dig(t *testing.T, clusters map[string]*cluster, host gslb.Name) string {
	t.Helper()
	answer := ""
	for tag, c := range clusters {
		require.NotNil(t, c.store.World().Host(host), "%s in %s", host, tag)
		decision := strategies.Decide(c.store.World().Host(host))
		var addrs []string
		for _, a := range decision.Addrs() {
			addrs = append(addrs, a.String())
		}
		slices.Sort(addrs)
		text := strings.Join(addrs, "\n")
		if answer != "" {
			assert.Equal(t, answer, text, "all clusters answer the same")
		}
		answer = text
	}
	return answer
}

// table is what kubectl shows of a Gslb, but for its age.
func table(c *cluster, b *built) string {
	s := c.status(b)
	serving := meta.FindStatusCondition(s.Conditions, gslbv1beta1.ConditionServing)
	return "NAME STRATEGY GEOTAG HEALTHY SERVING REASON\n" + strings.Join([]string{
		b.gslb.Name, string(b.gslb.Spec.Strategy.Type), s.GeoTag, s.HealthyClusters, string(serving.Status), serving.Reason,
	}, " ")
}
