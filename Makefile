# serin's tasks. `make` is the daily loop: no cluster, no root, under a minute when warm.

PODINFO_VERSION := v1.8.1-0.20250910200901-e86405a8674e
export CGO_ENABLED ?= 0
export GOFLAGS ?= -trimpath # what was compiled in one checkout need not be in the next

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: all
all: build vet lint unit ## build, vet, lint, unit and golden tests

.PHONY: help
help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/serin
	go build -ldflags '$(LDFLAGS)' -o bin/serin ./cmd/serin

# The real application of the demo and the process-level tests.
bin/podinfo-$(PODINFO_VERSION):
	GOBIN=$(CURDIR)/bin go install -trimpath -ldflags '-s -w' github.com/stefanprodan/podinfo/cmd/podinfo@$(PODINFO_VERSION)
	mv bin/podinfo $@

bin/podinfo: bin/podinfo-$(PODINFO_VERSION)
	ln -sf podinfo-$(PODINFO_VERSION) $@

.PHONY: demo
demo: build bin/podinfo ## release a good and a bad version of a real application on this machine, under load
	bin/serin demo --app bin/podinfo

.PHONY: vet
vet: ## go vet, and gofmt as a check
	go vet ./...
	@test -z "$$(gofmt -l api cmd internal)" || { gofmt -l api cmd internal; echo 'run gofmt -w on these'; exit 1; }

bin/staticcheck: tools/go.mod tools/go.sum
	cd tools && go build -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck

bin/controller-gen: tools/go.mod tools/go.sum
	cd tools && go build -o ../bin/controller-gen sigs.k8s.io/controller-tools/cmd/controller-gen

CRDS ?= deploy/crds
COPIES ?= api/v1alpha1

