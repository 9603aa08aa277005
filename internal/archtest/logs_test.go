// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logKeys reads the table of keys in the glossary.
func logKeys(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("../../docs/glossary.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(b), "\n## Log keys\n")
	require.True(t, ok, "docs/glossary.md has a section \"Log keys\"")
	section, _, _ = strings.Cut(section, "\n## ")
	var keys []string
	for _, line := range strings.Split(section, "\n") {
		if cell, rest, ok := strings.Cut(strings.TrimPrefix(line, "| "), " |"); ok && strings.HasPrefix(line, "| `") && rest != "" {
			for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cell, -1) {
				keys = append(keys, m[1])
			}
		}
	}
	require.NotEmpty(t, keys)
	return keys
}

// secrets are words that no key may hold: what they name is never logged.
var secrets = regexp.MustCompile(`secret|password|token|private|credential|mac$`)

// logCall is one line of the log as the code has it.
type logCall struct {
	at      token.Position
	message ast.Expr // nil: With
	keys    []string
	odd     string // what is wrong with its form
}

// levels are the methods of slog.Logger, with the place of the message and of the
// first key.
var levels = map[string][2]int{
	"Debug": {0, 1}, "Info": {0, 1}, "Warn": {0, 1}, "Error": {0, 1}, "Log": {2, 3}, "With": {-1, 0},
}

// logCalls finds the calls of methods of loggers: whatever is named log or logger.
func logCalls(fset *token.FileSet, file *ast.File) []logCall {
	var all []logCall
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !isLogger(method.X) {
			return true
		}
		places, ok := levels[method.Sel.Name]
		if !ok || len(call.Args) <= places[0] {
			return true
		}
		c := logCall{at: fset.Position(call.Pos())}
		if places[0] >= 0 {
			c.message = call.Args[places[0]]
		}
		for i := places[1]; i < len(call.Args); i += 2 {
			if call.Ellipsis.IsValid() && i == len(call.Args)-1 {
				break // pairs that were collected
			}
			key, ok := call.Args[i].(*ast.BasicLit)
			if !ok || key.Kind != token.STRING {
				c.odd = "a key is not a literal"
				break
			}
			text, err := strconv.Unquote(key.Value)
			if err != nil {
				c.odd = err.Error()
			}
			c.keys = append(c.keys, text)
		}
		all = append(all, c)
		return true
	})
	return all
}

// isLogger reports that an expression is named like a logger, or is With of one.
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return strings.EqualFold(x.Name, "log") || strings.EqualFold(x.Name, "logger")
	case *ast.SelectorExpr:
		return isLogger(x.Sel)
	case *ast.CallExpr:
		s, ok := x.Fun.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "With" && isLogger(s.X)
	}
	return false
}

// TestLogLinesSpeakTheGlossary: every line of the log has a constant message and
// keys that docs/glossary.md lists; none of them names a secret, and none stands twice.
func TestLogLinesSpeakTheGlossary(t *testing.T) {
	known, used := logKeys(t), map[string]bool{}
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "*.go")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	lines := 0
	var text strings.Builder // of everything: pairs may be collected before a line
	for _, name := range strings.Fields(string(out)) {
		first, _, _ := strings.Cut(name, "/")
		if strings.HasSuffix(name, "_test.go") || !slices.Contains([]string{"cmd", "config", "controllers", "dnsserver", "edge", "gslb", "healthcheck", "internal", "peers", "strategies"}, first) {
			continue
		}
		b, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) {
			continue // deleted, not committed
		}
		require.NoError(t, err)
		text.Write(b)
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, b, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, c := range logCalls(fset, file) {
			lines++
			where := fmt.Sprintf("%s:%d", name, c.at.Line)
			assert.Empty(t, c.odd, where)
			if c.message != nil {
				lit, ok := c.message.(*ast.BasicLit)
				if assert.True(t, ok && lit.Kind == token.STRING, "%s: the message is not a constant: put what varies into pairs", where) {
					said, err := strconv.Unquote(lit.Value)
					require.NoError(t, err, where)
					assert.NotRegexp(t, `^[A-Z][a-z]|[.!]$|%`, said, "%s: a message begins in lower case and has no full stop", where)
				}
			}
			for _, k := range c.keys {
				used[k] = true
				assert.Contains(t, known, k, "%s: key %q is not in docs/glossary.md, Log keys", where, k)
				assert.NotRegexp(t, secrets, k, where)
				assert.True(t, k != "cluster" || name == "cmd/meridian/observe.go", "%s: every line has cluster already, of this one; another is a peer", where)
			}
		}
	}
	assert.Greater(t, lines, 50, "the test finds the lines")
	for _, k := range known {
		assert.True(t, used[k] || strings.Contains(text.String(), `"`+k+`", `), "docs/glossary.md lists key %q, which no line has", k)
	}
}
