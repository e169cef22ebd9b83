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
static guint64 noted;

/* The ICMP error around the packet that it quotes. */
static trace_icmp quoting;

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

/* What an ICMP error quotes: enough of a packet to tell its flow. */
static void note_quoted(tvbuff_t *tvb, packet_info *pinfo, guint8 protocol)
{
    if (quoting.packet.frame != pinfo->num || !tvb_bytes_exist(tvb, 0, 4))
        return;
    trace_end from = end_of(&pinfo->src, tvb_get_ntohs(tvb, 0));
    trace_end to = end_of(&pinfo->dst, tvb_get_ntohs(tvb, 2));
    trace_note_icmp(facts, protocol, &from, &to, quoting);
    noted++;
}

static void note_tcp(tvbuff_t *tvb, packet_info *pinfo)
{
    if (!tvb_bytes_exist(tvb, 0, 14))
        return;
    trace_end from = end_of(&pinfo->src, tvb_get_ntohs(tvb, 0));
    trace_end to = end_of(&pinfo->dst, tvb_get_ntohs(tvb, 2));
    guint header = (tvb_read_uint8(tvb, 12) >> 4) * 4U;
    guint length = tvb_reported_length(tvb);

    if (from.length == 0 || to.length == 0 || header < 20)
        return;
    trace_note_tcp(facts, &from, &to, tvb_read_uint8(tvb, 13), tvb_get_ntohl(tvb, 4),
                   tvb_get_ntohl(tvb, 8), length > header ? length - header : 0,
                   observe_packet(pinfo));
    noted++;
}

/* Reads the name of the first question in lower case, without a dot at the end.
 * Returns the offset after it, or 0 where it is not whole or not plain. */
static int read_question_name(tvbuff_t *tvb, int offset, char *name, size_t size)
{
    size_t length = 0;

    while (tvb_bytes_exist(tvb, offset, 1)) {
        guint8 label = tvb_read_uint8(tvb, offset++);
        if (label == 0) {
            name[length] = '\0';
            return length > 0 ? offset : 0;
        }
        if (label > 63 || length + label + 2 > size || !tvb_bytes_exist(tvb, offset, label))
            return 0;
        if (length > 0)
            name[length++] = '.';
        for (; label > 0; label--)
            name[length++] = g_ascii_tolower((gchar)tvb_read_uint8(tvb, offset++));
    }
    return 0;
}

/* The offset after a name in an answer, which may end in a pointer; or 0 where it is not whole. */
static int skip_name(tvbuff_t *tvb, int offset)
{
    while (tvb_bytes_exist(tvb, offset, 2)) {
        guint8 label = tvb_read_uint8(tvb, offset);
        if (label >= 0xc0)
            return offset + 2;
        offset += 1 + label;
        if (label == 0)
            return offset;
    }
    return 0;
}

/* Whether the answers hold a record of the type, and not only aliases that lead nowhere. */
static gboolean has_record(tvbuff_t *tvb, int offset, guint16 count, guint16 type)
{
    enum { MAX_ANSWERS = 64, FIXED = 10 }; /* of a record: type, class, time to live, length */

    for (guint i = 0; i < MIN(count, MAX_ANSWERS); i++) {
        offset = skip_name(tvb, offset);
        if (offset == 0 || !tvb_bytes_exist(tvb, offset, FIXED))
            return FALSE;
        if (tvb_get_ntohs(tvb, offset) == type)
            return TRUE;
        offset += FIXED + tvb_get_ntohs(tvb, offset + 8);
    }
    return FALSE;
}

