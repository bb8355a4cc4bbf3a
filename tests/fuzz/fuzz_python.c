/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a traced interpreter says of itself: line tables, and the offsets of its structures. */
#include <assert.h>
#include <string.h>

#include "capture/python_layout.h"
#include "capture/python_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct python_layout layout;
	uint32_t first_line;
	int16_t offset;

	if (size >= PYTHON_SELF_BYTES && python_layout_read(data, &layout) == 0) {
		assert(layout.walk.frame_bytes <= PYTHON_FRAME_BYTES);
		assert(layout.walk.back < layout.walk.frame_bytes);
		assert(layout.walk.code < layout.walk.frame_bytes);
		assert(layout.walk.last < layout.walk.frame_bytes);
		assert(python_layout_names_bytes(&layout) <= PYTHON_IDENTITY_WORDS * 8);
	}
	if (size < 7)
		return 0;
	memcpy(&first_line, data + 1, sizeof(first_line));
	memcpy(&offset, data + 5, sizeof(offset));
	assert(python_line((enum python_lines)(data[0] % (PYTHON_LINES_LOCATIONS + 1)), data + 7,
			   size - 7, first_line, offset) <= PYTHON_MAX_LINE);
	return 0;
}
