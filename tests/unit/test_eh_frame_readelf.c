/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our rows against binutils' reading of the same file: for every line that
 * `readelf --debug-dump=frames-interp` prints, the row found for its address
 * must say the same. What readelf prints:
 *
 *	00000018 ... FDE cie=00000000 pc=0000000000026000..0000000000026360
 *	   LOC           CFA      rbx   rbp   ra
 *	0000000000026000 rsp+16   u     c-16  c-8
 *	0000000000026010 exp      u     exp   c-8
 *
 * A CIE's own line has LOC 0; an FDE without instructions has no lines, and its
 * CIE's holds for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "unit/elf_maker.h"

#define CELL 24
#define MAX_CIES 64

/* One printed line: the three cells we care about, "u" where there is no column. */
struct line {
	uint64_t vaddr;
	char cfa[CELL], rbp[CELL], ra[CELL];
};

struct compared {
	const char *path;
	const struct unwind_table *table;
	struct {
		uint64_t offset;
		struct line line;
	} cies[MAX_CIES];
	size_t cie_count;
	size_t lines, functions;
	size_t by_kind[8]; /* lines by enum unwind_cfa, as we have them */
};

/* "rsp+16" with base register `name`: true and *ret_offset. */
static bool offset_from(const char *cell, const char *name, long *ret_offset)
{
	size_t length = strlen(name);
	char *end;

	if (strncmp(cell, name, length) != 0 || (cell[length] != '+' && cell[length] != '-'))
		return false;
	*ret_offset = strtol(cell + length, &end, 10);
	return !*end;
}

static bool cfa_agrees(const struct line *line, const struct unwind_row *row)
{
	int kind = row->kind & 15;
	long offset;

	if (!strcmp(line->ra, "u"))
		return kind == UNWIND_CFA_END;
	if (!strcmp(line->cfa, "exp")) /* which, is for test_cfi.c to say */
		return kind == UNWIND_CFA_PLT || kind == UNWIND_CFA_DEREF_RSP ||
		       kind == UNWIND_CFA_DEREF_RBP || kind == UNWIND_CFA_SIGNAL ||
		       kind == UNWIND_CFA_NONE;
	if (strcmp(line->ra, "c-8") != 0)
		return kind == UNWIND_CFA_NONE;
	if (offset_from(line->cfa, "rsp", &offset) && offset % 8 == 0 && offset / 8 <= INT16_MAX)
		return kind == UNWIND_CFA_RSP && row->cfa == offset / 8;
	if (offset_from(line->cfa, "rbp", &offset) && offset % 8 == 0 && offset / 8 <= INT16_MAX)
		return kind == UNWIND_CFA_RBP && row->cfa == offset / 8;
	return kind == UNWIND_CFA_NONE;
}

static bool rbp_agrees(const struct line *line, const struct unwind_row *row)
{
	int cfa = row->kind & 15, rbp = row->kind >> 4;
	long offset;

	if (cfa == UNWIND_CFA_NONE || cfa == UNWIND_CFA_END || cfa == UNWIND_CFA_SIGNAL)
		return true;
	if (!strcmp(line->rbp, "u") || !strcmp(line->rbp, "s"))
		return rbp == UNWIND_RBP_SAME;
	if (!strcmp(line->rbp, "exp"))
		return rbp == UNWIND_RBP_AT_RBP || rbp == UNWIND_RBP_UNKNOWN;
	if (offset_from(line->rbp, "c", &offset) && offset % 8 == 0 && offset / 8 >= INT8_MIN)
		return rbp == UNWIND_RBP_AT_CFA && row->rbp == offset / 8;
	return rbp == UNWIND_RBP_UNKNOWN;
}

static void compare(struct compared *compared, const struct line *line, uint64_t vaddr)
{
	const struct unwind_row *row =
		row_by_bucket(compared->table, vaddr - compared->table->base);

	if (!row || !cfa_agrees(line, row) || !rbp_agrees(line, row))
		fail_msg("%s at 0x%lx: readelf has CFA %s, rbp %s, ra %s; our row: kind %#x, "
			 "cfa %d, rbp %d",
			 compared->path, vaddr, line->cfa, line->rbp, line->ra,
			 row ? row->kind : 0xff, row ? row->cfa : 0, row ? row->rbp : 0);
	compared->lines++;
	compared->by_kind[row->kind & 7]++;
}

/* The next cell of *text, which moves behind it. A register is two words: "r10 (r10)". */
static bool next_cell(const char **text, char cell[CELL])
{
	int used;

	if (sscanf(*text, "%23s%n", cell, &used) != 1)
		return false;
	*text += used;
	if (!strncmp(*text, " (", 2))
		*text += strcspn(*text, ")") + 1;
	return true;
}

/* Cells of `text` by the header's column names. Returns false for no table line. */
static bool parse_line(const char *header, const char *text, struct line *ret_line)
{
	struct line line = { .cfa = "u", .rbp = "u", .ra = "u" };
	char name[CELL], cell[CELL];

	for (bool first = true; next_cell(&header, name); first = false) {
		if (!next_cell(&text, cell))
			return false;
		if (first && sscanf(cell, "%lx", &line.vaddr) != 1)
			return false;
		if (!strcmp(name, "CFA"))
			strcpy(line.cfa, cell);
		else if (!strcmp(name, "rbp"))
			strcpy(line.rbp, cell);
		else if (!strcmp(name, "ra"))
			strcpy(line.ra, cell);
	}
	*ret_line = line;
	return true;
}

