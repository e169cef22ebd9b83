/* trace.c: notes what the packets say about each flow.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace.h"

#include "hash.h"

#include <string.h>

/* A SYN between the ends of a connection that never came to be goes on with it for so long: it is
 * another attempt. */
#define ATTEMPTS_TOGETHER (60 * G_GINT64_CONSTANT(1000000000))

/* How many flows between the same two ends, and how many events of all flows at the same end, are
 * looked at for one report: a few microseconds, however many there are. A busy server's flows have
 * six events each, and the ones that are over are left behind by the next few hundred. */
#define MAX_STEPS  1024
#define MAX_LOOKED 8192

/* The scale of a window where the trace does not have the SYN: the largest there is, for a RST
 * inside a window that is too large is taken as one that had to be accepted. */
enum { UNKNOWN_SCALE = 14 };

/* The window of an end that the trace has no packet of. */
#define UNKNOWN_WINDOW (1U << 20)

/* A port mirror can capture a packet twice. What comes so soon after the flow's last packet counts
 * as nothing sent again: that takes a time-out, or a round trip. */
#define DUPLICATE_TIME (3 * G_GINT64_CONSTANT(1000000))

/* A survey of a host goes through all flows. It is remembered for each second that reports ask for,
 * and made again when the trace has grown; but so often at the most, that hostile reports cost no
 * more than a thousand times the flows. */
enum { MAX_SURVEYS = 64, MAX_SURVEYS_AGAIN = 16 };

/* Flows fall silent together if their last packets are of so many seconds. */
#define SILENT_TIME (5 * G_GINT64_CONSTANT(1000000000))

/* A SYN can carry data (TCP Fast Open), which a RST acknowledges with it. */
enum { MAX_SYN_DATA = 65535 };

/* What flows are found by. Compares as memory. */
typedef struct {
    trace_end ends[2]; /* the lower one first */
} flow_key;

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
} tcp_side;

typedef struct {
    gint64 time;
    guint32 frame, length; /* of its last datagram */
    guint32 largest;
} udp_side;

typedef union {
    tcp_side tcp;
    udp_side udp;
} flow_side;

enum { FIRST_EVENTS = 5 }; /* most connections have five, and there are as many as connections */

struct trace_flow {
    flow_key key;
    struct trace_flow *earlier; /* that used the same ends before */
    trace_event *events;        /* those in first, or owned */
    gint64 began, last;         /* times */
    guint32 first_frame, last_frame;
    guint8 event_count, event_room;
    guint8 has_sent[2];
    guint8 protocol;
    guint8 is_established : 1, is_telemetry : 1;
    flow_side sides[2];
    trace_event first[FIRST_EVENTS];
};

/* What the index of flows by their ends is found by. Compares as memory. */
typedef struct {
    trace_end end;
    trace_end host; /* the address at the other end; or length 0: whichever */
} index_key;

enum { TABLE_TCP, TABLE_UDP, TABLE_NEIGHBOUR, TABLES };

static const guint8 table_protocols[TABLES] = {TRACE_TCP, TRACE_UDP, TRACE_NEIGHBOUR};

/* A host in a second, and what was found. */
typedef struct {
    trace_end host;
    gint64 second;
    guint32 frame; /* the last of the trace, when it was made */
    guint times;   /* that it was made */
    trace_survey found;
} survey_memo;

struct trace {
    GHashTable *flows[TABLES]; /* sets of trace_flow, the latest between two ends */
    GHashTable
        *by_end[TABLES];      /* index_key -> GPtrArray of flows as they began; NULL until asked */
    GHashTable *heard;        /* set of trace_end, by address: where packets of no flow went to */
    GHashTable *heard_flows;  /* the same of flows, whose ends they are; NULL until asked */
    trace_flow *last[TABLES]; /* that was noted: most packets are of the same flow again */
    guint64 changes;
    GArray *surveys; /* of survey_memo; NULL until asked */
    guint flow_count;
    trace_packet last_frame;
    gboolean is_over;       /* packets are seen once more */
    gboolean last_is_kept;  /* the last one was */
    GHashTable *renumbered; /* frame -> time of the last packet with it, where there was another */
};

static guint key_hash(gconstpointer key)
{
    G_STATIC_ASSERT(sizeof(flow_key) == 40 && sizeof(index_key) == 40);
    return hash_bytes(key, sizeof(flow_key));
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(flow_key)) == 0;
}

