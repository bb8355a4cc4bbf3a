/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of C++ and Rust functions as their authors wrote them. */
#ifndef OUTLIVE_SYMBOL_DEMANGLE_H
#define OUTLIVE_SYMBOL_DEMANGLE_H

#include <stddef.h>

#define DEMANGLE_BYTES 4096 /* of a demangled name, NUL included */

/*
 * Write what the mangled name `name` means into `buffer` (`size` bytes, at most
 * DEMANGLE_BYTES are used): "shop::Cart::add" for "_ZN4shop4Cart3addEi", without
 * parameters, as one line of a stack has no room for them. Names of C++ (Itanium
 * ABI) and Rust (both schemes, hash left out) are known; the mark of a compiler's
 * clone ("_Z4workv.cold") is left out too.
 *
 * Returns `buffer`, or NULL when `name` is no mangled name, or means more than
 * fits: it is then best shown as it is. The result may hold any byte that `name`
 * holds: clean before printing.
 */
char *demangle(const char *name, char *buffer, size_t size);

#endif
