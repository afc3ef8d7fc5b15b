# make run    the demo desk, on a machine with nothing installed
# make test   everything: formatting, lints, tests on SQLite and Postgres
# make chat   talk to the running desk
# make lint   formatting and lints alone
# make bench  the figures of benches/RESULTS.md

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# rustup puts cargo here; a shell that was open before does not know it yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)
BINARY = $(or $(CARGO_TARGET_DIR),target)/release/frontdesk

.PHONY: help run chat test lint bench tools tools-test

help:
	@sed -n 's/^# //p' Makefile | head -5

run: tools
	cargo build --release --locked
	exec $(BINARY) serve --chat

chat: tools
	@cargo build --release --locked --quiet
	@exec $(BINARY) chat --url $${FRONTDESK_URL:-http://127.0.0.1:8080}

test: lint tools-test
	cargo test --locked

lint: tools
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

bench: tools-test
	cargo bench --locked --bench search
	cargo bench --locked --bench answering

# What building needs: a C compiler, make, and Rust.
tools:
	@scripts/install build

# What tests need beside that: Postgres' server.
tools-test: tools
	@scripts/install test
