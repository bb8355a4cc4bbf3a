# SPDX-License-Identifier: GPL-2.0-or-later
# The benchmark: a table, no test; it fails only when a part of it cannot run.

BENCH_PAIRS := $(B)/tests/bench/pairs $(B)/tests/bench/pairs-fp
BENCH_CFLAGS := -std=gnu11 -O2 -g $(WARNINGS) -fno-builtin -fno-inline -fno-optimize-sibling-calls

$(B)/tests/bench/pairs: FRAME_POINTER := -fomit-frame-pointer
$(B)/tests/bench/pairs-fp: FRAME_POINTER := -fno-omit-frame-pointer
$(BENCH_PAIRS): tests/bench/pairs.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) $(FRAME_POINTER) $< -o $@

# The same with other C libraries and as C++.
BENCH_OTHERS := $(addprefix $(B)/tests/bench/pairs-,new musl static)
BENCH_OTHER_CFLAGS := -O2 -g -fno-builtin -fno-inline -fno-optimize-sibling-calls -fomit-frame-pointer
$(B)/tests/bench/pairs-new: BENCH_CC := $(CXX) -x c++ -std=gnu++17 -fsized-deallocation
$(B)/tests/bench/pairs-musl: BENCH_CC := musl-gcc -std=gnu11
$(B)/tests/bench/pairs-static: BENCH_CC := $(CC) -std=gnu11 -static
$(BENCH_OTHERS): tests/bench/pairs.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BENCH_CC) $(BENCH_OTHER_CFLAGS) $< -o $@

$(B)/tests/bench/mixes: tests/bench/mixes.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -pthread $< -o $@

$(B)/tests/bench/floor: tests/bench/floor.c $(B)/gen/floor.skel.h $(LIB)
$(B)/tests/bench/bench_ledger: tests/bench/bench_ledger.c tests/bench/event_mix.h $(LIB)
$(B)/tests/bench/bench_names: tests/bench/bench_names.c $(LIB)
$(B)/tests/bench/bench_recording: tests/bench/bench_recording.c tests/bench/event_mix.h $(LIB)
$(B)/tests/bench/bench_top: tests/bench/bench_top.c tests/bench/many_sites.h $(LIB)
$(B)/tests/bench/bench_processes: tests/bench/bench_processes.c tests/bench/many_processes.h $(LIB)
BENCHES := $(addprefix $(B)/tests/bench/,floor bench_ledger bench_names bench_recording bench_top \
	bench_processes)
$(BENCHES):
	$(call msg,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $< $(LIB) $(LDLIBS_ALL) -o $@

bench: $(B)/outlive $(BENCH_PAIRS) $(B)/tests/bench/mixes $(BENCH_OTHERS) $(BENCHES) ## what tracing costs, as a table
	$(Q)tools/bench --build $(B)
