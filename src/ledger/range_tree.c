/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A treap (Seidel and Aragon, Algorithmica 1996): a search tree by start that
 * is also a heap by a random priority, and so as deep as a tree built in random
 * order, O(log n), whatever order the ranges come in. Insertion and removal are
 * two helpers: split a tree at an address, and join two trees that lie beside
 * each other.
 *
 * Since ranges do not overlap, ends are ordered as starts are, and the search
 * for "the first that ends above x" is an ordinary descent.
 */
#include "ledger/range_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/vec.h"

struct range_node {
	struct range range;
	uint32_t left, right; /* rows; 0: none */
	uint32_t priority;
};

void range_tree_free(struct range_tree *tree)
{
	free(tree->nodes);
	memset(tree, 0, sizeof(*tree));
}

int range_tree_reserve(struct range_tree *tree, size_t more)
{
	size_t need = tree->count + more + 1;

	if (need >= UINT32_MAX)
		return -ENOMEM;
	return vec_reserve((void **)&tree->nodes, &tree->capacity, need, sizeof(*tree->nodes)) < 0
		       ? -ENOMEM
		       : 0;
}

static uint32_t node_new(struct range_tree *tree, const struct range *range)
{
	uint32_t row = tree->spare;

	if (row)
		tree->spare = tree->nodes[row].right;
	else
		row = (uint32_t)++tree->used;
	tree->nodes[row] = (struct range_node){
		.range = *range,
		.priority = (uint32_t)(hash_mix((uintptr_t)tree ^ tree->used << 32 ^ range->start ^
						range->birth_ns << 8)),
	};
	tree->count++;
	return row;
}

/* Split the tree under `row` into what starts below `address` and the rest. */
static void split(struct range_tree *tree, uint32_t row, uint64_t address, uint32_t *ret_low,
		  uint32_t *ret_high)
{
	while (row) {
		struct range_node *node = &tree->nodes[row];

		if (node->range.start < address) {
			*ret_low = row;
			ret_low = &node->right;
			row = node->right;
		} else {
			*ret_high = row;
			ret_high = &node->left;
			row = node->left;
		}
	}
	*ret_low = 0;
	*ret_high = 0;
}

/* Join two trees, all of `low` lying below all of `high`; returns the root. */
static uint32_t join(struct range_tree *tree, uint32_t low, uint32_t high)
{
	uint32_t root = 0;
	uint32_t *link = &root;

	while (low && high) {
		if (tree->nodes[low].priority > tree->nodes[high].priority) {
			*link = low;
			link = &tree->nodes[low].right;
			low = *link;
		} else {
			*link = high;
			link = &tree->nodes[high].left;
			high = *link;
		}
	}
	*link = low ? low : high;
	return root;
}

void range_tree_insert(struct range_tree *tree, const struct range *range)
{
	uint32_t row = node_new(tree, range);
	struct range_node *node = &tree->nodes[row];
	uint32_t *link = &tree->root;

	while (*link && tree->nodes[*link].priority >= node->priority) {
		struct range_node *at = &tree->nodes[*link];

		link = at->range.start < range->start ? &at->right : &at->left;
	}
	split(tree, *link, range->start, &node->left, &node->right);
	*link = row;
}

void range_tree_remove(struct range_tree *tree, uint64_t start)
{
	uint32_t *link = &tree->root;
	uint32_t row;

	while (tree->nodes[*link].range.start != start) {
		struct range_node *at = &tree->nodes[*link];

		link = at->range.start < start ? &at->right : &at->left;
	}
	row = *link;
	*link = join(tree, tree->nodes[row].left, tree->nodes[row].right);
	tree->nodes[row].right = tree->spare;
	tree->spare = row;
	tree->count--;
}

bool range_tree_first(const struct range_tree *tree, uint64_t address, struct range *ret_range)
{
	uint32_t row = tree->root;
	uint32_t found = 0;

	while (row) {
		const struct range_node *node = &tree->nodes[row];

		if (node->range.end > address) {
			found = row;
			row = node->left;
		} else {
			row = node->right;
		}
	}
	if (found)
		*ret_range = tree->nodes[found].range;
	return found != 0;
}
