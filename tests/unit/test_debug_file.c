/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stripped programs and the files that hold what was stripped. */
#include "names_program.h"

#include <sys/stat.h>
#include <unistd.h>

#include "symbol/names.h"

/* Where the debug file of a build belongs; $1 is the program, $2 the debug file. */
#define INSTALL                                                                                    \
	"install_debug() { id=$(readelf -n $1 2>/dev/null | sed -n 's/.*Build ID: //p'); "                     \
	"dir=$D/usr/lib/debug/.build-id/$(echo $id | cut -c1-2); mkdir -p $dir; "                  \
	"cp -a --remove-destination $2 $dir/$(echo $id | cut -c3-).debug; }; "

static char directory[64];

static int set_up(void **state)
{
	(void)state;
	program_folder(directory);
	program_run(directory, "mkdir bin && gcc -O2 -g -Wl,--build-id $S/shop.c $S/cart.c -o full && "
			       "gcc -O1 -g -Wl,--build-id $S/shop.c $S/cart.c -o other && "
			       "objcopy --only-keep-debug full full.debug && "
			       "objcopy --only-keep-debug other other.debug && "
			       "strip -o stripped full && "
			       "objcopy --remove-section .note.gnu.build-id stripped anonymous");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	program_remove(directory);
	return 0;
}

/* What a lookup of the first instruction of cart_checkout() finds; `path` is below the folder. */
struct seen {
	char function[64], file[64];
	unsigned int line;
};

static struct names *open_names(const char *path)
{
	struct names *names;
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", directory, path);
	assert_int_equal(names_open(whole, &names), 0);
	return names;
}

static struct seen look(struct names *names, const char *path)
{
	const struct debug_search search = { .roots = { directory, NULL }, .path = path };
	uint64_t address = program_symbol(directory, "full", "cart_checkout"), start;
	struct name_frame frames[NAMES_FRAMES_MAX];
	struct seen seen = { .line = 0 };
	size_t count = names_lookup(names, &search, address, frames, NAMES_FRAMES_MAX, &start);

	if (count && frames[count - 1].function) {
		snprintf(seen.function, sizeof(seen.function), "%.60s", frames[count - 1].function);
		assert_int_equal(start, address);
	}
	if (count && frames[count - 1].file) {
		const char *slash = strrchr(frames[count - 1].file, '/');

		snprintf(seen.file, sizeof(seen.file), "%.60s",
			 slash ? slash + 1 : frames[count - 1].file);
		seen.line = frames[count - 1].line;
	}
	return seen;
}

static struct seen look_at(const char *path)
{
	struct names *names = open_names(path);
	char in_root[256];
	struct seen seen;

	snprintf(in_root, sizeof(in_root), "/%s", path);
	seen = look(names, in_root);
	names_close(names);
	return seen;
}

static void assert_all(struct seen seen)
{
	assert_string_equal(seen.function, "cart_checkout");
	assert_string_equal(seen.file, "cart.c");
	assert_in_range(seen.line, 36, 38);
}

static void assert_nothing(struct seen seen)
{
	assert_string_equal(seen.function, "");
	assert_string_equal(seen.file, "");
}

static void test_build_id(void **state)
{
	(void)state;
	assert_all(look_at("full"));
	assert_nothing(look_at("stripped"));
	program_run(directory, INSTALL "install_debug full full.debug");
	assert_all(look_at("stripped"));
	/* Without the id nothing says that it is the file. */
	assert_nothing(look_at("anonymous"));
	/* Another build's file under this build's name: its names would be lies. */
	program_run(directory, INSTALL "install_debug full other.debug");
	assert_nothing(look_at("stripped"));
	program_run(directory, "rm -r usr");
}

/* Links are followed within the target's root; a FIFO is not waited for. */
static void test_hostile_root(void **state)
{
	(void)state;
	program_run(directory, INSTALL "ln -s /full.debug link; install_debug full link");
	assert_all(look_at("stripped"));
	program_run(directory, INSTALL "ln -sf $D/full.debug link; install_debug full link");
	assert_nothing(look_at("stripped"));
	program_run(directory, INSTALL "ln -sf ../../../../../../../../../$D/full.debug link; "
				       "install_debug full link");
	assert_nothing(look_at("stripped"));
	program_run(directory, INSTALL "mkfifo pipe; install_debug full pipe; rm -r usr; "
				       "ln -sf /pipe link; install_debug full link");
	assert_nothing(look_at("stripped"));
	program_run(directory, "rm -r usr");
}

static void test_debug_link(void **state)
{
	static const char *const places[] = { "bin", "bin/.debug", "usr/lib/debug/bin" };
	static const char *const programs[] = { "stripped", "anonymous" };
	char command[256];

	(void)state;
	for (size_t p = 0; p < 2; p++) {
		snprintf(command, sizeof(command),
			 "cp %s bin/shop && objcopy --add-gnu-debuglink=full.debug bin/shop", programs[p]);
		program_run(directory, command);
		assert_nothing(look_at("bin/shop"));
		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
			snprintf(command, sizeof(command), "mkdir -p %s && cp full.debug %s/", places[i],
				 places[i]);
			program_run(directory, command);
			assert_all(look_at("bin/shop"));
			/* The same name, another file. */
			snprintf(command, sizeof(command), "cp other.debug %s/full.debug", places[i]);
			program_run(directory, command);
			assert_nothing(look_at("bin/shop"));
			snprintf(command, sizeof(command), "rm %s/full.debug", places[i]);
			program_run(directory, command);
		}
	}
	/* One byte more: the build-id still says yes, a checksum alone says no. */
	program_run(directory, "cp full.debug bin/ && printf x >>bin/full.debug");
	assert_nothing(look_at("bin/shop"));
	program_run(directory, "cp stripped bin/shop && cp full.debug bin/ && "
			       "objcopy --add-gnu-debuglink=full.debug bin/shop && "
			       "printf x >>bin/full.debug");
	assert_all(look_at("bin/shop"));
	program_run(directory, "rm bin/*");
}