static guint address_hash(gconstpointer end)
{
    return hash_bytes(((const trace_end *)end)->address, sizeof((const trace_end *)end)->address);
}

static gboolean address_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(((const trace_end *)a)->address, ((const trace_end *)b)->address,
                  sizeof((const trace_end *)a)->address) == 0;
}

static void flow_free(gpointer data)
{
    for (trace_flow *flow = data, *earlier; flow; flow = earlier) {
        earlier = flow->earlier;
        if (flow->events != flow->first)
            g_free(flow->events);
        g_free(flow);
    }
}

trace *trace_new(void)
{
    trace *facts = g_new0(trace, 1);

    for (int table = 0; table < TABLES; table++)
        facts->flows[table] = g_hash_table_new_full(key_hash, key_equal, flow_free, NULL);
    facts->heard = g_hash_table_new_full(address_hash, address_equal, g_free, NULL);
    facts->renumbered = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return facts;
}

void trace_free(trace *facts)
{
    if (!facts)
        return;
    for (int table = 0; table < TABLES; table++) {
        if (facts->by_end[table])
            g_hash_table_destroy(facts->by_end[table]);
        g_hash_table_destroy(facts->flows[table]);
    }
    if (facts->surveys)
        g_array_unref(facts->surveys);
    g_hash_table_destroy(facts->heard);
    if (facts->heard_flows)
        g_hash_table_destroy(facts->heard_flows);
    g_hash_table_destroy(facts->renumbered);
    g_free(facts);
}

guint64 trace_changes(const trace *facts)
{
    return facts->changes;
}

gboolean trace_is_full(const trace *facts)
{
    return facts->flow_count >= TRACE_MAX_FLOWS;
}

void trace_note_frame(trace *facts, trace_packet packet, gboolean again)
{
    gboolean same = packet.frame == facts->last_frame.frame;

    if (again && !facts->is_over) {
        facts->is_over = TRUE;
        facts->changes++;
    }
    if (again || (same && packet.time == facts->last_frame.time)) {
        facts->last_is_kept |= same;
        return;
    }
    if (same) {
        g_hash_table_insert(facts->renumbered, GUINT_TO_POINTER(packet.frame),
                            g_memdup2(&packet.time, sizeof packet.time));
        facts->changes++;
    }
    facts->last_frame = packet;
    facts->last_is_kept = FALSE;
}

gboolean trace_has_frame(const trace *facts, trace_packet packet)
{
    const gint64 *time = g_hash_table_lookup(facts->renumbered, GUINT_TO_POINTER(packet.frame));

    /* With a read filter nobody says whether the file's last packet was left out. */
    if (packet.frame == facts->last_frame.frame && !facts->last_is_kept && facts->is_over &&
        g_hash_table_size(facts->renumbered) > 0)
        return FALSE;
    return !time || *time == packet.time;
}

/* Events */

/* Makes room by leaving out what lies between the first event of each kind and side and its last
 * two, but for what a report has asked for. What stays is at most 3 * 2 * EVENT_KINDS + MAX_KEPT,
 * which is less than TRACE_MAX_EVENTS. */
enum { LAST_EVENTS = 2, MAX_KEPT = 48 };

static void thin_out(trace_flow *flow)
{
    guint8 left[EVENT_KINDS][2] = {{0}}, seen[EVENT_KINDS][2] = {{0}};
    guint8 count = 0;

    G_STATIC_ASSERT((1 + LAST_EVENTS) * 2 * EVENT_KINDS + MAX_KEPT < TRACE_MAX_EVENTS);
    for (guint i = 0; i < flow->event_count; i++)
        left[flow->events[i].kind][flow->events[i].side]++;
    for (guint i = 0; i < flow->event_count; i++) {
        trace_event event = flow->events[i];
        if (!seen[event.kind][event.side] || left[event.kind][event.side] <= LAST_EVENTS ||
            event.is_kept)
            flow->events[count++] = event;
        seen[event.kind][event.side] = 1;
        left[event.kind][event.side]--;
    }
    flow->event_count = count;
}

