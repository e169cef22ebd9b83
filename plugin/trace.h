/* trace.h: what the packets of a capture say about each flow. Nothing of epan here.
 *
 * A flow is a TCP connection, the UDP datagrams between two ends, or one host's search for a
 * neighbour. What matters of its packets is kept as events, in the order of the capture: a flow has
 * few, and never more than TRACE_MAX_EVENTS. Each packet is noted, and each flow found, in constant
 * time. All of it lives as long as the trace.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_TRACE_H
#define WINSOCK_TRACE_H

#include <glib.h>

/* A packet: its number, and its time in nanoseconds by the capture's clock. Frame 0: none. */
typedef struct {
    guint32 frame;
    gint64 time;
} trace_packet;

/* One end of a flow. Unused bytes of the address are zero, so that ends compare as memory. */
typedef struct {
    guint8 address[16]; /* network order */
    guint8 length;      /* 4 or 16; 0: no end */
    guint8 reserved;    /* 0 */
    guint16 port;
} trace_end;

/* IP protocol numbers, and one of our own for a search: a host asks for the link-layer address of
 * another by ARP or neighbour solicitation. The ports of its ends are 0. */
enum { TRACE_TCP = 6, TRACE_UDP = 17, TRACE_NEIGHBOUR = 255 };

/* Bits of the TCP header. */
enum { TRACE_FIN = 0x01, TRACE_SYN = 0x02, TRACE_RST = 0x04, TRACE_ACK = 0x10 };

/* A segment as it was on the wire. Numbers without scaling, -1 for an option that is not there. */
typedef struct {
    guint8 flags;
    guint8 hops; /* hop limit (TTL), 0: not known */
    guint32 sequence, acknowledgement;
    guint32 length; /* of the data */
    guint16 window;
    gint8 scale; /* the window scale option of a SYN, or -1 */
} trace_segment;

/* What happened. Each event is of the side that sent the packet, but for ICMP errors, which are of
 * the side whose packet they quote, and acknowledgements, which are of the side that had sent. */
typedef enum {
    EVENT_FIRST,          /* its first packet after a handshake that the trace does not have */
    EVENT_STREAM,         /* value: Wireshark's number of the stream from here on, if another */
    EVENT_SYN,            /* without ACK; value: the attempts so far */
    EVENT_SYN_ACK,        /* that answers the SYN, where the trace has that */
    EVENT_FIN,            /* the first */
    EVENT_RST,            /* that the other end had to accept; value: RST_ bits */
    EVENT_STRAY_RST,      /* that it did not: it answers no SYN, or lies outside of the window */
    EVENT_WENT_ON,        /* what either end sent after its RST was acknowledged: nobody heeds it */
    EVENT_AGAIN,          /* data sent again; value: how often since anything was acknowledged */
    EVENT_ACKNOWLEDGED,   /* some of what it had sent again */
    EVENT_PROBE,          /* keep-alive; value: how many are unanswered */
    EVENT_PROBE_ANSWERED, /* a packet came after its probes */
    EVENT_SENT_ON,        /* what it sent next once either was answered: it had not given up */
    EVENT_WINDOW_CLOSED,  /* it takes no more data */
    EVENT_WINDOW_OPENED,
    EVENT_DATAGRAM, /* the largest of half a minute, or kept by trace_keep; value: its size */
    EVENT_ICMP,     /* value: as trace_icmp_value() makes it */
    EVENT_ASKED,    /* for its neighbour; value: how often in a row, without an answer */
    EVENT_ANSWERED, /* its neighbour's question */
    EVENT_KINDS
} trace_kind;

/* A RST: whether it answers the SYN; whether its hop limit is unlike the one that all packets of
 * its side had before. */
enum { RST_ANSWERS_SYN = 0x1, RST_UNLIKE = 0x2 };

static inline guint8 rst_hops(guint32 value)
{
    return (guint8)(value >> 2);
}
static inline guint8 rst_usual_hops(guint32 value)
{
    return (guint8)(value >> 10);
}

static inline guint32 trace_icmp_value(gboolean v6, guint8 type, guint8 code)
{
    return (v6 ? 0x10000U : 0) | (guint32)type << 8 | code;
}

/* Sixteen bytes, for there are as many as connections times four. */
typedef struct {
    gint64 time;
    guint32 frame; /* 0: no event */
    guint32 kind : 5, side : 1, is_kept : 1, value : 25;
} trace_event;

#define TRACE_MAX_EVENTS 192

/* How many flows of a trace are kept: at 190 bytes each, 530 once a report had them sorted by their
 * ends, they take 9 GB. Wireshark itself takes more for a conversation, and gives up before. */
#ifndef TRACE_MAX_FLOWS
#define TRACE_MAX_FLOWS 16777216
#endif

typedef struct trace_flow trace_flow;
typedef struct trace trace;

trace *trace_new(void);
void trace_free(trace *facts);

/* Counts the events: where it has not changed, no answer of the trace has. */
guint64 trace_changes(const trace *facts);

/* Whether it has as many flows as are kept: that one is not found means nothing then. */
gboolean trace_is_full(const trace *facts);

/* Notes a TCP segment, a UDP datagram (length: of its data), a question for a neighbour or its
 * answer. Result: the flow if this was the packet that began it or a SYN, whose stream is to be
 * told by trace_note_stream; otherwise NULL. */
