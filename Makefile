# Everything that is done with this repository by one word; `make` lists them.

# The oldest compiler that core and blocking are built with.
MSRV := 1.85.0
# A microcontroller without an operating system stands for all of them.
BARE := thumbv7em-none-eabihf

# What redis-ipc can be built without; each is checked alone.
FEATURES := tcp serde_json dialects tls capi

CARGO ?= cargo
SETUP := tests/setup.sh
# The benchmark too, which a plain `cargo test` leaves out with all its peers.
EVERYTHING := --workspace --locked

# Where rustup puts cargo, for shells that were there before it.
export PATH := $(PATH):$(HOME)/.cargo/bin

# `cross` looks for a file of another name.
export CROSS_CONFIG := $(CURDIR)/cross.toml

# In CI what cannot be checked is a failure; elsewhere it is said and left out.
unchecked = { echo "NOT CHECKED: $(1)" >&2; test -z "$$CI"; }

.DEFAULT_GOAL := help
include blocking/capi.mk

.PHONY: help demo test cross test-arm size test-firmware bench lint doc msrv bare clean soak fuzz miri

help: ## List what can be made.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## Show a printer, its caller and its events on a private server.
	@$(SETUP) program cargo redis-server
	@tools/demo.sh

test: ## Run every test; installs a redis-server if there is none.
	@$(SETUP) program cargo redis-server cc
	$(CARGO) test --locked
	$(CARGO) test --locked -p redis-ipc --lib
	$(CARGO) test --locked -p redis-ipc-tools --features redis,tls --test shard_cluster --test shard_tls --test shard_python
	@$(MAKE) --no-print-directory test-c bare msrv

soak: ## Ten minutes of kills and pauses; SOAK_MINUTES says otherwise.
	@$(SETUP) program cargo redis-server
	$(CARGO) test --quiet --locked -p redis-ipc-tests --test soak -- $(or $(SOAK_MINUTES),10) $(CURDIR)/tests/soak/REPORT.md

fuzz: ## Fuzz what reads outside bytes, each target for FUZZ_SECONDS (60).
	@$(SETUP) program cargo c++
	@$(SETUP) toolchain nightly
	@$(SETUP) cargo cargo-fuzz
	@set -e; cd tests/fuzz; for target in resp feed envelope splice frames; do \
	    mkdir -p corpus/$$target; \
	    $(CARGO) +nightly fuzz run --fuzz-dir . $$target corpus/$$target seeds/$$target -- \
	        -max_total_time=$(or $(FUZZ_SECONDS),60) -max_len=4096 -verbosity=0 -print_final_stats=1; \
	done

miri: ## Run core's unit tests in an interpreter that finds what is undefined.
	@$(SETUP) toolchain nightly
	@$(SETUP) component miri
	$(CARGO) +nightly miri test --locked -p redis-ipc-core --lib

bench: ## Measure against the peers, in one run.
	@$(SETUP) program cargo redis-server
	$(CARGO) test --quiet --release --locked -p redis-ipc-bench
	@tests/bench/run.sh

lint: ## Check format, lints and documentation; a warning is an error.
	@$(SETUP) component rustfmt clippy
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(EVERYTHING) --all-targets --all-features -- -D warnings
	$(CARGO) clippy --locked -p redis-ipc -p redis-ipc-tools --all-targets -- -D warnings
	@set -ex; for features in "" $(FEATURES); do \
	    $(CARGO) clippy --locked -p redis-ipc --no-default-features --features "$$features" --all-targets -- -D warnings; \
	done
	@$(MAKE) --no-print-directory doc

cross: ## Build for a board: TARGET=aarch64-unknown-linux-gnu, STATIC=1 if wanted.
	@STATIC=$(STATIC) targets/cross.sh $(TARGET)

test-arm: ## Run every test as built for ARM Linux, emulated.
	@targets/test.sh

size: ## Sizes and memory on ARM Linux; CALLS=1000000 for the memory after as many.
	@$(SETUP) program cargo redis-server cc qemu-arm readelf
	@targets/size.sh

test-firmware: ## Run a microcontroller's firmware on an emulated board.
	@$(SETUP) program cargo redis-server cc qemu-system-arm nm
	@$(SETUP) target $(BARE)
	cd targets/$(BARE) && $(CARGO) build --locked --release --target-dir target/bare
	cd targets/$(BARE) && $(CARGO) build --locked --release --target-dir target/framed --features framed
	$(CARGO) build --locked -p redis-ipc-tools
	$(CARGO) test --locked -p redis-ipc-tests --test firmware

doc: ## Build the documentation.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(EVERYTHING) --all-features --no-deps

bare: ## Build core for a microcontroller.
	@if $(SETUP) target $(BARE); then set -x; \
	    $(CARGO) build --locked -p redis-ipc-core --target $(BARE); \
	else $(call unchecked,core for $(BARE)); fi

msrv: ## Check core and blocking with the oldest compiler they promise.
	@if $(SETUP) toolchain $(MSRV); then set -x; \
	    $(CARGO) +$(MSRV) check --locked -p redis-ipc-core -p redis-ipc --features redis-ipc/capi --target-dir target/msrv; \
	else $(call unchecked,core and blocking with Rust $(MSRV)); fi

clean: ## Remove all that was built.
	$(CARGO) clean
