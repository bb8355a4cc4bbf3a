/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wire bytes of a hostile making, through decoder and ledger to a snapshot: what a
 * broken ring, and later a damaged recording, could hand in.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "ledger/ledger.h"
#include "stream/decode.h"

#define MOST_EVENTS 4096 /* of one input: more of the same teaches nothing */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ledger *ledger = ledger_new();
	struct snapshot *snapshot = NULL;
	size_t at = 0;

	for (int events = 0; ledger && at < size && events < MOST_EVENTS; events++) {
		struct event event;
		int length = decode_record(data + at, size - at, &event);

		if (length < 0)
			break;
		if (event.kind != EVENT_NONE)
			ledger_apply(ledger, &event);
		at += (size_t)length;
	}
	if (ledger && ledger_snapshot(ledger, UINT64_MAX / 2, &snapshot) == 0)
		snapshot_free(snapshot);
	ledger_free(ledger);
	return 0;
}
