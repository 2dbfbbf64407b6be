# Everything that is done with this repository. `make` lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# The go command uses all cores by itself; what make runs is easier to read one after the other.
.NOTPARALLEL:
# The output of `make demo` ends with a line for programs: a make inside need not tell its folder.
MAKEFLAGS += --no-print-directory

# A checkout of another owner's (a container, a mounted folder) cannot be asked for its commit.
BUILDVCS := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo auto || echo false)

LINT_VERSION := $(shell sed -n 's|.*golangci-lint/v2 \(v[^ ]*\).*|\1|p' tools/go.mod)
LINT := bin/golangci-lint-$(LINT_VERSION)

VACUUM := bin/vacuum-$(shell sed -n 's|.*daveshanley/vacuum \(v[^ ]*\).*|\1|p' tools/api/go.mod)

# One private PostgreSQL and one Redis for the run of a command, stopped after it.
WITHSTACK := go run ./internal/testkit/withstack --

# A package's tests take seconds; -timeout bounds one that hangs. check-vet vets.
TEST_FLAGS := -shuffle=on -vet=off -timeout=10m

##@ Use

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## Start everything on this machine and publish to stand-in providers (ONCE=1 ends after one run)
	@scripts/deps.sh postgresql -o redis
	@$(MAKE) build >&2
	@exec bin/presswork demo $(if $(ONCE),--once,)

.PHONY: build
build: ## Build bin/presswork
	CGO_ENABLED=0 go build -trimpath -buildvcs=$(BUILDVCS) -o bin/presswork ./cmd/presswork

.PHONY: bench
bench: build ## Measure (ONLY=name measures one thing)
	@scripts/deps.sh postgresql redis
	bin/presswork bench $(if $(ONLY),--only=$(ONLY),)

##@ Work on it

.PHONY: deps
deps: ## Install what building and testing need besides Go, if it is missing
	@scripts/deps.sh postgresql redis cc node chromium python spamassassin

# The tests of Presswork as a whole count no coverage: they are to find what goes wrong between the parts, and with the
# race detector each counter is a lock that costs time and orders what would race.
# The gate thus asks for what the tests of the parts reach, over all packages, for what one is tested through another.
WHOLE := ./internal/e2e ./internal/chaos ./internal/demo

# These attack the program as it ships, and are built as it is: under the race detector they take six times the processor,
# and what they drive is raced by the tests of the parts and by internal/e2e. They run beside those that wait.
ATTACK := ./internal/attack

# Those of chaos, and of the benchmarks, run the program as it ships, and those of the TypeScript client run it, which are built
# before: compiling beside them would starve them. Many wait most of their time, for leases to run out and processes to come back:
# hence more of them at once than there are cores.
.PHONY: test
test: export PRESSWORK_TEST_PROGRAM = $(CURDIR)/bin/presswork
test: deps build ## Run all tests (RACE=1: as CI does, with the race detector and the coverage gate, three times as long)
	@scripts/typescript.sh
ifndef RACE
	CGO_ENABLED=0 $(WITHSTACK) go test $(TEST_FLAGS) -trimpath -parallel=4 -p=4 ./...
else
	@rm -f coverage.out
	CGO_ENABLED=1 $(WITHSTACK) go test -race $(TEST_FLAGS) -p=3 -coverprofile=coverage.out -coverpkg=./... \
	  $$(go list ./... | grep -vxF "$$(go list $(WHOLE) $(ATTACK))")
	CGO_ENABLED=1 $(WITHSTACK) env CGO_ENABLED=0 go test $(TEST_FLAGS) -trimpath -parallel=2 $(ATTACK) & attack=$$!; failed=0; \
	  CGO_ENABLED=1 $(WITHSTACK) go test -race $(TEST_FLAGS) -parallel=4 -p=3 $(WHOLE) || failed=1; \
	  wait $$attack || failed=1; exit $$failed
	@go run ./internal/tools/coverage $(if $(UPDATE),-raise,)
endif

# make test does it as well: the tests are run by internal/e2e, where they cost the time that others wait.
.PHONY: client-ts
client-ts: ## Build the TypeScript client and its example, and run the client's tests
	@scripts/deps.sh node
	@scripts/typescript.sh
	cd client/typescript && npm test

