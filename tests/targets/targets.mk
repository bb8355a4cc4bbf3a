# SPDX-License-Identifier: GPL-2.0-or-later
# What single targets need beyond the rule for all; included by tests/tests.mk.

TARGET_CXXFLAGS := -std=gnu++17 -O2 -g -fomit-frame-pointer -fno-ipa-icf -Wall -Wextra -Werror \
	-fno-builtin -pthread

# -fno-builtin: gcc turns realloc(NULL, n) into malloc(n), and the truth would be another.
$(TARGETS): TARGET_CFLAGS += -D_GNU_SOURCE -fno-builtin
$(TARGETS): tests/targets/target.h

# The same program once more, otherwise.
targets: $(B)/tests/targets/changes_leaky
$(B)/tests/targets/changes_leaky: tests/targets/changes.c tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -D_GNU_SOURCE -fno-builtin -DLEAKY -MMD -MP $< -o $@

# No C library, no start files.
TARGET_LDLIBS_bare := -nostdlib -static
$(B)/tests/targets/bare: TARGET_CFLAGS += -fno-stack-protector -fno-pie -no-pie

# A program over two shared libraries that call functions of the program, and one loaded later.
FRAMES_LIBS := $(B)/tests/targets/libframes_a.so $(B)/tests/targets/libframes_b.so
TARGET_LDLIBS_frames := -rdynamic -L$(B)/tests/targets -lframes_a -lframes_b -Wl,-rpath,'$$ORIGIN' \
	-Wl,--allow-shlib-undefined
$(B)/tests/targets/frames: tests/targets/lib/frames.h $(FRAMES_LIBS) $(B)/tests/targets/libplugin.so

$(B)/tests/targets/lib%.so: tests/targets/lib/%.c tests/targets/lib/frames.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -fPIC -shared $< -o $@

# A library that is malloc, for LD_PRELOAD.
targets: $(B)/tests/targets/libpreload.so
$(B)/tests/targets/libpreload.so: TARGET_CFLAGS += -fno-builtin

# A C and a C++ program over three libraries: -z lazy for the PLT, -fexceptions for what passes.
SCENES := $(B)/tests/targets/scenes $(B)/tests/targets/throws
SCENES_LIBS := $(patsubst %,$(B)/tests/targets/libscenes_%.so,a b c)
SCENES_LDLIBS := -Wl,-z,lazy -L$(B)/tests/targets -lscenes_a -lscenes_b -lscenes_c \
	-Wl,-rpath,'$$ORIGIN' -Wl,--allow-shlib-undefined
TARGET_LDLIBS_scenes := $(SCENES_LDLIBS)
$(SCENES): tests/targets/lib/scenes.h $(SCENES_LIBS)
$(SCENES_LIBS): tests/targets/lib/scenes.h
$(SCENES_LIBS): TARGET_CFLAGS += -D_GNU_SOURCE -fno-builtin -fexceptions
$(B)/tests/targets/scenes: TARGET_CFLAGS += -fno-pie -no-pie
targets: $(B)/tests/targets/throws
$(B)/tests/targets/throws: tests/targets/throws.cc tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(TARGET_CXXFLAGS) -MMD -MP $< -o $@ $(SCENES_LDLIBS)

# Libraries that come and go; the first two claim one build-id.
MODULES := $(patsubst %,$(B)/tests/targets/libmodule_%.so,1 2 3)
$(B)/tests/targets/modules: $(MODULES) tests/targets/lib/module.h
$(B)/tests/targets/libmodule_%.so: tests/targets/lib/module.c tests/targets/lib/module.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -DNUMBER=$* -fPIC -shared $< -o $@ \
		-Wl,--build-id=0x$(if $(filter 1 2,$*),4f75746c6976654f75746c6976654f75746c6976,4f75746c69766533697665336976653369766533)

# C++'s operators: of the C++ library, shared and inside the program, and the program's own.
OPERATORS := $(addprefix $(B)/tests/targets/,operators operators-static operators-own)
$(B)/tests/targets/operators-own: OPERATORS_LDFLAGS := -DOWN_NEW='"lib/own_new.h"'
$(B)/tests/targets/operators-own: tests/targets/lib/own_new.h
$(B)/tests/targets/operators-static: OPERATORS_LDFLAGS := -static-libstdc++ -static-libgcc
targets: $(OPERATORS)
$(OPERATORS): tests/targets/operators.cc tests/targets/target.h
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
$(PREFIXED): tests/targets/sized.c tests/targets/target.h
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

# Over musl instead of glibc, all in one program: its start has no unwind information.
MUSL := $(patsubst %,$(B)/tests/targets/musl_%,dynamic static)
MUSL_SOURCES := tests/targets/frames.c tests/targets/lib/frames_a.c tests/targets/lib/frames_b.c
MUSL_LDLIBS_static := -static
targets: $(MUSL)
$(B)/tests/targets/musl_%: $(MUSL_SOURCES) tests/targets/lib/frames.h tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)musl-gcc $(TARGET_CFLAGS) -D_GNU_SOURCE -fno-builtin $(MUSL_SOURCES) -o $@ $(MUSL_LDLIBS_$*)

# mimalloc's and tcmalloc's own names, beside those of malloc and its kin.
TARGET_LDLIBS_extras := -l:libmimalloc.so.2
targets: $(B)/tests/targets/extras-tcmalloc
$(B)/tests/targets/extras-tcmalloc: tests/targets/extras.c tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -D_GNU_SOURCE -fno-builtin -DTCMALLOC $< -l:libtcmalloc.so.4 -o $@
