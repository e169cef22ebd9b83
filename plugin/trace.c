/* trace.c: notes what the packets say about each flow.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace.h"

#include <string.h>

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

/* A SYN between the ends of a connection that never came to be goes on with it for so long: it is
 * another attempt. */
#define ATTEMPTS_TOGETHER (60 * G_GINT64_CONSTANT(1000000000))

struct trace {
    GHashTable *tcp, *udp; /* sets of trace_flow, the latest between two ends, found by the ends */
    GHashTable *heard;     /* set of trace_end, by address: where packets went to */
    GHashTable *lookups;   /* set of trace_lookup, the latest of a name, found by host and name */
    GHashTable *by_label;  /* first label of a name -> GPtrArray of the latest look-ups with it */
};

static guint flow_hash(gconstpointer data)
{
    const guint8 *bytes = (const guint8 *)((const trace_flow *)data)->ends;
    guint32 hash = 5381;

    for (size_t i = 0; i < 2 * sizeof(trace_end); i++)
        hash = hash * 33 + bytes[i];
    return hash;
}

static gboolean flow_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(((const trace_flow *)a)->ends, ((const trace_flow *)b)->ends,
                  2 * sizeof(trace_end)) == 0;
}

static guint address_hash(gconstpointer data)
{
    guint32 hash = 5381;

    for (size_t i = 0; i < sizeof((const trace_end *)data)->address; i++)
        hash = hash * 33 + ((const trace_end *)data)->address[i];
    return hash;
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
        g_free(flow);
    }
}

static guint lookup_hash(gconstpointer data)
{
    const trace_lookup *lookup = data;
    return g_str_hash(lookup->name) ^ address_hash(&lookup->host);
}

static gboolean lookup_equal(gconstpointer a, gconstpointer b)
{
    const trace_lookup *one = a, *other = b;
    return strcmp(one->name, other->name) == 0 && address_equal(&one->host, &other->host);
}

static void lookup_free(gpointer data)
{
    for (trace_lookup *lookup = data, *earlier; lookup; lookup = earlier) {
        earlier = lookup->earlier;
        g_free(lookup->name);
        g_free(lookup);
    }
}

trace *trace_new(void)
{
    trace *facts = g_new(trace, 1);
    facts->tcp = g_hash_table_new_full(flow_hash, flow_equal, flow_free, NULL);
    facts->udp = g_hash_table_new_full(flow_hash, flow_equal, flow_free, NULL);
    facts->heard = g_hash_table_new_full(address_hash, address_equal, g_free, NULL);
    facts->lookups = g_hash_table_new_full(lookup_hash, lookup_equal, lookup_free, NULL);
    facts->by_label =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    return facts;
}

void trace_free(trace *facts)
{
    if (!facts)
        return;
    g_hash_table_destroy(facts->tcp);
    g_hash_table_destroy(facts->udp);
    g_hash_table_destroy(facts->heard);
    g_hash_table_destroy(facts->by_label);
    g_hash_table_destroy(facts->lookups);
    g_free(facts);
}

static GHashTable *flows_of(const trace *facts, guint8 protocol)
{
    return protocol == PROTOCOL_TCP ? facts->tcp : protocol == PROTOCOL_UDP ? facts->udp : NULL;
}

static trace_flow key_of(const trace_end *a, const trace_end *b)
{
    gboolean ordered = memcmp(a, b, sizeof *a) <= 0;
    trace_flow key = {.ends = {ordered ? *a : *b, ordered ? *b : *a}};
    return key;
}

static trace_flow *latest(const trace *facts, guint8 protocol, const trace_end *a,
                          const trace_end *b)
{
    GHashTable *flows = flows_of(facts, protocol);
    trace_flow key = key_of(a, b);
    return flows ? g_hash_table_lookup(flows, &key) : NULL;
}

/* A new flow between the ends, in front of the one that is there. */
static trace_flow *begin(trace *facts, guint8 protocol, const trace_end *a, const trace_end *b,
                         trace_packet packet)
{
    GHashTable *flows = flows_of(facts, protocol);
    trace_flow *earlier = latest(facts, protocol, a, b);
    trace_flow *flow = g_new0(trace_flow, 1);
    trace_flow key = key_of(a, b);

    memcpy(flow->ends, key.ends, sizeof flow->ends);
    flow->first = packet;
    flow->earlier = earlier;
    if (earlier)
        g_hash_table_steal(flows, earlier);
    g_hash_table_add(flows, flow);
    return flow;
}

void trace_note_heard(trace *facts, const trace_end *to)
{
    if (!g_hash_table_contains(facts->heard, to))
        g_hash_table_add(facts->heard, g_memdup2(to, sizeof *to));
}

