/* dissect_failure.h: one failure, from bytes to its subtree.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_DISSECT_FAILURE_H
#define WINSOCK_DISSECT_FAILURE_H

#include "items.h"

#include <epan/prefs.h>

/* Reads the failure in an item of its type into its datagram's list. */
proto_item *read_failure(const item *it);

/* Registers the fields and expert items of this file. */
void register_failure(int proto);

/* Whose names the Winsock codes get. */
void register_naming_preference(module_t *preferences);

#endif
