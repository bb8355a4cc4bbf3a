/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scope guards: a variable so marked is released when it goes out of scope. */
#ifndef OUTLIVE_BASE_CLEANUP_H
#define OUTLIVE_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define CLEANUP_FREE __attribute__((cleanup(cleanup_free_pointer)))
#define CLEANUP_CLOSE __attribute__((cleanup(cleanup_close_fd)))
#define CLEANUP_FCLOSE __attribute__((cleanup(cleanup_close_file)))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
