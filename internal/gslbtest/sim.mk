##@ Simulator

SEEDS  ?= 10000
SEED   ?= 1
ORDERS ?= 1

.PHONY: sim
sim: ## Play SEEDS (10000) schedules of faults on virtual time, from SEED (1) on, each in ORDERS (1) orders; see docs/simulator.md
	$(GO) run ./internal/gslbtest/orders bin/_orders
	GOMAXPROCS=1 $(GO) test -count=1 -timeout 6h -v -overlay bin/_orders/overlay.json -tags orders \
		-run '^(TestOneSeedHappensInOneWay|TestSimulator)$$' ./internal/gslbtest -args -seeds $(SEEDS) -seed $(SEED) -orders $(ORDERS)