static void add_event(trace *facts, trace_flow *flow, trace_kind kind, int side, guint32 value,
                      trace_packet packet)
{
    enum { MAX_VALUE = (1 << 25) - 1 };

    if (flow->event_count == flow->event_room) {
        if (flow->event_room == TRACE_MAX_EVENTS) {
            thin_out(flow);
        } else {
            trace_event *own = flow->events == flow->first ? NULL : flow->events;
            flow->event_room = (guint8)MIN(flow->event_room * 2, TRACE_MAX_EVENTS);
            flow->events = g_renew(trace_event, own, flow->event_room);
            if (!own)
                memcpy(flow->events, flow->first, sizeof flow->first);
        }
    }
    trace_event *event = &flow->events[flow->event_count++];
    event->time = packet.time;
    event->frame = packet.frame;
    event->kind = (guint32)kind & 0x1f;
    event->side = side != 0;
    event->is_kept = FALSE;
    event->value = MIN(value, (guint32)MAX_VALUE) & MAX_VALUE;
    facts->changes++;
}

/* The latest event of a kind, or NULL. */
static const trace_event *latest_event(const trace_flow *flow, trace_kind kind, int side)
{
    for (guint i = flow->event_count; i > 0; i--) {
        const trace_event *event = &flow->events[i - 1];
        if (event->kind == (guint32)kind && event->side == (guint32)side)
            return event;
    }
    return NULL;
}

trace_event trace_last_event(const trace_flow *flow, trace_kind kind, int side, guint32 least,
                             gint64 time, gint64 tolerance)
{
    trace_event none = {0}, found = {0};

    for (guint i = flow->event_count; i > 0; i--) {
        const trace_event *event = &flow->events[i - 1];
        if (event->kind != (guint32)kind || event->side != (guint32)side || event->value < least)
            continue;
        found = *event;
        if (event->time <= time)
            return found;
    }
    return found.time <= time + tolerance ? found : none;
}

void trace_last_events(const trace_flow *flow, gint64 time, gint64 tolerance,
                       trace_event last[EVENT_KINDS][2])
{
    memset(last, 0, sizeof(trace_event[EVENT_KINDS][2]));
    for (guint i = 0; i < flow->event_count; i++) {
        const trace_event *event = &flow->events[i];
        trace_event *found = &last[event->kind][event->side];
        if (event->time <= time || (!found->frame && event->time <= time + tolerance))
            *found = *event;
    }
}

/* Keeps the last events of each kind up to a time from being thinned out. */
static void keep_events(trace_flow *flow, gint64 time)
{
    guint8 seen[EVENT_KINDS][2] = {{0}};
    guint kept = 0;

    for (guint i = 0; i < flow->event_count; i++)
        kept += flow->events[i].is_kept;
    for (guint i = flow->event_count; i > 0; i--) {
        trace_event *event = &flow->events[i - 1];
        if (event->time > time || seen[event->kind][event->side])
            continue;
        seen[event->kind][event->side] = 1;
        if (!event->is_kept && kept < MAX_KEPT) {
            event->is_kept = TRUE;
            kept++;
        }
    }
}

static guint32 next_count(const trace_flow *flow, trace_kind kind, int side)
{
    const trace_event *event = latest_event(flow, kind, side);
    return event ? event->value + 1 : 1;
}

/* Flows */

static int table_of(guint8 protocol)
{
    for (int table = 0; table < TABLES; table++) {
        if (table_protocols[table] == protocol)
            return table;
    }
    return -1;
}

static flow_key key_of(const trace_end *a, const trace_end *b)
{
    gboolean ordered = memcmp(a, b, sizeof *a) <= 0;
    return (flow_key){{ordered ? *a : *b, ordered ? *b : *a}};
}

int trace_side_of(const trace_flow *flow, const trace_end *end)
{
    return memcmp(&flow->key.ends[0], end, sizeof *end) != 0;
}

const trace_end *trace_end_of(const trace_flow *flow, int side)
{
    return &flow->key.ends[side];
}

gboolean trace_has_sent(const trace_flow *flow, int side)
{
    return flow->has_sent[side];
}

static trace_flow *latest(const trace *facts, int table, const flow_key *key)
{
    trace_flow *last = facts->last[table];
    return last && key_equal(&last->key, key) ? last
                                              : g_hash_table_lookup(facts->flows[table], key);
}

