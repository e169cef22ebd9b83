/* trace.h: what the packets of a capture say about each flow. Nothing of epan here.
 *
 * Facts are noted once, in the order of the capture, and never change; they live as long as the
 * trace. Everything of a packet is noted and found in constant time.
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
    guint8 length;      /* 4 or 16 */
    guint8 reserved;    /* 0 */
    guint16 port;
} trace_end;

enum { TRACE_FIN = 0x01, TRACE_SYN = 0x02, TRACE_RST = 0x04, TRACE_ACK = 0x10 };

/* What one end of a TCP connection has sent. */
typedef struct {
    trace_packet first_syn, last_syn; /* SYN without ACK */
    guint32 syns;
    trace_packet syn_ack;
    trace_packet first_rst, last_rst;
    trace_packet fin;
    trace_packet last; /* anything but a RST */
    trace_packet last_data;
    trace_packet last_again; /* data that had been sent before */
    guint32 again;           /* how many of those */
    guint32 initial;         /* of its SYN */
    guint32 sent_to;         /* the sequence number after all of its data */
    guint32 acked_to;        /* how far the other end has acknowledged that */
    gboolean has_sent, has_acked;
} trace_side;

/* An ICMP error that quotes the flow. */
typedef struct {
    trace_packet packet;
    guint8 type, code;
    gboolean v6;
} trace_icmp;

/* A connection, or the datagrams between two ends. sides[0] has the lower end. */
typedef struct trace_flow {
    struct trace_flow *earlier; /* that used the same ends before */
    trace_end ends[2];
    trace_packet first;
    trace_side sides[2];
    trace_icmp icmp[2]; /* the first error about what each side sent */
} trace_flow;

/* The questions for one type of record. */
typedef struct {
    trace_packet first_query, last_query;
    guint32 queries;
    trace_packet answer; /* the first */
    guint8 rcode;
    gboolean has_records;
} trace_question;

enum { TRACE_ADDRESS, TRACE_ADDRESS_V6, TRACE_QUESTIONS }; /* A and AAAA */

/* One look-up of a name by a host (DNS, mDNS, LLMNR). */
typedef struct trace_lookup {
    struct trace_lookup *earlier; /* of the same name by the same host */
    trace_end host;               /* port 0 */
    char *name;                   /* lower case, without a dot at the end */
    trace_packet first;
    trace_question questions[TRACE_QUESTIONS];
} trace_lookup;

typedef struct trace trace;

trace *trace_new(void);
void trace_free(trace *facts);

/* Notes a TCP segment. length: of its data. */
void trace_note_tcp(trace *facts, const trace_end *from, const trace_end *to, guint8 flags,
                    guint32 sequence, guint32 acknowledgement, guint32 length, trace_packet packet);

/* Notes a UDP datagram. */
void trace_note_udp(trace *facts, const trace_end *from, const trace_end *to, trace_packet packet);

/* Notes an ICMP error. protocol, from and to are those of the packet that it quotes. */
void trace_note_icmp(trace *facts, guint8 protocol, const trace_end *from, const trace_end *to,
                     trace_icmp error);

/* Notes that the capture has a packet to an address (port and all else of the end do not count). */
void trace_note_heard(trace *facts, const trace_end *to);

/* Whether the capture has any packet to this address, so that its silence means something. */
gboolean trace_has_heard(const trace *facts, const trace_end *host);

/* Notes a question for an address. which: TRACE_ADDRESS or TRACE_ADDRESS_V6; name: lower case. */
void trace_note_query(trace *facts, const trace_end *host, const char *name, int which,
                      trace_packet packet);

/* Notes the answer that the host got. */
void trace_note_answer(trace *facts, const trace_end *host, const char *name, int which,
                       guint8 rcode, gboolean has_records, trace_packet packet);

/* The host's latest look-up of the name, or of the name with a suffix, that had begun between two
 * times; or NULL. The name's case does not count. */
const trace_lookup *trace_find_lookup(const trace *facts, const trace_end *host, const char *name,
                                      gint64 after, gint64 before);

/* The flow between two ends that had begun by a time, or NULL.
 * Parameters: protocol 6 or 17; time in nanoseconds by the capture's clock. */
const trace_flow *trace_find(const trace *facts, guint8 protocol, const trace_end *a,
                             const trace_end *b, gint64 time);

/* Calls visit with each packet that ended or denied a flow: the first RST of each side of a TCP
 * connection, and the first ICMP error about it. side: whose packet was answered so. */
typedef void (*trace_visitor)(const trace_flow *flow, int side, guint8 protocol,
                              trace_packet packet, const char *what, void *data);
void trace_visit_troubles(const trace *facts, trace_visitor visit, void *data);

/* 0 or 1: which of the flow's sides this end is. */
int trace_side_of(const trace_flow *flow, const trace_end *end);

#endif
