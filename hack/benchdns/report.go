// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
)

// The table stands between these lines of the page.
const (
	markBegin = "<!-- make bench-dns writes what follows -->"
	markEnd   = "<!-- make bench-dns wrote what is above -->"
)

// report writes the results as Markdown: medians.
func (b *bench) report(ctx context.Context, all results) string {
	var p strings.Builder
	fmt.Fprintf(&p, "%s, %s, %d runs of %s for each figure, medians.\n\n", b.began.Format("2006-01-02"), machine(ctx), b.runs, b.duration)
	versions := make([]string, 0, len(b.running))
	for _, r := range b.running {
		versions = append(versions, r.name+" "+strings.TrimPrefix(r.version, r.name+" "))
	}
	p.WriteString("Versions: " + strings.Join(versions, ", ") + ".\n")
	if len(b.missing) > 0 {
		fmt.Fprintf(&p, "Not installed: %s.\n", strings.Join(b.missing, ", "))
	}
	b.works(&p, all)
	b.waits(&p, all)
	return p.String()
}

// works writes the tables of work: one line a server, one column a scenario.
func (b *bench) works(p *strings.Builder, all results) {
	var columns []*scenario
	for _, s := range scenarios() {
		if !s.rate && all[s.name] != nil {
			columns = append(columns, s)
		}
	}
	if len(columns) == 0 {
		return
	}
	for _, t := range []struct {
		title string
		cell  func(of []sample) string
	}{
		{"Questions answered in a CPU-second of the server", func(of []sample) string {
			return fmt.Sprintf("%.0f", middle(of, func(m sample) float64 { return m.perCPU }))
		}},
		{"Microseconds of the server for one question, user + system", func(of []sample) string {
			return fmt.Sprintf("%.2f + %.2f", middle(of, func(m sample) float64 { return m.user }), middle(of, func(m sample) float64 { return m.system }))
		}},
		{"Questions answered in a second of the clock, server and dnsperf with a processor each", func(of []sample) string {
			return fmt.Sprintf("%.0f", middle(of, func(m sample) float64 { return m.qps }))
		}},
	} {
		fmt.Fprintf(p, "\n%s:\n\n|", t.title)
		for _, s := range columns {
			fmt.Fprintf(p, " | %s", s.name)
		}
		p.WriteString(" |\n|---" + strings.Repeat("|---", len(columns)) + "|\n")
		for _, r := range b.running {
			fmt.Fprintf(p, "| %s", r.name)
			for _, s := range columns {
				fmt.Fprintf(p, " | %s", cell(all[s.name][r.name], t.cell))
			}
			p.WriteString(" |\n")
		}
	}
	p.WriteString("\n")
	for _, s := range columns {
		fmt.Fprintf(p, "- %s: %s%s\n", s.name, s.about, changesOf(all[s.name]))
	}
}

// waits writes the table of latencies.
func (b *bench) waits(p *strings.Builder, all results) {
	quiet, busy := all["latency"], all["latency-changes"]
	if quiet == nil && busy == nil {
		return
	}
	fmt.Fprintf(p, "\nMicroseconds until the answer, at %d questions a second: median of the runs, and in parentheses the lowest, which is the least disturbed:\n\n", b.rate)
	p.WriteString("| | quiet p50 | quiet p99 | 100 changes a second, p50 | p99 |\n|---|---|---|---|---|\n")
	p50, p99 := func(m sample) float64 { return m.p50 }, func(m sample) float64 { return m.p99 }
	for _, r := range b.running {
		fmt.Fprintf(p, "| %s", r.name)
		for _, of := range []map[string][]sample{quiet, busy} {
			for _, f := range []func(sample) float64{p50, p99} {
				fmt.Fprintf(p, " | %s", cell(of[r.name], func(of []sample) string { return fmt.Sprintf("%.0f (%.0f)", middle(of, f), lowest(of, f)) }))
			}
		}
		p.WriteString(" |\n")
	}
	if note := changesOf(busy); note != "" {
		p.WriteString("\nChanges" + note + "\n")
	}
}

// changesOf says how many changes there really were.
func changesOf(of map[string][]sample) string {
	var parts []string
	for _, name := range serverNames() {
		if n := middle(of[name], func(m sample) float64 { return m.changed }); n > 0 {
			parts = append(parts, fmt.Sprintf("%s took %.0f", name, n))
		}
	}
	if parts == nil {
		return ""
	}
	return " (a second: " + strings.Join(parts, ", ") + ")"
}

// cell is empty for what was not measured.
func cell(of []sample, f func([]sample) string) string {
	if len(of) == 0 {
		return "–"
	}
	return f(of)
}

func middle(of []sample, f func(sample) float64) float64 {
	if len(of) == 0 {
		return 0
	}
	values := make([]float64, len(of))
	for i, m := range of {
		values[i] = f(m)
	}
	return median(values)
}

func lowest(of []sample, f func(sample) float64) float64 {
	least := f(of[0])
	for _, m := range of {
		least = min(least, f(m))
	}
	return least
}

var modelName = regexp.MustCompile(`(?m)^model name\s*: (.*)$`)

// machine says what was measured on.
func machine(ctx context.Context) string {
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := modelName.FindSubmatch(b); m != nil {
			model = string(m[1])
		}
		model = fmt.Sprintf("%d × %s", bytes.Count(b, []byte("processor\t:")), model)
	}
	return model + ", Linux " + strings.TrimSpace(output(ctx, "uname", "-r")) + ", " + runtime.Version()
}

// replaceInPage puts the table between the marks of a page.
func replaceInPage(path, table string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(page), markBegin)
	_, after, ok2 := strings.Cut(rest, markEnd)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s lacks the lines %q and %q, between which the table stands", path, markBegin, markEnd)
	}
	return os.WriteFile(path, []byte(before+markBegin+"\n\n"+table+"\n"+markEnd+after), 0o644)
}
