/* trace_tcp.c: notes what the segments say about their connection.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace_flows.h"

/* A SYN between the ends of a connection that never came to be goes on with it for so long: it is
 * another attempt. */
#define ATTEMPTS_TOGETHER (60 * G_GINT64_CONSTANT(1000000000))

/* The scale of a window where the trace does not have the SYN: the largest there is, for a RST
 * inside a window that is too large is taken as one that had to be accepted. */
enum { UNKNOWN_SCALE = 14 };

/* The window of an end that the trace has no packet of. */
#define UNKNOWN_WINDOW (1U << 20)

/* A SYN can carry data (TCP Fast Open), which a RST acknowledges with it. */
enum { MAX_SYN_DATA = 65535 };

/* Whether a sequence number comes after another, modulo 2^32. */
static gboolean is_after(guint32 a, guint32 b)
{
    return (gint32)(a - b) > 0;
}

/* A SYN begins a connection unless it is the same attempt, or another one at the same. */
static gboolean begins_anew(const trace_flow *flow, int side, guint32 sequence, gint64 time)
{
    const tcp_side *mine = &flow->sides[side].tcp, *other = &flow->sides[!side].tcp;

    if (mine->has_syn && mine->initial == sequence)
        return FALSE;
    if (!mine->has_syn && other->has_syn && mine->has_acked && mine->acked_to == sequence + 1)
        return FALSE; /* captured after its SYN-ACK */
    if (flow->is_established || (!mine->has_syn && !other->has_syn))
        return TRUE;
    return time - flow->last > ATTEMPTS_TOGETHER;
}

static void note_hops(tcp_side *side, guint8 hops)
{
    if (side->hops && hops != side->hops)
        side->hops_vary = TRUE;
    side->hops = hops;
}

static void note_reset(trace *facts, trace_flow *flow, int side, const trace_segment *segment,
                       trace_packet packet)
{
    tcp_side *mine = &flow->sides[side].tcp;
    const tcp_side *other = &flow->sides[!side].tcp;
    guint32 value = (guint32)segment->hops << 2 | (guint32)mine->hops << 10;
    gboolean is_handshake = other->has_syn && !flow->is_established;
    gboolean answers = is_handshake && (segment->flags & TRACE_ACK) &&
                       segment->acknowledgement - other->sent_to <= MAX_SYN_DATA;
    guint32 expected = mine->has_acked ? mine->acked_to : mine->sent_to;
    guint32 window = trace_has_sent(flow, !side) ? other->window : UNKNOWN_WINDOW;
    gboolean in_window = !mine->has_sent || segment->sequence == mine->sent_to ||
                         segment->sequence - expected <= window;

    if (flow->is_established && mine->is_reset)
        return; /* one more for a connection that is over */
    if (answers)
        value |= RST_ANSWERS_SYN;
    if (mine->hops && segment->hops && !mine->hops_vary && mine->hops != segment->hops)
        value |= RST_UNLIKE;
    if (is_handshake ? !answers : !in_window) {
        flow_add_event(facts, flow, EVENT_STRAY_RST, side, value, packet);
        return;
    }
    flow_add_event(facts, flow, EVENT_RST, side, value, packet);
    mine->is_reset = TRUE;
    mine->reset_at = mine->has_sent ? mine->sent_to : segment->sequence;
    mine->other_at = other->sent_to;
}

static void note_syn(trace *facts, trace_flow *flow, int side, const trace_segment *segment,
                     gint64 pause, trace_packet packet)
{
    tcp_side *mine = &flow->sides[side].tcp;
    const tcp_side *other = &flow->sides[!side].tcp;
    gboolean with_ack = (segment->flags & TRACE_ACK) != 0;
    gboolean twice = mine->has_syn && mine->initial == segment->sequence && pause < DUPLICATE_TIME;

    mine->scale = (guint8)(segment->scale < 0 ? 0 : MIN(segment->scale, UNKNOWN_SCALE));
    mine->initial = segment->sequence;
    mine->has_syn = mine->has_sent = TRUE;
    mine->sent_to = segment->sequence + 1;
    if (!with_ack && !twice) {
        flow_add_event(facts, flow, EVENT_SYN, side, flow_next_count(flow, EVENT_SYN, side),
                       packet);
    } else if (with_ack && (!other->has_syn || segment->acknowledgement == other->initial + 1)) {
        if (!flow->is_established)
            flow_add_event(facts, flow, EVENT_SYN_ACK, side, 0, packet);
        flow->is_established = TRUE;
    }
}

/* A keep-alive probe: at most one byte, that has been acknowledged already. */
static gboolean is_probe(const tcp_side *side, const trace_segment *segment)
{
    return side->has_acked && segment->length <= 1 && !(segment->flags & TRACE_FIN) &&
           segment->sequence == side->sent_to - 1 && side->acked_to == side->sent_to;
}

static void note_sent_on(trace *facts, trace_flow *flow, int side, trace_packet packet)
{
    tcp_side *mine = &flow->sides[side].tcp;

    if (mine->was_answered)
        flow_add_event(facts, flow, EVENT_SENT_ON, side, 0, packet);
    mine->was_answered = FALSE;
}

