/* trace.c: notes what the packets say about each flow.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace_flows.h"

#include "hash.h"

#include <string.h>

/* How many flows between the same two ends, and how many events of all flows at the same end, are
 * looked at for one report: a few microseconds, however many there are. A busy server's flows have
 * four events each, and the ones that are over are left behind by the next few hundred. */
#define MAX_STEPS  1024
#define MAX_LOOKED 8192

/* What the index of flows by their ends is found by. Compares as memory. */
typedef struct {
    trace_end end;
    trace_end host; /* the address at the other end; or length 0: whichever */
} index_key;

static const guint8 table_protocols[TABLES] = {TRACE_TCP, TRACE_UDP, TRACE_NEIGHBOUR};

static gboolean is_ipv4_key(const flow_key *key)
{
    return key->lengths[0] <= 4 && key->lengths[1] <= 4;
}

static guint key_hash(gconstpointer key)
{
    G_STATIC_ASSERT(sizeof(flow_key) == 40 && KEY_SIZE_IPV4 == 16);
    return is_ipv4_key(key) ? hash_bytes(key, KEY_SIZE_IPV4) : hash_bytes(key, sizeof(flow_key));
}

/* The first bytes have the lengths, which say how many there are. */
static gboolean key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, KEY_SIZE_IPV4) == 0 &&
           (is_ipv4_key(a) || memcmp(a, b, sizeof(flow_key)) == 0);
}

static guint index_hash(gconstpointer key)
{
    G_STATIC_ASSERT(sizeof(index_key) == 40);
    return hash_bytes(key, sizeof(index_key));
}

static gboolean index_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(index_key)) == 0;
}

static guint address_hash(gconstpointer end)
{
    return hash_bytes(((const trace_end *)end)->address, sizeof((const trace_end *)end)->address);
}

gboolean address_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(((const trace_end *)a)->address, ((const trace_end *)b)->address,
                  sizeof((const trace_end *)a)->address) == 0;
}

static void free_events(gpointer key)
{
    for (trace_flow *flow = flow_of(key), *earlier; flow; flow = earlier) {
        earlier = flow->earlier;
        if (flow->event_room != FIRST_EVENTS)
            g_free(flow->events.more);
    }
}

/* Flows live as long as the trace. */
static gpointer new_in_block(trace *facts, gsize size)
{
    enum { BLOCK_SIZE = 65536 };

    if (!facts->blocks || facts->block_used + size > BLOCK_SIZE) {
        facts->blocks = g_slist_prepend(facts->blocks, g_malloc0(BLOCK_SIZE));
        facts->block_used = 0;
    }
    gpointer room = (char *)facts->blocks->data + facts->block_used;
    facts->block_used += size;
    return room;
}

