# SPDX-License-Identifier: GPL-2.0-or-later
# What writes the recording that tests/live/test_screens.py plays; included by tests/tests.mk.

SCREENS_SHOP := $(B)/tests/screens/shop
targets: $(SCREENS_SHOP)

$(SCREENS_SHOP): tests/screens/shop.c $(LIB)
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $< $(LIB) $(LDLIBS_ALL) -o $@
