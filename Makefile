# Two commands: make demo shows the whole road, make test checks all of it. Both set up what they need.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export CGO_ENABLED ?= 0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
GOFILES  = $(shell git ls-files '*.go')

.PHONY: help setup build demo demo-sweep test readme race lint fuzz mutants bench accuracy cross conformance clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## install what tests and demo use, where that is possible
	@scripts/setup.sh

build: ## bin/tacho: one static binary
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/tacho ./cmd/tacho

demo: setup build ## a real benchmark from image to caught regression, with server and runner on this machine
	@scripts/demo.sh

demo-sweep: setup build ## three kinds of machine, one of them ten percent slower: planned, run, ranked, gone
	@scripts/demo-sweep.sh

test: setup ## all tests
	@scripts/test.sh

readme: ## play README's commands in an empty home (root; part of make test)
	go test -count=1 -run README -v ./e2e

# SQLite is C made Go: its memory is not Go's, and to watch it finds nothing and takes four fifths of the time.
UNWATCHED = -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

race: ## all tests with the race detector (needs a C compiler); PACKAGES for some
	CGO_ENABLED=1 go test -race $(UNWATCHED) -timeout 25m $(or $(PACKAGES),./...)

lint: ## gofmt, go vet, staticcheck, go.mod is tidy
	@test -z "$$(gofmt -l $(GOFILES))" || { echo 'gofmt would change:'; gofmt -l $(GOFILES); exit 1; }
	go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...

fuzz: ## each fuzz target for FUZZTIME (default 1m)
	@scripts/fuzz.sh $(or $(FUZZTIME),1m)

mutants: ## wrong changes, one at a time: the tests must notice nine of ten, and each that once slipped through
	go run ./scripts/mutants $(MUTANTS)

bench: build ## the figures of bench/README.md: medians and ratios
	@bench/run.sh

accuracy: ## how well changes are found, by ours and by the methods of other tools
	go run ./bench/accuracy

cross: ## the server for linux amd64 and arm64, the CLI for macOS and Windows
	@set -e; for t in linux/amd64 linux/arm64 darwin/arm64 darwin/amd64 windows/amd64; do \
	  echo "build $$t"; GOOS=$${t%/*} GOARCH=$${t#*/} go build -trimpath -ldflags '$(LDFLAGS)' -o dist/tacho-$${t%/*}-$${t#*/} ./cmd/tacho; done

conformance: build ## the OCI distribution conformance suite against our registry
	@scripts/oci-conformance.sh

clean: ## remove what was built
	rm -rf bin dist .tacho-demo