static GPtrArray *index_under(GHashTable *index, const trace_end *end, const trace_end *host,
                              trace_flow *flow)
{
    index_key key = {*end, {.length = 0}};

    if (host) {
        key.host = *host;
        key.host.port = 0;
    }
    GPtrArray *flows = g_hash_table_lookup(index, &key);
    if (!flows) {
        flows = g_ptr_array_new();
        g_hash_table_insert(index, g_memdup2(&key, sizeof key), flows);
    }
    g_ptr_array_add(flows, flow);
    return flows;
}

/* Files need not be in order. */
static void put_in_order(GPtrArray *flows)
{
    for (guint i = flows->len - 1, steps = 0; i > 0 && steps < MAX_STEPS; i--, steps++) {
        trace_flow *flow = flows->pdata[i], *before = flows->pdata[i - 1];
        if (before->began <= flow->began)
            break;
        flows->pdata[i] = before;
        flows->pdata[i - 1] = flow;
    }
}

static void index_flow(GHashTable *index, trace_flow *flow, gboolean in_order)
{
    for (int i = 0; i < 4; i++) {
        int side = i / 2;
        GPtrArray *flows =
            index_under(index, &flow->key.ends[side], i % 2 ? &flow->key.ends[!side] : NULL, flow);
        if (in_order)
            put_in_order(flows);
    }
}

/* A new flow between the ends, in front of the one that is there. NULL: there are too many. */
static trace_flow *begin(trace *facts, int table, const flow_key *key, trace_packet packet)
{
    if (trace_is_full(facts))
        return NULL;
    trace_flow *flow = g_new0(trace_flow, 1);

    facts->flow_count++;
    flow->key = *key;
    flow->events = flow->first;
    flow->event_room = FIRST_EVENTS;
    flow->began = packet.time;
    flow->first_frame = packet.frame;
    flow->protocol = table_protocols[table];
    flow->earlier = g_hash_table_lookup(facts->flows[table], key);
    if (flow->earlier)
        g_hash_table_steal(facts->flows[table], key);
    g_hash_table_add(facts->flows[table], flow);
    if (facts->by_end[table])
        index_flow(facts->by_end[table], flow, TRUE);
    facts->changes++;
    return flow;
}

/* Notes who has sent a packet of a flow, and when. */
static void touch(trace *facts, int table, trace_flow *flow, int side, trace_packet packet)
{
    facts->last[table] = flow;
    flow->last = packet.time;
    flow->last_frame = packet.frame;
    if (!flow->has_sent[side]) {
        flow->has_sent[side] = TRUE;
        if (facts->heard_flows)
            g_hash_table_add(facts->heard_flows, &flow->key.ends[!side]);
        facts->changes++;
    }
}

/* Wireshark dissects a packet that passes its read filter once more. */
static gboolean is_noted(const trace_flow *flow, trace_packet packet)
{
    return flow->last_frame == packet.frame && flow->last == packet.time;
}

void trace_note_heard(trace *facts, const trace_end *to)
{
    if (!g_hash_table_contains(facts->heard, to) &&
        g_hash_table_size(facts->heard) < TRACE_MAX_FLOWS)
        g_hash_table_add(facts->heard, g_memdup2(to, sizeof *to));
}

/* Adds where a flow's packets went to. */
static void add_heard(const trace_flow *flow, GHashTable *heard)
{
    for (int side = 0; side < 2; side++) {
        if (flow->has_sent[side])
            g_hash_table_add(heard, (gpointer)&flow->key.ends[!side]);
    }
}

/* Made when a report needs it for the first time, as the index is. */
static GHashTable *heard_flows(trace *facts)
{
    if (facts->heard_flows)
        return facts->heard_flows;
    facts->heard_flows = g_hash_table_new(address_hash, address_equal);
    for (int table = 0; table < TABLES; table++) {
        GHashTableIter iter;
        gpointer item;

        g_hash_table_iter_init(&iter, facts->flows[table]);
        while (g_hash_table_iter_next(&iter, &item, NULL)) {
            for (const trace_flow *flow = item; flow; flow = flow->earlier)
                add_heard(flow, facts->heard_flows);
        }
    }
    return facts->heard_flows;
}

gboolean trace_has_heard(trace *facts, const trace_end *host)
{
    return g_hash_table_contains(facts->heard, host) ||
           g_hash_table_contains(heard_flows(facts), host);
}

