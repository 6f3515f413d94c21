# The library for C: built, installed, its header made anew. Part of the Makefile above this folder.

# Where `make install` puts things; packagers say others.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
INSTALL ?= install

# A target of rustc's (armv7-unknown-linux-gnueabihf) where the library is for another machine; the
# linker for it is cargo's own matter: CARGO_TARGET_..._LINKER.
C_TARGET ?=
# `capi,tls` for servers on the other side of a network, which doubles the size.
C_FEATURES ?= capi
# Changes only where something changes that a program was linked against.
ABI := 0

C_OUT := $(CURDIR)/target/c$(addprefix /,$(C_TARGET))
C_LIB := $(C_OUT)/lib
C_BUILD := $(C_OUT)/build
C_BUILT := $(C_BUILD)$(addprefix /,$(C_TARGET))/c
C_FLAGS := --quiet --locked --profile c --features $(C_FEATURES) -p redis-ipc --lib \
    --target-dir $(C_BUILD) $(addprefix --target ,$(C_TARGET))
C_LDFLAGS := -C link-arg=-Wl,-soname,libripc.so.$(ABI) -C link-arg=-Wl,-z,nodelete

.PHONY: c header install uninstall

c: ## Build the libraries for C, libripc.a and libripc.so, in target/c/lib.
	@mkdir -p $(C_LIB)/pkgconfig
	$(CARGO) rustc $(C_FLAGS) --crate-type staticlib -- --print native-static-libs 2>$(C_OUT)/native.txt || \
	    { cat $(C_OUT)/native.txt >&2; exit 1; }
	@sed -n 's/^note: native-static-libs: //p' $(C_OUT)/native.txt | grep . >$(C_OUT)/libs.new && \
	    mv $(C_OUT)/libs.new $(C_OUT)/libs.txt || test -s $(C_OUT)/libs.txt
	@$(INSTALL) -m 644 $(C_BUILT)/libredis_ipc.a $(C_LIB)/libripc.a
	$(CARGO) rustc $(C_FLAGS) --crate-type cdylib -- $(C_LDFLAGS)
	@$(INSTALL) -m 755 $(C_BUILT)/libredis_ipc.so $(C_LIB)/libripc.so.$(ABI)
	@ln -sf libripc.so.$(ABI) $(C_LIB)/libripc.so

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

uninstall: ## Remove what `make install` has installed, with the same variables.
	rm -f $(DESTDIR)$(INCLUDEDIR)/ripc.h $(DESTDIR)$(LIBDIR)/libripc.a \
	    $(DESTDIR)$(LIBDIR)/libripc.so.$(ABI) $(DESTDIR)$(LIBDIR)/libripc.so \
	    $(DESTDIR)$(PKGCONFIGDIR)/ripc.pc

# All crates have the workspace's version.
C_VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
