# make run     the demo desk, on a machine with nothing installed
# make test    everything: formatting, lints, tests on SQLite and Postgres, the console in a browser
# make chat    talk to the running desk
# make lint    formatting, lints, and the licences and sources of what others wrote
# make console  the console in the browser alone, into console/dist
# make notices  the licences of others' code in the binary, into THIRD-PARTY-NOTICES.txt
# make promptfoo  one suite by promptfoo (installed from npm) and by us: the same verdicts?
# make bench   most of the figures of benches/RESULTS.md
# make torture  the real process killed 500 times while customers write, on SQLite and on Postgres: some five minutes each;
#               KILLS=50 MESSAGES=20 is what `make test` does, TORTURE_SEED=... repeats the chance of a run

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# rustup puts cargo here; a shell that was open before does not know it yet. And scripts/install node puts Node.js there,
# where the system has none that is new enough.
export PATH := $(HOME)/.cache/frontdesk/node/bin:$(HOME)/.cargo/bin:$(PATH)
BINARY = $(or $(CARGO_TARGET_DIR),target)/release/frontdesk

# The console's sources, and those of its tests: nothing of it is done where they are not.
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
	scripts/console-test

lint: tools lint-supply $(if $(HAS_CONSOLE),lint-console)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

lint-console: console/node_modules/.stamp
	npm run lint --silent --prefix console
	node scripts/licences.mjs check

# What crates we may use, and from where. Known holes are in a database on the network, which is not everywhere reached.
lint-supply: tools-deny
	cargo deny --log-level error check --hide-inclusion-graph licenses bans sources
	@if cargo deny --log-level error fetch db 2> /dev/null; then cargo deny --log-level error check advisories; \
		else echo 'skipped: cargo deny check advisories: their database cannot be fetched'; fi

# After a change of Cargo.lock or console/package-lock.json.
notices: tools console/node_modules/.stamp
	node scripts/licences.mjs write

# Into the binary goes what is in console/dist when it is compiled. Built only when its sources changed.
console: $(if $(HAS_CONSOLE),console/dist/index.html)

console/dist/index.html: console/node_modules/.stamp tests/it/snapshots/openapi.snap $(CONSOLE_SOURCES)
	npm run build --silent --prefix console
	@touch $@

# As the lock file says; again only when that changed. Browsers are the system's.
%/node_modules/.stamp: %/package-lock.json | tools-node
	PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel error --prefix $*
	@touch $@

bench: tools-test
	cargo bench --locked --bench search
	cargo bench --locked --bench embedding
	cargo bench --locked --bench answering
	cargo bench --locked --bench learning
	cargo bench --locked --bench voice
	cargo bench --locked --bench evals

promptfoo: tools
	cargo build --release --locked
	@if command -v node > /dev/null; then node tests/promptfoo/compare.mjs; else echo 'skipped: there is no node'; fi

# Also: TORTURE_CUSTOMERS, and TORTURE_STEPS=send.begun,store.commit for these steps alone; see tests/it/torture/plan.rs.
KILLS = 500
MESSAGES = 100
torture: tools-test
	TORTURE_KILLS=$(KILLS) TORTURE_MESSAGES=$(MESSAGES) \
		cargo test --locked --test it torture:: -- --nocapture --test-threads=1

# What building needs: a C and a C++ compiler, make, cmake, and Rust.
tools:
	@scripts/install build

# cargo-deny, which lints need.
tools-deny: tools
	@scripts/install deny

# What the console's build needs: Node.js and npm.
tools-node:
	@scripts/install node

# What tests need beside that: Postgres' server, and Chromium.
tools-test: tools
	@scripts/install test