/* A function is over: its last line holds up to its end, or its CIE's all along. */
static void end_function(struct compared *compared, uint64_t cie, uint64_t start, uint64_t end,
			 const struct line *last)
{
	if (start == end)
		return;
	for (size_t i = 0; !last && i < compared->cie_count; i++) {
		if (compared->cies[i].offset == cie)
			last = &compared->cies[i].line;
	}
	assert_non_null(last);
	if (last->vaddr < end)
		compare(compared, last, end - 1);
	compared->functions++;
}

static void compare_all(struct compared *compared, FILE *dump)
{
	char text[1024], header[1024] = "";
	uint64_t cie = 0, start = 0, end = 0;
	struct line line, last;
	bool in_eh_frame = false, in_cie = false, has_last = false;

	while (fgets(text, sizeof(text), dump)) {
		if (strstr(text, "Contents of the"))
			in_eh_frame = strstr(text, " .eh_frame ") != NULL;
		if (!in_eh_frame)
			continue;
		if (strstr(text, " LOC ")) {
			strcpy(header, text);
		} else if (sscanf(text, "%*x %*x %*x FDE cie=%lx pc=%lx..%lx", &cie, &start,
				  &end) == 3) {
			in_cie = has_last = false;
			header[0] = '\0';
		} else if (strstr(text, " CIE ") && sscanf(text, "%lx", &cie) == 1) {
			in_cie = true;
		} else if (header[0] && parse_line(header, text, &line)) {
			if (in_cie) {
				assert_true(compared->cie_count < MAX_CIES);
				compared->cies[compared->cie_count].offset = cie;
				compared->cies[compared->cie_count++].line = line;
				continue;
			}
			/* of lines for one address the last counts */
			if (has_last && last.vaddr != line.vaddr)
				compare(compared, &last, last.vaddr);
			last = line;
			has_last = true;
		} else if (text[0] == '\n' && end) {
			if (has_last && last.vaddr < end)
				compare(compared, &last, last.vaddr);
			end_function(compared, cie, start, end, has_last ? &last : NULL);
			end = 0;
		}
	}
}

/* Compare `path`, where at least `least` lines are to be found. */
static void check_file(const char *path, size_t least)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct unwind_table table;
	struct compared compared = { .path = path, .table = &table };
	char command[4200];
	FILE *dump;

	assert_true(fd >= 0);
	assert_int_equal(unwind_table_read(fd, &table), 0);
	assert_table_sound(&table);
	snprintf(command, sizeof(command),
		 "LC_ALL=C readelf -W --debug-dump=no-follow-links --debug-dump=frames-interp '%s'",
		 path);
	dump = popen(command, "re");
	assert_non_null(dump);
	compare_all(&compared, dump);
	assert_int_equal(pclose(dump), 0);
	print_message("%s: %zu lines of %zu functions agree (%zu rows; %zu of the lines have "
		      "no rule)\n",
		      path, compared.lines, compared.functions, table.row_count,
		      compared.by_kind[UNWIND_CFA_NONE]);
	assert_true(compared.lines >= least);
	assert_int_equal(compared.functions, table.fde_count);
	assert_true(compared.by_kind[UNWIND_CFA_NONE] * 100 <= compared.lines);
	unwind_table_free(&table);
}

static int path_of_loaded(struct dl_phdr_info *info, size_t size, void *data)
{
	char *path = data;

	(void)size;
	if (!strstr(info->dlpi_name, path))
		return 0;
	snprintf(path, 4096, "%s", info->dlpi_name);
	return 1;
}

static void loaded(const char *name, size_t least)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s", name);
	assert_int_equal(dl_iterate_phdr(path_of_loaded, path), 1);
	check_file(path, least);
}

static void libc(void **state)
{
	(void)state;
	loaded("libc.so.6", 20000);
}

static void dynamic_loader(void **state)
{
	(void)state;
	loaded("ld-linux-x86-64.so.2", 1500);
}

static void this_test(void **state)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	(void)state;
	assert_true(length > 0);
	path[length] = '\0';
	check_file(path, 50);
}

/* Files of other compilers and of hand-written assembly, where they are installed. */
static void others(void **state)
{
	static const struct {
		const char *path;
		size_t least;
	} files[] = {
		{ "/usr/bin/python3.11", 50000 }, /* at a fixed address */
		{ "/lib/x86_64-linux-gnu/libstdc++.so.6", 20000 },
		{ "/lib/x86_64-linux-gnu/libcrypto.so.3", 50000 },
		{ "/lib/x86_64-linux-gnu/libLLVM-14.so.1", 500000 }, /* SHT_X86_64_UNWIND */
	};
	size_t compared = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		if (access(files[i].path, R_OK) == 0) {
			check_file(files[i].path, files[i].least);
			compared++;
		}
	}
	print_message("%zu of %zu more files compared\n", compared, ARRAY_LENGTH(files));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libc),
		cmocka_unit_test(dynamic_loader),
		cmocka_unit_test(this_test),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