gboolean trace_has_heard(const trace *facts, const trace_end *host)
{
    return g_hash_table_contains(facts->heard, host);
}

static trace_lookup *latest_lookup(const trace *facts, const trace_end *host, char *name)
{
    trace_lookup key = {.host = *host, .name = name};
    return g_hash_table_lookup(facts->lookups, &key);
}

static char *first_label(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? g_strndup(name, (gsize)(dot - name)) : g_strdup(name);
}

/* Puts the newest look-up of a name in the place of the one before it. */
static void index_by_label(trace *facts, trace_lookup *lookup)
{
    char *label = first_label(lookup->name);
    GPtrArray *same = g_hash_table_lookup(facts->by_label, label);

    if (!same) {
        same = g_ptr_array_new();
        g_hash_table_insert(facts->by_label, g_strdup(label), same);
    }
    if (lookup->earlier)
        g_ptr_array_remove_fast(same, lookup->earlier);
    g_ptr_array_add(same, lookup);
    g_free(label);
}

void trace_note_query(trace *facts, const trace_end *host, const char *name, int which,
                      trace_packet packet)
{
    char *copy = g_strdup(name);
    trace_lookup *lookup = latest_lookup(facts, host, copy);

    if (!lookup || lookup->questions[which].answer.frame) {
        trace_lookup *earlier = lookup;
        lookup = g_new0(trace_lookup, 1);
        lookup->earlier = earlier;
        lookup->host = *host;
        lookup->name = copy;
        lookup->first = packet;
        if (earlier)
            g_hash_table_steal(facts->lookups, earlier);
        g_hash_table_add(facts->lookups, lookup);
        index_by_label(facts, lookup);
    } else {
        g_free(copy);
    }
    trace_question *question = &lookup->questions[which];
    if (!question->queries++)
        question->first_query = packet;
    question->last_query = packet;
}

void trace_note_answer(trace *facts, const trace_end *host, const char *name, int which,
                       guint8 rcode, gboolean has_records, trace_packet packet)
{
    char *copy = g_strdup(name);
    trace_lookup *lookup = latest_lookup(facts, host, copy);
    trace_question *question = lookup ? &lookup->questions[which] : NULL;

    g_free(copy);
    if (!question || question->answer.frame)
        return;
    question->answer = packet;
    question->rcode = rcode;
    question->has_records = has_records;
}

/* Whether a name that was asked for is the wanted one, or that one and a suffix. */
static gboolean stands_for(const char *asked, const char *wanted)
{
    size_t length = strlen(wanted);
    return strncmp(asked, wanted, length) == 0 && (asked[length] == '\0' || asked[length] == '.');
}

const trace_lookup *trace_find_lookup(const trace *facts, const trace_end *host, const char *name,
                                      gint64 after, gint64 before)
{
    char *wanted = g_ascii_strdown(name, -1);
    if (g_str_has_suffix(wanted, "."))
        wanted[strlen(wanted) - 1] = '\0';
    char *label = first_label(wanted);
    const GPtrArray *same = g_hash_table_lookup(facts->by_label, label);
    const trace_lookup *found = NULL;

    for (guint i = 0; same && i < same->len; i++) {
        const trace_lookup *lookup = same->pdata[i];
        while (lookup && lookup->first.time > before)
            lookup = lookup->earlier;
        if (lookup && lookup->first.time >= after && address_equal(&lookup->host, host) &&
            stands_for(lookup->name, wanted) && (!found || lookup->first.time > found->first.time))
            found = lookup;
    }
    g_free(label);
    g_free(wanted);
    return found;
}

int trace_side_of(const trace_flow *flow, const trace_end *end)
{
    return memcmp(&flow->ends[0], end, sizeof *end) != 0;
}

static gboolean is_established(const trace_flow *flow)
{
    return flow->sides[0].syn_ack.frame || flow->sides[1].syn_ack.frame ||
           flow->sides[0].last_data.frame || flow->sides[1].last_data.frame;
}

/* A SYN begins a connection unless it is the same attempt, or another one at the same. */
static gboolean begins_anew(const trace_flow *flow, const trace_side *side, guint32 sequence,
                            trace_packet packet)
{
    gboolean same = side->first_syn.frame && sequence == side->initial;
    if (!side->first_syn.frame || is_established(flow))
        return !same;
    return !same && packet.time - side->last_syn.time > ATTEMPTS_TOGETHER;
}

/* Whether a sequence number comes after another, modulo 2^32. */
static gboolean is_after(guint32 a, guint32 b)
{
    return (gint32)(a - b) > 0;
}