# Quantities are numbers (also 12.5) or text ("12.5%"). The generator knows no such type: where it says both number and
# int-or-string, the compiler reads the value and the API server looks at its bounds and its pattern.
.PHONY: generate
generate: bin/controller-gen ## write deploy/crds and deep copies from api/v1alpha1
	bin/controller-gen object crd paths=./api/... output:crd:dir=$(CRDS) output:object:dir=$(COPIES)
	sed -i -e '/^ *type: number$$/{N;s/^ *type: number\n\( *\)x-kubernetes-int-or-string/\1x-kubernetes-preserve-unknown-fields/}' $(CRDS)/*.yaml

.PHONY: lint
lint: bin/staticcheck ## staticcheck
	bin/staticcheck ./...

.PHONY: unit
unit: ## unit and golden tests
	go test -short ./...

.PHONY: test
test: build vet lint bin/podinfo bin/helm bin/prometheus bin/versitygw ## all tests: also with real processes and servers, and thousands of simulated releases
	SERIN_BIN=$(CURDIR)/bin/serin PODINFO_BIN=$(CURDIR)/bin/podinfo SERIN_PROMETHEUS=$(CURDIR)/bin/prometheus \
	  SERIN_S3_SERVER=$(CURDIR)/bin/versitygw go test -timeout 20m ./...

.PHONY: golden
golden: ## rewrite golden files and transcripts; the diff is the review
	go test ./internal/engine -rewrite
	go test $$(grep -rl --include=*_test.go 'flag.Bool("update"' internal deploy | xargs -n1 dirname | sort -u | sed 's|^|./|') -update

.PHONY: bench
bench: ## Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-detect
bench-detect: ## detection: the native judge beside the rules of others and the bounds, fresh seeds; 15 minutes on two free processors
	go run ./internal/judge/detect/bench -check -out docs/benchmarks/2-detection.md; status=$$?; $(MAKE) docs/benchmarks.md; exit $$status

.PHONY: bench-detect-real
bench-detect-real: build bin/podinfo ## the same on real processes: 50 good and 50 bad versions of podinfo released by `serin run`; a quarter of an hour
	go run ./e2e/detect -out docs/benchmarks/5-detection-real.md; status=$$?; $(MAKE) docs/benchmarks.md; exit $$status

.PHONY: bench-proxy
bench-proxy: ## the embedded proxy beside nginx and HAProxy, on loopback; needs root to install them
	command -v wrk haproxy nginx >/dev/null || (apt-get update -q && RUNLEVEL=1 apt-get install -qy --no-install-recommends wrk haproxy nginx-light)
	go run ./internal/router/proxy/bench

.PHONY: bench-scale
bench-scale: build bin/cluster ## memory, processor time and requests of serin, Flagger and Argo Rollouts; root; hours, most of it building them
	go build -o bin/scale ./e2e/scale
	bin/scale --out docs/benchmarks/4-scale.md $(SCALE)
	$(MAKE) docs/benchmarks.md

# A real cluster for the end-to-end tests, on this machine: root and Debian, see e2e/cluster/README.md.
.PHONY: bin/cluster
bin/cluster:
	cd e2e/cluster && CGO_ENABLED=0 go build -o ../../bin/cluster .

.PHONY: cluster
cluster: bin/cluster ## bring up a real Kubernetes with Traefik and Prometheus on this machine
	bin/cluster up --with traefik,prometheus

.PHONY: cluster-down
cluster-down: bin/cluster ## take that cluster down, and the second one of the tests
	bin/cluster down
	bin/cluster --name outage down

.PHONY: cluster-demo
cluster-demo: cluster build ## release a good and a bad version of podinfo on that cluster, under load
	$(MAKE) image IMAGE_ARCHS=$$(go env GOARCH) IMAGE_FLAGS= # what was compiled already is good enough here
	e2e/demo.sh

.PHONY: cluster-test
cluster-test: ## vet and test the program that starts the cluster
	cd e2e/cluster && go vet ./... && go test ./...

# The image and the chart: deploy/doc.go, docs/install.md.
IMAGE ?= serin.dev/serin:$(VERSION)
IMAGE_ARCHS ?= amd64 arm64
IMAGE_FLAGS ?= -trimpath

bin/serin-linux-%: .FORCE
	GOOS=linux GOARCH=$* go build $(IMAGE_FLAGS) -tags timetzdata -ldflags '$(LDFLAGS)' -o $@ ./cmd/serin

.PHONY: image
image: $(IMAGE_ARCHS:%=bin/serin-linux-%) ## make bin/image.tar, an OCI archive; for one architecture alone: IMAGE_ARCHS=amd64
	go run ./deploy/image -name $(IMAGE) -revision $(VERSION) -out bin/image.tar $(foreach a,$(IMAGE_ARCHS),$(a)=bin/serin-linux-$(a))

# Real programs of others, built once for all checkouts on this machine.
bin/helm bin/prometheus bin/versitygw: bin/%: bin/cluster
	dir=$$(bin/cluster build $*) && ln -sf "$$dir/$*" $@

.PHONY: chart
chart: bin/helm ## write what of the chart and the kustomize base follows from the code
	go run ./deploy/generate -helm bin/helm

.PHONY: .FORCE
.FORCE:

# The cluster of the tests: yours, where KUBECONFIG names one that reaches pods and has the images podinfo:v1, v2, v3, errors
# and slow (any of podinfo's: what is wrong with a version are its arguments) and serin:e2e of registry.local; else one on this
# machine, and a second one, whose API server goes away while others play in the first.
STORIES = $(E2E_ENV) SERIN_BIN=$(CURDIR)/bin/serin go test $(E2E_RUN) -ldflags '-s -w' -count=1 -parallel 6 -timeout 25m
ifdef KUBECONFIG
E2E_ENV = SERIN_KUBECONFIG=$(KUBECONFIG)
OUTAGE = '^$$'
else
NAME = serin
E2E_ENV = SERIN_KUBECONFIG=/var/lib/serin-cluster/$(NAME)/kubeconfig SERIN_CLUSTER='$(CURDIR)/bin/cluster --name $(NAME)' \
  SERIN_ISTIOD=10.99.0.1:15010
E2E_RUN = -exec '$(CURDIR)/bin/cluster --name $(NAME) run --'
OUTAGE = TestNoAPIServerForAMinute
endif

.PHONY: e2e
e2e: build bin/helm cluster-test e2e-cluster ## tests on a real cluster: of back ends, then whole releases under load
	$(MAKE) -j2 e2e-rooms e2e-outage

.PHONY: e2e-cluster
e2e-cluster: build bin/cluster bin/podinfo
ifndef KUBECONFIG
	bin/cluster up --with traefik,prometheus,istio
	for version in v1 v2 v3 errors slow; do bin/cluster load podinfo:$$version=bin/podinfo || exit 1; done
	bin/cluster load serin:e2e=bin/serin
endif

.PHONY: e2e-rooms
e2e-rooms: # workloads take longest, so they begin
	$(E2E_ENV) SERIN_IMAGE=registry.local/serin:e2e go test $(E2E_RUN) -ldflags '-s -w' -count=1 -p 4 -parallel 6 -timeout 15m \
	  $$(grep -rl --include=*_test.go internal/cluster/clustertest internal deploy | xargs -n1 dirname | sort -ru | sed 's|^|./|')
	$(STORIES) -skip $(OUTAGE) ./e2e

.PHONY: e2e-outage
e2e-outage: NAME = outage
e2e-outage:
ifndef KUBECONFIG
	bin/cluster --name outage up --with traefik
	for version in v1 v2; do bin/cluster --name outage load podinfo:$$version=bin/podinfo || exit 1; done
	$(STORIES) -run $(OUTAGE) ./e2e
	bin/cluster --name outage down
endif

docs/benchmarks.md: $(wildcard docs/benchmarks/*.md)
	cat docs/benchmarks/*.md > $@

.PHONY: fuzz
fuzz: ## fuzz each target for 30 seconds
	@for p in $$(grep -rl --include=*_test.go 'func Fuzz' internal | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -rhoE 'func Fuzz[A-Za-z0-9_]+' $$p | sed 's/func //'); do \
	    echo "$$p $$f"; go test ./$$p -run '^$$' -fuzz "^$$f$$" -fuzztime 30s || exit 1; done; done

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .serin