trace_flow *trace_find(const trace *facts, guint8 protocol, const trace_end *a, const trace_end *b,
                       gint64 time, gint64 tolerance)
{
    int table = table_of(protocol);
    flow_key key = key_of(a, b);
    trace_flow *flow = table < 0 ? NULL : g_hash_table_lookup(facts->flows[table], &key);
    trace_flow *after = NULL;

    for (int step = 0; flow && flow->began > time && step < MAX_STEPS; step++) {
        after = flow->began <= time + tolerance ? flow : NULL;
        flow = flow->earlier;
    }
    return flow && flow->began <= time ? flow : after;
}

static gint compare_beginnings(gconstpointer a, gconstpointer b)
{
    const trace_flow *one = *(trace_flow *const *)a, *other = *(trace_flow *const *)b;
    return one->began != other->began
               ? (one->began > other->began ? 1 : -1)
               : (one->first_frame > other->first_frame) - (one->first_frame < other->first_frame);
}

/* The index is made when a report needs it for the first time: most traces never do. */
static GHashTable *index_of(trace *facts, int table)
{
    GHashTableIter iter;
    gpointer item;

    if (facts->by_end[table])
        return facts->by_end[table];
    facts->by_end[table] =
        g_hash_table_new_full(key_hash, key_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    g_hash_table_iter_init(&iter, facts->flows[table]);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        for (trace_flow *flow = item; flow; flow = flow->earlier)
            index_flow(facts->by_end[table], flow, FALSE);
    }
    g_hash_table_iter_init(&iter, facts->by_end[table]);
    while (g_hash_table_iter_next(&iter, NULL, &item))
        g_ptr_array_sort(item, compare_beginnings);
    return facts->by_end[table];
}

/* How many of the flows had begun by a time. */
static guint count_begun(const GPtrArray *flows, gint64 time)
{
    guint low = 0, high = flows->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (((const trace_flow *)flows->pdata[middle])->began <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

guint trace_find_by_end(trace *facts, guint8 protocol, const trace_end *end, const trace_end *host,
                        gint64 begun_by, trace_flow_test test, const void *data, trace_flow **found)
{
    index_key key = {*end, {.length = 0}};
    guint count = 0, looked = 0;
    int table = table_of(protocol);

    if (host) {
        key.host = *host;
        key.host.port = 0;
    }
    *found = NULL;
    const GPtrArray *flows = table < 0 ? NULL : g_hash_table_lookup(index_of(facts, table), &key);
    guint last = flows ? count_begun(flows, begun_by) : 0;
    for (guint i = last; i > 0 && count < 2; i--) {
        trace_flow *flow = flows->pdata[i - 1];
        looked += 1 + flow->event_count;
        if (looked > MAX_LOOKED)
            return 2; /* who knows */
        if (!test(flow, trace_side_of(flow, end), data))
            continue;
        if (count++ == 0)
            *found = flow;
    }
    return count;
}

trace_packet trace_began(const trace_flow *flow)
{
    return (trace_packet){flow->first_frame, flow->began};
}

gint64 trace_lasted(const trace_flow *flow)
{
    return flow->last;
}

/* TCP */

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
    guint32 window = flow->has_sent[!side] ? other->window : UNKNOWN_WINDOW;
    gboolean in_window = !mine->has_sent || segment->sequence == mine->sent_to ||
                         segment->sequence - expected <= window;

    if (flow->is_established && mine->is_reset)
        return; /* one more for a connection that is over */
    if (answers)
        value |= RST_ANSWERS_SYN;
    if (mine->hops && segment->hops && !mine->hops_vary && mine->hops != segment->hops)
        value |= RST_UNLIKE;
    if (is_handshake ? !answers : !in_window) {
        add_event(facts, flow, EVENT_STRAY_RST, side, value, packet);
        return;
    }
    add_event(facts, flow, EVENT_RST, side, value, packet);
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
        add_event(facts, flow, EVENT_SYN, side, next_count(flow, EVENT_SYN, side), packet);
    } else if (with_ack && (!other->has_syn || segment->acknowledgement == other->initial + 1)) {
        if (!flow->is_established)
            add_event(facts, flow, EVENT_SYN_ACK, side, 0, packet);
        flow->is_established = TRUE;
    }
}

