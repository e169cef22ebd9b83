/* observe.c: reads the packets of other protocols for the trace.
 *
 * It puts wrappers around the dissectors of TCP, UDP, ICMP, ICMPv6 and ARP: each notes the header
 * and then calls the real dissector. That is unusual. Tap listeners would not do: they are not
 * called in the first pass of tshark -2, do not see ports quoted in 8 bytes, and do not tell a
 * quoted header from a real one. Fields asked for in every packet would make every packet dearer.
 * The wrappers have no protocol of their own, so that frame.protocols, Decode As and disabled
 * protocols stay as they were.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "observe.h"

#include "compat.h"

#include <epan/conversation.h>
#include <epan/dissectors/packet-ip.h>
#include <epan/dissectors/packet-tcp.h>
#include <epan/dissectors/packet-udp.h>
#include <epan/etypes.h>
#include <epan/ipproto.h>
#include <epan/to_str.h>

#include <string.h>

typedef struct {
    const char *table;
    guint32 number;
    const char *name, *description;
    dissector_t dissector;
    dissector_handle_t real, wrapper;
} wrapping;

static trace *facts;
static lookups *names;
static int proto_tcp = -1, proto_udp = -1;

/* The ICMP error around the packet that it quotes. */
static trace_packet quoting;
static guint32 quoting_value;

trace_end observe_end(const void *bytes, int length, guint16 port)
{
    static const guint8 mapped[12] = {[10] = 0xff, [11] = 0xff};
    trace_end end;

    memset(&end, 0, sizeof end);
    end.port = port;
    if (length == 16 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        bytes = (const guint8 *)bytes + sizeof mapped;
        length = 4;
    }
    if (length == 4 || length == 16) {
        memcpy(end.address, bytes, (size_t)length);
        end.length = (guint8)length;
    }
    return end;
}

static trace_end end_of(const address *addr, guint16 port)
{
    gboolean ip = addr->type == AT_IPv4 || addr->type == AT_IPv6;
    return observe_end(addr->data, ip ? addr->len : 0, port);
}

char *observe_address_text(wmem_allocator_t *scope, const trace_end *end)
{
    address addr;

    set_address(&addr, end->length == 4 ? AT_IPv4 : AT_IPv6, end->length, end->address);
    return address_to_str(scope, &addr);
}

trace_packet observe_packet(const packet_info *pinfo)
{
    trace_packet packet = {pinfo->num,
                           (gint64)pinfo->abs_ts.secs * 1000000000 + pinfo->abs_ts.nsecs};
    return packet;
}

static gboolean is_new(const packet_info *pinfo)
{
    return facts && !PINFO_FD_VISITED(pinfo);
}

/* The two ends of a packet, from the addresses of IP and the first four bytes above it. */
typedef struct {
    trace_end from, to;
} packet_ends;

static packet_ends ends_of(tvbuff_t *tvb, const packet_info *pinfo)
{
    packet_ends ends = {end_of(&pinfo->src, tvb_get_ntohs(tvb, 0)),
                        end_of(&pinfo->dst, tvb_get_ntohs(tvb, 2))};
    return ends;
}

static guint8 hops_of(void *data)
{
    const ws_ip4 *v4 = WS_IP4_PTR(data);
    const ws_ip6 *v6 = WS_IP6_PTR(data);
    return v4 ? v4->ip_ttl : v6 ? v6->ip6_hop : 0;
}

/* What an ICMP error quotes: enough of a packet to tell its flow. */
static void note_quoted(tvbuff_t *tvb, const packet_info *pinfo, guint8 protocol)
{
    if (quoting.frame != pinfo->num || !tvb_bytes_exist(tvb, 0, 4))
        return;
    packet_ends ends = ends_of(tvb, pinfo);
    if (ends.from.length && ends.to.length)
        trace_note_icmp(facts, protocol, &ends.from, &ends.to, quoting_value, quoting);
}

/* Names */

/* In lower case, and nothing that a terminal would obey. */
static char plain_character(guint8 c)
{
    return c > ' ' && c < 0x7f ? g_ascii_tolower((gchar)c) : '?';
}

/* Reads a name in lower case, without a dot at the end. start: of the message, for pointers.
 * Returns the offset after it, or 0 where it is not whole, empty or not plain. */
