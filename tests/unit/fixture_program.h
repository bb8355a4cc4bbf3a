/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions of the program that report_fixture.h makes believe in: shop.c, whose
 * lines the reports show, wherever they stand here. No include guard is needed:
 * they could not be defined twice.
 */
#define FIXTURE_FUNCTION(name, number)                                                             \
	__attribute__((noinline, used)) static int name(volatile int *x)                           \
	{                                                                                          \
		*x = *x * 3 + (number);                                                            \
		return *x - (number);                                                              \
	}

#line 41 "/srv/shop/src/shop.c"
FIXTURE_FUNCTION(render_page, 11)
#line 58 "/srv/shop/src/shop.c"
FIXTURE_FUNCTION(handle_request, 12)
#line 75 "/srv/shop/src/shop.c"
FIXTURE_FUNCTION(worker_loop, 13)
#line 92 "/srv/shop/src/shop.c"
FIXTURE_FUNCTION(session_add, 14)
#line 109 "/srv/shop/src/shop.c"
FIXTURE_FUNCTION(walk_tree, 15)
#line 126 "/srv/shop/src/config.c"
FIXTURE_FUNCTION(config_load, 16)
#line 143 "/srv/shop/src/memory.c"
FIXTURE_FUNCTION(g_malloc_wrapper_of_this_test, 17)