/* A keep-alive probe: at most one byte, that has been acknowledged already. */
static gboolean is_probe(const tcp_side *side, const trace_segment *segment)
{
    return side->has_acked && segment->length <= 1 && !(segment->flags & TRACE_FIN) &&
           segment->sequence == side->sent_to - 1 && side->acked_to == side->sent_to;
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
        add_event(facts, flow, EVENT_PROBE, side, mine->probes, packet);
        return;
    }
    if (end == segment->sequence)
        return;
    if (mine->has_sent && !is_after(end, mine->sent_to) &&
        (!mine->has_acked || is_after(end, mine->acked_to)) && !other->is_closed &&
        pause >= DUPLICATE_TIME) {
        if (mine->again < G_MAXUINT16)
            mine->again++;
        add_event(facts, flow, EVENT_AGAIN, side, mine->again, packet);
    }
    if (!mine->has_sent ||
        (is_after(end, mine->sent_to) && !is_after(segment->sequence, mine->sent_to)))
        mine->sent_to = end;
    mine->has_sent = TRUE;
    if (segment->length > 0)
        mine->has_data = TRUE;
    if (fin && !mine->has_fin) {
        mine->has_fin = TRUE;
        add_event(facts, flow, EVENT_FIN, side, 0, packet);
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
        add_event(facts, flow, EVENT_PROBE_ANSWERED, !side, 0, packet);
    }
    if (other->has_acked && !is_after(to, other->acked_to))
        return;
    if (!other->has_sent || is_after(to, other->sent_to)) {
        other->has_sent = TRUE;
        other->sent_to = to; /* the trace has not got all of it */
    }
    if (other->again > 0) {
        other->again = 0;
        add_event(facts, flow, EVENT_ACKNOWLEDGED, !side, 0, packet);
    }
    if (other->is_reset && is_after(to, other->reset_at)) {
        other->is_reset = FALSE;
        add_event(facts, flow, EVENT_WENT_ON, !side, 0, packet);
    }
    if (mine->is_reset && is_after(to, mine->other_at)) {
        mine->is_reset = FALSE;
        add_event(facts, flow, EVENT_WENT_ON, side, 0, packet);
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
        add_event(facts, flow, closed ? EVENT_WINDOW_CLOSED : EVENT_WINDOW_OPENED, side, 0, packet);
    }
}

trace_flow *trace_note_tcp(trace *facts, const trace_end *from, const trace_end *to,
                           const trace_segment *segment, trace_packet packet)
{
    flow_key key = key_of(from, to);
    trace_flow *flow = latest(facts, TABLE_TCP, &key);
    gboolean syn = (segment->flags & TRACE_SYN) && !(segment->flags & TRACE_ACK);

    if (flow && is_noted(flow, packet))
        return NULL;
    gboolean anew = !flow || (syn && begins_anew(flow, trace_side_of(flow, from), segment->sequence,
                                                 packet.time));
    if (anew)
        flow = begin(facts, TABLE_TCP, &key, packet);
    if (!flow)
        return NULL;
    int side = trace_side_of(flow, from);
    gboolean first = !flow->has_sent[side];
    gint64 pause = packet.time - flow->last; /* a flow begins long after 0 */
    touch(facts, TABLE_TCP, flow, side, packet);
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
            add_event(facts, flow, EVENT_FIRST, side, 0, packet);
        flow->is_established = TRUE;
        note_span(facts, flow, side, segment, pause, packet);
    }
    if (segment->flags & TRACE_ACK)
        note_acknowledgement(facts, flow, side, segment, packet);
    return anew || syn ? flow : NULL;
}

void trace_note_stream(trace *facts, trace_flow *flow, guint32 stream, trace_packet packet)
{
    const trace_event *event = latest_event(flow, EVENT_STREAM, 0);

    if (!event || event->value != stream)
        add_event(facts, flow, EVENT_STREAM, 0, stream, packet);
}

/* UDP and ICMP */

trace_flow *trace_note_udp(trace *facts, const trace_end *from, const trace_end *to, guint32 length,
                           trace_packet packet)
{
    flow_key key = key_of(from, to);
    trace_flow *flow = latest(facts, TABLE_UDP, &key);
    gboolean anew = !flow;

    if (anew)
        flow = begin(facts, TABLE_UDP, &key, packet);
    else if (is_noted(flow, packet))
        return NULL;
    if (!flow)
        return NULL;
    int side = trace_side_of(flow, from);
    udp_side *mine = &flow->sides[side].udp;
    gboolean larger = !flow->has_sent[side] || length > mine->largest;
    touch(facts, TABLE_UDP, flow, side, packet);
    mine->frame = packet.frame;
    mine->time = packet.time;
    mine->length = length;
    if (larger) {
        mine->largest = length;
        add_event(facts, flow, EVENT_DATAGRAM, side, length, packet);
    }
    return anew ? flow : NULL;
}

