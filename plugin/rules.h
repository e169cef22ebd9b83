/* rules.h: what the rules of verdicts share. Each rule takes a failure beside its flow and says
 * what the packets prove. When in doubt it is inconclusive: a false confirmation is worse than
 * none.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_RULES_H
#define WINSOCK_RULES_H

#include "verdict.h"

/* Windows' clock steps by up to 16 ms, and a report can overtake its packet. */
#define RULE_TOLERANCE (50 * G_GINT64_CONSTANT(1000000))

#define RULE_SECOND G_GINT64_CONSTANT(1000000000)

enum {
#define X(number, identifier, name) OP_##identifier = number,
#include "fields/operations.def"
#undef X
};

enum {
#define X_PLATFORM(number, identifier, name) PLATFORM_##identifier = number,
#include "fields/enums.def"
};

/* A failure beside its flow, while it is judged. */
typedef struct {
    trace *facts;
    const lookups *names;
    const verdict_case *failure;
    trace_end own;           /* the report's end, with the host's address where it names none */
    trace_end local;         /* that of the flow; or the same, where none was found */
    gboolean is_any_address; /* it came over the loopback, and names no address: it is of any that
                              * the machine has */
    guint8 protocol;         /* of the flow, or what the report says */
    trace_flow *flow;        /* NULL: none was found */
    int mine, peers;         /* its sides */
    gboolean is_likely;      /* it was found without the report's own end: it excludes nothing */
    gboolean keeps;          /* what the flow is judged by is kept: the report comes now */
    char *reason; /* room for VERDICT_MAX_REASON, or NULL where nobody reads the sentence */
} view;

typedef verdict (*rule)(const view *v);

/* Words for a sentence: "RST in frame 18", "0.2 ms before the failure". By value, for an argument's
 * sake. */
typedef struct {
    char text[80];
} phrase;

/* A verdict and its sentence, which takes the place of any before it. */
verdict answer(const view *v, verdict_kind kind, const char *format, ...) G_GNUC_PRINTF(3, 4);
verdict with_evidence(const view *v, verdict result, trace_packet packet);

static inline trace_packet at(trace_event event)
{
    return (trace_packet){event.frame, event.time};
}

/* "in frame 18", or that a read filter leaves the packet out. */
phrase in_frame(const view *v, trace_packet packet);
phrase how_long_before(const view *v, trace_packet packet);

/* The last event up to the failure of the host's own side, or of the peer's; frame 0: none. */
trace_event my_event(const view *v, trace_kind kind);
trace_event peers_event(const view *v, trace_kind kind);

/* The same of what can only have come from outside and confirms: the report can have overtaken it.
 */
trace_event inbound(const view *v, trace_kind kind);
trace_event icmp_error(const view *v);

/* The peer's RST, if nothing was heeded after it; and one after which something was. */
trace_event accepted_reset(const view *v);
trace_event ignored_reset(const view *v);

/* When the attempt to connect that failed had begun at the earliest; the latest SYN of it; and how
 * many the host has sent since a time. */
gint64 attempt_began(const view *v);
trace_event attempt(const view *v);
guint32 attempts_since(const view *v, gint64 time);

/* The SYN-ACK of whichever side. */
trace_event handshake_of(const view *v);

/* Whether there is a first event, and no second one after it. */
gboolean is_latest(trace_event event, trace_event other);

gboolean is_windows(const view *v);
gboolean is_connect(const view *v);
gboolean is_receive(const view *v);

/* Silence says something only where the capture would have had the answer. */
gboolean hears_both_ways(const view *v);

/* rules_icmp.c: what ICMP errors and neighbours say. */
verdict judge_by_icmp(const view *v);
verdict judge_unreachable(const view *v);
verdict judge_host_down(const view *v);
verdict judge_access(const view *v);
verdict judge_too_long(const view *v);

/* The search for the neighbour that goes unanswered; VERDICT_NONE: there is none. */
verdict judge_by_neighbour(const view *v);

/* rules_connection.c: what a connection's own packets say. */
verdict judge_reset(const view *v);
verdict judge_refused(const view *v);
verdict judge_timeout(const view *v);
verdict judge_aborted(const view *v);
verdict judge_shut_down(const view *v);
verdict judge_not_connected(const view *v);
verdict judge_connected_already(const view *v);
verdict judge_already(const view *v);
verdict judge_disconnecting(const view *v);
verdict judge_network_reset(const view *v);
verdict judge_network_down(const view *v);
verdict judge_nothing_sent(const view *v);
verdict judge_no_buffers(const view *v);
verdict judge_cancelled(const view *v);
verdict judge_pending(const view *v);

/* rules_name.c: what look-ups of names say. */
verdict judge_name(const view *v);

#endif
