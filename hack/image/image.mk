# The container image, and images for the playground. Nothing is published from here.
IMAGE_TAG ?= dev
IMAGE_ARCH ?= amd64,arm64
PLAYGROUND_IMAGES ?=
IMAGE_BUILD = $(GO) -C hack/image run .

##@ Image

.PHONY: image
image: ## bin/image/: Meridian's image, without an engine; IMAGE_TAG=dev IMAGE_ARCH=amd64,arm64
	$(IMAGE_BUILD) meridian --source '$(CURDIR)' --tag '$(IMAGE_TAG)' --version '$(VERSION)' --arch '$(IMAGE_ARCH)'

.PHONY: image-binaries
image-binaries: ## bin/linux/ARCH/meridian: what the Dockerfile packs
	$(IMAGE_BUILD) meridian --source '$(CURDIR)' --version '$(VERSION)' --arch '$(IMAGE_ARCH)' --binaries

.PHONY: playground-images
playground-images: ## bin/image/: stand-ins of what cannot be pulled; PLAYGROUND_IMAGES=podinfo,bind,dnstools,prometheus
	$(IMAGE_BUILD) playground --source '$(CURDIR)' --only '$(PLAYGROUND_IMAGES)'

.PHONY: image-test
image-test: ## The images: contents, user, size, and that they start
	cd hack/image && $(GO) vet ./... && $(GO) test -shuffle=on -count=1 -timeout 30m $(TESTFLAGS) ./...
