/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/vec.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int vec_reserve(void **data, size_t *capacity, size_t need, size_t element)
{
	size_t grown = *capacity + *capacity / 2;
	char *moved;

	if (need <= *capacity)
		return 0;
	if (grown < need)
		grown = need;
	if (grown < 8)
		grown = 8;
	if (grown > SIZE_MAX / element)
		return -EOVERFLOW;
	moved = realloc(*data, grown * element);
	if (!moved)
		return -ENOMEM;
	memset(moved + *capacity * element, 0, (grown - *capacity) * element);
	*data = moved;
	*capacity = grown;
	return 0;
}
