/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ordered set of address ranges that do not overlap; every operation O(log n). */
#ifndef OUTLIVE_LEDGER_RANGE_TREE_H
#define OUTLIVE_LEDGER_RANGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t start, end; /* [start, end), start < end */
	uint64_t birth_ns;   /* when the call that made it returned */
	uint32_t owner;	     /* what follows the tree does not look at */
	uint8_t kind;	     /* enum range_kind */
};

struct range_node;

/* All zeroes is an empty tree. */
struct range_tree {
	struct range_node *nodes; /* rows; 0 is not used, so that 0 can mean none */
	size_t capacity;
	size_t used;	/* rows ever handed out */
	uint32_t root;
	uint32_t spare; /* list of rows given back */
	size_t count;
};

void range_tree_free(struct range_tree *tree);

/* Make room for `more` insertions. Returns 0 or -ENOMEM. */
int range_tree_reserve(struct range_tree *tree, size_t more);

/* Insert a range that overlaps none; room for it was reserved. */
void range_tree_insert(struct range_tree *tree, const struct range *range);

/* Remove the range that starts at `start`, which must be there. */
void range_tree_remove(struct range_tree *tree, uint64_t start);

/* The lowest range whose end lies above `address`. Returns false when there is none. */
bool range_tree_first(const struct range_tree *tree, uint64_t address, struct range *ret_range);

#endif
