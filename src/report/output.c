/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/output.h"

#include <errno.h>
#include <string.h>

void output_bytes(struct output *output, const char *text, size_t length)
{
	if (output->error || length == 0)
		return;
	errno = 0;
	if (fwrite(text, 1, length, output->file) != length)
		output->error = errno ? -errno : -EIO;
}

void output_text(struct output *output, const char *text)
{
	output_bytes(output, text, strlen(text));
}

int output_finish(struct output *output)
{
	errno = 0;
	if (!output->error && (fflush(output->file) != 0 || ferror(output->file)))
		output->error = errno ? -errno : -EIO;
	return output->error;
}
