/* correlate.h: joins failures and packets, in both directions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_CORRELATE_H
#define WINSOCK_CORRELATE_H

#include "items.h"

#include <epan/prefs.h>

/* Judges a failure and adds what the packets prove to its tree. shown: the failure's own item. */
void correlate_failure(datagram *in, proto_tree *tree, proto_item *shown,
                       const winsock_failure *failure);

void correlate_start_file(void);
void correlate_end_file(void);

void register_correlate(int proto);
void register_correlate_preference(module_t *preferences);
void correlate_apply_preference(void);

/* Once, after every other protocol has handed off. */
void correlate_handoff(void);

#endif