void trace_keep(trace *facts, trace_flow *flow, gint64 time)
{
    for (int side = 0; side < 2 && flow->protocol == TRACE_UDP; side++) {
        const trace_event *event = latest_event(flow, EVENT_DATAGRAM, side);
        const udp_side *mine = &flow->sides[side].udp;
        if (event && mine->frame && event->frame != mine->frame)
            add_event(facts, flow, EVENT_DATAGRAM, side, mine->length,
                      (trace_packet){mine->frame, mine->time});
    }
    keep_events(flow, time);
}

gboolean trace_has_data(const trace_flow *flow, int side)
{
    return flow->protocol == TRACE_TCP && flow->sides[side].tcp.has_data;
}

void trace_mark_telemetry(trace *facts, const trace_end *from, const trace_end *to)
{
    flow_key key = key_of(from, to);
    trace_flow *flow = latest(facts, TABLE_UDP, &key);

    if (flow)
        flow->is_telemetry = TRUE;
}

void trace_note_icmp(trace *facts, guint8 protocol, const trace_end *from, const trace_end *to,
                     guint32 value, trace_packet packet)
{
    flow_key key = key_of(from, to);
    int table = table_of(protocol);
    trace_flow *flow = table < 0 ? NULL : latest(facts, table, &key);

    if (table < 0)
        return;
    if (!flow) /* the trace has only the way back */
        flow = begin(facts, table, &key, packet);
    if (!flow)
        return;
    int side = trace_side_of(flow, from);
    const trace_event *before = latest_event(flow, EVENT_ICMP, side);
    if (before && before->frame == packet.frame && before->time == packet.time)
        return;
    flow->last = packet.time;
    add_event(facts, flow, EVENT_ICMP, side, value, packet);
}

/* Neighbours */

void trace_note_neighbour(trace *facts, const trace_end *asker, const trace_end *neighbour,
                          gboolean answered, trace_packet packet)
{
    flow_key key = key_of(asker, neighbour);
    trace_flow *flow = latest(facts, TABLE_NEIGHBOUR, &key);

    if (!flow)
        flow = begin(facts, TABLE_NEIGHBOUR, &key, packet);
    else if (is_noted(flow, packet))
        return;
    if (!flow)
        return;
    int side = trace_side_of(flow, asker);
    touch(facts, TABLE_NEIGHBOUR, flow, answered ? !side : side, packet);
    const trace_event *before = latest_event(flow, EVENT_ANSWERED, side);
    const trace_event *asked = latest_event(flow, EVENT_ASKED, side);
    gboolean is_open = asked && !(before && before > asked);
    if (!answered)
        add_event(facts, flow, EVENT_ASKED, side, is_open ? asked->value + 1 : 1, packet);
    else if (is_open)
        add_event(facts, flow, EVENT_ANSWERED, side, 0, packet);
}

/* The troubles of the trace */

/* A RST after both ends have closed denies nobody anything. */
static gboolean is_trouble(const trace_flow *flow, const trace_event *event)
{
    if (event->kind == EVENT_RST)
        return !(flow->sides[0].tcp.has_fin && flow->sides[1].tcp.has_fin);
    return event->kind == EVENT_ICMP;
}

static void visit_flow(const trace_flow *flow, guint8 protocol, trace_visitor visit, void *data)
{
    static const trace_kind kinds[] = {EVENT_RST, EVENT_ICMP};
    trace_event events[TRACE_MAX_EVENTS];

    for (guint k = 0; k < 2 * G_N_ELEMENTS(kinds); k++) {
        guint side = k % 2, count = 0;
        for (guint i = 0; i < flow->event_count; i++) {
            const trace_event *event = &flow->events[i];
            if (event->kind == (guint32)kinds[k / 2] && event->side == side &&
                is_trouble(flow, event))
                events[count++] = *event;
        }
        if (count > 0) /* a RST is of the side that sent it, and answers the other's packets */
            visit(flow, protocol, kinds[k / 2] == EVENT_RST ? !side : (int)side, events, count,
                  data);
    }
}

