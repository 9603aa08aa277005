// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
)

// TestDocumentedFlags gives ExternalDNS the flags of every page of docs/edge that has a
// block of them, together with the common ones.
func TestDocumentedFlags(t *testing.T) {
	common := flagsOf(t, "../../docs/edge/externaldns.md")
	if len(common) != 1 {
		t.Fatalf("docs/edge/externaldns.md has %d blocks of flags, not 1", len(common))
	}
	pages, err := filepath.Glob("../../docs/edge/*.md")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, page := range pages {
		if filepath.Base(page) == "externaldns.md" {
			continue
		}
		for _, block := range flagsOf(t, page) {
			tried++
			args := slices.DeleteFunc(slices.Concat(common[0], block), func(f string) bool { return f == "--provider=…" })
			cfg := externaldns.NewConfig()
			if err := cfg.ParseFlags(args); err != nil {
				t.Errorf("%s: %v", page, err)
			}
			if cfg.Policy != "upsert-only" || cfg.TXTOwnerID != "meridian" || !slices.Equal(cfg.ManagedDNSRecordTypes, []string{"NS", "A", "AAAA"}) {
				t.Errorf("%s: the common settings are %s, %s, %v", page, cfg.Policy, cfg.TXTOwnerID, cfg.ManagedDNSRecordTypes)
			}
		}
	}
	if tried < 6 {
		t.Errorf("flags of %d pages were tried, fewer than there are", tried)
	}
}

// TestFlagsOfTheWayOver gives ExternalDNS the flags of the page for those who balance with
// ExternalDNS alone.
func TestFlagsOfTheWayOver(t *testing.T) {
	page, err := os.ReadFile("../../docs/migrating-from-k8gb.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "The flags of ExternalDNS")
	blocks := flagsIn(rest)
	if len(blocks) != 1 {
		t.Fatalf("the page has %d blocks of flags, not 1", len(blocks))
	}
	cfg := externaldns.NewConfig()
	if err := cfg.ParseFlags(append([]string{"--provider=aws", "--source=ingress"}, blocks[0]...)); err != nil {
		t.Fatal(err)
	}
	if cfg.Policy != "upsert-only" || !slices.Equal(cfg.DomainExclude, []string{"app.example.com"}) {
		t.Errorf("they mean policy %s, without %v", cfg.Policy, cfg.DomainExclude)
	}
}

var fence = regexp.MustCompile("(?ms)^ *```\n(.*?)^ *```")

// flagsOf gives the flags of each block of a page that has nothing else.
func flagsOf(t *testing.T, page string) [][]string {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return flagsIn(string(text))
}

func flagsIn(text string) [][]string {
	var all [][]string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		var flags []string
		for line := range strings.Lines(m[1]) {
			flag, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if strings.HasPrefix(flag, "--") {
				flags = append(flags, flag)
			}
		}
		if len(flags) > 0 {
			all = append(all, flags)
		}
	}
	return all
}
