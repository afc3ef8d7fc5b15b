# make run     the demo desk, on a machine with nothing installed
# make test    everything: formatting, lints, tests on SQLite and Postgres
# make chat    talk to the running desk
# make lint    formatting and lints alone
# make promptfoo  one suite by promptfoo (installed from npm) and by us: the same verdicts?
# make bench   the figures of benches/RESULTS.md
# make torture  the real process killed 500 times while customers write, on SQLite and on Postgres: some five minutes each;
#               KILLS=50 MESSAGES=20 is what `make test` does, TORTURE_SEED=... repeats the chance of a run

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# rustup puts cargo here; a shell that was open before does not know it yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)
BINARY = $(or $(CARGO_TARGET_DIR),target)/release/frontdesk

.PHONY: help run chat test lint bench promptfoo torture tools tools-test

help:
	@sed -n 's/^# //p' Makefile | head -8

run: tools
	cargo build --release --locked
	exec $(BINARY) serve --chat

chat: tools
	@cargo build --release --locked --quiet
	@exec $(BINARY) chat --url $${FRONTDESK_URL:-http://127.0.0.1:8080}

test: lint tools-test
	cargo test --locked --workspace

lint: tools
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

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

# What tests need beside that: Postgres' server.
tools-test: tools
	@scripts/install test
