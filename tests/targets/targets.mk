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

# Over musl instead of glibc, all in one program: its start has no unwind information.
MUSL := $(patsubst %,$(B)/tests/targets/musl_%,dynamic static)
MUSL_SOURCES := tests/targets/frames.c tests/targets/lib/frames_a.c tests/targets/lib/frames_b.c
MUSL_LDLIBS_static := -static
targets: $(MUSL)
# A process of a host that is no glibc one, beside those that are (tests/vm/whole.sh).
$(B)/tests/targets/keep-musl: tests/targets/keep.c tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)musl-gcc $(TARGET_CFLAGS) -D_GNU_SOURCE -static $< -o $@

$(B)/tests/targets/musl_%: $(MUSL_SOURCES) tests/targets/lib/frames.h tests/targets/target.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)musl-gcc $(TARGET_CFLAGS) -D_GNU_SOURCE -fno-builtin $(MUSL_SOURCES) -o $@ $(MUSL_LDLIBS_$*)

include tests/targets/allocators.mk
