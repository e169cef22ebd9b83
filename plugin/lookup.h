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

/* The questions for one type of record. */
typedef struct {
    trace_packet first_query, last_query;
    guint32 queries;
    trace_packet answer; /* the first */
    guint8 rcode;        /* or LOOKUP_CUT */
    gboolean has_records;
} lookup_question;

enum { LOOKUP_A, LOOKUP_AAAA, LOOKUP_QUESTIONS };

/* One look-up of a name by a host. */
typedef struct lookup {
    struct lookup *earlier; /* of the same name by the same host */
    const char *name;       /* lower case, without a dot at the end; not owned */
    trace_packet first;
    lookup_question questions[LOOKUP_QUESTIONS];
} lookup;

/* How many look-ups of a trace are kept: at 700 bytes each, with a name of the longest, they take 3
 * GB. */
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
                        trace_packet packet);

/* Notes the answer that the host got. host NULL: by multicast, all who asked have got it. */
void lookups_note_answer(lookups *names, const trace_end *host, const char *name, int which,
                         guint8 rcode, gboolean has_records, trace_packet packet);

/* Calls visit with the host's latest look-up of the name, and of the name with each suffix, of
 * those that had begun between two times. The name's case does not count. */
typedef void (*lookup_visitor)(const lookup *found, void *data);
void lookups_visit(const lookups *names, const trace_end *host, const char *name, gint64 after,
                   gint64 before, lookup_visitor visit, void *data);

#endif
