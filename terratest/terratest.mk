# The end-to-end suite; see terratest/README.md.
PROVIDER      ?= k3d
TERRATEST_RUN ?= .
TERRATEST_ENV = MERIDIAN_TERRATEST=required PROVIDER='$(PROVIDER)' TERRATEST_REPORT='$(TERRATEST_REPORT)' \
	HELM="$${HELM:-$$(command -v helm || echo '$(GO) tool -modfile=$(CURDIR)/hack/tools/go.mod helm')}"

##@ End to end

.PHONY: terratest
terratest: ## The suite on the playground that is up; DEPLOY=1 makes one of three clusters first and removes it after
	$(if $(DEPLOY),$(MAKE) deploy-full-local-setup PROVIDER=$(PROVIDER) CLUSTERS_NUMBER=$(or $(CLUSTERS_NUMBER),3))
	@status=0; (cd terratest && $(TERRATEST_ENV) $(GO) test -count=1 -v -timeout 60m -run '$(TERRATEST_RUN)' $(TESTFLAGS) .) || status=$$?; \
	$(if $(DEPLOY),$(MAKE) destroy-full-local-setup PROVIDER=$(PROVIDER) || status=$$?;) exit $$status

.PHONY: terratest-unit
terratest-unit: ## What the suite is made of, tested without a playground
	cd terratest && $(GO) vet ./... && $(RACETEST) -shuffle=on $(TESTFLAGS) ./world/...