static void note_data(trace_side *side, guint32 sequence, guint32 end, trace_packet packet)
{
    side->last_data = packet;
    if (side->has_sent && !is_after(end, side->sent_to) && is_after(side->sent_to, sequence)) {
        side->last_again = packet;
        side->again++;
    }
    if (!side->has_sent || is_after(end, side->sent_to))
        side->sent_to = end;
    side->has_sent = TRUE;
}

static void note_segment(trace_side *side, trace_side *other, guint8 flags, guint32 sequence,
                         guint32 acknowledgement, guint32 length, trace_packet packet)
{
    if (flags & TRACE_RST) {
        if (!side->first_rst.frame)
            side->first_rst = packet;
        side->last_rst = packet;
        return;
    }
    side->last = packet;
    if ((flags & (TRACE_SYN | TRACE_ACK)) == TRACE_SYN) {
        if (!side->syns++)
            side->first_syn = packet;
        side->last_syn = packet;
        side->initial = sequence;
        side->sent_to = sequence + 1;
        side->has_sent = TRUE;
    } else if (flags & TRACE_SYN) {
        if (!side->syn_ack.frame)
            side->syn_ack = packet;
        side->sent_to = sequence + 1;
        side->has_sent = TRUE;
    } else if (length > 0) {
        note_data(side, sequence, sequence + length, packet);
    }
    if ((flags & TRACE_FIN) && !side->fin.frame)
        side->fin = packet;
    if ((flags & TRACE_ACK) && (!other->has_acked || is_after(acknowledgement, other->acked_to))) {
        other->acked_to = acknowledgement;
        other->has_acked = TRUE;
    }
}

void trace_note_tcp(trace *facts, const trace_end *from, const trace_end *to, guint8 flags,
                    guint32 sequence, guint32 acknowledgement, guint32 length, trace_packet packet)
{
    trace_flow *flow = latest(facts, PROTOCOL_TCP, from, to);
    gboolean syn = (flags & (TRACE_SYN | TRACE_ACK)) == TRACE_SYN;

    if (!flow ||
        (syn && begins_anew(flow, &flow->sides[trace_side_of(flow, from)], sequence, packet)))
        flow = begin(facts, PROTOCOL_TCP, from, to, packet);
    int side = trace_side_of(flow, from);
    if (!flow->sides[side].last.frame)
        trace_note_heard(facts, to);
    note_segment(&flow->sides[side], &flow->sides[!side], flags, sequence, acknowledgement, length,
                 packet);
}

void trace_note_udp(trace *facts, const trace_end *from, const trace_end *to, trace_packet packet)
{
    trace_flow *flow = latest(facts, PROTOCOL_UDP, from, to);

    if (!flow)
        flow = begin(facts, PROTOCOL_UDP, from, to, packet);
    trace_side *side = &flow->sides[trace_side_of(flow, from)];
    if (!side->last.frame)
        trace_note_heard(facts, to);
    side->last = side->last_data = packet;
}

void trace_note_icmp(trace *facts, guint8 protocol, const trace_end *from, const trace_end *to,
                     trace_icmp error)
{
    trace_flow *flow = latest(facts, protocol, from, to);

    if (!flow)
        return;
    int side = trace_side_of(flow, from);
    if (!flow->icmp[side].packet.frame)
        flow->icmp[side] = error;
}

const trace_flow *trace_find(const trace *facts, guint8 protocol, const trace_end *a,
                             const trace_end *b, gint64 time)
{
    const trace_flow *flow = latest(facts, protocol, a, b);

    while (flow && flow->first.time > time)
        flow = flow->earlier;
    return flow;
}

static void visit_flow(const trace_flow *flow, guint8 protocol, trace_visitor visit, void *data)
{
    for (int side = 0; side < 2; side++) {
        const trace_side *peers = &flow->sides[!side];
        gboolean refused = !flow->sides[0].syn_ack.frame && !flow->sides[1].syn_ack.frame;
        if (peers->first_rst.frame)
            visit(flow, side, protocol, peers->first_rst, refused ? "refused" : "reset", data);
        if (flow->icmp[side].packet.frame)
            visit(flow, side, protocol, flow->icmp[side].packet, "ICMP error", data);
    }
}

void trace_visit_troubles(const trace *facts, trace_visitor visit, void *data)
{
    static const guint8 protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP};

    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        GHashTableIter iter;
        gpointer latest_flow;

        g_hash_table_iter_init(&iter, flows_of(facts, protocols[i]));
        while (g_hash_table_iter_next(&iter, &latest_flow, NULL)) {
            for (const trace_flow *flow = latest_flow; flow; flow = flow->earlier)
                visit_flow(flow, protocols[i], visit, data);
        }
    }
}