/* A question for an address, or its answer: DNS, mDNS and LLMNR begin alike. */
static void note_dns(tvbuff_t *tvb, packet_info *pinfo)
{
    enum { TYPE_A = 1, TYPE_AAAA = 28, HEADER = 8, DNS_HEADER = 12 };
    char name[256];

    if (!tvb_bytes_exist(tvb, HEADER, DNS_HEADER) || tvb_get_ntohs(tvb, HEADER + 4) == 0)
        return;
    guint16 flags = tvb_get_ntohs(tvb, HEADER + 2);
    int offset = read_question_name(tvb, HEADER + DNS_HEADER, name, sizeof name);
    if (offset == 0 || !tvb_bytes_exist(tvb, offset, 2))
        return;
    guint16 type = tvb_get_ntohs(tvb, offset);
    if (type != TYPE_A && type != TYPE_AAAA)
        return;
    int which = type == TYPE_A ? TRACE_ADDRESS : TRACE_ADDRESS_V6;
    gboolean response = (flags & 0x8000) != 0;
    trace_end host = end_of(response ? &pinfo->dst : &pinfo->src, 0);
    if (response)
        trace_note_answer(facts, &host, name, which, flags & 0xf,
                          has_record(tvb, offset + 4, tvb_get_ntohs(tvb, HEADER + 6), type),
                          observe_packet(pinfo));
    else
        trace_note_query(facts, &host, name, which, observe_packet(pinfo));
}

static gboolean is_name_port(guint16 port)
{
    return port == 53 || port == 5353 || port == 5355;
}

static void note_udp(tvbuff_t *tvb, packet_info *pinfo)
{
    if (!tvb_bytes_exist(tvb, 0, 4))
        return;
    trace_end from = end_of(&pinfo->src, tvb_get_ntohs(tvb, 0));
    trace_end to = end_of(&pinfo->dst, tvb_get_ntohs(tvb, 2));

    if (from.length == 0 || to.length == 0)
        return;
    trace_note_udp(facts, &from, &to, observe_packet(pinfo));
    if (is_name_port(from.port) || is_name_port(to.port))
        note_dns(tvb, pinfo);
    noted++;
}

static void note_icmp(tvbuff_t *tvb, packet_info *pinfo, gboolean v6)
{
    if (!tvb_bytes_exist(tvb, 0, 2))
        return;
    trace_end to = end_of(&pinfo->dst, 0);
    trace_icmp error = {observe_packet(pinfo), tvb_read_uint8(tvb, 0), tvb_read_uint8(tvb, 1), v6};

    quoting = error;
    noted++;
    if (to.length != 0)
        trace_note_heard(facts, &to);
}

/* An answer to an ARP request is a packet to the host that asked. */
static void note_arp(tvbuff_t *tvb)
{
    if (!tvb_bytes_exist(tvb, 0, 28) || tvb_get_ntohs(tvb, 2) != ETHERTYPE_IP ||
        tvb_read_uint8(tvb, 4) != 6 || tvb_get_ntohs(tvb, 6) != 2)
        return;
    guint8 target[4];
    tvb_memcpy(tvb, target, 24, sizeof target);
    trace_end to = observe_end(target, sizeof target, 0);
    trace_note_heard(facts, &to);
    noted++;
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

static int observe_tcp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (is_new(pinfo)) {
        if (pinfo->flags.in_error_pkt)
            note_quoted(tvb, pinfo, IP_PROTO_TCP);
        else
            note_tcp(tvb, pinfo);
    }
    return call_dissector_only(wrappings[WRAP_TCP].real, tvb, pinfo, tree, data);
}

static int observe_udp(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    if (is_new(pinfo)) {
        if (pinfo->flags.in_error_pkt)
            note_quoted(tvb, pinfo, IP_PROTO_UDP);
        else
            note_udp(tvb, pinfo);
    }
    return call_dissector_only(wrappings[WRAP_UDP].real, tvb, pinfo, tree, data);
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
        note_arp(tvb);
    return call_dissector_only(wrappings[WRAP_ARP].real, tvb, pinfo, tree, data);
}

void observe_register(void)
{
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
    noted = 0;
    memset(&quoting, 0, sizeof quoting);
}

void observe_end_file(void)
{
    trace_free(facts);
    facts = NULL;
}

trace *observe_facts(void)
{
    return facts;
}

guint64 observe_count(void)
{
    return noted;
}
