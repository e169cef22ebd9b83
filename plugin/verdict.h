/* verdict.h: what the packets prove about a failure. Nothing of epan here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_VERDICT_H
#define WINSOCK_VERDICT_H

#include "lookup.h"
#include "trace.h"

/* Numbers of the field winsock.verdict. */
typedef enum {
    VERDICT_NONE = 0, /* no rule for this error */
    VERDICT_CONFIRMED = 1,
    VERDICT_CONTRADICTED = 2,
    VERDICT_LOCAL = 3,
    VERDICT_UNSEEN = 4,
    VERDICT_INCONCLUSIVE = 5
} verdict_kind;

/* A failure, as far as packets can speak about it. */
typedef struct {
    gint64 moment;   /* of the failure, nanoseconds by the capture's clock */
    gint64 duration; /* of the call, nanoseconds; 0: not reported */
    guint64 bytes;   /* size of the buffer; 0: not reported */
    guint32 error;   /* the Winsock code */
    guint16 operation;
    guint16 family;          /* as carried; 0: not reported */
    guint8 protocol;         /* 6 or 17; 0: not reported */
    guint8 platform;         /* as carried; 0: not reported */
    trace_end host;          /* where the report came from, port 0 */
    trace_end local, remote; /* length 0: not reported */
    const char *node;        /* the name looked up, plain text, or NULL; not owned */
} verdict_case;

#define VERDICT_MAX_EVIDENCE 2

/* Bytes of the sentence that says why. */
#define VERDICT_MAX_REASON 320

/* What the packets prove. */
typedef struct {
    trace_packet evidence[VERDICT_MAX_EVIDENCE]; /* the deciding one first */
    verdict_kind kind;
    guint32 attempts; /* connection attempts that the failure stands for, or 0 */
    guint32 stream;   /* Wireshark's number of the failed flow */
    guint8 evidence_count;
    guint8 has_stream; /* a boolean */
    guint8 protocol;   /* of the failed flow: 6, 17, or 0 where none was found */
} verdict;

/* Holds a failure against the packets that have been noted.
 * is_new: its report comes now, so that what a later packet would hide, and a judgement will ask
 * for, is kept. reason: room for VERDICT_MAX_REASON bytes, or NULL: the sentence takes longer than
 * the rest, and is made only where somebody reads it.
 * Result: by value; VERDICT_NONE, and an empty sentence, where no rule knows the error. */
verdict verdict_judge(trace *facts, const lookups *names, const verdict_case *failure,
                      gboolean is_new, char *reason);

/* Whether a failure is judged by the look-ups of its name, and not by a flow. */
gboolean is_about_a_name(const verdict_case *failure);

/* Whether the call is one that makes a connection. */
gboolean verdict_is_connect(const verdict_case *failure);

#endif
