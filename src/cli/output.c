/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

#define WIDTH_LEAST 60
#define WIDTH_MOST 110

unsigned int output_width(const struct options *options)
{
	struct winsize size;

	if (options->output || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return 80;
	return size.ws_col < WIDTH_LEAST ? WIDTH_LEAST : size.ws_col > WIDTH_MOST ? WIDTH_MOST
										  : size.ws_col;
}

/* NO_COLOR: https://no-color.org */
bool output_colour(const struct options *options)
{
	const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");

	return !options->output && isatty(STDOUT_FILENO) && terminal &&
	       strcmp(terminal, "dumb") != 0 && !(no_colour && *no_colour);
}

int output_open(const struct options *options, FILE **ret_file, struct error *error)
{
	int fd;

	*ret_file = stdout;
	if (!options->output)
		return 0;
	fd = open(options->output, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	*ret_file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!*ret_file)
		return error_set(error, -errno, "choose a file that can be written with -o",
				 "cannot write %.200s: %s", options->output, strerror(errno));
	return 0;
}

int output_begin(const struct options *options, FILE *file)
{
	return options->output && ftruncate(fileno(file), 0) < 0 && errno != EINVAL ? -errno : 0;
}

int output_result(const struct options *options, int result, struct error *error)
{
	if (result == 0 || result == -EPIPE)
		return 0;
	return error_set(error, result, "", "cannot write the report to %.200s: %s",
			 options->output ? options->output : "standard output", strerror(-result));
}

int output_close(const struct options *options, FILE *file, struct error *error)
{
	if (file == stdout || fclose(file) == 0)
		return 0;
	error_set(error, -errno, "", "cannot write %.200s: %s", options->output, strerror(errno));
	cli_complain(error);
	return -EIO;
}
