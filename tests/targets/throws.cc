/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * throws [children]: the stacks of lib/scenes.h again, in a position-independent program,
 * and allocations while exceptions are in flight: in destructors that unwinding
 * runs, in handlers, and in what the unwinder calls back.
 */
#include <algorithm>
#include <functional>
#include <mutex>
#include <unwind.h>

#include "lib/scenes.h"
#include "target.h"

namespace {

long guarded;

struct Guard {
	~Guard() { guarded += allocate(); }
};

/* Throws and catches while another exception is being thrown. */
struct Thrower {
	__attribute__((noinline)) static void fail() { throw 2.5; }
	~Thrower()
	{
		try {
			fail();
		} catch (double) {
			guarded += allocate();
		}
	}
};

struct Shape {
	virtual long draw() { SCENE_RETURN(allocate()); }
	virtual ~Shape() = default;
};

struct Other {
	long pad = 0;
	virtual long erase() { SCENE_RETURN(allocate() + pad); }
	virtual ~Other() = default;
};

/* erase() is reached through a thunk when called on its second base. */
struct Both : Shape, Other {
	long erase() override { SCENE_RETURN(allocate()); }
};

__attribute__((noinline)) long next()
{
	SCENE_RETURN(allocate());
}

__attribute__((noinline)) long thrower()
{
	Guard guard;

	throw 7;
}

__attribute__((noinline)) long thrower_twice()
{
	Thrower inner;
	Guard guard;

	throw 8;
}

/* The exception passes through frames of a library, of variable size. */
__attribute__((noinline)) long caught()
{
	long count = 0;

	guarded = 0;
	try {
		Guard guard;

		a_alloca(500, thrower);
	} catch (int number) {
		count += number == 7 ? allocate() : 0;
	}
	SCENE_RETURN(count + guarded);
}

__attribute__((noinline)) long caught_twice()
{
	long count = 0;

	guarded = 0;
	try {
		try {
			a_realigned(thrower_twice);
		} catch (int) {
			count += allocate();
			throw;
		}
	} catch (int) {
		count += allocate();
	}
	SCENE_RETURN(count + guarded);
}

/* libgcc's unwinder calls this for each frame; once is enough. */
_Unwind_Reason_Code visit(struct _Unwind_Context *, void *count)
{
	*static_cast<long *>(count) += allocate();
	return _URC_END_OF_STACK;
}

__attribute__((noinline)) long visited()
{
	long count = 0;

	_Unwind_Backtrace(visit, &count);
	SCENE_RETURN(count);
}

__attribute__((noinline)) long library_callbacks()
{
	std::function<long()> function = [] { SCENE_RETURN(allocate()); };
	int numbers[] = { 5, 3, 8, 1, 9, 2, 7 };
	std::once_flag once;
	long count = 0;

	std::call_once(once, [&] { count += function(); });
	std::sort(std::begin(numbers), std::end(numbers), [&](int left, int right) {
		if (count == 1)
			count += a_alloca(33, next);
		return left < right;
	});
	SCENE_RETURN(count);
}

__attribute__((noinline)) long virtuals(Shape *shape, Other *other)
{
	long count = shape->draw();

	count += other->erase();
	SCENE_RETURN(count);
}

} // namespace

int main(int argc, char **argv)
{
	Both both;
	Shape *volatile shape = &both;
	Other *volatile other = &both;
	long count = 0;

	c_start_children(argc > 1 && strcmp(argv[1], "children") == 0);
	target_ready(argc, argv);
	c_run_children();
	count += scenes_common(next);
	count += caught();
	count += caught_twice();
	count += visited();
	count += library_callbacks();
	count += virtuals(shape, other);
	target_print("{\"truth\":{\"blocks\":%ld,\"children\":%ld}}\n", count, c_wait_children());
	target_finish();
}