static int read_name(tvbuff_t *tvb, int start, int offset, char *name, size_t size)
{
    enum { MAX_POINTERS = 16 };
    size_t length = 0;
    int after = 0, pointers = 0;

    while (tvb_bytes_exist(tvb, offset, 1)) {
        guint8 label = tvb_read_uint8(tvb, offset);
        if (label >= 0xc0 && tvb_bytes_exist(tvb, offset, 2) && pointers++ < MAX_POINTERS) {
            after = after ? after : offset + 2;
            offset = start + (tvb_get_ntohs(tvb, offset) & 0x3fff);
            continue;
        }
        offset++;
        if (label == 0) {
            name[length] = '\0';
            return length == 0 ? 0 : after ? after : offset;
        }
        if (label > 63 || length + label + 2 > size || !tvb_bytes_exist(tvb, offset, label))
            return 0;
        if (length > 0)
            name[length++] = '.';
        for (; label > 0; label--)
            name[length++] = plain_character(tvb_read_uint8(tvb, offset++));
    }
    return 0;
}

/* LOOKUP_A, LOOKUP_AAAA, or LOOKUP_QUESTIONS for a type that is no address. */
static int question_of(guint16 type)
{
    enum { TYPE_A = 1, TYPE_AAAA = 28 };
    return type == TYPE_A ? LOOKUP_A : type == TYPE_AAAA ? LOOKUP_AAAA : LOOKUP_QUESTIONS;
}

/* A DNS message while it is read. */
typedef struct {
    tvbuff_t *tvb;
    int start;
    trace_packet packet;
    trace_end host; /* who asked; length 0: all, by multicast */
    gboolean response;
    gboolean by_multicast;
    gboolean is_cut; /* it has not all the answers */
    guint8 rcode;
    guint16 questions, answers;
} dns_message;

/* Of a message so many questions and answers are read, of a segment so many messages: queries have
 * one question, multicast ones a few. Without a bound 6 bytes could make a name of 255, by a
 * pointer. */
enum { MAX_QUESTIONS = 16, MAX_RECORDS = 64, MAX_MESSAGES = 16, MAX_NAME = 256 };

/* Goes to the next record of the answers. Returns the offset after it, or 0 at the end. */
static int next_record(const dns_message *dns, int offset, char *name, int *which)
{
    enum { FIXED = 10 }; /* type, class, time to live, length */

    offset = read_name(dns->tvb, dns->start, offset, name, MAX_NAME);
    if (offset == 0 || !tvb_bytes_exist(dns->tvb, offset, FIXED))
        return 0;
    *which = question_of(tvb_get_ntohs(dns->tvb, offset));
    return offset + FIXED + tvb_get_ntohs(dns->tvb, offset + 8);
}

/* Whether the answers hold a record of the type, and not only aliases that lead nowhere. */
static gboolean has_record(dns_message *dns, int offset, int wanted)
{
    char name[MAX_NAME];
    int which = LOOKUP_QUESTIONS;

    for (guint i = 0; i < MIN(dns->answers, MAX_RECORDS) && which != wanted; i++) {
        offset = next_record(dns, offset, name, &which);
        if (offset == 0) {
            dns->is_cut = TRUE;
            return FALSE;
        }
    }
    return which == wanted;
}

/* An answer of mDNS does not repeat the question. */
static void note_records(const dns_message *dns, int offset)
{
    char name[MAX_NAME];

    for (guint i = 0; i < MIN(dns->answers, MAX_RECORDS) && offset != 0; i++) {
        int which = LOOKUP_QUESTIONS;
        offset = next_record(dns, offset, name, &which);
        if (offset != 0 && which != LOOKUP_QUESTIONS)
            lookups_note_answer(names, dns->host.length ? &dns->host : NULL, name, which, 0, TRUE,
                                dns->packet);
    }
}

/* The answer to a question. Without the record that was asked for, "no error" says that there is
 * none, unless the rest of the message is elsewhere. */
static void note_reply(dns_message *dns, const char *name, int which, int answers)
{
    gboolean found = has_record(dns, answers, which);
    guint8 rcode = dns->rcode == 0 && dns->is_cut ? LOOKUP_CUT : dns->rcode;

    lookups_note_answer(names, dns->host.length ? &dns->host : NULL, name, which, rcode, found,
                        dns->packet);
}

static void note_questions(dns_message *dns, int offset)
{
    char name[MAX_NAME];

    for (guint i = 0; i < MIN(dns->questions, MAX_QUESTIONS); i++) {
        offset = read_name(dns->tvb, dns->start, offset, name, sizeof name);
        if (offset == 0 || !tvb_bytes_exist(dns->tvb, offset, 4))
            return;
        int which = question_of(tvb_get_ntohs(dns->tvb, offset));
        offset += 4;
        if (which == LOOKUP_QUESTIONS)
            continue;
        if (dns->response) { /* it has one question, and the answers follow */
            note_reply(dns, name, which, offset);
            continue;
        }
        lookups_note_query(names, &dns->host, name, which, dns->by_multicast, dns->packet);
    }
}

