/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/python_find.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "target/elf_file.h"
#include "target/memory.h"

/* All exported, so a stripped file has them too. */
enum {
	SYMBOL_GIL_STATE,
	SYMBOL_EVAL,
	SYMBOL_EVAL_OLD,
	SYMBOL_HEAD,
	SYMBOL_GET_VERSION,
	FUNCTION_COUNT
};
static const char *const functions[FUNCTION_COUNT] = {
	[SYMBOL_GIL_STATE] = "PyGILState_GetThisThreadState",
	[SYMBOL_EVAL] = "_PyEval_EvalFrameDefault", /* 3.6 on */
	[SYMBOL_EVAL_OLD] = "PyEval_EvalFrameEx",
	[SYMBOL_HEAD] = "PyInterpreterState_Head",
	[SYMBOL_GET_VERSION] = "Py_GetVersion",
};

enum { SYMBOL_RUNTIME, SYMBOL_VERSION, VARIABLE_COUNT };
static const char *const variables[VARIABLE_COUNT] = {
	[SYMBOL_RUNTIME] = "_PyRuntime", /* 3.7 on */
	[SYMBOL_VERSION] = "Py_Version", /* 3.11 on */
};

#define MAX_VERSION_MINOR 99
#define CODE_BYTES 192 /* of Py_GetVersion that are looked at: longer than any of them */
#define MAX_THREADS 64 /* looked at to find the thread-specific slot */
/* glibc since 2.27, x86-64: struct pthread.specific_1stblock, 32 of {sequence, data}
 * (nptl/descr.h): data of key k lies at %fs:0x318 + 16 * k. */
#define SLOT_FIRST 0x318
#define SLOT_BYTES 16
#define SLOT_COUNT 32