void trace_visit_troubles(const trace *facts, trace_visitor visit, void *data)
{
    for (int table = 0; table < TABLES; table++) {
        GHashTableIter iter;
        gpointer item;

        g_hash_table_iter_init(&iter, facts->flows[table]);
        while (g_hash_table_iter_next(&iter, &item, NULL)) {
            for (const trace_flow *flow = item; flow; flow = flow->earlier) {
                if (!flow->is_telemetry)
                    visit_flow(flow, table_protocols[table], visit, data);
            }
        }
    }
}

/* The rest of a host's traffic */

static gboolean is_closed(const trace_flow *flow)
{
    const tcp_side *one = &flow->sides[0].tcp, *other = &flow->sides[1].tcp;
    return flow->protocol == TRACE_TCP &&
           ((one->has_fin && other->has_fin) || one->is_reset || other->is_reset);
}

/* A survey while it is made. */
typedef struct {
    gint64 time, tolerance;
    trace_survey *found;
    guint8 ports[TRACE_DYNAMIC_PORTS / 8]; /* a bit each */
} surveying;

static void survey_port(surveying *s, const trace_flow *flow, guint16 port)
{
    if (flow->protocol != TRACE_TCP || port < TRACE_DYNAMIC_PORT || flow->began > s->time ||
        (is_closed(flow) && flow->last < s->time - TRACE_PORT_TIME))
        return;
    guint bit = port - TRACE_DYNAMIC_PORT;
    guint8 mask = (guint8)(1U << bit % 8);
    s->found->ports += (s->ports[bit / 8] & mask) == 0;
    s->ports[bit / 8] |= mask;
}

static void survey_flow(surveying *s, const trace_flow *flow)
{
    trace_packet last = {flow->last_frame, flow->last};

    if (last.time > s->time + s->tolerance) {
        if (!s->found->after.frame || last.time < s->found->after.time)
            s->found->after = last;
        return;
    }
    if (last.time >= s->time - SILENT_TIME && flow->has_sent[0] && flow->has_sent[1] &&
        !is_closed(flow))
        s->found->silent++;
    if (last.time > s->found->last.time)
        s->found->last = last;
}

static void survey(const trace *facts, const trace_end *host, surveying *s)
{
    memset(s->found, 0, sizeof *s->found);
    for (int table = 0; table < TABLE_NEIGHBOUR; table++) {
        GHashTableIter iter;
        gpointer item;

        g_hash_table_iter_init(&iter, facts->flows[table]);
        while (g_hash_table_iter_next(&iter, &item, NULL)) {
            for (const trace_flow *flow = item; flow && !flow->is_telemetry; flow = flow->earlier) {
                for (int side = 0; side < 2; side++) {
                    if (!address_equal(&flow->key.ends[side], host))
                        continue;
                    survey_port(s, flow, flow->key.ends[side].port);
                    survey_flow(s, flow);
                }
            }
        }
    }
}

gboolean trace_survey_host(trace *facts, const trace_end *host, gint64 time, gint64 tolerance,
                           trace_survey *found)
{
    gint64 second = time / 1000000000;
    survey_memo *memo = NULL;

    if (!facts->surveys)
        facts->surveys = g_array_new(FALSE, TRUE, sizeof(survey_memo));
    for (guint i = 0; i < facts->surveys->len && !memo; i++) {
        survey_memo *one = &g_array_index(facts->surveys, survey_memo, i);
        if (one->second == second && address_equal(&one->host, host))
            memo = one;
    }
    if (!memo) {
        if (facts->surveys->len == MAX_SURVEYS)
            return FALSE;
        g_array_set_size(facts->surveys, facts->surveys->len + 1);
        memo = &g_array_index(facts->surveys, survey_memo, facts->surveys->len - 1);
        memo->host = *host;
        memo->second = second;
    }
    if (memo->times == 0 ||
        (memo->frame != facts->last_frame.frame && memo->times < MAX_SURVEYS_AGAIN)) {
        survey(facts, host,
               &(surveying){.time = time, .tolerance = tolerance, .found = &memo->found});
        memo->frame = facts->last_frame.frame;
        memo->times++;
    }
    *found = memo->found;
    return TRUE;
}

gint64 trace_ended(const trace *facts)
{
    return facts->last_frame.time;
}
