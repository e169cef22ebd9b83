/* user_codes.h: the user's own error codes, a table in the preferences.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_USER_CODES_H
#define WINSOCK_USER_CODES_H

#include "failure.h"

#include <epan/packet.h>
#include <epan/prefs.h>

extern const value_string code_space_names[];

/* Adds the table to the protocol's preferences. */
void user_codes_register(module_t *preferences);

/* Lets the user's table name a failure that Microsoft has no name for.
 * The strings live until the table is changed. */
void user_codes_apply(winsock_failure *failure);

#endif
