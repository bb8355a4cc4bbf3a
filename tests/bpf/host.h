/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf/ as ordinary C: what a BPF program takes from libbpf's headers and from
 * the kernel, for a test that includes a bpf/ header after this one.
 *
 * Maps become plain variables; the test says what is in them by defining
 * host_map_lookup(). Reads of user memory read our own, and fail when and where
 * the test wants.
 */
#ifndef OUTLIVE_TESTS_BPF_HOST_H
#define OUTLIVE_TESTS_BPF_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/bpf.h>

#define CONFIG
#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, type_name) __typeof__(type_name) *name
#define __array(name, type_name) __typeof__(type_name) *name[1]
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define barrier_var(variable) __asm__ volatile("" : "+r"(variable))
#define __noinline __attribute__((noinline))

/* The test's answer to a map look-up; `map` is the address of the map's variable. */
static void *host_map_lookup(const void *map, const void *key);

static long host_reads_until_fault = -1; /* this many reads succeed, all later ones fail; -1: all */
static uintptr_t host_readable_start, host_readable_end; /* what may be read; 0, 0: everything */

static inline long bpf_probe_read_user(void *to, __u32 size, const void *from)
{
	struct iovec local = { .iov_base = to }, remote;
	uintptr_t start = (uintptr_t)from;

	memset(to, 0, size);
	if (host_reads_until_fault == 0)
		return -14;
	if (host_readable_end && (start < host_readable_start || size > host_readable_end - start ||
				  start > host_readable_end))
		return -14;
	if (host_reads_until_fault > 0)
		host_reads_until_fault--;
	if (host_readable_end) {
		memcpy(to, from, size);
		return 0;
	}
	/* By the kernel, which fails where nothing is mapped, as the real helper does, and
	 * minds no sanitizer's fences between other functions' variables. */
	remote.iov_base = (void *)start;
	remote.iov_len = local.iov_len = size;
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -14;
}

/* The test's source of randomness. */
static __u32 (*host_random)(void);

static inline __u32 bpf_get_prandom_u32(void)
{
	return host_random ? host_random() : 0;
}

/* No kernel to ask: no process here has a trampoline. */
static inline void *bpf_get_current_task_btf(void)
{
	return NULL;
}

#define BPF_CORE_READ(object, ...) ((void)(object), 0l)

static inline void *bpf_map_lookup_elem(const void *map, const void *key)
{
	return host_map_lookup(map, key);
}

static inline long bpf_loop(__u32 rounds, void *callback, void *context, __u64 flags)
{
	long (*step)(__u32, void *) = (long (*)(__u32, void *))callback;
	__u32 i = 0;

	(void)flags;
	while (i < rounds && step(i, context) == 0)
		i++;
	return i;
}

#endif
