/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: any bytes as an ELF file in memory. A table that comes out
 * must keep what capture/eh_frame.h promises, or BPF would search it in vain.
 * Good seeds are small shared objects and the vdso.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "capture/eh_frame.h"

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_table(const struct unwind_table *table)
{
	const uint64_t bucket_bytes = 1 << UNWIND_BUCKET_SHIFT;

	for (size_t i = 1; i < table->row_count; i++)
		require(table->rows[i - 1].vaddr < table->rows[i].vaddr);
	for (uint64_t i = 0; i < table->bucket_count; i++) {
		uint32_t first = (uint32_t)table->buckets[i];
		uint64_t beyond = table->buckets[i] >> 32;

		require(first < beyond && beyond <= table->row_count);
		require(beyond - first <= bucket_bytes + 1);
		require(table->rows[first].vaddr <= i * bucket_bytes);
		require(table->rows[beyond - 1].vaddr < (i + 1) * bucket_bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unwind_table table;

	if (unwind_table_read_memory(data, size, &table))
		return 0;
	check_table(&table);
	unwind_table_free(&table);
	return 0;
}
