/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/memory.h"

#include <errno.h>
#include <sys/uio.h>

int memory_read(uint32_t pid, uint64_t address, void *buffer, size_t size)
{
	struct iovec local = { .iov_base = buffer, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };
	ssize_t got = process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0);

	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EFAULT;
}
