# One or two lines a target; `make help` lists them.
FUZZTIME ?= 30s
TESTFLAGS ?= -race -timeout 35m

.PHONY: help build test bench fuzz sim interop vet licences clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

build: ## the one binary, in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/p2pmsgd ./cmd/p2pmsgd

test: vet ## every test, with the race detector (needs a C compiler)
	go test $(TESTFLAGS) ./...

bench: ## figures beside their yardsticks, measured in one run
	go test -run '^$$' -bench . -benchtime 1s -timeout 30m ./...

fuzz: ## every fuzz target, FUZZTIME each
	@set -e; for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	echo "== $$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$p; done; done

sim: ## the directory with 1,000 nodes, in memory
	P2PMSG_SIM=1 go test -run TestSimulation -v -timeout 60m ./dht

interop: ## the ratchet against the one written from spec/ alone (needs Node 20)
	cd spec/second && npm ci --no-audit --no-fund
	P2PMSG_INTEROP=10000 go test -run Interop -v -timeout 60m ./spec/second

vet: ## what the compiler does not say
	go vet ./...

clean: ## the binary
	rm -rf bin
