# Meridian: make alone prints this help.
SHELL := /bin/bash
.DEFAULT_GOAL := help

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
TOOL    := $(GO) tool -modfile=$(CURDIR)/hack/tools/go.mod
# Modules of their own that are linted like the first; the others are programs of upstream.
MODULES := chart terratest hack/image
# The race detector needs a C compiler.
RACE    ?= $(shell command -v gcc >/dev/null 2>&1 || command -v cc >/dev/null 2>&1 && echo -race)
RACETEST = $(if $(RACE),CGO_ENABLED=1 )$(GO) test $(RACE)
PKGS    ?= ./...
FUZZTIME ?= 10s
BENCH ?= .
BENCHTIME ?= 1s
TESTFLAGS ?=

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-zA-Z0-9_-]+:.*##/ {printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use

.PHONY: demo
demo: build kplane ## The whole story on real API servers; ONCE=1 ends after it
	$(GO) run ./hack/demo $(if $(ONCE),--once)

.PHONY: build
build: ## Build bin/meridian and bin/kubectl-meridian
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

.PHONY: kplane
kplane: ## Build the control planes for demo and tests (6 minutes the first time)
	$(GO) run ./internal/kplane/kplanectl build

##@ Test

.PHONY: test
test: kplane ## All tests that need nothing but Go
	$(GO) vet $(PKGS)
	$(RACETEST) -vet=off -shuffle=on -timeout 15m $(TESTFLAGS) $(PKGS)
	cd hack/kplane && CGO_ENABLED=0 $(GO) test -trimpath $(TESTFLAGS) ./internal/...
	@$(MAKE) --no-print-directory terratest-unit $(if $(NOCHART),,chart-test)

.PHONY: e2e
e2e: kplane ## End to end with BIND, dig and nsupdate, and as root with real nodes
	$(RACETEST) -tags e2e -vet=off -shuffle=on -count=1 -timeout 25m $(TESTFLAGS) ./e2e/...

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME (10s)
	hack/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: kplane ## Benchmarks; see docs/benchmarks.md
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -timeout 60m $(PKGS)

##@ Check

.PHONY: check
check: ## What CI runs
	.ci/run

.PHONY: lint
lint: ## gofmt, golangci-lint and, where it is installed, shellcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt'ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(TOOL) golangci-lint run
	@set -e; for m in $(MODULES); do echo "golangci-lint in $$m"; (cd $$m && $(TOOL) golangci-lint run -c $(CURDIR)/.golangci.yml ./...); done
	@if command -v shellcheck >/dev/null; then shellcheck -x $$(git ls-files '*.sh' .ci/run); else echo "shellcheck is not installed: scripts were not looked at"; fi

.PHONY: generate
generate: ## Regenerate CRDs, deep copies and generated docs
	hack/generate.sh

.PHONY: verify
verify: generate ## Generated files are as committed
	@git diff --exit-code -- api docs || { echo "run 'make generate' and commit the result"; exit 1; }
	@set -e; for m in . $(MODULES); do $(GO) -C $$m mod tidy -diff; done

# Each part of the project that has targets of its own keeps them beside it.
include $(wildcard */*.mk */*/*.mk)