static void test_mini_debug(void **state)
{
	struct seen seen;

	(void)state;
	program_run(directory, "nm full | awk '$2 ~ /[tT]/ { print $3 }' >keep && "
			       "objcopy -S --keep-symbols=keep full mini && xz -k mini && "
			       "objcopy --add-section .gnu_debugdata=mini.xz stripped bin/mini");
	seen = look_at("bin/mini");
	assert_string_equal(seen.function, "cart_checkout");
	assert_string_equal(seen.file, "");
	/* Damaged, cut off, not ELF, and a bomb: no names, and no harm. */
	program_run(directory, "head -c 300 mini.xz >cut && "
			       "objcopy --add-section .gnu_debugdata=cut stripped bin/cut && "
			       "echo hello | xz >text && "
			       "objcopy --add-section .gnu_debugdata=text stripped bin/text && "
			       "head -c 200M /dev/zero | xz -1 >bomb && "
			       "objcopy --add-section .gnu_debugdata=bomb stripped bin/bomb");
	assert_nothing(look_at("bin/cut"));
	assert_nothing(look_at("bin/text"));
	assert_nothing(look_at("bin/bomb"));
	/* With the debug file at hand there are lines too. */
	program_run(directory, INSTALL "install_debug full full.debug");
	assert_all(look_at("bin/mini"));
	program_run(directory, "rm -r usr bin/*");
}

/* A server that is a folder, which libdebuginfod and curl are content with. */
static void test_debuginfod(void **state)
{
	char url[128], cache[128], path[128];
	struct debug_search search = { .path = "" };
	struct name_frame frames[NAMES_FRAMES_MAX];
	uint64_t address = program_symbol(directory, "full", "cart_checkout"), start;

	(void)state;
	program_run(directory, "id=$(readelf -n full 2>/dev/null | sed -n 's/.*Build ID: //p'); "
			       "mkdir -p server/buildid/$id cache && "
			       "cp full.debug server/buildid/$id/debuginfo");
	snprintf(url, sizeof(url), "file://%s/server", directory);
	snprintf(cache, sizeof(cache), "%s/cache", directory);
	snprintf(path, sizeof(path), "%s/stripped", directory);
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
	for (int asked = 0; asked < 2; asked++) {
		struct names *names;

		search.debuginfod = asked;
		assert_int_equal(names_open(path, &names), 0);
		assert_int_equal(names_lookup(names, &search, address, frames, NAMES_FRAMES_MAX,
					      &start) > 0,
				 asked);
		if (asked)
			assert_in_range(frames[0].line, 1, 60);
		names_close(names);
	}
	unsetenv("DEBUGINFOD_URLS");
	unsetenv("DEBUGINFOD_CACHE_PATH");
}

/* dwz moves what two debug files have in common to a third. */
static void test_shared_part(void **state)
{
	struct seen seen;

	(void)state;
	program_run(directory,
		    INSTALL "cp full.debug a.debug && cp other.debug b.debug && "
			    "dwz -m $D/common.debug -M /usr/lib/debug/.dwz/common.debug a.debug b.debug "
			    "&& readelf -S a.debug | grep -q gnu_debugaltlink && "
			    "install_debug full a.debug && mkdir -p usr/lib/debug/.dwz && "
			    "cp common.debug usr/lib/debug/.dwz/");
	assert_all(look_at("stripped"));
	/* By build-id, when it lies elsewhere. */
	program_run(directory, INSTALL "rm -r usr/lib/debug/.dwz && install_debug full a.debug && "
				       "install_debug common.debug common.debug");
	assert_all(look_at("stripped"));
	/* Without it the functions are still known, but no lines: names could be wrong. */
	program_run(directory, INSTALL "rm -r usr && install_debug full a.debug");
	seen = look_at("stripped");
	assert_string_equal(seen.function, "cart_checkout");
	assert_string_equal(seen.file, "");
	program_run(directory, "rm -r usr");
}

/* The file is replaced between reading its symbols and the first lookup. */
static void test_replaced(void **state)
{
	struct names *names;
	struct seen seen;

	(void)state;
	program_run(directory, "cp full bin/shop");
	names = open_names("bin/shop");
	assert_false(names_prepared(names));
	program_run(directory, "cp other bin/new && mv bin/new bin/shop");
	seen = look(names, "/bin/shop");
	assert_true(names_prepared(names));
	assert_string_equal(seen.function, "cart_checkout");
	assert_string_equal(seen.file, "");
	names_close(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_id),   cmocka_unit_test(test_hostile_root),
		cmocka_unit_test(test_debug_link), cmocka_unit_test(test_mini_debug),
		cmocka_unit_test(test_shared_part), cmocka_unit_test(test_debuginfod),
		cmocka_unit_test(test_replaced),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
