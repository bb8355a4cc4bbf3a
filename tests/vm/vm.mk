# SPDX-License-Identifier: GPL-2.0-or-later
# Tests on another kernel, in a virtual machine; the oldest kernel promised is Debian 12's.

# The kernel is kept over all variants of the build.
VM := build/vm
# THREADS:OPERATIONS; few, since an emulated processor takes some 0.1 ms for each.
VM_RUNS ?= 0:50000 8:50000

$(VM)/vmlinuz: tests/vm/fetch-kernel
	$(call msg,KERNEL,$@)
	$(Q)tests/vm/fetch-kernel $(VM)
	$(Q)touch $@

# C++ under allocators that serve it themselves.
VM_LIBRARIES := $(addprefix /usr/lib/x86_64-linux-gnu/,libjemalloc.so.2 libtcmalloc_minimal.so.4)
VM_OPERATORS := forms:libjemalloc.so.2 throws:libjemalloc.so.2 throws:libtcmalloc_minimal.so.4

check-vm: check-vm-exact check-vm-whole ## Debian's kernel 6.1: exactness, allocators, the whole machine

check-vm-exact: $(VM)/vmlinuz $(B)/outlive $(B)/tests/targets/exact $(B)/tests/targets/operators
	$(Q)rm -rf $(VM)/out
	$(Q)tests/vm/run --kernel $(VM)/vmlinuz --out $(VM)/out --timeout 600 \
		$(foreach run,$(VM_RUNS),--argument $(run)) \
		tests/vm/exactness.sh tests/vm/shell.sh $(B)/outlive $(B)/tests/targets/exact
	$(Q)tests/vm/check-exactness $(VM)/out $(foreach run,$(VM_RUNS),$(firstword $(subst :, ,$(run))))
	$(Q)tests/vm/run --kernel $(VM)/vmlinuz --out $(VM)/out --timeout 200 \
		$(foreach run,$(VM_OPERATORS),--argument $(run)) tests/vm/allocators.sh \
		tests/vm/shell.sh $(B)/outlive $(B)/tests/targets/operators $(VM_LIBRARIES)
	$(Q)tests/vm/check-allocators $(VM)/out $(VM_OPERATORS)

# Machine-wide tracing runs nowhere else: it would plant probes in every process of this machine.
check-vm-whole: $(VM)/vmlinuz $(B)/outlive $(B)/tests/targets/keep \
		$(B)/tests/targets/keep-musl $(B)/tests/targets/busy
	$(Q)rm -rf $(VM)/whole
	$(Q)tests/vm/run --kernel $(VM)/vmlinuz --out $(VM)/whole --timeout 600 \
		tests/vm/whole.sh tests/vm/shell.sh $(B)/outlive $(B)/tests/targets/keep \
		$(B)/tests/targets/keep-musl $(B)/tests/targets/busy
	$(Q)tests/vm/check-whole $(VM)/whole

# Too long for every check: more than a minute, and 8 GB of memory.
check-vm-crowd: $(VM)/vmlinuz $(B)/outlive $(B)/tests/targets/keep ## 500 processes of 50 threads, all traced, in the VM
	$(Q)rm -rf $(VM)/crowd
	$(Q)tests/vm/run --kernel $(VM)/vmlinuz --memory 8G --out $(VM)/crowd --timeout 600 \
		tests/vm/crowd.sh tests/vm/shell.sh $(B)/outlive $(B)/tests/targets/keep
	$(Q)tests/vm/check-crowd $(VM)/crowd

.PHONY: check-vm-exact check-vm-whole check-vm-crowd
