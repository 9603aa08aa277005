// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/controllers/files"
	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// TestRecordsPage runs docs/records.md: its manifests are read from a folder, its questions
// are asked, its mistakes are checked. The samples that it shows are those of docs/samples.
func TestRecordsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/records.md")
	require.NoError(t, err)
	manifests, transcript := t.TempDir(), ""
	mistakes := filepath.Join(t.TempDir(), "mistakes.yaml")
	application(t, manifests)
	write(t, manifests, "gslb.yaml", gslbYAML("app.records.example.org"))
	var shown []string
	for _, b := range regexp.MustCompile("(?s)```(yaml|console)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		switch {
		case b[1] == "console":
			transcript += b[2]
		case strings.HasPrefix(b[2], "# mistakes.yaml\n"):
			require.NoError(t, os.WriteFile(mistakes, []byte(b[2]), 0o600))
		default:
			shown = append(shown, b[2])
			write(t, manifests, fmt.Sprintf("page%d.yaml", len(shown)), b[2])
		}
	}
	for i, sample := range []string{"records.yaml", "dnsendpoint/mail.yaml"} {
		text, err := os.ReadFile("../../docs/samples/" + sample)
		require.NoError(t, err)
		assert.Equal(t, string(text), shown[i], "the page shows %s", sample)
	}
	h := start(t, manifests)
	world := h.until("everything of the page is there", func(w *gslb.World) bool {
		z := w.Zone(gslb.MustName("records.example.org"))
		return w.Ready && z != nil && z.Static != nil && len(z.Static.Sets) == 12 && w.Host(gslb.MustName("app.records.example.org")) != nil
	})
	assert.Empty(t, world.Zone(gslb.MustName("records.example.org")).Static.Conflicts)
	_, server := dnstest.Serve(t, dnsserver.Config{}, dnstest.Table(t, nil, world))
	asked := 0
	for _, part := range strings.Split("\n"+transcript, "\n$ ")[1:] {
		command, want, _ := strings.Cut(strings.TrimSuffix(part, "\n"), "\n")
		asked++
		switch words := strings.Fields(command); words[0] {
		case "dig":
			assert.Equal(t, want, strings.Join(dig(t, server, words[1:]), "\n"), command)
		case "meridian":
			problems, err := files.Check(t.Context(), []string{mistakes}, files.CheckOptions{Self: "eu"})
			require.NoError(t, err)
			var lines []string
			for _, p := range problems {
				lines = append(lines, strings.ReplaceAll(p.String(), mistakes, "mistakes.yaml"))
			}
			assert.Equal(t, want, strings.Join(lines, "\n"), command)
		default:
			assert.Failf(t, "a command that nobody runs", "%s", command)
		}
	}
	assert.GreaterOrEqual(t, asked, 9)
}

// dig asks as dig would, and gives the lines that it prints: of +short the data, else the
// records of the sections that are wanted, with one blank between fields.
func dig(t *testing.T, server netip.AddrPort, args []string) []string {
	t.Helper()
	typ, err := rdata.ParseType(args[len(args)-2])
	require.NoError(t, err)
	m := dnstest.Ask(t, server, dnstest.Query{Name: args[len(args)-1], Type: typ})
	var lines []string
	show := func(rrs []dns.RR, short bool) {
		for _, rr := range rrs {
			text := rr.String()
			if short {
				text = strings.TrimPrefix(text, rr.Header().String())
			}
			if unknown, ok := rr.(*dns.RFC3597); ok && short {
				text = fmt.Sprintf(`\# %d %s`, len(unknown.Rdata)/2, strings.ToUpper(unknown.Rdata))
			}
			if rr.Header().Rrtype != dns.TypeOPT {
				lines = append(lines, strings.ReplaceAll(text, "\t", " "))
			}
		}
	}
	if slices.Contains(args, "+short") {
		show(m.Answer, true)
	}
	if slices.Contains(args, "+authority") {
		show(m.Ns, false)
	}
	if slices.Contains(args, "+additional") {
		show(m.Extra, false)
	}
	return lines
}
