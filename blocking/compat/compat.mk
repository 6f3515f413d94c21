# The drop-in for the original redis-ipc C library: built, installed. Part of blocking/capi.mk.

# The linker's name for it is the original's, so that programs linked to that run with this one.
COMPAT_ABI := 0
COMPAT := blocking/compat
COMPAT_LIB := libredis_ipc
# An include folder of its own: the original's header has the same name.
COMPAT_INCLUDEDIR ?= $(INCLUDEDIR)/redis-ipc-compat
COMPAT_SOURCES := $(wildcard $(COMPAT)/src/*.c)
COMPAT_HEADERS := $(COMPAT)/src/place.h $(COMPAT)/include/redis_ipc.h blocking/include/ripc.h
COMPAT_BUILD := $(C_OUT)/compat
COMPAT_OBJECTS := $(COMPAT_SOURCES:$(COMPAT)/src/%.c=$(COMPAT_BUILD)/%.o)

# For another machine: CC, OBJCOPY and AR of its tool chain, JSON_C_CFLAGS and JSON_C_LIBS.
OBJCOPY ?= objcopy
JSON_C_CFLAGS ?=
JSON_C_LIBS ?= -ljson-c
COMPAT_CFLAGS ?= -O2 -g -Wall -Wextra -Wpedantic -Werror
# RIPC_SOCKET=/run/bus/socket: where the server is if RIPC_SERVER_PATH is not set.
COMPAT_DEFINES := -D_GNU_SOURCE $(if $(RIPC_SOCKET),-DREDIS_IPC_SOCKET='"$(RIPC_SOCKET)"')
COMPAT_COMPILE = $(CC) -std=c99 $(COMPAT_DEFINES) $(COMPAT_CFLAGS) $(JSON_C_CFLAGS) -fPIC \
    -fvisibility=hidden -I$(COMPAT)/include -Iblocking/include

has_json_c = echo '\#include <json-c/json.h>' | $(CC) $(JSON_C_CFLAGS) -x c -fsyntax-only - 2>/dev/null

.PHONY: compat install-compat uninstall-compat

compat: c ## Build the drop-in for the original C library, libredis_ipc, in target/c/lib.
	@$(SETUP) program objcopy
	@$(has_json_c) || $(SETUP) package libjson-c-dev
	@$(MAKE) --no-print-directory $(C_LIB)/$(COMPAT_LIB).a $(C_LIB)/$(COMPAT_LIB).so.$(COMPAT_ABI)

$(COMPAT_BUILD)/%.o: $(COMPAT)/src/%.c $(COMPAT_HEADERS)
	@mkdir -p $(@D)
	$(COMPAT_COMPILE) -c $< -o $@

# One object whose own names cannot meet a program's.
$(COMPAT_BUILD)/all.o: $(COMPAT_OBJECTS)
	$(CC) -nostdlib -r $^ -o $@
	$(OBJCOPY) --localize-hidden $@

$(C_LIB)/$(COMPAT_LIB).a: $(COMPAT_BUILD)/all.o
	rm -f $@
	$(AR) rcs $@ $<

# It finds libripc beside itself, wherever a program has found it.
$(C_LIB)/$(COMPAT_LIB).so.$(COMPAT_ABI): $(COMPAT_OBJECTS) $(COMPAT)/exports.map
	$(CC) -shared -Wl,-soname,$(@F) -Wl,--version-script,$(COMPAT)/exports.map -Wl,-z,defs \
	    -Wl,-rpath,'$$ORIGIN' \
	    $(LDFLAGS) $(COMPAT_OBJECTS) -o $@ -L$(C_LIB) -lripc $(JSON_C_LIBS) -pthread
	ln -sf $(@F) $(C_LIB)/$(COMPAT_LIB).so

install-compat: compat ## Install the drop-in alone, with the variables of `make install`.
	$(INSTALL) -d $(DESTDIR)$(COMPAT_INCLUDEDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(PKGCONFIGDIR)
	$(INSTALL) -m 644 $(COMPAT)/include/redis_ipc.h $(DESTDIR)$(COMPAT_INCLUDEDIR)/redis_ipc.h
	$(INSTALL) -m 644 $(C_LIB)/$(COMPAT_LIB).a $(DESTDIR)$(LIBDIR)/$(COMPAT_LIB).a
	$(INSTALL) -m 755 $(C_LIB)/$(COMPAT_LIB).so.$(COMPAT_ABI) $(DESTDIR)$(LIBDIR)/
	ln -sf $(COMPAT_LIB).so.$(COMPAT_ABI) $(DESTDIR)$(LIBDIR)/$(COMPAT_LIB).so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
	    -e 's|@INCLUDEDIR@|$(COMPAT_INCLUDEDIR)|' -e 's|@VERSION@|$(C_VERSION)|' \
	    $(COMPAT)/redis-ipc.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/redis-ipc.pc

uninstall-compat:
	rm -f $(DESTDIR)$(COMPAT_INCLUDEDIR)/redis_ipc.h $(DESTDIR)$(PKGCONFIGDIR)/redis-ipc.pc \
	    $(addprefix $(DESTDIR)$(LIBDIR)/$(COMPAT_LIB),.a .so .so.$(COMPAT_ABI))
