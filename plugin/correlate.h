/* correlate.h: joins failures and packets, in both directions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_CORRELATE_H
#define WINSOCK_CORRELATE_H

#include "items.h"
#include "verdict.h"

#include <epan/prefs.h>

/* One failure of the file. Lives until the file is closed. */
typedef struct {
    guint32 frame;
    guint32 repeat;
    guint32 root;   /* frame of the failure that this one is an echo of, or 0 */
    guint64 socket; /* the handle, or 0 */
    char *who;      /* "shop.exe (4711)", or "" */
    char *node;     /* the name looked up, or NULL */
    verdict_case facts;
    verdict judged;
} report;

/* Every failure of the file (array of report), judged by all packets so far; NULL without a file.
 */
const GPtrArray *correlate_reports(void);

/* Whether a packet decides a failure. */
gboolean correlate_is_reported(guint32 frame);

const char *correlate_verdict_name(verdict_kind kind);

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
