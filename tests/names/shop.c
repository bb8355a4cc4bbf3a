/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small program of several files for the tests of names: never run, only looked at. */
#include <stdio.h>

#include "cart.h"

static unsigned int serve(struct cart *cart, const char *word)
{
	unsigned int sum = 0;

	for (; *word; word++)
		sum += cart_add(cart, twice((unsigned char)*word));
	return sum;
}

int main(int argc, char *argv[])
{
	struct cart cart = { 0 };
	unsigned int sum = 0;

	for (int i = 1; i < argc; i++) {
		sum += serve(&cart, argv[i]);
		if (price(&cart, sum) > 100)
			printf("%u\n", twice(sum));
	}
	return (int)(sum + cart_checkout(&cart));
}