/* What takes sequence numbers: data and FIN. */
static void note_span(trace *facts, trace_flow *flow, int side, const trace_segment *segment,
                      gint64 pause, trace_packet packet)
{
    tcp_side *mine = &flow->sides[side].tcp;
    const tcp_side *other = &flow->sides[!side].tcp;
    gboolean fin = (segment->flags & TRACE_FIN) != 0;
    guint32 end = segment->sequence + segment->length + (fin ? 1 : 0);

    if (is_probe(mine, segment)) {
        if (pause < DUPLICATE_TIME)
            return;
        if (mine->probes < G_MAXUINT16)
            mine->probes++;
        flow_add_event(facts, flow, EVENT_PROBE, side, mine->probes, packet);
        return;
    }
    if (end == segment->sequence)
        return;
    if (mine->has_sent && !is_after(end, mine->sent_to) &&
        (!mine->has_acked || is_after(end, mine->acked_to)) && !other->is_closed &&
        pause >= DUPLICATE_TIME) {
        if (mine->again < G_MAXUINT16)
            mine->again++;
        flow_add_event(facts, flow, EVENT_AGAIN, side, mine->again, packet);
    }
    if (!mine->has_sent ||
        (is_after(end, mine->sent_to) && !is_after(segment->sequence, mine->sent_to)))
        mine->sent_to = end;
    mine->has_sent = TRUE;
    if (segment->length > 0)
        mine->has_data = TRUE;
    if (fin && !mine->has_fin) {
        mine->has_fin = TRUE;
        flow_add_event(facts, flow, EVENT_FIN, side, 0, packet);
    }
}

/* What a segment with ACK says of the other direction. */
static void note_acknowledgement(trace *facts, trace_flow *flow, int side,
                                 const trace_segment *segment, trace_packet packet)
{
    tcp_side *mine = &flow->sides[side].tcp, *other = &flow->sides[!side].tcp;
    guint32 to = segment->acknowledgement;

    if (other->probes > 0) {
        other->probes = 0;
        other->was_answered = TRUE;
        flow_add_event(facts, flow, EVENT_PROBE_ANSWERED, !side, 0, packet);
    }
    if (other->has_acked && !is_after(to, other->acked_to))
        return;
    if (!other->has_sent || is_after(to, other->sent_to)) {
        other->has_sent = TRUE;
        other->sent_to = to; /* the trace has not got all of it */
    }
    if (other->again > 0) {
        other->again = 0;
        other->was_answered = TRUE;
        flow_add_event(facts, flow, EVENT_ACKNOWLEDGED, !side, 0, packet);
    }
    if (other->is_reset && is_after(to, other->reset_at)) {
        other->is_reset = FALSE;
        flow_add_event(facts, flow, EVENT_WENT_ON, !side, 0, packet);
    }
    if (mine->is_reset && is_after(to, mine->other_at)) {
        mine->is_reset = FALSE;
        flow_add_event(facts, flow, EVENT_WENT_ON, side, 0, packet);
    }
    other->acked_to = to;
    other->has_acked = TRUE;
}

static void note_window(trace *facts, trace_flow *flow, int side, const trace_segment *segment,
                        trace_packet packet)
{
    tcp_side *mine = &flow->sides[side].tcp;
    gboolean closed = segment->window == 0;
    int scale = segment->flags & TRACE_SYN ? 0 : !mine->has_syn ? UNKNOWN_SCALE : mine->scale;

    mine->window = (guint32)segment->window << scale;
    if (closed != mine->is_closed) {
        mine->is_closed = closed ? 1 : 0;
        flow_add_event(facts, flow, closed ? EVENT_WINDOW_CLOSED : EVENT_WINDOW_OPENED, side, 0,
                       packet);
    }
}

trace_flow *trace_note_tcp(trace *facts, const trace_end *from, const trace_end *to,
                           const trace_segment *segment, trace_packet packet)
{
    flow_key key = flow_key_of(from, to);
    trace_flow *flow = flow_latest(facts, TABLE_TCP, &key);
    gboolean syn = (segment->flags & TRACE_SYN) && !(segment->flags & TRACE_ACK);

    if (flow && flow_is_noted(flow, packet))
        return NULL;
    gboolean anew = !flow || (syn && begins_anew(flow, trace_side_of(flow, from), segment->sequence,
                                                 packet.time));
    if (anew)
        flow = flow_begin(facts, TABLE_TCP, &key, packet);
    if (!flow)
        return NULL;
    int side = trace_side_of(flow, from);
    gboolean first = !trace_has_sent(flow, side);
    gint64 pause = packet.time - flow->last; /* a flow begins long after 0 */
    flow_touch(facts, flow, side, packet);
    if (segment->flags & TRACE_RST) {
        note_reset(facts, flow, side, segment, packet);
        return anew ? flow : NULL;
    }
    note_hops(&flow->sides[side].tcp, segment->hops);
    note_window(facts, flow, side, segment, packet);
    if (segment->flags & TRACE_SYN) {
        note_syn(facts, flow, side, segment, pause, packet);
    } else {
        /* Whoever sends this has got through the handshake, though the trace has not. */
        if (first || !flow->is_established)
            flow_add_event(facts, flow, EVENT_FIRST, side, 0, packet);
        flow->is_established = TRUE;
        note_sent_on(facts, flow, side, packet);
        note_span(facts, flow, side, segment, pause, packet);
    }
    if (segment->flags & TRACE_ACK)
        note_acknowledgement(facts, flow, side, segment, packet);
    return anew || syn ? flow : NULL;
}
