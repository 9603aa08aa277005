# Floods against a whole process; see docs/benchmarks.md.
LOADTIME ?= 8s
# The server has the first processor to itself, what loads it the others.
LOADCPUS = $(shell command -v taskset >/dev/null && [ $$(nproc) -gt 1 ] && echo "taskset -c 1-$$(($$(nproc) - 1))")

.PHONY: load
load: ## Floods over UDP, TCP and TLS, and a crowd, against a server for LOADTIME (8s) each; alone on the machine
	LOADTIME=$(LOADTIME) $(LOADCPUS) $(GO) test -tags load -count=1 -timeout 30m -v $(TESTFLAGS) ./e2e/load
