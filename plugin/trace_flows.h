/* trace_flows.h: how the trace keeps its flows; for the files of trace.h alone.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_TRACE_FLOWS_H
#define WINSOCK_TRACE_FLOWS_H

#include "trace.h"

/* What flows are found by: their ends, the lower one first. Unused bytes are zero, so that keys
 * compare as memory; those of IPv4 by their first KEY_SIZE_IPV4 bytes, and no more are kept. */
typedef struct {
    guint16 ports[2];
    guint8 lengths[2]; /* of the addresses */
    guint8 reserved[2];
    guint8 addresses[32]; /* of IPv4 the first 8 */
} flow_key;

#define KEY_SIZE_IPV4 (G_STRUCT_OFFSET(flow_key, addresses) + 8)

/* The state of one direction, as of the last packet. */
typedef struct {
    guint32 initial;  /* sequence number of its SYN */
    guint32 sent_to;  /* the sequence number after all that it has sent without a gap */
    guint32 acked_to; /* how far the other end has acknowledged that */
    guint32 reset_at; /* sent_to as of its RST, and */
    guint32 other_at; /* that of the other end */
    guint32 window;   /* bytes that it takes */
    guint16 again, probes;
    guint8 scale, hops;
    guint8 has_syn : 1, has_sent : 1, has_acked : 1, has_fin : 1, is_reset : 1, is_closed : 1,
        hops_vary : 1, has_data : 1;
    guint8 was_answered : 1; /* at last, and has sent nothing since */
} tcp_side;

typedef struct {
    gint64 time;
    guint32 frame, length; /* of its last datagram */
    guint32 largest;
    gint64 since; /* of the half minute that it is the largest of */
} udp_side;

typedef union {
    tcp_side tcp;
    udp_side udp;
} flow_side;

enum { FIRST_EVENTS = 4 }; /* most connections have four */

#define NO_STREAM G_MAXUINT32

/* There are as many as connections: each byte counts. */
struct trace_flow {
    struct trace_flow *earlier; /* that used the same ends before */
    gint64 last;                /* time */
    guint32 last_frame;
    guint32 stream; /* Wireshark's first number of it, or NO_STREAM */
    guint8 event_count, event_room;
    guint8 protocol;
    guint8 has_sent : 2, is_established : 1, is_telemetry : 1; /* has_sent: a bit a side */
    flow_side sides[2];
    union {
        trace_event first[FIRST_EVENTS]; /* while there is room for no more */
        trace_event *more;               /* owned; the first is that of the first packet still */
    } events;
    flow_key key; /* the last, for it is not always whole */
};

/* A port mirror, or a bridge, can capture a packet twice. What comes so soon after the flow's last
 * packet counts as nothing sent again: that takes a time-out, or a round trip. */
#define DUPLICATE_TIME (3 * G_GINT64_CONSTANT(1000000))

enum { TABLE_TCP, TABLE_UDP, TABLE_NEIGHBOUR, TABLES };

/* As many flows of a table are found without it: most packets are of a flow that has had one
 * lately, and the table of a long trace is far larger than the processor's caches. */
enum { RECENT_FLOWS = 256 };

struct trace {
    GHashTable *flows[TABLES]; /* sets of flow_key, each of the latest flow between two ends */
    GHashTable
        *by_end[TABLES];      /* index_key -> GPtrArray of flows as they began; NULL until asked */
    GHashTable *heard;        /* set of trace_end, by address: where packets went to; */
    gboolean has_heard_flows; /* those of flows too, since somebody has asked */
    trace_flow *recent[TABLES][RECENT_FLOWS]; /* by their keys' hash: of one each */
    guint64 changes;
    GArray *surveys; /* of trace_survey.c; NULL until asked */
    guint flow_count;
    GSList *blocks; /* that flows are in */
    gsize block_used;
    trace_packet last_frame;
    gboolean is_over;       /* packets are seen once more */
    gboolean last_is_kept;  /* the last one was */
    GHashTable *renumbered; /* frame -> time of the last packet with it, where there was another */
};

/* Addresses alone, of two ends. */
gboolean address_equal(gconstpointer a, gconstpointer b);

/* The flow's events, in the order of the capture. The first has the flow's beginning even before it
 * has happened. */
static inline const trace_event *flow_events(const trace_flow *flow)
{
    return flow->event_room == FIRST_EVENTS ? flow->events.first : flow->events.more;
}

/* Adds what has happened to a flow; the latest event of a kind, or NULL; one more than its value,
 * or 1. */
void flow_add_event(trace *facts, trace_flow *flow, trace_kind kind, int side, guint32 value,
                    trace_packet packet);
const trace_event *flow_latest_event(const trace_flow *flow, trace_kind kind, int side);
guint32 flow_next_count(const trace_flow *flow, trace_kind kind, int side);

/* What a flow between two ends is found by; the flow that holds a key, or NULL; the latest of a
 * table; a new one, or NULL where there are too many. */
flow_key flow_key_of(const trace_end *a, const trace_end *b);
trace_flow *flow_of(gpointer key);
trace_flow *flow_latest(trace *facts, int table, const flow_key *key);
trace_flow *flow_begin(trace *facts, int table, const flow_key *key, trace_packet packet);

/* Notes who has sent a packet of a flow, and when; whether that has been noted before, for
 * Wireshark dissects a packet that passes its read filter once more. */
void flow_touch(trace *facts, trace_flow *flow, int side, trace_packet packet);
gboolean flow_is_noted(const trace_flow *flow, trace_packet packet);

#endif
