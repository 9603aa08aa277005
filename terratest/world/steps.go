// SPDX-License-Identifier: Apache-2.0

package world

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Recorder keeps what the tests did and how long it took. It is safe for
// concurrent use.
type Recorder struct {
	mu    sync.Mutex
	tests []*Record
}

// Record is one test.
type Record struct {
	Test   string `json:"test"`
	Result string `json:"result"`          // passed, failed, not run
	Why    string `json:"why,omitempty"`   // of a test that was not run
	Steps  []Step `json:"steps,omitempty"` // in their order
}

// Step is one step of a test.
type Step struct {
	What    string             `json:"what"`
	Seconds float64            `json:"seconds"`
	Each    map[string]float64 `json:"each,omitempty"` // seconds by DNS server, where several were waited for
	Note    string             `json:"note,omitempty"`
	Failed  bool               `json:"failed,omitempty"`
}

// Results of a test.
const (
	Passed = "passed"
	Failed = "failed"
	NotRun = "not run"
)

// NewRecorder makes an empty one.
func NewRecorder() *Recorder { return &Recorder{} }

// Begin starts the record of a test.
func (r *Recorder) Begin(test string) *Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := &Record{Test: test, Result: Passed}
	r.tests = append(r.tests, rec)
	return rec
}

// Add puts a step into a record.
func (r *Recorder) Add(rec *Record, s Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.Steps = append(rec.Steps, s)
}

// End says how a test came out, and why where it was not run.
func (r *Recorder) End(rec *Record, result, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.Result, rec.Why = result, why
}

// Markdown writes all as a table, one line a step.
func (r *Recorder) Markdown() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tests) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| test | step | seconds | |\n|---|---|---:|---|\n")
	for _, t := range r.tests {
		if t.Result == NotRun {
			fmt.Fprintf(&b, "| %s | not run: %s | | |\n", t.Test, cell(t.Why))
		}
		name := t.Test
		for _, s := range t.Steps {
			fmt.Fprintf(&b, "| %s | %s | %.2f | %s |\n", name, cell(s.What), s.Seconds, cell(s.detail()))
			name = ""
		}
		if t.Result == Failed {
			fmt.Fprintf(&b, "| %s | **failed** | | |\n", name)
		}
	}
	return b.String()
}

// detail is the last column.
func (s Step) detail() string {
	var parts []string
	if s.Failed {
		parts = append(parts, "**failed**")
	}
	for _, name := range sortedKeys(s.Each) {
		parts = append(parts, fmt.Sprintf("%s %.2f", name, s.Each[name]))
	}
	if s.Note != "" {
		parts = append(parts, s.Note)
	}
	return strings.Join(parts, ", ")
}

// cell makes a text fit into a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

// Write puts the record into files: NAME.json or NAME.md.
func (r *Recorder) Write(files ...string) error {
	var errs []error
	for _, file := range files {
		content := []byte(r.Markdown())
		if filepath.Ext(file) == ".json" {
			r.mu.Lock()
			b, err := json.MarshalIndent(r.tests, "", "  ")
			r.mu.Unlock()
			if err != nil {
				return fmt.Errorf("writing the steps as JSON: %w", err)
			}
			content = append(b, '\n')
		}
		errs = append(errs, os.WriteFile(file, content, 0o644))
	}
	return errors.Join(errs...)
}

// seconds gives a duration as the record has it: whole milliseconds.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
