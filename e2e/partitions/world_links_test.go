// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package partitions_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"
)

// links are the rules that stand between the spaces of a world: on the bridge, and
// at the doors of single spaces.
type links struct {
	bridge []string
	doors  map[*space][]string
}

// between gives the rules that drop what goes from a to b and matches.
func between(a, b *space, match string) string {
	return fmt.Sprintf("ip saddr %s ip daddr %s %s counter drop", a.prefix, b.prefix, match)
}

// dnsOnly matches questions and answers of DNS.
var dnsOnly = []string{"meta l4proto { tcp, udp } th dport 53", "meta l4proto { tcp, udp } th sport 53"}

// cut drops everything between two spaces, silently, on its way.
func (w *world) cut(a, b *space) {
	w.t.Helper()
	w.links.bridge = append(w.links.bridge, between(a, b, ""), between(b, a, ""))
	w.lay()
}

// cutDNS drops DNS between two spaces and lets everything else pass.
func (w *world) cutDNS(a, b *space) {
	w.t.Helper()
	for _, match := range dnsOnly {
		w.links.bridge = append(w.links.bridge, between(a, b, match), between(b, a, match))
	}
	w.lay()
}

// lose drops so many of a hundred packets between two spaces.
func (w *world) lose(percent int, a, b *space) {
	w.t.Helper()
	match := fmt.Sprintf("numgen random mod 100 < %d", percent)
	w.links.bridge = append(w.links.bridge, between(a, b, match), between(b, a, match))
	w.lay()
}

// refusePackets lets nothing of from come in at to: no connection works then, whoever
// opens it. What is dropped at the receiver's door is lost silently.
func (w *world) refusePackets(to, from *space) {
	w.t.Helper()
	w.links.doors[to] = append(w.links.doors[to], fmt.Sprintf("ip saddr %s counter drop", from.prefix))
	w.lay()
}

// refuseConnections lets from open no connection to the DNS server of to; those that
// to opens go on.
func (w *world) refuseConnections(to, from *space) {
	w.t.Helper()
	w.links.doors[to] = append(w.links.doors[to], fmt.Sprintf("ip saddr %s tcp dport 53 counter drop", from.prefix))
	w.lay()
}

// healLinks takes every rule away.
func (w *world) healLinks() {
	w.t.Helper()
	w.links.bridge = nil
	for s := range w.links.doors {
		w.links.doors[s] = nil
	}
	w.lay()
}

// lay puts the rules into force.
func (w *world) lay() {
	w.t.Helper()
	w.wan.run(ruleset("bridge", "forward", w.links.bridge), "nft", "-f", "-")
	for s, rules := range w.links.doors {
		s.run(ruleset("inet", "input", rules), "nft", "-f", "-")
	}
}

// dropped is how many packets the rules have dropped.
func (w *world) dropped() (packets int) {
	w.t.Helper()
	spaces := []*space{w.wan}
	for s := range w.links.doors {
		spaces = append(spaces, s)
	}
	for _, s := range spaces {
		for _, m := range regexp.MustCompile(`counter packets (\d+)`).FindAllStringSubmatch(s.output("nft", "list", "ruleset"), -1) {
			n, err := strconv.Atoi(m[1])
			require.NoError(w.t, err)
			packets += n
		}
	}
	return packets
}

func ruleset(family, hook string, rules []string) string {
	rules = slices.Concat([]string{
		"table " + family + " cuts", "delete table " + family + " cuts", "table " + family + " cuts {",
		"chain " + hook + " {", "type filter hook " + hook + " priority 0; policy accept;",
	}, rules, []string{"}", "}"})
	return strings.Join(rules, "\n") + "\n"
}

// unplug takes the cable of a space out; plug puts it back.
func (w *world) unplug(s *space) {
	w.t.Helper()
	w.wan.ip("link set " + s.name + " down")
}

func (w *world) plug(s *space) {
	w.t.Helper()
	w.wan.ip("link set " + s.name + " up")
}
