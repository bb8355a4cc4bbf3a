/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replay fixtures: events as text that a reviewer can read, packed into wire
 * records, decoded, applied to a ledger, and compared with the totals that the
 * same text expects.
 *
 *   process 100 1 demo                      pid ppid comm
 *   thread 100/101 worker start=5           pid/tid comm
 *   stack 1 main>work                       id frames, outermost first; pid=100 or the last process
 *   alloc 100/101 0x10 23 stack=1 t=10      address size; address 0: the call failed
 *   realloc 100/101 0x10 0x40 64 stack=1 enter=19 t=20
 *   free 100/102 0x40 t=30
 *   map 100/101 0x10000 0x4000 as=backing   as=anonymous|backing|reserved|stack|file|before
 *   unmap 100/101 0x10000 0x1000 enter=5
 *   remap 100/101 0x10000 0x1000 0x20000 0x3000 keep=1      old, its length, new, its length
 *   brk 100/101 0x9000 old=0x8000
 *   fork 100/101 200 start=50 followed=1   the child is traced; shares=1: in its parent's memory
 *   exec 100/101 newname
 *   exit 100/101 last=1
 *   expect process 100 live_bytes=64 …      scopes: process, mappings (pid), thread (pid/tid),
 *                                           site (pid stack), cell (pid/tid stack), quality
 *
 * A "#" starts a comment. Without t= a record is 1 ns later than the last one;
 * without enter= a call takes no time. Expectations are checked where they
 * stand. An expect line that names no such row fails, unless it says none=1.
 */
#ifndef OUTLIVE_TESTS_REPLAY_FIXTURE_H
#define OUTLIVE_TESTS_REPLAY_FIXTURE_H

#include <stddef.h>

struct fixture_result {
	size_t events, expectations;
	char fault[512]; /* the first fault, "file:line: …"; "" when all is well */
};

/* Run the fixture at `path`. Returns 0, or -1 with ret_result->fault. */
int fixture_run(const char *path, struct fixture_result *ret_result);

#endif
