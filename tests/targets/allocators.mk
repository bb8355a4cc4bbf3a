# SPDX-License-Identifier: GPL-2.0-or-later
# Targets of the tests of allocators; included by targets.mk.

# C++'s operators: of the C++ library, shared and inside the program, and the program's own.
OPERATORS := $(addprefix $(B)/tests/targets/,operators operators-static operators-own)
$(B)/tests/targets/operators-own: OPERATORS_LDFLAGS := -DOWN_NEW='"lib/own_new.h"'
$(B)/tests/targets/operators-own: tests/targets/lib/own_new.h
$(B)/tests/targets/operators-static: OPERATORS_LDFLAGS := -static-libstdc++ -static-libgcc
targets: $(OPERATORS)
$(OPERATORS): tests/targets/operators.cc tests/targets/counted.h tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(TARGET_CXXFLAGS) -MMD -MP $< -o $@ $(OPERATORS_LDFLAGS)

# jemalloc's own calls; the same with a prefix, of a library and hidden in the program.
TARGET_LDLIBS_sized := -l:libjemalloc.so.2
OWN_ALLOCATOR := tests/targets/lib/own_allocator.c
PREFIXED := $(addprefix $(B)/tests/targets/,prefixed prefixed-hidden)
$(B)/tests/targets/libown_allocator.so $(PREFIXED): tests/targets/lib/own_allocator.h
$(B)/tests/targets/prefixed: $(B)/tests/targets/libown_allocator.so
$(B)/tests/targets/prefixed: PREFIXED_FLAGS := -L$(B)/tests/targets -lown_allocator -Wl,-rpath,'$$ORIGIN'
$(B)/tests/targets/prefixed-hidden: $(OWN_ALLOCATOR)
$(B)/tests/targets/prefixed-hidden: PREFIXED_FLAGS := $(OWN_ALLOCATOR) \
	'-DOWN=__attribute__((visibility("hidden"),noipa))'
targets: $(PREFIXED)
$(PREFIXED): tests/targets/sized.c tests/targets/counted.h tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -D_GNU_SOURCE -fno-builtin -DOWN_ALLOCATOR $< $(PREFIXED_FLAGS) -o $@

# Other C libraries, and programs that are all in one file.
EXACTS := $(addprefix $(B)/tests/targets/exact-,musl musl-static static static-pie)
$(B)/tests/targets/exact-musl: EXACT_CC := musl-gcc
$(B)/tests/targets/exact-musl-static: EXACT_CC := musl-gcc -static
$(B)/tests/targets/exact-static: EXACT_CC := $(CC) -static
$(B)/tests/targets/exact-static-pie: EXACT_CC := $(CC) -static-pie -fPIE
STRIPPED := $(addprefix $(B)/tests/targets/,stripped stripped-musl)
targets: $(EXACTS) $(STRIPPED)
$(EXACTS): tests/targets/exact.c tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(EXACT_CC) $(TARGET_CFLAGS) -D_GNU_SOURCE -fno-builtin $< -o $@
$(B)/tests/targets/stripped: $(B)/tests/targets/exact-static
$(B)/tests/targets/stripped-musl: $(B)/tests/targets/exact-musl-static
$(STRIPPED):
	$(call msg,STRIP,$@)
	$(Q)strip $< -o $@

# mimalloc's and tcmalloc's own names, beside those of malloc and its kin.
TARGET_LDLIBS_extras := -l:libmimalloc.so.2
targets: $(B)/tests/targets/extras-tcmalloc
$(B)/tests/targets/extras-tcmalloc: tests/targets/extras.c tests/targets/counted.h tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -D_GNU_SOURCE -fno-builtin -DTCMALLOC $< -l:libtcmalloc.so.4 -o $@
