# The DNS server beside others; see docs/benchmarks.md.
DURATION  ?= 5s
RUNS      ?= 5
RATE      ?= 20000
SERVERS   ?=
SCENARIOS ?=
BENCHDNS  ?= full
# What CI runs: every server that is installed answers, and a table comes out.
BENCHDNS_ARGS = $(if $(filter short,$(BENCHDNS)),-duration 1s -runs 1,-duration $(DURATION) -runs $(RUNS) $(if $(SERVERS)$(SCENARIOS),,-doc docs/benchmarks.md))

##@ Test

.PHONY: bench-dns
bench-dns: build ## The DNS server beside those installed; DURATION=5s RUNS=5 RATE=20000 SERVERS= SCENARIOS= BENCHDNS=short
	@$(if $(filter short,$(BENCHDNS)),true ||) CGO_ENABLED=0 $(GO) -C hack/benchdns/coredns build -trimpath -o $(CURDIR)/bin/bench/coredns . || echo 'coredns cannot be built: it is left out'
	$(GO) run ./hack/benchdns -coredns bin/bench/coredns -rate $(RATE) -servers '$(SERVERS)' -scenarios '$(SCENARIOS)' $(BENCHDNS_ARGS)
