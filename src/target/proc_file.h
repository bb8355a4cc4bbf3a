/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small text files of /proc/PID. */
#ifndef OUTLIVE_TARGET_PROC_FILE_H
#define OUTLIVE_TARGET_PROC_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Room for a status file: it has some 1500 bytes. */
#define PROC_STATUS_BYTES 8192

/*
 * Read /proc/PID/`name` into `buffer`, terminated, as much as `size` bytes hold.
 * Returns 0 or a -errno; a process that ended meanwhile gives -ESRCH.
 */
int proc_file_read(uint32_t pid, const char *name, char *buffer, size_t size);

/*
 * What stands behind "Name:\t" in the text of a status file, up to the line's end,
 * or NULL. The process's own name is in there too, but with its newlines escaped
 * (fs/proc/array.c, task_name()).
 */
const char *proc_status_find(const char *status, const char *name);

/* The number there; 0 when there is none. */
uint64_t proc_status_number(const char *status, const char *name);

#endif
