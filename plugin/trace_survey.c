/* trace_survey.c: what all flows together say: the troubles of the trace, and a host's state.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace_flows.h"

#include <string.h>

/* A survey of a host goes through all flows. It is remembered for each second that reports ask for,
 * and made again when the trace has grown; but so often at the most, that hostile reports cost no
 * more than a thousand times the flows. */
enum { MAX_SURVEYS = 64, MAX_SURVEYS_AGAIN = 16 };

/* Flows fall silent together if their last packets are of so many seconds. */
#define SILENT_TIME (5 * G_GINT64_CONSTANT(1000000000))

/* A host in a second, and what was found. */
typedef struct {
    trace_end host;
    gint64 second;
    guint32 frame; /* the last of the trace, when it was made */
    guint times;   /* that it was made */
    trace_survey found;
} survey_memo;

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
            const trace_event *event = &flow_events(flow)[i];
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
            for (const trace_flow *flow = flow_of(item); flow; flow = flow->earlier) {
                if (!flow->is_telemetry)
                    visit_flow(flow, flow->protocol, visit, data);
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
    if (flow->protocol != TRACE_TCP || port < TRACE_DYNAMIC_PORT ||
        trace_began(flow).time > s->time ||
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
    if (last.time >= s->time - SILENT_TIME && trace_has_sent(flow, 0) && trace_has_sent(flow, 1) &&
        !is_closed(flow))
        s->found->silent++;
    if (last.time > s->found->last.time)
        s->found->last = last;
}

/* A flow of a host, or of the machine that has the loopback. */
static void survey_of(surveying *s, const trace_flow *flow, const trace_end *host)
{
    const trace_end ends[] = {trace_end_of(flow, 0), trace_end_of(flow, 1)};

    if (trace_is_loopback(host)) {
        if (!trace_is_loopback(&ends[0]) && !trace_is_loopback(&ends[1]))
            survey_flow(s, flow);
        return;
    }
    for (int side = 0; side < 2; side++) {
        if (!address_equal(&ends[side], host))
            continue;
        survey_port(s, flow, ends[side].port);
        survey_flow(s, flow);
    }
}

static void survey(const trace *facts, const trace_end *host, surveying *s)
{
    memset(s->found, 0, sizeof *s->found);
    for (int table = 0; table < TABLE_NEIGHBOUR; table++) {
        GHashTableIter iter;
        gpointer item;

        g_hash_table_iter_init(&iter, facts->flows[table]);
        while (g_hash_table_iter_next(&iter, &item, NULL)) {
            for (const trace_flow *flow = flow_of(item); flow && !flow->is_telemetry;
                 flow = flow->earlier)
                survey_of(s, flow, host);
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