bool python_in_file(const struct elf_file *elf)
{
	struct elf_function found[FUNCTION_COUNT];

	return elf_file_find(elf, ELF_SYMBOLS_DYNAMIC, functions, FUNCTION_COUNT, found) == 0 &&
	       found[SYMBOL_GIL_STATE].found == ELF_FOUND &&
	       (found[SYMBOL_EVAL].found == ELF_FOUND ||
		found[SYMBOL_EVAL_OLD].found == ELF_FOUND);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "3.11", and no digit of a longer number beside it. */
static uint32_t parse_version(const char *text)
{
	unsigned long major, minor;
	char *end;

	if (!isdigit((unsigned char)text[0]) || text[1] != '.' ||
	    !isdigit((unsigned char)text[2]))
		return 0;
	major = (unsigned long)(text[0] - '0');
	minor = strtoul(text + 2, &end, 10);
	return minor <= MAX_VERSION_MINOR ? PYTHON_VERSION(major, minor) : 0;
}

uint32_t python_version_of_name(const char *path)
{
	const char *name = base_name(path);

	if (strncmp(name, "lib", 3) == 0)
		name += 3;
	return strncmp(name, "python", 6) == 0 ? parse_version(name + 6) : 0;
}

/* "3.9.18" or "2.7.18+" at `vaddr` of the file, with nothing else behind it. */
static uint32_t version_at(const struct elf_file *elf, uint64_t vaddr)
{
	char text[16] = "";
	long got = elf_file_read(elf, vaddr, text, sizeof(text) - 1);
	size_t length = got > 0 ? strnlen(text, (size_t)got) : 0;
	size_t major = strspn(text, "0123456789"), minor, micro;

	if (major != 1 || text[1] != '.' || (text[0] != '2' && text[0] != '3'))
		return 0;
	minor = strspn(text + 2, "0123456789");
	if (minor < 1 || minor > 2 || text[2 + minor] != '.')
		return 0;
	micro = strspn(text + 3 + minor, "0123456789");
	return micro && length < sizeof(text) - 1 ? parse_version(text) : 0;
}

/*
 * The version that Py_GetVersion() prints. It is exported, and its code loads the address
 * of the PY_VERSION literal: relative to the next instruction, or, in a program that is
 * linked to a fixed address, as it is. So every four bytes of it are tried as either.
 */
static uint32_t version_by_code(const struct elf_file *elf, const struct elf_function *function)
{
	uint8_t code[CODE_BYTES];
	long got = function->found == ELF_FOUND ?
			   elf_file_read(elf, function->vaddr, code, sizeof(code)) : 0;
	uint32_t version = 0;

	/* What lies behind the function is another one's code. */
	if (function->size && got > (long)function->size)
		got = (long)function->size;
	for (long i = 0; i + 4 <= got && !version; i++) {
		uint32_t word;

		memcpy(&word, code + i, sizeof(word));
		version = version_at(elf, function->vaddr + (uint64_t)i + 4 +
						  (uint64_t)(int64_t)(int32_t)word);
		if (!version)
			version = version_at(elf, word);
	}
	return version;
}

/* The version that a file's own debug offsets, Py_Version or code tell, else its name. */
static int find_layout(const struct binary_mapping *mapping, const struct elf_function *function,
		       const struct elf_function *variable, struct python_layout *ret_layout)
{
	uint8_t self[PYTHON_SELF_BYTES];
	uint32_t hex, version = 0;

	if (variable[SYMBOL_RUNTIME].found &&
	    elf_file_read(mapping->elf, variable[SYMBOL_RUNTIME].vaddr, self, sizeof(self)) ==
		    (long)sizeof(self)) {
		int result = python_layout_read(self, ret_layout);

		if (result != -ENOENT)
			return result == 0 ? 0 : -ENOTSUP;
	}
	/* PY_VERSION_HEX: major, minor, micro and level, a byte each. */
	if (variable[SYMBOL_VERSION].found &&
	    elf_file_read(mapping->elf, variable[SYMBOL_VERSION].vaddr, &hex, sizeof(hex)) ==
		    (long)sizeof(hex))
		version = hex >> 16;
	if (!version)
		version = version_by_code(mapping->elf, &function[SYMBOL_GET_VERSION]);
	if (!version)
		version = python_version_of_name(mapping->path);
	ret_layout->version = version;
	return python_layout_find(version, ret_layout) == 0 ? 0 : -ENOTSUP;
}

/*
 * Before 3.7 the first interpreter state hangs on a static variable, which a
 * stripped file does not name. But this function is exported and returns it:
 * mov disp32(%rip), %rax; ret.
 */
static int head_by_code(const struct binary_mapping *mapping, const struct elf_function *function,
			uint64_t *ret_vaddr)
{
	uint8_t code[8];
	int32_t distance;

	if (function->found != ELF_FOUND ||
	    elf_file_read(mapping->elf, function->vaddr, code, sizeof(code)) !=
		    (long)sizeof(code) ||
	    code[0] != 0x48 || code[1] != 0x8b || code[2] != 0x05 || code[7] != 0xc3)
		return -ENOENT;
	memcpy(&distance, code + 3, sizeof(distance));
	*ret_vaddr = function->vaddr + 7 + (uint64_t)(int64_t)distance;
	return 0;
}

/* An interpreter within some other program is not all there is to it: then only a file
 * that is called after it counts as its own machinery. */
static bool is_called_python(const char *path)
{
	const char *name = base_name(path);

	return strncmp(name, "libpython", 9) == 0 || strncmp(name, "python", 6) == 0;
}

int python_find(const struct binary_mapping *mapping, struct python_found *ret_found)
{
	struct elf_function function[FUNCTION_COUNT], variable[VARIABLE_COUNT];
	const struct elf_function *eval;
	uint64_t head;
	int result;

	memset(ret_found, 0, sizeof(*ret_found));
	result = elf_file_find(mapping->elf, ELF_SYMBOLS_DYNAMIC, functions, FUNCTION_COUNT,
			       function);
	if (result == 0)
		result = elf_file_find(mapping->elf, ELF_SYMBOLS_DATA, variables, VARIABLE_COUNT,
				       variable);
	if (result == 0)
		result = find_layout(mapping, function, variable, &ret_found->layout);
	if (result < 0)
		return result;
	if (!ret_found->layout.runtime_head)
		result = head_by_code(mapping, &function[SYMBOL_HEAD], &head);
	else if (variable[SYMBOL_RUNTIME].found)
		head = variable[SYMBOL_RUNTIME].vaddr + ret_found->layout.runtime_head;
	else
		result = -ENOENT;
	if (result < 0)
		return result;
	ret_found->head = mapping->bias + head;
	eval = &function[function[SYMBOL_EVAL].found == ELF_FOUND ? SYMBOL_EVAL : SYMBOL_EVAL_OLD];
	ret_found->eval[0].start = mapping->bias + eval->vaddr;
	ret_found->eval[0].end = ret_found->eval[0].start + eval->size;
	if (is_called_python(mapping->path))
		ret_found->own[0] = (struct event_range){ mapping->start, mapping->end };
	return 0;
}

/* The thread states that exist now and have a thread. Returns how many, or -EBADMSG. */
static int list_threads(uint32_t pid, const struct python_found *found, uint64_t *states,
			uint64_t *pointers)
{
	const struct python_process *walk = &found->layout.walk;
	uint64_t interp = 0, state = 0, owner;
	int count = 0;

	if (memory_read(pid, found->head, &interp, 8) < 0)
		return -EBADMSG;
	if (!interp)
		return 0;
	if (memory_read(pid, interp + walk->interp_threads, &state, 8) < 0)
		return -EBADMSG;
	while (state && count < MAX_THREADS) {
		if (memory_read(pid, state + found->layout.thread_interp, &owner, 8) < 0 ||
		    memory_read(pid, state + walk->thread_id, &pointers[count], 8) < 0)
			return -EBADMSG;
		/* The list may change under us; but one that is no list at all shows here. */
		if (owner != interp)
			return -EBADMSG;
		states[count] = state;
		count += pointers[count] != 0;
		if (memory_read(pid, state + walk->thread_next, &state, 8) < 0)
			return -EBADMSG;
	}
	return count;
}

int python_find_slot(uint32_t pid, const struct python_found *found)
{
	uint64_t states[MAX_THREADS], pointers[MAX_THREADS], words[SLOT_COUNT * SLOT_BYTES / 8];
	unsigned int hits[SLOT_COUNT] = { 0 }, best = 0;
	int count = list_threads(pid, found, states, pointers);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		if (memory_read(pid, pointers[i] + SLOT_FIRST, words, sizeof(words)) < 0)
			continue;
		for (unsigned int k = 0; k < SLOT_COUNT; k++)
			hits[k] += words[k * SLOT_BYTES / 8] == states[i];
	}
	for (unsigned int k = 1; k < SLOT_COUNT; k++) {
		if (hits[k] > hits[best])
			best = k;
	}
	return hits[best] ? (int)(SLOT_FIRST + best * SLOT_BYTES) : 0;
}