static gboolean is_multicast(const trace_end *end)
{
    return end->length == 4 ? end->address[0] >= 224 && end->address[0] < 240
                            : end->address[0] == 0xff;
}

/* Questions for addresses, or an answer: DNS, mDNS and LLMNR are written alike. */
static void note_dns(tvbuff_t *tvb, const packet_info *pinfo, int start)
{
    enum { HEADER = 12, RESPONSE = 0x8000, TRUNCATED = 0x0200 };

    if (!tvb_bytes_exist(tvb, start, HEADER))
        return;
    guint16 flags = tvb_get_ntohs(tvb, start + 2);
    dns_message dns = {.tvb = tvb,
                       .start = start,
                       .packet = observe_packet(pinfo),
                       .response = (flags & RESPONSE) != 0,
                       .is_cut = (flags & TRUNCATED) != 0,
                       .rcode = flags & 0xf,
                       .questions = tvb_get_ntohs(tvb, start + 4),
                       .answers = tvb_get_ntohs(tvb, start + 6)};
    trace_end to = end_of(&pinfo->dst, 0);
    dns.by_multicast = is_multicast(&to);
    dns.host = dns.response ? to : end_of(&pinfo->src, 0);
    if (dns.response && dns.by_multicast)
        dns.host.length = 0;
    if (dns.questions > 0)
        note_questions(&dns, start + HEADER);
    else if (dns.response)
        note_records(&dns, start + HEADER);
}

/* Over TCP a length comes before each message. One that is not whole in the segment is not read. */
static void note_dns_stream(tvbuff_t *tvb, const packet_info *pinfo, int offset)
{
    for (int i = 0; i < MAX_MESSAGES && tvb_bytes_exist(tvb, offset, 2); i++) {
        int length = tvb_get_ntohs(tvb, offset);
        if (length == 0 || !tvb_bytes_exist(tvb, offset + 2, length))
            return;
        note_dns(tvb, pinfo, offset + 2);
        offset += 2 + length;
    }
}

static gboolean is_name_port(const packet_ends *ends)
{
    enum { DNS = 53, MDNS = 5353, LLMNR = 5355 };
    const guint16 ports[] = {ends->from.port, ends->to.port};

    for (size_t i = 0; i < G_N_ELEMENTS(ports); i++) {
        if (ports[i] == DNS || ports[i] == MDNS || ports[i] == LLMNR)
            return TRUE;
    }
    return FALSE;
}

/* Transports. Each gives the flow whose stream is to be told, or NULL. */

/* The window scale option of a SYN, or -1. */
static gint8 window_scale(tvbuff_t *tvb, int header)
{
    enum { END = 0, NOTHING = 1, WINDOW_SCALE = 3 };

    for (int offset = 20; offset + 3 <= header && tvb_bytes_exist(tvb, offset, 3);) {
        guint8 option = tvb_read_uint8(tvb, offset), length = tvb_read_uint8(tvb, offset + 1);
        if (option == WINDOW_SCALE && length == 3)
            return (gint8)MIN(tvb_read_uint8(tvb, offset + 2), 14);
        if (option == END || (option != NOTHING && length < 2))
            break;
        offset += option == NOTHING ? 1 : length;
    }
    return -1;
}

static trace_flow *note_tcp(tvbuff_t *tvb, const packet_info *pinfo, void *data)
{
    if (!tvb_bytes_exist(tvb, 0, 16))
        return NULL;
    packet_ends ends = ends_of(tvb, pinfo);
    int header = (tvb_read_uint8(tvb, 12) >> 4) * 4;
    int length = (int)tvb_reported_length(tvb) - header;

    if (ends.from.length == 0 || ends.to.length == 0 || header < 20)
        return NULL;
    trace_segment segment = {.flags = tvb_read_uint8(tvb, 13),
                             .hops = hops_of(data),
                             .sequence = tvb_get_ntohl(tvb, 4),
                             .acknowledgement = tvb_get_ntohl(tvb, 8),
                             .length = (guint32)MAX(length, 0),
                             .window = tvb_get_ntohs(tvb, 14)};
    segment.scale = segment.flags & TRACE_SYN ? window_scale(tvb, header) : -1;
    if (length > 0 && is_name_port(&ends))
        note_dns_stream(tvb, pinfo, header);
    return trace_note_tcp(facts, &ends.from, &ends.to, &segment, observe_packet(pinfo));
}

