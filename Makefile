# What each target does stands beside it; how, in the script of its name in scripts/.
.DEFAULT_GOAL := help
.PHONY: help setup build dev serve test test-emdash test-long mutants check bench screenshots fmt deploy deploy-check backup restore clean
PORT ?=
export PORT STATE VARS STRIPE STRIPE_API_KEY DEMO EMDASH FILE DATABASE CONFIG

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: ## everything, then the Worker with demo data, a shop and a stand-in for Stripe on PORT=8787; Ctrl-C ends it
	@exec scripts/dev

serve: ## the Worker for scripts: PORT=8799 STATE=some/folder STRIPE=stand-in DEMO=yes VARS="KEY=VALUE …"
	@exec scripts/serve

test: ## build, all tests (EMDASH=no: without the real EmDash), and a dry run of the deployment
	@scripts/test

test-emdash: ## the real EmDash CMS behind the Worker, in Chromium and by HTTP, where the registry has it
	@scripts/test-emdash

test-long: ## what takes too long for every change: the workshop itself, deployments failing in every way, more Stripe events, random programs and broken bodies, and the mutants
	@scripts/test-long

mutants: ## break each rule in turn and show that the tests notice; some minutes
	@scripts/mutants

check: ## format, lints, licences and duplicates of dependencies
	@scripts/check

bench: ## speed of the redirect, of events and of runs, what passing on costs, and what pages read; half an hour
	@scripts/bench

screenshots: ## every page, light and dark, desktop and phone, into target/screenshots
	@scripts/screenshots

build: ## the Worker for release, into target/worker/release
	@scripts/build

setup: ## install every tool (the other targets do it when needed)
	@scripts/setup

fmt: ## format the source
	@cargo fmt

deploy: ## to Cloudflare: database, migrations, a check of the schema, then the Worker
	@scripts/deploy

deploy-check: ## what `make deploy` would do; writes nothing
	@scripts/deploy check

backup: ## the database into one file: FILE=… STATE=some/folder, or the one at Cloudflare
	@exec scripts/backup

restore: ## a backup into an empty database: FILE=… STATE=some/folder or DATABASE=name; docs/backup.md
	@exec scripts/restore

clean: ## remove what was built and the local state; the cache in ~/.cache/manicule stays
	@rm -rf build target node_modules .wrangler .state
