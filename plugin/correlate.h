/* correlate.h: the failures of a file, each with its verdict, found by report and by evidence.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_CORRELATE_H
#define WINSOCK_CORRELATE_H

#include "items.h"
#include "verdict.h"

/* How many failures of a file are judged: with their reasons they take 390 MB. The emitter sends a
 * thousand datagrams a second at the most, equal failures folded. */
#define CORRELATE_MAX_REPORTS 1000000

/* One failure of the file. Lives until the file is closed. Hosts report thousands: each byte
 * counts. One that packets cannot speak about, for it has no Winsock code or its packet no time, is
 * of no error, and its verdict is none. */
typedef struct report {
    trace_packet packet; /* that reports it */
    guint32 place : 29;  /* in its packet */
    guint32 has_process_id : 1, is_pending : 1;
    guint32 is_mapped : 1; /* its other end was carried as ::ffff:a.b.c.d */
    guint32 repeat;
    guint32 sender; /* number of its run */
    guint32 process_id;
    const char *process;       /* its name, or NULL */
    const char *error;         /* what failed, by name */
    const struct report *root; /* the failure that this one is an echo of, or NULL */
    guint64 socket;            /* the handle, or 0 */
    verdict_case facts;
    verdict judged;
    char *reason; /* a sentence, or NULL: nobody has read it yet */
} report;

/* The report of a failure of a datagram that has been read: made on its first visit, judged by the
 * packets so far, or in a second pass and in the window by all; of a copy the first one's. place:
 * of the failure in the datagram. with_reason: somebody reads the reason, so that it is not NULL.
 * Result: NULL where the file has too many, or the first had none there. */
const report *correlate_failure(const datagram *in, guint place, gboolean with_reason);

/* Whether the file has as many reports as are judged. */
gboolean correlate_is_full(void);

/* The reports that a packet decides (array of report), or NULL. */
const GArray *correlate_broken_by(const packet_info *pinfo);

/* Every failure of the file (array of report), judged by all packets so far, with its reason; NULL
 * without a file. */
const GPtrArray *correlate_reports(void);

/* Whether it is told by its name and not by its flow: it is about the name, or names no flow. */
gboolean correlate_is_of_name(const report *r);

/* "shop.exe (4711)", or "". */
char *correlate_who(wmem_allocator_t *scope, const report *r);

/* Whether a packet decides a failure. */
gboolean correlate_is_reported(guint32 frame);

/* Whether the report's packet has its number still: a read filter can have left it out. */
gboolean correlate_has_frame(const report *r);

void correlate_start_file(void);
void correlate_end_file(void);

#endif
