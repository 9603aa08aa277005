// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/config"
)

var update = flag.Bool("update", false, "write the generated pages")

// TestConfigurationPage compares docs/configuration.md with the flags.
func TestConfigurationPage(t *testing.T) {
	const page = "../../docs/configuration.md"
	want := configurationPage()
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o600))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "run: make generate")
}

func configurationPage() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Generated from the flags by make generate. -->

Every flag of ` + "`meridian serve`" + ` can also be given in the environment or in the YAML file of ` + "`--config`" + `. A flag wins over
the environment, the environment over the file, the file over the default. Unknown keys in the file are errors, and all
problems are reported at once, each with its flag; the exit code is then 2.

` + "```yaml" + `
# meridian.yaml: keys are the names of the flags
geo-tag: eu
zone: cloud.example.com
edge-zone: example.com
edge-dns: [192.0.2.53]
edge-tsig-key: edge:hmac-sha256:/etc/meridian/edge.key
peer-tsig-key: [peers:hmac-sha256:/etc/meridian/peers.key]
` + "```" + `

A TSIG key is written ` + "`NAME:ALGORITHM:FILE`" + `: algorithms are hmac-sha256, hmac-sha384 and hmac-sha512; the file holds the base64
secret and is read again when it changes. Make one with ` + "`head -c 32 /dev/urandom | base64`" + `.

Without a peer key a cluster serves alone and says so: nothing is ever exchanged unsigned.
`)
	for _, cmd := range []*cobra.Command{newServe(), newCheck(), newExplain(), newAsk(), newEdge()} {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n| flag | default | meaning |\n|---|---|---|\n", cmd.CommandPath(), cmd.Short)
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			def := strings.Trim(f.DefValue, "[]")
			if def != "" {
				def = "`" + def + "`"
			}
			name := "`--" + f.Name + "`"
			if cmd.Name() == "serve" && f.Name != "config" {
				name += "<br>`" + config.EnvName(f.Name) + "`"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, def, strings.ReplaceAll(f.Usage, "|", `\|`))
		})
	}
	return b.String()
}

// TestConfigurationExampleIsRead reads the page's YAML block as the program does.
func TestConfigurationExampleIsRead(t *testing.T) {
	page := configurationPage()
	_, rest, ok := strings.Cut(page, "```yaml\n")
	require.True(t, ok)
	block, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	dir := t.TempDir()
	key := dir + "/key"
	require.NoError(t, os.WriteFile(key, []byte("c2l4dGVlbi1vY3RldHMtYW5kLW1vcmUtb2YtaXQhIQ==\n"), 0o600))
	for _, name := range []string{"edge", "peers"} {
		block = strings.ReplaceAll(block, "/etc/meridian/"+name+".key", key)
	}
	file := dir + "/meridian.yaml"
	require.NoError(t, os.WriteFile(file, []byte(block), 0o600))
	cfg := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	cfg.Bind(fs)
	require.NoError(t, config.Load(fs, file, func(string) (string, bool) { return "", false }))
	s, err := cfg.Settings()
	require.NoError(t, err)
	assert.Equal(t, []string{"192.0.2.53:53"}, s.EdgeServers)
	assert.Len(t, s.PeerKeys, 1)
}
