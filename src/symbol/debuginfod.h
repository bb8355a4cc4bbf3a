/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug files from the network, when the user asks for it. */
#ifndef OUTLIVE_SYMBOL_DEBUGINFOD_H
#define OUTLIVE_SYMBOL_DEBUGINFOD_H

/*
 * Ask the servers that DEBUGINFOD_URLS names for the debug file of `build_id`
 * (hex); what they send is kept in the user's cache (debuginfod_find_debuginfo(3)).
 * The system's library does it, if it is installed. Returns a descriptor the caller
 * closes, -ENOSYS without the library, -ENOENT, or another -errno.
 */
int debuginfod_find(const char *build_id);

#endif
