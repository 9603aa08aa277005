# Floods against a whole process; see docs/benchmarks.md.
LOADTIME ?= 8s

.PHONY: load
load: ## Floods over UDP, TCP and TLS, and a crowd, against a server for LOADTIME (8s) each; alone on the machine
	LOADTIME=$(LOADTIME) $(GO) test -tags load -count=1 -timeout 30m -v $(TESTFLAGS) ./e2e/load