trace_flow *trace_note_tcp(trace *facts, const trace_end *from, const trace_end *to,
                           const trace_segment *segment, trace_packet packet);
trace_flow *trace_note_udp(trace *facts, const trace_end *from, const trace_end *to, guint32 length,
                           trace_packet packet);
void trace_note_neighbour(trace *facts, const trace_end *asker, const trace_end *neighbour,
                          gboolean answered, trace_packet packet);
void trace_note_stream(trace *facts, trace_flow *flow, guint32 stream, trace_packet packet);

/* Notes an ICMP error. protocol, from and to are those of the packet that it quotes. */
void trace_note_icmp(trace *facts, guint8 protocol, const trace_end *from, const trace_end *to,
                     guint32 value, trace_packet packet);

/* Whether it is an address that never leaves its machine. */
gboolean trace_is_loopback(const trace_end *end);

/* Notes that the capture has a packet to an address (port and all else of the end do not count). */
void trace_note_heard(trace *facts, const trace_end *to);

/* Whether the capture has any packet to this address, so that its silence means something. */
gboolean trace_has_heard(trace *facts, const trace_end *host);

/* The flow between two ends at a time: the last that had begun by then, or else one that began
 * within the tolerance after it; or NULL. Times in nanoseconds by the capture's clock. */
trace_flow *trace_find(const trace *facts, guint8 protocol, const trace_end *a, const trace_end *b,
                       gint64 time, gint64 tolerance);

/* Of the flows with one end (and where host is not NULL, with that address at the other) that had
 * begun by a time, latest first: those that pass a test.
 * Result: how many, where 2 stands for all above; the first of them in *found. */
typedef gboolean (*trace_flow_test)(const trace_flow *flow, int side_of_end, const void *data);
guint trace_find_by_end(trace *facts, guint8 protocol, const trace_end *end, const trace_end *host,
                        gint64 begun_by, trace_flow_test test, const void *data,
                        trace_flow **found);

/* Wireshark's number of the flow's stream at a time: a flow of several attempts has several. */
gboolean trace_stream_of(const trace_flow *flow, gint64 time, guint32 *stream);

/* The flow's first packet. */
trace_packet trace_began(const trace_flow *flow);

/* 0 or 1: which of the flow's sides this end is; and the end of a side. */
int trace_side_of(const trace_flow *flow, const trace_end *end);
trace_end trace_end_of(const trace_flow *flow, int side);

/* The last event of a kind, with at least that value, up to a time; or the first after it within
 * the tolerance; frame 0: none. */
trace_event trace_last_event(const trace_flow *flow, trace_kind kind, int side, guint32 least,
                             gint64 time, gint64 tolerance);

/* All of them, as they came. */
const trace_event *trace_events(const trace_flow *flow, guint *count);

/* Whether the side has sent anything. */
gboolean trace_has_sent(const trace_flow *flow, int side);

/* Whether the side has sent data. */
gboolean trace_has_data(const trace_flow *flow, int side);

/* Keeps what a report that comes now will be judged by, however long the flow goes on: the last
 * events of each kind up to a time, and the last datagrams. */
void trace_keep(trace *facts, trace_flow *flow, gint64 time);

/* The flow carries reports: its own troubles are nobody's failure. */
void trace_mark_telemetry(trace *facts, const trace_end *from, const trace_end *to);

/* What a host's flows, but for those that carry reports, show around a time. Windows takes the
 * local ports of its connections from TRACE_DYNAMIC_PORT up. */
enum { TRACE_DYNAMIC_PORT = 49152, TRACE_DYNAMIC_PORTS = 65536 - TRACE_DYNAMIC_PORT };

/* A port is not free again for so long after its connection has closed. */
#define TRACE_PORT_TIME (240 * G_GINT64_CONSTANT(1000000000))

typedef struct {
    guint ports;        /* dynamic ones that its TCP connections hold, or held until lately */
    guint silent;       /* flows of both directions, still open, whose last packet is of the seconds
                         * before the time */
    trace_packet last;  /* the last packet of them all up to the time */
    trace_packet after; /* one later than that by more than the tolerance, or frame 0 */
} trace_survey;

/* Surveys the flows of a host (the port does not count); of the loopback's those of all addresses
 * but it, and no ports: the capture is of that machine. It goes through all flows, so that the
 * number of surveys is bounded: FALSE, and nothing in *found, for a time too many. */
gboolean trace_survey_host(trace *facts, const trace_end *host, gint64 time, gint64 tolerance,
                           trace_survey *found);

/* The time of the last packet of whatever kind. */
gint64 trace_ended(const trace *facts);

/* Calls visit with the packets that ended or denied a flow: accepted RSTs and ICMP errors. side:
 * whose packets were answered so; events: all of them, at least one, of one kind. */
typedef void (*trace_visitor)(const trace_flow *flow, guint8 protocol, int side,
                              const trace_event *events, guint count, void *data);
void trace_visit_troubles(const trace *facts, trace_visitor visit, void *data);

/* Notes a packet of whatever kind. Wireshark's read filter leaves packets out, and gives the number
 * of one to the next. again: it is kept, and has been seen before. */
void trace_note_frame(trace *facts, trace_packet packet, gboolean again);

/* Whether a packet has the number that it had when it was noted. */
gboolean trace_has_frame(const trace *facts, trace_packet packet);

#endif