static trace_flow *note_udp(tvbuff_t *tvb, const packet_info *pinfo)
{
    enum { HEADER = 8 };

    if (!tvb_bytes_exist(tvb, 0, 4))
        return NULL;
    packet_ends ends = ends_of(tvb, pinfo);
    guint length = tvb_reported_length(tvb);

    if (ends.from.length == 0 || ends.to.length == 0)
        return NULL;
    if (is_name_port(&ends))
        note_dns(tvb, pinfo, HEADER);
    return trace_note_udp(facts, &ends.from, &ends.to, length > HEADER ? length - HEADER : 0,
                          observe_packet(pinfo));
}

/* A question for a neighbour, or its answer, where both addresses are some host's. */
static void note_neighbour(const trace_end *asker, const trace_end *neighbour, gboolean answered,
                           const packet_info *pinfo)
{
    static const guint8 none[16] = {0};

    if (asker->length == 0 || memcmp(asker->address, none, sizeof none) == 0 ||
        memcmp(asker, neighbour, sizeof *asker) == 0)
        return; /* it asks whether an address is free, or announces one */
    trace_note_neighbour(facts, asker, neighbour, answered, observe_packet(pinfo));
}

/* An address in a packet. */
static trace_end end_at(tvbuff_t *tvb, int offset, int length)
{
    guint8 bytes[16];
    tvb_memcpy(tvb, bytes, offset, (size_t)length);
    return observe_end(bytes, length, 0);
}

static void note_icmp(tvbuff_t *tvb, const packet_info *pinfo, gboolean v6)
{
    enum { SOLICITATION = 135, ADVERTISEMENT = 136, TARGET = 8 };

    if (!tvb_bytes_exist(tvb, 0, 2))
        return;
    trace_end from = end_of(&pinfo->src, 0), to = end_of(&pinfo->dst, 0);
    guint8 type = tvb_read_uint8(tvb, 0);

    quoting = observe_packet(pinfo);
    quoting_value = trace_icmp_value(v6, type, tvb_read_uint8(tvb, 1));
    if (to.length != 0)
        trace_note_heard(facts, &to);
    if (v6 && (type == SOLICITATION || type == ADVERTISEMENT) && tvb_bytes_exist(tvb, TARGET, 16)) {
        trace_end target = end_at(tvb, TARGET, 16);
        note_neighbour(type == SOLICITATION ? &from : &to, &target, type == ADVERTISEMENT, pinfo);
    }
}

static void note_arp(tvbuff_t *tvb, const packet_info *pinfo)
{
    enum { LENGTH = 28, REQUEST = 1, REPLY = 2, SENDER = 14, TARGET = 24 };

    if (!tvb_bytes_exist(tvb, 0, LENGTH) || tvb_get_ntohs(tvb, 2) != ETHERTYPE_IP ||
        tvb_read_uint8(tvb, 4) != 6)
        return;
    trace_end sender = end_at(tvb, SENDER, 4), target = end_at(tvb, TARGET, 4);
    switch (tvb_get_ntohs(tvb, 6)) {
    case REQUEST:
        note_neighbour(&sender, &target, FALSE, pinfo);
        break;
    case REPLY:
        trace_note_heard(facts, &target);
        note_neighbour(&target, &sender, TRUE, pinfo);
        break;
    default:
        break;
    }
}

/* Where a conversation keeps Wireshark's number of the stream, which its dissector has just made.
 * from, to: what pinfo had for addresses before, for a tunnel inside changes them. */
static void note_stream(trace_flow *flow, const packet_info *pinfo, const address *from,
                        const address *to, const packet_ends *ends, gboolean tcp)
{
    const conversation_t *conversation =
        find_conversation(pinfo->num, from, to, tcp ? CONVERSATION_TCP : CONVERSATION_UDP,
                          ends->from.port, ends->to.port, 0);
    const void *data = conversation
                           ? conversation_get_proto_data(conversation, tcp ? proto_tcp : proto_udp)
                           : NULL;

    if (data)
        trace_note_stream(facts, flow,
                          tcp ? ((const struct tcp_analysis *)data)->stream
                              : ((const struct udp_analysis *)data)->stream,
                          observe_packet(pinfo));
}

static int observe_tcp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data);
static int observe_udp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data);
static int observe_icmp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data);
static int observe_icmpv6(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data);
static int observe_arp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data);

enum { WRAP_TCP, WRAP_UDP, WRAP_ICMP, WRAP_ICMPV6, WRAP_ARP };

