/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/demangle.h"

static void assert_means(const char *mangled, const char *meaning)
{
	char buffer[DEMANGLE_BYTES], *text = demangle(mangled, buffer, sizeof(buffer));

	if (!meaning) {
		assert_null(text);
		return;
	}
	if (!text)
		fail_msg("%s is not understood", mangled);
	assert_string_equal(text, meaning);
}

static void test_cxx(void **state)
{
	(void)state;
	assert_means("_ZN4shop4Cart3addEi", "shop::Cart::add");
	assert_means("_Znwm", "operator new");
	assert_means("_Znam", "operator new[]");
	assert_means("_ZN4shop4CartC1ERKS0_", "shop::Cart::Cart");
	assert_means("_ZNSt6vectorIiSaIiEE9push_backEOi",
		     "std::vector<int, std::allocator<int> >::push_back");
	assert_means("_Z3maxIiET_S0_S0_", "max<int>"); /* without its return type */
	assert_means("_ZN12_GLOBAL__N_14workEv", "(anonymous namespace)::work");
	assert_means("_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()");
	assert_means("_Z4workv.cold", "work");
	assert_means("_Z4workv.constprop.0", "work");
}

static void test_rust(void **state)
{
	(void)state;
	assert_means("_ZN4shop4cart3add17h05af221e174051e9E", "shop::cart::add");
	assert_means("_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar"
		     "17h930b740aa94f1d3aE", "<Test + 'static as foo::Bar<Test>>::bar");
	assert_means("_RNvC6_123foo3bar", "123foo::bar");
	assert_means("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
	assert_means("_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}");
}

static void test_others(void **state)
{
	static const char *const plain[] = {
		"", "_", "_Z", "_R", "malloc", "__libc_start_main", "_init", "_Zzz", "_ZN", "_ZN4sho",
		"_RNv", "Z4workv", "_ZN99999999999999999999aE", "_R\xff\xfe",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		assert_means(plain[i], NULL);
}

/* What does not fit is refused whole, never cut. */
static void test_room(void **state)
{
	char buffer[32];

	(void)state;
	for (size_t size = 0; size <= sizeof(buffer); size++) {
		char *text;

		memset(buffer, 'x', sizeof(buffer));
		text = demangle("_ZN4shop4Cart3addEi", buffer, size);
		if (size < sizeof("shop::Cart::add"))
			assert_null(text);
		else
			assert_string_equal(text, "shop::Cart::add");
		for (size_t i = size; i < sizeof(buffer); i++)
			assert_int_equal(buffer[i], 'x');
	}
}

/* Bytes of a template name whose every argument is a pair of the one before. */
static void make_cxx_bomb(char *name, size_t size, int levels)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t used = (size_t)snprintf(name, size, "_Z1fI1pIaaE");

	for (int i = 1; i <= levels; i++)
		used += (size_t)snprintf(name + used, size - used, "S0_IS%c_S%c_E", digits[i],
					 digits[i]);
	snprintf(name + used, size - used, "Evv");
}

/* Rust: a tuple of two, each of which is the tuple before, given by its place. */
static void make_rust_bomb(char *name, size_t size, int levels)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t used = (size_t)snprintf(name, size, "_RINvC1a1bTaaE"), last = 10 - 2;

	for (int i = 0; i < levels; i++) {
		size_t place = used - 2;
		char back[8];

		/* A base-62 number, less one; "_" ends it. */
		if (last - 1 < 62)
			snprintf(back, sizeof(back), "B%c_", digits[last - 1]);
		else
			snprintf(back, sizeof(back), "B%c%c_", digits[(last - 1) / 62],
				 digits[(last - 1) % 62]);
		used += (size_t)snprintf(name + used, size - used, "T%s%sE", back, back);
		last = place;
	}
	snprintf(name + used, size - used, "E");
}

/* A few hundred bytes that mean 2^n names: the small ones do, the large ones end soon. */
static void test_bombs(void **state)
{
	char name[2048], buffer[DEMANGLE_BYTES];

	(void)state;
	make_cxx_bomb(name, sizeof(name), 2);
	assert_means(name, "f<p<signed char, signed char>, "
			   "p<p<signed char, signed char>, p<signed char, signed char> >, "
			   "p<p<p<signed char, signed char>, p<signed char, signed char> >, "
			   "p<p<signed char, signed char>, p<signed char, signed char> > > >");
	make_cxx_bomb(name, sizeof(name), 34);
	assert_null(demangle(name, buffer, sizeof(buffer)));
	make_rust_bomb(name, sizeof(name), 1);
	assert_means(name, "a::b::<(i8, i8), ((i8, i8), (i8, i8))>");
	make_rust_bomb(name, sizeof(name), 60);
	assert_null(demangle(name, buffer, sizeof(buffer)));
}

/* Nesting beyond any stack. */
static void test_deep(void **state)
{
	char *deep = malloc(1 << 20), buffer[DEMANGLE_BYTES];

	(void)state;
	assert_non_null(deep);
	for (size_t length = 1000; length < 1 << 20; length = length * 2 - 1) {
		memset(deep, 'P', length);
		memcpy(deep, "_Z1fI", 5);
		deep[length] = '\0';
		assert_null(demangle(deep, buffer, sizeof(buffer)));
		memcpy(deep, "_RINvC1a1b", 10);
		assert_null(demangle(deep, buffer, sizeof(buffer)));
	}
	free(deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cxx),  cmocka_unit_test(test_rust),  cmocka_unit_test(test_others),
		cmocka_unit_test(test_room), cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
