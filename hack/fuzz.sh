#!/usr/bin/env bash
# fuzz.sh TIME: every fuzz target of the module for TIME each, 10s or 3000x.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
go list -f '{{.Dir}} {{.ImportPath}}' ./... | while read -r dir pkg; do
  { grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null || true; } | sed 's/^func //' | sort -u | while read -r target; do
    echo "fuzz $pkg $target $time"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$pkg" </dev/null
  done
done
