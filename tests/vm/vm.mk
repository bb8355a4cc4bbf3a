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

check-vm: $(VM)/vmlinuz $(B)/outlive $(B)/tests/targets/exact ## the exactness test on Debian's kernel 6.1
	$(Q)rm -rf $(VM)/out
	$(Q)tests/vm/run --kernel $(VM)/vmlinuz --out $(VM)/out --timeout 600 \
		$(foreach run,$(VM_RUNS),--argument $(run)) \
		tests/vm/exactness.sh tests/vm/shell.sh $(B)/outlive $(B)/tests/targets/exact
	$(Q)tests/vm/check-exactness $(VM)/out $(foreach run,$(VM_RUNS),$(firstword $(subst :, ,$(run))))
