##@ Chart

.PHONY: chart-test
chart-test: kplane ## The Helm chart: lint, goldens, generated files, install and upgrade on a real API server, its page word by word
	cd chart && $(GO) vet ./... && $(GO) mod tidy -diff && $(GO) test -shuffle=on -timeout 15m $(TESTFLAGS) ./...

.PHONY: chart-golden
chart-golden: ## Write what the chart renders for each file of chart/testdata/values
	cd chart && $(GO) test . -run '^TestGolden$$' -count=1 -update

.PHONY: chart-generate
chart-generate: ## Write the chart's copies of the CRDs, its tables of values and the kustomize base
	cd chart && $(GO) run ./gen

.PHONY: kustomize
kustomize: chart-generate ## Write the kustomize base from the chart
