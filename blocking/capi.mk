# The library for C: built, installed, its header made anew. Part of the Makefile above this folder.

# Where `make install` puts things; packagers say others.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
INSTALL ?= install

# A target of rustc's (armv7-unknown-linux-gnueabihf) where the library is for another machine.
C_TARGET ?=
# `capi,tls` for servers on the other side of a network, which doubles the size.
C_FEATURES ?= capi
# Changes only where something changes that a program was linked against.
ABI := 0

C_OUT := $(CURDIR)/target/c$(addprefix /,$(C_TARGET))
C_LIB := $(C_OUT)/lib
C_BUILD := $(CURDIR)/target/c/build
# Where Rust comes from Debian it builds in a folder of its own.
C_BUILT = "$$(ls -t $(C_BUILD)/$(C_TARGET)/c/libredis_ipc.$(1) \
    target/debian/build/$(C_TARGET)/c/libredis_ipc.$(1) 2>/dev/null | head -1)"
C_CARGO := CARGO_TARGET_DIR=$(C_BUILD) \
    $(if $(C_TARGET),CROSS_WAYS="rustup debian" targets/cross.sh $(C_TARGET) rustc,$(CARGO) rustc --locked)
C_FLAGS := --quiet --profile c --features $(C_FEATURES) -p redis-ipc --lib
C_LDFLAGS := -C link-arg=-Wl,-soname,libripc.so.$(ABI) -C link-arg=-Wl,-z,nodelete

.PHONY: c test-c abi header install uninstall

# What a program links with is said where something is compiled only; gcc_s is the compiler's own
# matter, and there is none for a program that is static as a whole.
c: ## Build the libraries for C, libripc.a and libripc.so, in target/c/lib.
	@$(SETUP) program cargo cc
	@mkdir -p $(C_LIB)
	$(C_CARGO) $(C_FLAGS) --crate-type staticlib -- --print native-static-libs 2>$(C_OUT)/said.txt || \
	    { cat $(C_OUT)/said.txt >&2; exit 1; }
	@sed -n 's/^note: native-static-libs: //p' $(C_OUT)/said.txt | sed 's/-lgcc_s *//' | grep . \
	    >$(C_OUT)/libs.new && mv $(C_OUT)/libs.new $(C_OUT)/libs.txt || test -s $(C_OUT)/libs.txt
	@$(INSTALL) -m 644 $(call C_BUILT,a) $(C_LIB)/libripc.a
	$(C_CARGO) $(C_FLAGS) --crate-type cdylib -- $(C_LDFLAGS)
	@$(INSTALL) -m 755 $(call C_BUILT,so) $(C_LIB)/libripc.so.$(ABI)
	@ln -sf libripc.so.$(ABI) $(C_LIB)/libripc.so

# A 32-bit board, which an emulator stands for.
C_BOARD := armv7-unknown-linux-gnueabihf

test-c: ## Test the libraries for C: compilers, valgrind, sanitizers, misuse, ABI, ARM.
	@$(SETUP) program cargo redis-server cc c++ clang valgrind pkg-config nm qemu-arm arm-linux-gnueabihf-gcc
	@$(SETUP) package libclang-rt-dev libc6-dev-armhf-cross libc6-dbg libjson-c-dev
	@$(MAKE) --no-print-directory compat
	@$(MAKE) --no-print-directory c C_TARGET=$(C_BOARD)
	$(CARGO) build --locked -p redis-ipc-tools
	$(CARGO) test --locked -p redis-ipc-header
	$(CARGO) test --locked -p redis-ipc --features capi --lib capi
	$(CARGO) test --locked -p redis-ipc-tests --test c

abi: c ## Write tests/c/ripc.abi anew, after functions or members were added.
	WRITE_ABI=1 $(CARGO) test --quiet --locked -p redis-ipc-tests --test c abi

header: ## Write blocking/include/ripc.h anew, from the sources of the C API.
	$(CARGO) run --quiet --locked -p redis-ipc-header >target/ripc.h
	@mv target/ripc.h blocking/include/ripc.h

install: c ## Install the libraries for C: DESTDIR, PREFIX (/usr/local), LIBDIR.
	$(INSTALL) -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(PKGCONFIGDIR)
	$(INSTALL) -m 644 blocking/include/ripc.h $(DESTDIR)$(INCLUDEDIR)/ripc.h
	$(INSTALL) -m 644 $(C_LIB)/libripc.a $(DESTDIR)$(LIBDIR)/libripc.a
	$(INSTALL) -m 755 $(C_LIB)/libripc.so.$(ABI) $(DESTDIR)$(LIBDIR)/libripc.so.$(ABI)
	ln -sf libripc.so.$(ABI) $(DESTDIR)$(LIBDIR)/libripc.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(C_VERSION)|' -e "s|@LIBS@|$$(cat $(C_OUT)/libs.txt)|" \
	    blocking/ripc.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/ripc.pc
	@if $(has_json_c); then $(MAKE) --no-print-directory install-compat; \
	else echo "the drop-in for the original C library is left out: it takes json-c (libjson-c-dev)" >&2; fi

uninstall: uninstall-compat ## Remove what `make install` has installed, with the same variables.
	rm -f $(DESTDIR)$(INCLUDEDIR)/ripc.h $(DESTDIR)$(LIBDIR)/libripc.a \
	    $(DESTDIR)$(LIBDIR)/libripc.so.$(ABI) $(DESTDIR)$(LIBDIR)/libripc.so \
	    $(DESTDIR)$(PKGCONFIGDIR)/ripc.pc

# All crates have the workspace's version.
C_VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

include blocking/compat/compat.mk
