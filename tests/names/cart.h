/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CART_H
#define CART_H

struct cart {
	unsigned int count, total;
	unsigned char *items;
};

static inline unsigned int twice(unsigned int x)
{
	if (x & 1)
		return x * 2 + 1;
	return x * 2;
}

static inline __attribute__((always_inline)) unsigned int price(const struct cart *cart,
								unsigned int item)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < cart->count; i++)
		sum += twice(cart->items[i] ^ item);
	return sum;
}

unsigned int cart_add(struct cart *cart, unsigned int item);
unsigned int cart_checkout(struct cart *cart);

#endif
