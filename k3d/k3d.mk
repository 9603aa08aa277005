# The playground: the targets that users of k8gb know, on k3d (PROVIDER=k3d) or without Docker
# (PROVIDER=local: Linux, root). See docs/playground.md.
PROVIDER        ?= $(or $(shell cat "$${PLAYGROUND:-bin/playground}/provider" 2>/dev/null),k3d)
CLUSTERS_NUMBER ?=
CLUSTER         ?= test-gslb1
IN_PLAYGROUND = GO='$(GO)' PROVIDER='$(PROVIDER)' CLUSTERS_NUMBER='$(CLUSTERS_NUMBER)' CLUSTER='$(CLUSTER)' \
	IMAGE_TAG='$(IMAGE_TAG)' k3d/playground.sh

.PHONY: playground-prerequisites
playground-prerequisites: image $(if $(filter local,$(PROVIDER)),playground-images kplane)

##@ Playground (PROVIDER=k3d|local, CLUSTERS_NUMBER=2, CLUSTER=test-gslb1)

.PHONY: deploy-full-local-setup
deploy-full-local-setup: playground-prerequisites ## Edge with BIND, two clusters with Meridian and the application
	@$(IN_PLAYGROUND) $@

.PHONY: destroy-full-local-setup
destroy-full-local-setup: ## All of it, gone
	@$(IN_PLAYGROUND) $@

.PHONY: reset
reset: ## Destroy it and make it anew
	@$(MAKE) destroy-full-local-setup
	@$(MAKE) deploy-full-local-setup

.PHONY: create-local-clusters
create-local-clusters: playground-prerequisites ## The clusters alone, with the images
	@$(IN_PLAYGROUND) $@

.PHONY: deploy-edge
deploy-edge: ## BIND in cluster edgedns
	@$(IN_PLAYGROUND) $@

.PHONY: deploy-meridian
deploy-meridian: ## Meridian in every cluster, by its chart
	@$(IN_PLAYGROUND) $@

.PHONY: upgrade-meridian
upgrade-meridian: playground-prerequisites ## Build the image again and roll it out
	@$(IN_PLAYGROUND) $@

.PHONY: redeploy
redeploy: upgrade-meridian ## The same

.PHONY: deploy-test-apps
deploy-test-apps: ## The application and the four Gslbs in every cluster
	@$(IN_PLAYGROUND) $@

.PHONY: deploy-samples
deploy-samples: ## Annotated Ingresses in every cluster
	@$(IN_PLAYGROUND) $@

.PHONY: init-failover
init-failover: ## Gslb failover in every cluster, the application running
	@$(IN_PLAYGROUND) $@

.PHONY: init-round-robin
init-round-robin: ## Gslb roundrobin in every cluster, the application running
	@$(IN_PLAYGROUND) $@

.PHONY: test-failover
test-failover: ## Ask failover.cloud.example.com as a client in CLUSTER; HITS=1
	@$(IN_PLAYGROUND) $@

.PHONY: test-round-robin
test-round-robin: ## Ask roundrobin.cloud.example.com as a client in CLUSTER; HITS=1
	@$(IN_PLAYGROUND) $@

.PHONY: stop-test-app
stop-test-app: ## Scale the application in CLUSTER to 0
	@$(IN_PLAYGROUND) $@

.PHONY: start-test-app
start-test-app: ## Scale the application in CLUSTER to 2
	@$(IN_PLAYGROUND) $@

.PHONY: stop-cluster
stop-cluster: ## Stop the whole of CLUSTER
	@$(IN_PLAYGROUND) $@

.PHONY: start-cluster
start-cluster: ## Start CLUSTER again
	@$(IN_PLAYGROUND) $@

.PHONY: dns-tools
dns-tools: ## A shell with dig in a Pod of CLUSTER; CMD='dig …' runs one command
	@$(IN_PLAYGROUND) $@

.PHONY: deploy-prometheus
deploy-prometheus: ## Prometheus in every cluster, on ports 9080, 9081, …
	@$(IN_PLAYGROUND) $@

.PHONY: uninstall-prometheus
uninstall-prometheus: ## And away with it
	@$(IN_PLAYGROUND) $@

.PHONY: list-running-pods
list-running-pods: ## Pods of all clusters
	@$(IN_PLAYGROUND) $@

.PHONY: show-gslbs
show-gslbs: ## Gslbs of all clusters: health, and what is answered
	@$(IN_PLAYGROUND) $@

.PHONY: test-playground
test-playground: playground-prerequisites ## Every target once, looking at what it does; leaves nothing behind
	@$(subst playground.sh,test-all.sh,$(IN_PLAYGROUND))