# scripts/chaos.sh says what SEED, FAULTS, RECIPIENTS, POLICY and LOGS mean.
.PHONY: chaos
chaos: deps ## Strike with random faults and count who was lost or doubled (SEED=7 FAULTS=100 RECIPIENTS=50000 POLICY=hold)
	@SEED="$(SEED)" FAULTS="$(FAULTS)" RECIPIENTS="$(RECIPIENTS)" POLICY="$(POLICY)" LOGS="$(LOGS)" scripts/chaos.sh

.PHONY: test-short
test-short: deps ## Run all tests as fast as can be: no race detector, no coverage, results cached (PKG=./internal/x)
	$(WITHSTACK) go test $(or $(PKG),./...)

.PHONY: cover
cover: ## Show the coverage of the last `make test RACE=1`: each package, and coverage.html
	@test -f coverage.out || { echo "run make test RACE=1 first" >&2; exit 1; }
	@go run ./internal/tools/coverage -packages
	@go tool cover -html=coverage.out -o coverage.html

# go test fuzzes one target of one package at a time.
.PHONY: fuzz
fuzz: ## Fuzz every target (FUZZTIME=60s each, PKG=./internal/x for one package)
	@scripts/fuzz.sh "$(or $(FUZZTIME),60s)" $(PKG)

.PHONY: attack
attack: deps ## Throw every input of the corpus at every field of the API: minutes, where the tests throw a share
	$(WITHSTACK) go test -count=1 -timeout=30m ./internal/attack -run=TestEveryField -v -args -whole

.PHONY: attack-race
attack-race: deps ## Run the tests of the attacks with the race detector, which make test leaves out for them: minutes
	CGO_ENABLED=1 $(WITHSTACK) go test -race $(TEST_FLAGS) -count=1 -timeout=30m $(ATTACK)

.PHONY: fmt
fmt: $(LINT) ## Format the code
	$(LINT) fmt

.PHONY: lint
lint: $(LINT) ## Run the linters
	$(LINT) run

.PHONY: lint-api
lint-api: $(VACUUM) ## Run the linter of API descriptions
	$(VACUUM) lint --details --no-banner --no-style --remote=false --fail-severity warn \
	  --ruleset internal/httpapi/openapi/vacuum.yaml internal/httpapi/openapi/openapi.json

.PHONY: generate
generate: ## Write generated files anew
	go generate ./...

.PHONY: hooks
hooks: ## Let git run .githooks/pre-commit before each commit
	git config core.hooksPath .githooks

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin coverage.out coverage.html
	rm -rf {client,examples}/typescript/{node_modules,dist,dist-test,src/generated}
	go clean -testcache

##@ Check it

.PHONY: check
check: check-fmt check-vet lint lint-api check-arch check-generated check-secrets ## All that a change must pass
	@$(MAKE) test RACE=1

.PHONY: check-fmt
check-fmt: $(LINT) ## Fail if a file is not formatted
	$(LINT) fmt --diff

.PHONY: check-vet
check-vet: ## Run go vet
	go vet ./...

.PHONY: check-arch
check-arch: ## Fail if an import goes against the arrows of docs/architecture.md
	go test ./internal/archtest

.PHONY: check-generated
check-generated: ## Fail if a generated file is not up to date
	@scripts/generated.sh

.PHONY: check-secrets
check-secrets: ## Fail if a file holds what looks like a secret
	@go run ./internal/tools/secretscan

# The version is part of the name: a new one is built when tools/go.mod names it, and only then.
bin/golangci-lint-%:
	@echo "building golangci-lint $*: once, in some minutes"
	@mkdir -p bin && rm -f bin/golangci-lint-*
	cd tools && CGO_ENABLED=0 go build -buildvcs=false -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

bin/vacuum-%:
	@echo "building vacuum $*: once, in some minutes"
	@mkdir -p bin && rm -f bin/vacuum-*
	cd tools/api && CGO_ENABLED=0 go build -buildvcs=false -o ../../$@ github.com/daveshanley/vacuum
