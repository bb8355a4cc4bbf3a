# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make            build/outlive
#   make demo       the story of this tool on a live web application
#   make check      every test that fits into CI
#   make help       the rest
#
# Variables: V=1 shows commands, DEBUG=1 builds without optimisation,
# SAN=address,undefined builds with sanitizers; each variant has its own folder.

VERSION := 0.1.0
prefix ?= /usr/local
bindir ?= $(prefix)/bin

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config

# Parallel by default: two words less to type in the README.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

ifeq ($(V),1)
Q :=
msg :=
else
Q := @
msg = @printf '  %-8s %s\n' '$(1)' '$(patsubst $(CURDIR)/%,%,$(2))';
endif

empty :=
space := $(empty) $(empty)
comma := ,
variant := $(strip $(if $(DEBUG),debug) $(subst $(comma),-,$(SAN)))
B := build$(if $(variant),/$(subst $(space),-,$(variant)))

# The kernel's name of this machine's architecture, as vmlinux/ and bpf/ use it.
ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wformat=2 -Werror
OPTIMISE := $(if $(DEBUG),-O0,-O2)
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

# Minimum versions, each the oldest that has what we call.
LIBS := libbpf libelf libdw liblzma zlib libzstd libxxhash ncursesw
need_libbpf := 1.1
need_libelf := 0.180
need_libdw := 0.186
need_liblzma := 5.2
need_zlib := 1.2
need_libzstd := 1.4
need_libxxhash := 0.8
need_ncursesw := 6.1

CPPFLAGS_ALL = -Iinclude -Isrc -I$(B)/gen -D_GNU_SOURCE -DOUTLIVE_VERSION='"$(VERSION)"' \
	-DOUTLIVE_ARCH_$(ARCH) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 -g $(OPTIMISE) $(WARNINGS) $(SANITIZE) -MMD -MP $(CFLAGS)
LDFLAGS_ALL = $(SANITIZE) $(LDFLAGS)
LDLIBS_ALL = $(shell $(PKG_CONFIG) --libs $(LIBS)) -lZydis -liberty -lm $(LDLIBS)

SOURCES := $(sort $(wildcard src/*/*.c))
MAIN := src/cli/main.c
LIB_OBJECTS := $(patsubst src/%.c,$(B)/src/%.o,$(filter-out $(MAIN),$(SOURCES)))
LIB := $(B)/liboutlive.a
BPF_OBJECT := $(B)/gen/outlive.bpf.o
FLOOR_OBJECT := $(B)/gen/floor.bpf.o
SKELETON := $(B)/gen/outlive.skel.h

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help deps check-deps demo check install clean
all: $(B)/outlive

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

deps: ## install what is missing of Debian's packages
	$(Q)tools/deps

# Checked once per build folder, so that an incremental build asks nothing.
$(B)/.deps: tools/deps
	$(Q)mkdir -p $(@D)
	$(Q)for command in $(CC) $(CLANG) $(BPFTOOL) $(PKG_CONFIG); do \
		command -v $$command >/dev/null || { \
		echo "outlive: '$$command' is missing: run 'make deps'" >&2; exit 1; }; done
	$(Q)$(foreach lib,$(LIBS),$(PKG_CONFIG) --exists '$(lib) >= $(need_$(lib))' || { \
		echo "outlive: needs $(lib) >= $(need_$(lib)): run 'make deps'" >&2; exit 1; };)
	$(Q)printf '%s\n' '#include <Zydis/Zydis.h>' '_Static_assert(ZYDIS_VERSION >= 0x0004000000000000, "Zydis");' | \
		$(CC) -fsyntax-only -x c - 2>/dev/null || { \
		echo "outlive: needs Zydis >= 4.0 (libzydis-dev): run 'make deps'" >&2; exit 1; }
	$(Q)printf '%s\n' '#include <libiberty/demangle.h>' 'int main(void)' \
		'{ return !rust_demangle_callback("", 0, 0, 0); }' | \
		$(CC) -x c - -liberty -o $@.probe 2>/dev/null || { \
		echo "outlive: needs libiberty (libiberty-dev): run 'make deps'" >&2; exit 1; }
	$(Q)rm -f $@.probe
	$(Q)touch $@

# --- BPF -------------------------------------------------------------------

# User-space <linux/types.h> of a BPF build needs the multiarch include folder.
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Iinclude -Ivmlinux/$(ARCH) -Ibpf \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null) \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wformat=2 -Werror -Wno-unused-parameter \
	-Wno-gnu-variable-sized-type-not-at-end -MMD -MP

$(B)/gen/%.bpf.o: bpf/%.bpf.c $(B)/.deps
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $(@:.o=.tmp.o) -MF $(@:.o=.d) -MT $@
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.tmp.o)

$(B)/gen/%.skel.h: $(B)/gen/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*)_bpf > $@

# --- user space ------------------------------------------------------------

$(B)/src/%.o: src/%.c $(B)/.deps
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c $< -o $@

# The folder that opens the skeleton is the only one that waits for it.
$(filter $(B)/src/capture/%,$(LIB_OBJECTS)): | $(SKELETON)

$(LIB): $(LIB_OBJECTS)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/outlive: $(B)/src/cli/main.o $(LIB)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LDLIBS_ALL) -o $@

install: all ## DESTDIR and prefix as usual
	install -d $(DESTDIR)$(bindir)
	install -m 755 $(B)/outlive $(DESTDIR)$(bindir)/outlive

demo: ## attach to a live web server and see what its threads keep
	$(Q)tools/deps --quiet
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/demo

clean: ## remove build/
	rm -rf build

include tests/tests.mk

-include $(shell find $(B) -name '*.d' 2>/dev/null)
