##@ Simulator

SEEDS  ?= 10000
SEED   ?= 1
ORDERS ?= 0

.PHONY: sim
sim: ## Play SEEDS (10000) schedules of faults on virtual time, from SEED (1) on, and find the planted bugs; with ORDERS=N in N orders that can be repeated, see docs/simulator.md
ifeq ($(ORDERS),0)
	GOMAXPROCS=1 $(GO) test -count=1 -timeout 6h -v -run '^(TestSimulator|TestPlantedBugsAreFound)$$' ./internal/gslbtest -args -seeds $(SEEDS) -seed $(SEED)
else
	$(GO) run ./internal/gslbtest/orders bin/_orders
	GOMAXPROCS=1 $(GO) test -count=1 -timeout 6h -v -overlay bin/_orders/overlay.json -tags orders \
		-run '^(TestOneSeedHappensInOneWay|TestSimulator)$$' ./internal/gslbtest -args -seeds $(SEEDS) -seed $(SEED) -orders $(ORDERS)
endif
