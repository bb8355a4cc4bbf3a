/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines and inlined functions, compared with what addr2line says of every address.
 * GNU's is the reference, which now and then loses an inlined function or gives a
 * line the wrong file; where it differs LLVM's must agree with us.
 */
#include "names_program.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "symbol/demangle.h"
#include "symbol/dwarf_names.h"
#include "symbol/names.h"

/* What addr2line says of one address. */
struct answer {
	uint64_t address;
	size_t count;
	char functions[DWARF_FRAMES_MAX][DEMANGLE_BYTES];
	char files[DWARF_FRAMES_MAX][256]; /* "?" not known */
	unsigned int lines[DWARF_FRAMES_MAX];
};

static void copy(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	assert_true(length < size);
	memcpy(to, from, length + 1);
}

static void strip(char *line)
{
	line[strcspn(line, "\n")] = '\0';
}

/* "/tmp/x/cart.c:12 (discriminator 3)" */
static void parse_place(char *place, char *file, unsigned int *line)
{
	char *colon = strrchr(place, ':'), *slash;

	assert_non_null(colon);
	*colon = '\0';
	*line = isdigit((unsigned char)colon[1]) ? (unsigned int)strtoul(colon + 1, NULL, 10) : 0;
	slash = strrchr(place, '/');
	copy(file, 256, place[0] == '?' ? "?" : slash ? slash + 1 : place);
}

/* Read the next answer of `addr2line -a -f -i`; `next` holds its first line, and then
 * that of the one behind. */
static bool read_answer(FILE *file, char *next, size_t size, struct answer *answer)
{
	char line[DEMANGLE_BYTES], meaning[DEMANGLE_BYTES];

	if (!next[0])
		return false;
	answer->address = strtoull(next, NULL, 16);
	answer->count = 0;
	next[0] = '\0';
	while (fgets(line, sizeof(line), file)) {
		strip(line);
		if (strncmp(line, "0x", 2) == 0) {
			copy(next, size, line);
			break;
		}
		assert_true(answer->count < DWARF_FRAMES_MAX);
		copy(answer->functions[answer->count], sizeof(answer->functions[0]),
		     demangle(line, meaning, sizeof(meaning)) ? meaning : line);
		assert_non_null(fgets(line, sizeof(line), file));
		strip(line);
		parse_place(line, answer->files[answer->count], &answer->lines[answer->count]);
		answer->count++;
	}
	return true;
}

static const char *base(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return !path ? "?" : slash ? slash + 1 : path;
}

/* addr2line has no file for the functions that link-time optimisation moved about. */
static bool same_file(const char *theirs, const char *ours)
{
	return strcmp(theirs, ours) == 0 ||
	       (strcmp(theirs, "<artificial>") == 0 && strcmp(ours, "cart.c") == 0);
}

static bool agrees(const struct answer *answer, const struct name_frame *frames, size_t count)
{
	if (answer->count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(answer->functions[i], frames[i].function ? frames[i].function : "??") != 0 ||
		    !same_file(answer->files[i], base(frames[i].file)) ||
		    answer->lines[i] != frames[i].line || frames[i].inlined != (i + 1 < count))
			return false;
	}
	return true;
}

static void print_both(const struct answer *answer, const struct name_frame *frames, size_t count)
{
	print_error("at 0x%llx addr2line says\n", (unsigned long long)answer->address);
	for (size_t i = 0; i < answer->count; i++)
		print_error("    %s %s:%u\n", answer->functions[i], answer->files[i],
			    answer->lines[i]);
	print_error("and names_lookup\n");
	for (size_t i = 0; i < count; i++)
		print_error("    %s %s:%u\n", frames[i].function, base(frames[i].file),
			    frames[i].line);
}

struct reference {
	FILE *file;
	char next[64];
	struct answer answer;
};

static void reference_open(struct reference *reference, const char *directory, const char *tool,
			   const char *program)
{
	char command[256];

	snprintf(command, sizeof(command), "%s -a -f -i -e %s <addresses", tool, program);
	reference->file = program_read(directory, command);
	assert_non_null(fgets(reference->next, sizeof(reference->next), reference->file));
}

static bool reference_read(struct reference *reference)
{
	return read_answer(reference->file, reference->next, sizeof(reference->next),
			   &reference->answer);
}

/* All bytes of all functions of `program` whose names match `pattern`. */
static void list_addresses(const char *directory, const char *program, const char *pattern)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "nm -S %s | awk '$3 ~ /[tTwW]/ && $4 ~ /%s/ { print $1, $2 }' | "
		 "while read start size; do i=$((0x$start)); end=$((i + 0x$size)); "
		 "while [ $i -lt $end ]; do printf '0x%%x\\n' $i; i=$((i + 1)); done; done >addresses",
		 program, pattern);
	program_run(directory, command);
}

static void compare(const char *directory, const char *program, const char *pattern)
{
	static const struct debug_search nowhere = { .path = "" };
	static struct reference gnu, llvm;
	size_t asked = 0, inlined = 0, unlike_gnu = 0, wrong = 0;
	char path[128];
	struct names *names;

	snprintf(path, sizeof(path), "%s/%s", directory, program);
	assert_int_equal(names_open(path, &names), 0);
	list_addresses(directory, program, pattern);
	reference_open(&gnu, directory, "addr2line", program);
	reference_open(&llvm, directory, "llvm-addr2line", program);
	while (reference_read(&gnu) && reference_read(&llvm)) {
		struct name_frame frames[NAMES_FRAMES_MAX];
		uint64_t start;
		size_t count = names_lookup(names, &nowhere, gnu.answer.address, frames,
					    NAMES_FRAMES_MAX, &start);

		assert_int_equal(gnu.answer.address, llvm.answer.address);
		asked++;
		inlined += count > 1;
		if (agrees(&gnu.answer, frames, count))
			continue;
		unlike_gnu++;
		if (!agrees(&llvm.answer, frames, count) && wrong++ < 5)
			print_both(&llvm.answer, frames, count);
	}
	pclose(gnu.file);
	pclose(llvm.file);
	names_close(names);
	print_message("%s: %zu addresses, %zu of them inlined, %zu unlike addr2line's, "
		      "%zu of these unlike llvm-addr2line's\n",
		      program, asked, inlined, unlike_gnu, wrong);
	assert_true(asked > 500);
	assert_true(inlined > 50);
	assert_true(unlike_gnu < asked / 2);
	assert_int_equal(wrong, 0);
}

static void test_c(void **state)
{
	static const char *const flags[] = {
		"gcc -O2 -g", "gcc -O3 -g -gdwarf-4", "gcc -O2 -g -flto", "clang -O2 -g",
		"gcc -O2 -g -ffunction-sections -gz",
	};
	char directory[64], command[512];

	(void)state;
	program_folder(directory);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		snprintf(command, sizeof(command), "%s $S/shop.c $S/cart.c -o shop%zu", flags[i], i);
		program_run(directory, command);
		snprintf(command, sizeof(command), "shop%zu", i);
		print_message("%s\n", flags[i]);
		compare(directory, command, "cart|main|serve|rebate|give_up|grow");
	}
	program_remove(directory);
}

static void test_cxx(void **state)
{
	char directory[64];

	(void)state;
	program_folder(directory);
	program_run(directory, "g++ -O2 -g $S/main.cc $S/store.cc -o store");
	compare(directory, "store", "store|main|visit|St6vector|St8_Rb_tree");
	program_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c),
		cmocka_unit_test(test_cxx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