static wrapping wrappings[] = {
    {"ip.proto", IP_PROTO_TCP, "winsock_observe_tcp", "TCP, noted for Winsock", observe_tcp, NULL,
     NULL},
    {"ip.proto", IP_PROTO_UDP, "winsock_observe_udp", "UDP, noted for Winsock", observe_udp, NULL,
     NULL},
    {"ip.proto", IP_PROTO_ICMP, "winsock_observe_icmp", "ICMP, noted for Winsock", observe_icmp,
     NULL, NULL},
    {"ip.proto", IP_PROTO_ICMPV6, "winsock_observe_icmpv6", "ICMPv6, noted for Winsock",
     observe_icmpv6, NULL, NULL},
    {"ethertype", ETHERTYPE_ARP, "winsock_observe_arp", "ARP, noted for Winsock", observe_arp, NULL,
     NULL},
};

/* Notes a packet of a transport, and calls its dissector. */
static int observe_transport(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data,
                             gboolean tcp)
{
    dissector_handle_t real = wrappings[tcp ? WRAP_TCP : WRAP_UDP].real;
    trace_flow *flow = NULL;

    if (is_new(pinfo) && pinfo->flags.in_error_pkt)
        note_quoted(tvb, pinfo, tcp ? TRACE_TCP : TRACE_UDP);
    else if (is_new(pinfo))
        flow = tcp ? note_tcp(tvb, pinfo, data) : note_udp(tvb, pinfo);
    if (!flow)
        return call_dissector_only(real, tvb, pinfo, tree, data);
    address from = pinfo->src, to = pinfo->dst;
    packet_ends ends = ends_of(tvb, pinfo);
    int result = call_dissector_only(real, tvb, pinfo, tree, data);
    note_stream(flow, pinfo, &from, &to, &ends, tcp);
    return result;
}

static int observe_tcp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    return observe_transport(tvb, pinfo, tree, data, TRUE);
}

static int observe_udp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    return observe_transport(tvb, pinfo, tree, data, FALSE);
}

static int observe_icmp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (is_new(pinfo) && !pinfo->flags.in_error_pkt)
        note_icmp(tvb, pinfo, FALSE);
    return call_dissector_only(wrappings[WRAP_ICMP].real, tvb, pinfo, tree, data);
}

static int observe_icmpv6(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (is_new(pinfo) && !pinfo->flags.in_error_pkt)
        note_icmp(tvb, pinfo, TRUE);
    return call_dissector_only(wrappings[WRAP_ICMPV6].real, tvb, pinfo, tree, data);
}

static int observe_arp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (is_new(pinfo))
        note_arp(tvb, pinfo);
    return call_dissector_only(wrappings[WRAP_ARP].real, tvb, pinfo, tree, data);
}

void observe_register(void)
{
    proto_tcp = proto_get_id_by_filter_name("tcp");
    proto_udp = proto_get_id_by_filter_name("udp");
    for (size_t i = 0; i < G_N_ELEMENTS(wrappings); i++) {
        wrapping *w = &wrappings[i];
        w->real = dissector_get_uint_handle(find_dissector_table(w->table), w->number);
        /* Without a description 4.0 crashes at start, with the real one's 4.4 warns. */
        w->wrapper = create_dissector_handle_with_name_and_description(w->dissector, -1, w->name,
                                                                       w->description);
    }
}

void observe_turn(gboolean on)
{
    static gboolean is_on;

    if (on == is_on)
        return;
    is_on = on;
    for (size_t i = 0; i < G_N_ELEMENTS(wrappings); i++) {
        const wrapping *w = &wrappings[i];
        if (w->real)
            dissector_add_uint(w->table, w->number, on ? w->wrapper : w->real);
    }
}

void observe_start_file(void)
{
    facts = trace_new();
    names = lookups_new();
    memset(&quoting, 0, sizeof quoting);
}

void observe_telemetry(const packet_info *pinfo)
{
    trace_end from = end_of(&pinfo->src, (guint16)pinfo->srcport);
    trace_end to = end_of(&pinfo->dst, (guint16)pinfo->destport);

    if (is_new(pinfo))
        trace_mark_telemetry(facts, &from, &to);
}

void observe_frame(const packet_info *pinfo)
{
    if (facts)
        trace_note_frame(facts, observe_packet(pinfo), PINFO_FD_VISITED(pinfo));
}

void observe_end_file(void)
{
    trace_free(facts);
    lookups_free(names);
    facts = NULL;
    names = NULL;
}

trace *observe_facts(void)
{
    return facts;
}

const lookups *observe_names(void)
{
    return names;
}

guint64 observe_changes(void)
{
    return facts ? trace_changes(facts) + lookups_changes(names) : 0;
}
