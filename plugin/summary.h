/* summary.h: one line that says what failed, for the packet list and the tree.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_SUMMARY_H
#define WINSOCK_SUMMARY_H

#include "failure.h"

#include <epan/packet.h>

/* "WSAECONNRESET (10054) recv 192.0.2.1:51000 → 198.51.100.7:443: Connection reset by peer",
 * addresses and ports by name where the user resolves them. */
const char *summary_of_failure(wmem_allocator_t *scope, const winsock_failure *failure);

/* "WSAECONNRESET", or "Unknown (40000)" where nobody names the number. */
const char *summary_of_error(wmem_allocator_t *scope, const winsock_failure *failure);

/* "WSAECONNRESET in recv", with the numbers of what has no name. */
const char *summary_in_short(wmem_allocator_t *scope, const winsock_failure *failure);

/* "WSAECONNRESET in recv", of names alone: the text of expert items, of which there are to be few.
 * To count one, tshark compares it with all that it has, and numbers are the sender's to choose. */
const char *summary_of_kind(wmem_allocator_t *scope, const winsock_failure *failure);

/* "shop.exe (4711) on WEB07", of whatever of it is known; "" where nothing is. */
char *summary_of_sender(wmem_allocator_t *scope, const winsock_sender *sender);

/* "198.51.100.7:443", or "" where there is none. protocol: whose name for the port, 6 or 17; 0: its
 * number. */
const char *summary_of_endpoint(wmem_allocator_t *scope, const winsock_endpoint *endpoint,
                                guint16 protocol);

/* The call's name as Winsock spells it, or NULL. */
const char *operation_name(guint16 operation);

extern const value_string category_names[];

/* Calls, and Winsock codes, by number. */
extern value_string_ext operation_names, error_names;

#endif
