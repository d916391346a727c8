# make test is the one command: it installs or starts what it needs where it
# may, and says what is missing where it may not. CONTRIBUTING.md explains.

export GOTOOLCHAIN = local
# The version is stamped below; a checkout owned by somebody else still builds.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

VERSION       ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS       := -s -w -X main.version=$(VERSION)
STATICCHECK   := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# The race detector needs a C compiler; the product never does. It switches on
# checks of pointers too, which SQLite, translated from C, spends its time in.
RACE := $(if $(shell command -v gcc),-race -gcflags=modernc.org/...=-d=checkptr=0)
# Nested modules have dependencies of their own and are tested on their own.
NESTED := $(patsubst ./%/go.mod,%,$(shell find . -mindepth 2 -name go.mod -not -path '*/node_modules/*'))
GO_FILES = $(shell git ls-files --cached --others --exclude-standard '*.go')
WITH_POSTGRES := sh storage/storagetest/postgres.sh

.PHONY: build deps test check fmt lint tidy generated nested bench chaos interop fuzz demo clean
.DEFAULT_GOAL := build

build: ## the product: one static binary, bin/gatehouse
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o bin/gatehouse ./cmd/gatehouse

deps: ## system and npm packages the tests use
	@.ci/deps

test: build nested ## everything, in reduced counts; both databases, real counterparts
	@.ci/deps || true
	@$(call with-postgres,go test $(RACE) -timeout 15m ./...)

# One PostgreSQL for all packages. Without one (status 69) the tests run all
# the same and each that needs it says so.
define with-postgres
$(WITH_POSTGRES) $(1) || { status=$$?; [ $$status = 69 ] || exit $$status; $(1); }
endef

nested: ## the tests of the nested modules, against the product with a clock that moves
	CGO_ENABLED=0 go build -tags testclock -o bin/gatehouse-testclock ./cmd/gatehouse
	@set -e; for module in $(NESTED); do \
	  (cd $$module && go vet ./... && GATEHOUSE_TEST_BINARY=$(CURDIR)/bin/gatehouse-testclock go test ./...); done

check: fmt lint tidy generated test ## the whole gate

fmt:
	@files=$$(gofmt -s -l $(GO_FILES)); [ -z "$$files" ] || { echo "gofmt -s -w $$files"; exit 1; }

lint:
	go vet ./...
	go run $(STATICCHECK) ./...
	go run $(GOLANGCI_LINT) run ./...
	@set -e; for module in $(NESTED); do (cd $$module && go run $(GOLANGCI_LINT) run ./...); done

tidy:
	go mod tidy -diff
	@set -e; for module in $(NESTED); do (cd $$module && go mod tidy -diff); done

generated: ## generated files are what their generators write
	@set -e; before=$$(git diff | sha256sum); for module in . $(NESTED); do (cd $$module && go generate ./...); done; \
	[ "$$before" = "$$(git diff | sha256sum)" ] || { echo "go generate changed files"; git status --short; exit 1; }

bench: build ## figures of this machine, server and client on a core each
	go build -o bin/bench ./cmd/gatehouse/e2e/bench
	bin/bench -gatehouse bin/gatehouse
	@$(call with-postgres,go test ./storage -run '^$$' -bench Scale -benchtime 5000x)

chaos: build ## every test in full counts, with the figures they print
	@.ci/deps || true
	@export GATEHOUSE_TEST_FULL=1; $(call with-postgres,go test $(RACE) -count=1 -timeout 3h -v ./...)

interop: ## Keycloak as upstream, by OpenID Connect and by SAML; needs Java 17, and Maven to fetch it
	@keycloak=$$(.ci/keycloak) && GATEHOUSE_TEST_INTEROP=$$keycloak go test -count=1 -timeout 15m -v -run '^TestInterop' ./cmd/gatehouse/e2e

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME
	@set -e; for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package; \
	  done; done

demo: build ## everything in one process, nothing to configure
	bin/gatehouse demo

clean:
	rm -rf bin out cmd/gatehouse/e2e/counterpart/node/node_modules
