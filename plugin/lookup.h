/* lookup.h: what the packets of a capture say about look-ups of names (DNS, mDNS, LLMNR). Nothing
 * of epan here. All of it lives as long as the trace.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_LOOKUP_H
#define WINSOCK_LOOKUP_H

#include "trace.h"

/* In place of an rcode: an answer that is cut short, and may have had records. */
enum { LOOKUP_CUT = 0xff };

/* The questions for one type of record, and their answer. */
typedef struct {
    trace_packet first_query, last_query;
    guint32 queries;
    trace_packet answer; /* the first */
    guint8 rcode;        /* or LOOKUP_CUT */
    gboolean has_records;
    gboolean by_multicast; /* to no server: nobody needs to answer */
} lookup_question;

enum { LOOKUP_A, LOOKUP_AAAA, LOOKUP_QUESTIONS };

/* What a host asked for a name between two times, until it was answered. */
typedef struct {
    const char *name; /* lower case, without a dot at the end; lives as long as the trace */
    trace_packet first;
    lookup_question questions[LOOKUP_QUESTIONS];
} lookup;

/* How many look-ups of a trace are kept, where each question that is asked again counts as one
 * more: at 700 bytes each, with a name of the longest, they take 3 GB. */
#ifndef LOOKUPS_MAX
#define LOOKUPS_MAX 4194304
#endif

typedef struct lookups lookups;

lookups *lookups_new(void);
void lookups_free(lookups *names);

/* Counts what was noted: where it has not changed, no answer has. */
guint64 lookups_changes(const lookups *names);

/* Whether there are as many as are kept: that one is not found means nothing then. */
gboolean lookups_are_full(const lookups *names);

/* Notes a question for an address. which: LOOKUP_A or LOOKUP_AAAA; name: lower case. */
void lookups_note_query(lookups *names, const trace_end *host, const char *name, int which,
                        gboolean by_multicast, trace_packet packet);

/* The first hosts that asked a server: no machine has so many addresses, and each is looked at for
 * one report. */
enum { LOOKUPS_MAX_ASKERS = 4 };
const trace_end *lookups_askers(const lookups *names, guint *count);

/* Notes the answer that the host got. host NULL: by multicast, all who asked have got it. */
void lookups_note_answer(lookups *names, const trace_end *host, const char *name, int which,
                         guint8 rcode, gboolean has_records, trace_packet packet);

/* Calls visit with what the host asked between two times: in the latest look-up of the name that
 * had begun by then, and of the name with each suffix. The name's case does not count. found lives
 * as long as the call. */
typedef void (*lookup_visitor)(const lookup *found, void *data);
void lookups_visit(const lookups *names, const trace_end *host, const char *name, gint64 after,
                   gint64 before, lookup_visitor visit, void *data);

#endif
