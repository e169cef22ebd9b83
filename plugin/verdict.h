/* verdict.h: what the packets prove about a failure. Nothing of epan here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_VERDICT_H
#define WINSOCK_VERDICT_H

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
    gint64 moment; /* of the failure, nanoseconds by the capture's clock */
    guint32 error; /* the Winsock code */
    guint16 operation;
    guint8 protocol;         /* 6 or 17; 0: not reported */
    guint8 platform;         /* as carried; 0: not reported */
    trace_end host;          /* where the report came from */
    trace_end local, remote; /* length 0: not reported */
    const char *node;        /* the name looked up, or NULL; not owned */
} verdict_case;

#define VERDICT_MAX_EVIDENCE 4
#define VERDICT_MAX_REASON   200

typedef struct {
    verdict_kind kind;
    char reason[VERDICT_MAX_REASON];             /* one sentence */
    trace_packet evidence[VERDICT_MAX_EVIDENCE]; /* the deciding one first */
    guint evidence_count;
    guint32 attempts; /* connection attempts that the failure stands for, or 0 */
} verdict;

/* Holds a failure against the packets that have been noted.
 * Result: by value; VERDICT_NONE where no rule knows the error. */
verdict verdict_judge(const trace *facts, const verdict_case *failure);

#endif
