# make run        starts the demo desk; installs what is missing
# make test       runs all checks: formatting, lints, tests on SQLite and Postgres, the console in a browser
# make chat       opens a chat with the running desk
# make lint       checks formatting, lints, and the licences and sources of dependencies
# make console    builds only the console, into console/dist
# make notices    writes the licences of the binary's dependencies to THIRD-PARTY-NOTICES.txt
# make promptfoo  runs one suite with promptfoo (from npm) and with frontdesk, and compares the verdicts
# make bench      measures most of the figures in benches/RESULTS.md
# make torture    kills the real process 500 times while customers write, on SQLite and on Postgres: about five minutes each;
#                 `make test` uses KILLS=50 MESSAGES=20; TORTURE_SEED=... repeats the random choices of a run

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Where rustup installs cargo, for shells older than the installation, and where `scripts/install node` installs Node.js if the
# system's is too old.
export PATH := $(HOME)/.cache/frontdesk/node/bin:$(HOME)/.cargo/bin:$(PATH)
BINARY = $(or $(CARGO_TARGET_DIR),target)/release/frontdesk

# Without the console's sources or those of its tests, their steps are skipped.
HAS_CONSOLE = $(wildcard console/package.json)
HAS_CONSOLE_TESTS = $(wildcard tests/console/package.json)
CONSOLE_SOURCES = $(shell find console -type f -not -path 'console/node_modules/*' -not -path 'console/dist/*' -not -name schema.d.ts 2> /dev/null)

.PHONY: help run chat test lint lint-console lint-supply notices console bench promptfoo torture tools tools-deny tools-node tools-test

help:
	@sed -n 's/^# //p' Makefile | head -10

run: tools console
	cargo build --release --locked
	exec $(BINARY) serve --chat

chat: tools
	@cargo build --release --locked --quiet
	@exec $(BINARY) chat --url $${FRONTDESK_URL:-http://127.0.0.1:8080}

test: lint tools-test console $(HAS_CONSOLE_TESTS:package.json=node_modules/.stamp)
	cargo test --locked --workspace
	cargo test --locked --bench answering -- --quick
	cargo test --locked --bench answering -- --simple --quick
	cargo test --locked --bench campaign -- --quick
	scripts/console-test

lint: tools lint-supply $(if $(HAS_CONSOLE),lint-console)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

lint-console: console/node_modules/.stamp
	npm run lint --silent --prefix console
	node scripts/licences.mjs check

# The allowed crates and registries. Checking for known vulnerabilities needs a database from the network.
lint-supply: tools-deny
	cargo deny --log-level error check --hide-inclusion-graph licenses bans sources
	@if cargo deny --log-level error fetch db 2> /dev/null; then cargo deny --log-level error check advisories; \
		else echo 'skipped: cargo deny check advisories: their database cannot be fetched'; fi

# Run it after a change of Cargo.lock or console/package-lock.json.
notices: tools console/node_modules/.stamp
	node scripts/licences.mjs write

# The binary embeds console/dist when it is compiled. Rebuilt only when its sources change.
console: $(if $(HAS_CONSOLE),console/dist/index.html)

console/dist/index.html: console/node_modules/.stamp tests/it/snapshots/openapi.snap $(CONSOLE_SOURCES)
	npm run build --silent --prefix console
	@touch $@

# Installs from the lock file, again only when that changes. Tests use the system's browser.
%/node_modules/.stamp: %/package-lock.json | tools-node
	PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel error --prefix $*
	@touch $@

bench: tools-test
	cargo bench --locked --bench search
	cargo bench --locked --bench embedding
	cargo bench --locked --bench answering
	cargo bench --locked --bench campaign
	cargo bench --locked --bench learning
	cargo bench --locked --bench voice
	cargo bench --locked --bench evals

promptfoo: tools
	cargo build --release --locked
	@if command -v node > /dev/null; then node tests/promptfoo/compare.mjs; else echo 'skipped: there is no node'; fi

# Also: TORTURE_CUSTOMERS, and TORTURE_STEPS=send.begun,store.commit to kill only at these steps; see tests/it/torture/plan.rs.
KILLS = 500
MESSAGES = 100
torture: tools-test
	TORTURE_KILLS=$(KILLS) TORTURE_MESSAGES=$(MESSAGES) \
		cargo test --locked --test it torture:: -- --nocapture --test-threads=1

# Build tools: a C and a C++ compiler, make, cmake, and Rust.
tools:
	@scripts/install build

# cargo-deny, for lint-supply.
tools-deny: tools
	@scripts/install deny

# Build tools of the console: Node.js and npm.
tools-node:
	@scripts/install node

# Test tools: a Postgres server and Chromium.
tools-test: tools
	@scripts/install test
