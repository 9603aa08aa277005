##@ Simulator

SEEDS ?= 10000
SEED  ?= 1

.PHONY: sim
sim: ## Play SEEDS (10000) schedules of faults on virtual time, from SEED (1) on; see docs/simulator.md
	GOMAXPROCS=1 $(GO) test -count=1 -timeout 6h -v -run '^TestSimulator$$' ./internal/gslbtest -args -seeds $(SEEDS) -seed $(SEED)