trace *trace_new(void)
{
    trace *facts = g_new0(trace, 1);

    for (int table = 0; table < TABLES; table++)
        facts->flows[table] = g_hash_table_new_full(key_hash, key_equal, free_events, NULL);
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
    g_slist_free_full(facts->blocks, g_free);
    if (facts->surveys)
        g_array_unref(facts->surveys);
    g_hash_table_destroy(facts->heard);
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
        if (same && !facts->last_is_kept) {
            facts->last_is_kept = TRUE;
            facts->changes++;
        }
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

static trace_event *own_events(trace_flow *flow)
{
    return (trace_event *)flow_events(flow);
}

static void thin_out(trace_flow *flow)
{
    guint8 left[EVENT_KINDS][2] = {{0}}, seen[EVENT_KINDS][2] = {{0}};
    trace_event *events = own_events(flow);
    guint8 count = 0;

    G_STATIC_ASSERT((1 + LAST_EVENTS) * 2 * EVENT_KINDS + MAX_KEPT < TRACE_MAX_EVENTS);
    for (guint i = 0; i < flow->event_count; i++)
        left[events[i].kind][events[i].side]++;
    for (guint i = 0; i < flow->event_count; i++) {
        trace_event event = events[i];
        if (!seen[event.kind][event.side] || left[event.kind][event.side] <= LAST_EVENTS ||
            event.is_kept)
            events[count++] = event;
        seen[event.kind][event.side] = 1;
        left[event.kind][event.side]--;
    }
    flow->event_count = count;
}

static void make_room(trace_flow *flow)
{
    trace_event *more = flow->event_room == FIRST_EVENTS ? NULL : flow->events.more;
    guint8 room = (guint8)MIN(flow->event_room * 2, TRACE_MAX_EVENTS);

    more = g_renew(trace_event, more, room);
    if (flow->event_room == FIRST_EVENTS)
        memcpy(more, flow->events.first, sizeof flow->events.first);
    flow->events.more = more;
    flow->event_room = room;
}

void flow_add_event(trace *facts, trace_flow *flow, trace_kind kind, int side, guint32 value,
                    trace_packet packet)
{
    enum { MAX_VALUE = (1 << 25) - 1 };

    if (flow->event_count == flow->event_room) {
        if (flow->event_room == TRACE_MAX_EVENTS)
            thin_out(flow);
        else
            make_room(flow);
    }
    trace_event *event = &own_events(flow)[flow->event_count++];
    event->time = packet.time;
    event->frame = packet.frame;
    event->kind = (guint32)kind & 0x1f;
    event->side = side != 0;
    event->is_kept = FALSE;
    event->value = MIN(value, (guint32)MAX_VALUE) & MAX_VALUE;
    facts->changes++;
}

const trace_event *flow_latest_event(const trace_flow *flow, trace_kind kind, int side)
{
    for (guint i = flow->event_count; i > 0; i--) {
        const trace_event *event = &flow_events(flow)[i - 1];
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
        const trace_event *event = &flow_events(flow)[i - 1];
        if (event->kind != (guint32)kind || event->side != (guint32)side || event->value < least)
            continue;
        found = *event;
        if (event->time <= time)
            return found;
    }
    return found.time <= time + tolerance ? found : none;
}

const trace_event *trace_events(const trace_flow *flow, guint *count)
{
    *count = flow->event_count;
    return flow_events(flow);
}

/* Keeps the last events of each kind up to a time from being thinned out. */
static void keep_events(trace_flow *flow, gint64 time)
{
    guint8 seen[EVENT_KINDS][2] = {{0}};
    guint kept = 0;

    for (guint i = 0; i < flow->event_count; i++)
        kept += flow_events(flow)[i].is_kept;
    for (guint i = flow->event_count; i > 0; i--) {
        trace_event *event = &own_events(flow)[i - 1];
        if (event->time > time || seen[event->kind][event->side])
            continue;
        seen[event->kind][event->side] = 1;
        if (!event->is_kept && kept < MAX_KEPT) {
            event->is_kept = TRUE;
            kept++;
        }
    }
}

guint32 flow_next_count(const trace_flow *flow, trace_kind kind, int side)
{
    const trace_event *event = flow_latest_event(flow, kind, side);
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

trace_packet trace_began(const trace_flow *flow)
{
    const trace_event *first = flow_events(flow);
    return (trace_packet){first->frame, first->time};
}

static gint64 began(const trace_flow *flow)
{
    return trace_began(flow).time;
}

flow_key flow_key_of(const trace_end *a, const trace_end *b)
{
    gboolean ordered = memcmp(a, b, sizeof *a) <= 0;
    const trace_end *low = ordered ? a : b, *high = ordered ? b : a;
    flow_key key = {.ports = {low->port, high->port}, .lengths = {low->length, high->length}};

    if (is_ipv4_key(&key)) {
        memcpy(key.addresses, low->address, 4);
        memcpy(key.addresses + 4, high->address, 4);
    } else {
        memcpy(key.addresses, low->address, 16);
        memcpy(key.addresses + 16, high->address, 16);
    }
    return key;
}

int trace_side_of(const trace_flow *flow, const trace_end *end)
{
    const flow_key *key = &flow->key;
    return key->ports[0] != end->port || key->lengths[0] != end->length ||
           memcmp(key->addresses, end->address, end->length) != 0;
}

trace_end trace_end_of(const trace_flow *flow, int side)
{
    const flow_key *key = &flow->key;
    trace_end end = {.length = key->lengths[side], .port = key->ports[side]};
    gsize second = is_ipv4_key(key) ? 4 : 16;

    memcpy(end.address, key->addresses + (side ? second : 0), end.length);
    return end;
}

gboolean trace_has_sent(const trace_flow *flow, int side)
{
    return flow->has_sent >> side & 1;
}

trace_flow *flow_of(gpointer key)
{
    return key ? (trace_flow *)((char *)key - G_STRUCT_OFFSET(trace_flow, key)) : NULL;
}

static trace_flow **recent_place(trace *facts, int table, const flow_key *key)
{
    return &facts->recent[table][key_hash(key) % RECENT_FLOWS];
}

trace_flow *flow_latest(trace *facts, int table, const flow_key *key)
{
    trace_flow **recent = recent_place(facts, table, key);

    if (*recent && key_equal(&(*recent)->key, key))
        return *recent;
    trace_flow *flow = flow_of(g_hash_table_lookup(facts->flows[table], key));
    if (flow)
        *recent = flow;
    return flow;
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
        if (began(before) <= began(flow))
            break;
        flows->pdata[i] = before;
        flows->pdata[i - 1] = flow;
    }
}

static void index_flow(GHashTable *index, trace_flow *flow, gboolean in_order)
{
    const trace_end ends[] = {trace_end_of(flow, 0), trace_end_of(flow, 1)};

    for (int i = 0; i < 4; i++) {
        int side = i / 2;
        GPtrArray *flows = index_under(index, &ends[side], i % 2 ? &ends[!side] : NULL, flow);
        if (in_order)
            put_in_order(flows);
    }
}

/* In front of the one that is there. */
trace_flow *flow_begin(trace *facts, int table, const flow_key *key, trace_packet packet)
{
    if (trace_is_full(facts))
        return NULL;
    gsize key_size = is_ipv4_key(key) ? KEY_SIZE_IPV4 : sizeof *key;
    trace_flow *flow = new_in_block(facts, G_STRUCT_OFFSET(trace_flow, key) + key_size);

    facts->flow_count++;
    memcpy(&flow->key, key, key_size);
    flow->stream = NO_STREAM;
    flow->event_room = FIRST_EVENTS;
    flow->events.first[0].time = packet.time;
    flow->events.first[0].frame = packet.frame;
    flow->protocol = table_protocols[table];
    flow->earlier = flow_of(g_hash_table_lookup(facts->flows[table], key));
    if (flow->earlier)
        g_hash_table_steal(facts->flows[table], key);
    g_hash_table_add(facts->flows[table], &flow->key);
    *recent_place(facts, table, key) = flow;
    if (facts->by_end[table])
        index_flow(facts->by_end[table], flow, TRUE);
    facts->changes++;
    return flow;
}

gboolean trace_is_loopback(const trace_end *end)
{
    static const guint8 v6[16] = {[15] = 1};
    return end->length == 4 ? end->address[0] == 127
                            : end->length == 16 && memcmp(end->address, v6, sizeof v6) == 0;
}

void trace_note_heard(trace *facts, const trace_end *to)
{
    if (!g_hash_table_contains(facts->heard, to) &&
        g_hash_table_size(facts->heard) < TRACE_MAX_FLOWS)
        g_hash_table_add(facts->heard, g_memdup2(to, sizeof *to));
}

/* Notes where the packets of a flow's side go to. */
static void add_heard(trace *facts, const trace_flow *flow, int side)
{
    trace_end to = trace_end_of(flow, !side);
    trace_note_heard(facts, &to);
}

void flow_touch(trace *facts, trace_flow *flow, int side, trace_packet packet)
{
    flow->last = packet.time;
    flow->last_frame = packet.frame;
    if (!trace_has_sent(flow, side)) {
        flow->has_sent |= side ? 2 : 1;
        if (facts->has_heard_flows)
            add_heard(facts, flow, side);
        facts->changes++;
    }
}

gboolean flow_is_noted(const trace_flow *flow, trace_packet packet)
{
    return flow->last_frame == packet.frame && flow->last == packet.time;
}

/* The flows' are added when a report asks for the first time, as the index is. */
static void hear_flows(trace *facts)
{
    for (int table = 0; table < TABLES; table++) {
        GHashTableIter iter;
        gpointer key;

        g_hash_table_iter_init(&iter, facts->flows[table]);
        while (g_hash_table_iter_next(&iter, &key, NULL)) {
            for (const trace_flow *flow = flow_of(key); flow; flow = flow->earlier) {
                for (int side = 0; side < 2; side++) {
                    if (trace_has_sent(flow, side))
                        add_heard(facts, flow, side);
                }
            }
        }
    }
    facts->has_heard_flows = TRUE;
}

gboolean trace_has_heard(trace *facts, const trace_end *host)
{
    if (!facts->has_heard_flows)
        hear_flows(facts);
    return g_hash_table_contains(facts->heard, host);
}

trace_flow *trace_find(const trace *facts, guint8 protocol, const trace_end *a, const trace_end *b,
                       gint64 time, gint64 tolerance)
{
    int table = table_of(protocol);
    flow_key key = flow_key_of(a, b);
    trace_flow *flow = table < 0 ? NULL : flow_of(g_hash_table_lookup(facts->flows[table], &key));
    trace_flow *after = NULL;

    for (int step = 0; flow && began(flow) > time && step < MAX_STEPS; step++) {
        after = began(flow) <= time + tolerance ? flow : NULL;
        flow = flow->earlier;
    }
    return flow && began(flow) <= time ? flow : after;
}

static gint compare_beginnings(gconstpointer a, gconstpointer b)
{
    const trace_flow *one = *(trace_flow *const *)a, *other = *(trace_flow *const *)b;
    trace_packet first = trace_began(one), second = trace_began(other);

    return first.time != second.time ? (first.time > second.time ? 1 : -1)
                                     : (first.frame > second.frame) - (first.frame < second.frame);
}

/* The index is made when a report needs it for the first time: most traces never do. */
static GHashTable *index_of(trace *facts, int table)
{
    GHashTableIter iter;
    gpointer item;

    if (facts->by_end[table])
        return facts->by_end[table];
    facts->by_end[table] =
        g_hash_table_new_full(index_hash, index_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    g_hash_table_iter_init(&iter, facts->flows[table]);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        for (trace_flow *flow = flow_of(item); flow; flow = flow->earlier)
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
        if (began(flows->pdata[middle]) <= time)
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

void trace_note_stream(trace *facts, trace_flow *flow, guint32 stream, trace_packet packet)
{
    const trace_event *event = flow_latest_event(flow, EVENT_STREAM, 0);

    if (flow->stream == NO_STREAM) {
        flow->stream = stream;
        facts->changes++;
    } else if (stream != (event ? event->value : flow->stream)) {
        flow_add_event(facts, flow, EVENT_STREAM, 0, stream, packet);
    }
}

gboolean trace_stream_of(const trace_flow *flow, gint64 time, guint32 *stream)
{
    trace_event event = trace_last_event(flow, EVENT_STREAM, 0, 0, time, 0);

    *stream = event.frame ? event.value : flow->stream;
    return flow->stream != NO_STREAM;
}

/* UDP and ICMP */

/* Of so long the largest datagram is noted: half as long as a report looks back for one that was
 * too large, so that there is one where there was any. */
#define LARGEST_TIME (30 * G_GINT64_CONSTANT(1000000000))

trace_flow *trace_note_udp(trace *facts, const trace_end *from, const trace_end *to, guint32 length,
                           trace_packet packet)
{
    flow_key key = flow_key_of(from, to);
    trace_flow *flow = flow_latest(facts, TABLE_UDP, &key);
    gboolean anew = !flow;

    if (anew)
        flow = flow_begin(facts, TABLE_UDP, &key, packet);
    else if (flow_is_noted(flow, packet))
        return NULL;
    if (!flow)
        return NULL;
    int side = trace_side_of(flow, from);
    udp_side *mine = &flow->sides[side].udp;
    gboolean is_over = !trace_has_sent(flow, side) || packet.time - mine->since > LARGEST_TIME;
    gboolean larger = is_over || length > mine->largest;
    flow_touch(facts, flow, side, packet);
    mine->frame = packet.frame;
    mine->time = packet.time;
    mine->length = length;
    if (is_over)
        mine->since = packet.time;
    if (larger) {
        mine->largest = length;
        flow_add_event(facts, flow, EVENT_DATAGRAM, side, length, packet);
    }
    return anew ? flow : NULL;
}

void trace_keep(trace *facts, trace_flow *flow, gint64 time)
{
    for (int side = 0; side < 2 && flow->protocol == TRACE_UDP; side++) {
        const trace_event *event = flow_latest_event(flow, EVENT_DATAGRAM, side);
        const udp_side *mine = &flow->sides[side].udp;
        if (event && mine->frame && event->frame != mine->frame)
            flow_add_event(facts, flow, EVENT_DATAGRAM, side, mine->length,
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
    flow_key key = flow_key_of(from, to);
    trace_flow *flow = flow_latest(facts, TABLE_UDP, &key);

    if (flow)
        flow->is_telemetry = TRUE;
}

void trace_note_icmp(trace *facts, guint8 protocol, const trace_end *from, const trace_end *to,
                     guint32 value, trace_packet packet)
{
    flow_key key = flow_key_of(from, to);
    int table = table_of(protocol);
    trace_flow *flow = table < 0 ? NULL : flow_latest(facts, table, &key);

    if (table < 0)
        return;
    if (!flow) /* the trace has only the way back */
        flow = flow_begin(facts, table, &key, packet);
    if (!flow)
        return;
    int side = trace_side_of(flow, from);
    const trace_event *before = flow_latest_event(flow, EVENT_ICMP, side);
    if (before && before->frame == packet.frame && before->time == packet.time)
        return;
    flow->last = packet.time;
    flow_add_event(facts, flow, EVENT_ICMP, side, value, packet);
}

/* Neighbours */

/* A host that has no answer asks again after a second or so. What it asks later is another search:
 * what it knows of its neighbour is to be renewed. */
#define SAME_SEARCH (5 * G_GINT64_CONSTANT(1000000000))

void trace_note_neighbour(trace *facts, const trace_end *asker, const trace_end *neighbour,
                          gboolean answered, trace_packet packet)
{
    flow_key key = flow_key_of(asker, neighbour);
    trace_flow *flow = flow_latest(facts, TABLE_NEIGHBOUR, &key);

    if (!flow)
        flow = flow_begin(facts, TABLE_NEIGHBOUR, &key, packet);
    else if (flow_is_noted(flow, packet))
        return;
    if (!flow)
        return;
    int side = trace_side_of(flow, asker);
    flow_touch(facts, flow, answered ? !side : side, packet);
    const trace_event *before = flow_latest_event(flow, EVENT_ANSWERED, side);
    const trace_event *asked = flow_latest_event(flow, EVENT_ASKED, side);
    gboolean is_open = asked && !(before && before > asked);
    gint64 pause = asked ? packet.time - asked->time : SAME_SEARCH;
    if (!answered && (!is_open || pause >= DUPLICATE_TIME))
        flow_add_event(facts, flow, EVENT_ASKED, side,
                       is_open && pause < SAME_SEARCH ? asked->value + 1 : 1, packet);
    else if (answered && is_open)
        flow_add_event(facts, flow, EVENT_ANSWERED, side, 0, packet);
}
