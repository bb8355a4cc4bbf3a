/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cart.h"

#include <stdlib.h>

__attribute__((cold, noinline)) static void give_up(struct cart *cart)
{
	free(cart->items);
	abort();
}

static unsigned char *grow(struct cart *cart)
{
	unsigned char *items = realloc(cart->items, twice(cart->count + 1));

	if (!items)
		give_up(cart);
	return items;
}

unsigned int cart_add(struct cart *cart, unsigned int item)
{
	cart->items = grow(cart);
	cart->items[cart->count++] = (unsigned char)item;
	cart->total += price(cart, item);
	return cart->total;
}

__attribute__((noinline)) static unsigned int rebate(struct cart *cart, unsigned int percent)
{
	if (cart->total > 1000)
		return price(cart, 3) / percent;
	return twice(cart->total);
}

unsigned int cart_checkout(struct cart *cart)
{
	return rebate(cart, 20) + price(cart, 7);
}
