# SPDX-License-Identifier: GPL-2.0-or-later
# How tests are built and run; included by the top Makefile.

.PHONY: unit unit-san targets layers live check-vm bench fuzz fuzz-run soak

# One cmocka program per file; test_<module>.c tests src/*/<module>.c.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(sort $(wildcard tests/unit/test_*.c)))

$(B)/tests/unit/%: tests/unit/%.c $(LIB)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -Ibpf -Itests -DTEST_DATA='"$(CURDIR)/tests"' $(CFLAGS_ALL) $(LDFLAGS_ALL) $< $(LIB) \
		-lcmocka $(LDLIBS_ALL) -o $@

unit: $(UNIT_TESTS) ## unit tests
	$(Q)tools/run-tests $(UNIT_TESTS)

unit-san: ## unit tests under AddressSanitizer and UBSan
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined unit

# Programs that are traced. They print their own truth.
TARGETS := $(patsubst tests/targets/%.c,$(B)/tests/targets/%,$(sort $(wildcard tests/targets/*.c)))
TARGET_CFLAGS := -std=gnu11 -O2 -g -fomit-frame-pointer -Wall -Wextra -Werror -fno-builtin-malloc -pthread

$(B)/tests/targets/%: tests/targets/%.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -MMD -MP $< -o $@ $(TARGET_LDLIBS_$*)

targets: $(TARGETS)

layers: ## folders include only lower levels
	$(Q)tools/check-layers

include tests/targets/targets.mk
include tests/vm/vm.mk
include tests/bench/bench.mk
include tests/screens/screens.mk
include tests/rows/rows.mk

live: $(B)/outlive targets ## live tests: real processes, real probes (root)
	$(Q)BUILD=$(B) tests/live/run

# One libFuzzer program per file of tests/fuzz, over a library built for it.
FUZZ_SECONDS ?= 300
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

fuzz: ## every fuzzer for FUZZ_SECONDS (300), under sanitizers
	$(Q)$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address,undefined fuzz-run

$(B)/tests/fuzz/%: tests/fuzz/%.c $(LIB)
	$(call msg,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -Itests $(CFLAGS_ALL) $(LDFLAGS_ALL) -fsanitize=fuzzer $< $(LIB) $(LDLIBS_ALL) -o $@

fuzz-run: $(FUZZERS)
	$(Q)tools/run-fuzzers $(FUZZ_SECONDS) $(B)/corpus $(FUZZERS)

check: ## everything that CI runs
	$(Q)tools/deps --quiet
	$(Q)$(MAKE) --no-print-directory all targets
	$(Q)MAKE='$(MAKE)' tools/check

SOAK_SECONDS ?= 1800

soak: $(B)/outlive targets ## the live tests again and again for SOAK_SECONDS (1800)
	$(Q)end=$$(($$(date +%s) + $(SOAK_SECONDS))); \
	while [ $$(date +%s) -lt $$end ]; do BUILD=$(B) tests/live/run || exit 1; done
