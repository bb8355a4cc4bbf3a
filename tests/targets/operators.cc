/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * operators SCENARIO: C++'s ways to make and free a block.
 *
 *   forms    every form of new and of delete, as the compiler calls them
 *   throws   new that finds no memory: bad_alloc, NULL with nothrow, what a handler throws
 *
 * Prints the bytes and blocks it made and freed, by hand. The memory of an exception is
 * made and freed too, how much is the C++ library's business: `exceptions` counts them.
 */
#include <new>

#include "counted.h"

#ifdef OWN_NEW
#include OWN_NEW
#endif

static const size_t rounds = 97, huge_size = static_cast<size_t>(PTRDIFF_MAX) - 4095;
static const auto line = static_cast<std::align_val_t>(64);

static uint64_t exceptions;
static volatile size_t huge = huge_size; /* read at run time: the compiler shall not know */
static void *kept[16];

/* Sizes with an alignment are multiples of it: libstdc++ asks malloc for such. */
__attribute__((noinline)) static void make_forms(void **blocks)
{
	blocks[0] = made(::operator new(13), 13);
	blocks[1] = made(::operator new[](1021), 1021);
	blocks[2] = made(::operator new(61, std::nothrow), 61);
	blocks[3] = made(::operator new[](509, std::nothrow), 509);
	blocks[4] = made(::operator new(64, line), 64);
	blocks[5] = made(::operator new[](64 * 127, line), 64 * 127);
	blocks[6] = made(::operator new(64 * 3, line, std::nothrow), 64 * 3);
	blocks[7] = made(::operator new[](64 * 5, line, std::nothrow), 64 * 5);
	/* the same again, for the forms of delete that take a size */
	blocks[8] = made(::operator new(20011), 20011);
	blocks[9] = made(::operator new[](150001), 150001);
	blocks[10] = made(::operator new(64 * 7, line), 64 * 7);
	blocks[11] = made(::operator new[](64 * 4099, line), 64 * 4099);
}

__attribute__((noinline)) static void free_forms(void **blocks)
{
	::operator delete(going(blocks[0], 13));
	::operator delete[](going(blocks[1], 1021));
	::operator delete(going(blocks[2], 61), std::nothrow);
	::operator delete[](going(blocks[3], 509), std::nothrow);
	::operator delete(going(blocks[4], 64), line);
	::operator delete[](going(blocks[5], 64 * 127), line);
	::operator delete(going(blocks[6], 64 * 3), line, std::nothrow);
	::operator delete[](going(blocks[7], 64 * 5), line, std::nothrow);
	::operator delete(going(blocks[8], 20011), 20011);
	::operator delete[](going(blocks[9], 150001), 150001);
	::operator delete(going(blocks[10], 64 * 7), 64 * 7, line);
	::operator delete[](going(blocks[11], 64 * 4099), 64 * 4099, line);
	::operator delete(nullptr);
	::operator delete[](nullptr, 5);
}

static void forms()
{
	for (size_t i = 0; i < rounds; i++) {
		void *blocks[12];

		make_forms(blocks);
		free_forms(blocks);
	}
	make_forms(kept);
}

/* Deep below the call that the exception left: what is made here counts again. */
__attribute__((noinline)) static void *below(int depth, size_t size)
{
	volatile char filler[256];

	filler[0] = 1;
	return depth ? below(depth - 1, size + filler[0] - 1) : made(::operator new(size), size);
}

struct none_left {
	int words[3];
};

static void give_up()
{
	throw none_left();
}

/* Returns what was thrown: 1 bad_alloc, 2 none_left, 0 nothing. */
template <typename Call> static int thrown(Call call)
{
	try {
		call();
	} catch (const std::bad_alloc &) {
		return 1;
	} catch (const none_left &) {
		return 2;
	}
	return 0;
}

static void expect(bool condition)
{
	if (!condition)
		_exit(94);
}

static void throws()
{
	for (size_t i = 0; i < rounds; i++) {
		expect(thrown([] { kept[0] = ::operator new(huge); }) == 1);
		expect(thrown([] { kept[0] = ::operator new[](huge); }) == 1);
		expect(thrown([] { kept[0] = ::operator new(huge, line); }) == 1);
		::operator delete(going(below(7, 211), 211));
		expect(thrown([] { kept[0] = ::operator new(huge, std::nothrow); }) == 0);
		expect(kept[0] == nullptr);
		std::set_new_handler(give_up);
		expect(thrown([] { kept[0] = ::operator new(huge); }) == 2);
		std::set_new_handler(nullptr);
		failed_calls += 5;
		exceptions += 4;
	}
	kept[1] = below(3, 1009);
}

int main(int argc, char **argv)
{
	void (*scenario)() = argc > 1 && strcmp(argv[1], "forms") == 0	? forms
			     : argc > 1 && strcmp(argv[1], "throws") == 0 ? throws
									  : nullptr;

	if (!scenario)
		_exit(96);
	expect(thrown(give_up) == 2); /* what the unwinder makes once is made by now */
	target_ready(argc, argv);
	scenario();
	target_print("{\"truth\":{\"allocated_bytes\":%ju,\"allocated_blocks\":%ju,"
		     "\"freed_bytes\":%ju,\"freed_blocks\":%ju,\"failed_calls\":%ju,"
		     "\"exceptions\":%ju}}\n",
		     (uintmax_t)allocated_bytes, (uintmax_t)allocated_blocks,
		     (uintmax_t)freed_bytes, (uintmax_t)freed_blocks, (uintmax_t)failed_calls,
		     (uintmax_t)exceptions);
	target_finish();
}
