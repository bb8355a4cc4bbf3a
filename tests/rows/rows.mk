# SPDX-License-Identifier: GPL-2.0-or-later
# Unwind rows against libdw on all ELF files of this machine.

ROWS_FOLDERS ?= /usr/bin /usr/sbin /usr/lib /usr/libexec

.PHONY: check-rows
$(B)/tests/rows/check_rows: tests/rows/check_rows.c $(LIB)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $< $(LIB) $(LDLIBS_ALL) -o $@

check-rows: $(B)/tests/rows/check_rows ## unwind rows against libdw, on every ELF file here
	$(Q)$< $(wildcard $(ROWS_FOLDERS))
