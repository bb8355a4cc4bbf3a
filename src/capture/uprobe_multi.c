/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/uprobe_multi.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/cleanup.h"
#include "target/maps.h"

#define LINK_RETURN (1u << 0) /* BPF_F_UPROBE_MULTI_RETURN */

/* The link_create part of union bpf_attr for these links, include/uapi/linux/bpf.h (6.6). */
struct link_create_multi {
	uint32_t program;
	uint32_t target;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t ref_counters;
	uint64_t cookies;
	uint32_t count;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t zero;
};

int uprobe_multi_link(int program, const char *path, const uint64_t *offsets,
		      const uint64_t *cookies, size_t count, uint32_t pid, bool at_return)
{
	struct link_create_multi create = {
		.program = (uint32_t)program,
		.attach_type = UPROBE_MULTI_ATTACH_TYPE,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.count = (uint32_t)count,
		.multi_flags = at_return ? LINK_RETURN : 0,
		.pid = pid,
	};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create));

	return fd < 0 ? -errno : (int)fd;
}

/* A program that counts its runs in element 0 of the array `map`. */
static int load_counter(int map)
{
	const struct bpf_insn code[] = {
		/* *(u32 *)(r10 - 4) = 0; r0 = map_lookup(map, r10 - 4) */
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4 },
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map },
		{ .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem },
		/* if (r0) *(u64 *)r0 += 1 (atomic) */
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .dst_reg = BPF_REG_0,
		  .src_reg = BPF_REG_1,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options,
		    .expected_attach_type = (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE);

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", code, ARRAY_LENGTH(code), &options);
}

/* The function that is probed. Its address is taken, so it stays a function. */
static __attribute__((noinline)) void *probed(void *argument)
{
	__asm__ volatile("" ::: "memory");
	return argument;
}

static void *(*volatile call_probed)(void *) = probed;

static void *run_probed(void *argument)
{
	return call_probed(argument);
}

/* Where probed() lies in our own program file. */
static int own_offset(uint64_t *ret_offset)
{
	uint64_t address = (uintptr_t)probed;
	const struct mapping *mapping;
	struct maps maps;
	int result = maps_read((uint32_t)getpid(), &maps);

	if (result < 0)
		return result;
	mapping = maps_find(&maps, address);
	if (mapping)
		*ret_offset = address - mapping->start + mapping->offset;
	maps_free(&maps);
	return mapping ? 0 : -ENOENT;
}

bool uprobe_multi_works(void)
{
	CLEANUP_CLOSE int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 1, NULL);
	CLEANUP_CLOSE int program = map < 0 ? -1 : load_counter(map);
	CLEANUP_CLOSE int link = -1;
	uint64_t offset, cookie = 0, runs = 0;
	uint32_t key = 0;
	pthread_t thread;

	if (program < 0 || own_offset(&offset) < 0)
		return false;
	link = uprobe_multi_link(program, "/proc/self/exe", &offset, &cookie, 1, (uint32_t)getpid(),
				 false);
	if (link < 0 || pthread_create(&thread, NULL, run_probed, NULL) != 0)
		return false;
	pthread_join(thread, NULL);
	run_probed(NULL);
	return bpf_map_lookup_elem(map, &key, &runs) == 0 && runs == 2;
}
