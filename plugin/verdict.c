/* verdict.c: finds a failure's flow, and the rule that judges it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A flow that a report does not name is one that had a packet so short a time before, or during the
 * call; and for a call that connects an attempt that can still have been on its way. */
#define ALIVE_TIME (60 * RULE_SECOND)

/* An attempt to connect ends so long after its first SYN at the latest, where the report does not
 * say how long it took. */
#define CONNECT_TIME (300 * RULE_SECOND)

/* A call that took no longer has not waited for any answer. */
#define AT_ONCE (RULE_SECOND / 1000)

/* What a datagram socket is told of lies back so far at the most. */
#define DATAGRAM_TIME (60 * RULE_SECOND)

verdict answer(const view *v, verdict_kind kind, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (v->reason)
        vsnprintf(v->reason, VERDICT_MAX_REASON, format, arguments);
    va_end(arguments);
    return (verdict){.kind = kind};
}

/* Adds to the end of the sentence. */
static void add_words(const view *v, const char *words)
{
    if (v->reason)
        g_strlcat(v->reason, words, VERDICT_MAX_REASON);
}

verdict with_evidence(const view *v, verdict result, trace_packet packet)
{
    if (packet.frame && result.evidence_count < VERDICT_MAX_EVIDENCE &&
        trace_has_frame(v->facts, packet))
        result.evidence[result.evidence_count++] = packet;
    return result;
}

phrase in_frame(const view *v, trace_packet packet)
{
    phrase words = {""};

    if (!v->reason)
        return words;
    if (trace_has_frame(v->facts, packet))
        snprintf(words.text, sizeof words.text, "in frame %u", packet.frame);
    else
        snprintf(words.text, sizeof words.text, "in a packet that the read filter leaves out");
    return words;
}

phrase how_long_before(const view *v, trace_packet packet)
{
    double seconds = (double)(v->failure->moment - packet.time) / (double)RULE_SECOND;
    phrase words = {""};

    if (!v->reason)
        return words;
    if (seconds < 0)
        snprintf(words.text, sizeof words.text, "as the call failed");
    else if (seconds < 1)
        snprintf(words.text, sizeof words.text, "%.1f ms before the failure", seconds * 1000);
    else
        snprintf(words.text, sizeof words.text, "%.1f s before the failure", seconds);
    return words;
}

trace_event my_event(const view *v, trace_kind kind)
{
    return trace_last_event(v->flow, kind, v->mine, 0, v->failure->moment, 0);
}

trace_event peers_event(const view *v, trace_kind kind)
{
    return trace_last_event(v->flow, kind, v->peers, 0, v->failure->moment, 0);
}

trace_event inbound(const view *v, trace_kind kind)
{
    return trace_last_event(v->flow, kind, v->peers, 0, v->failure->moment, RULE_TOLERANCE);
}

trace_event icmp_error(const view *v)
{
    return trace_last_event(v->flow, EVENT_ICMP, v->mine, 0, v->failure->moment, RULE_TOLERANCE);
}

/* The last that nobody heeded a RST of the peer: also after the failure, for that was the end. */
static trace_event went_on(const view *v)
{
    return trace_last_event(v->flow, EVENT_WENT_ON, v->peers, 0, G_MAXINT64, 0);
}

trace_event accepted_reset(const view *v)
{
    trace_event none = {0}, rst = inbound(v, EVENT_RST);
    return is_latest(rst, went_on(v)) ? rst : none;
}

trace_event ignored_reset(const view *v)
{
    trace_event none = {0}, rst = inbound(v, EVENT_RST);
    return is_latest(rst, went_on(v)) ? none : rst;
}

/* Whether an answer from the network, or the lack of one, ends an attempt to connect so. */
static gboolean can_come_later(const view *v)
{
    switch (v->failure->error) {
    case 10013:
        return !is_windows(v);
    case 10051:
    case 10060:
    case 10061:
    case 10064:
    case 10065:
        return TRUE;
    default:
        return FALSE;
    }
}

/* Whether a call moves data. One that waited was told of what came in that time. */
static gboolean is_transfer(const view *v)
{
    switch (v->failure->operation) {
    case OP_SEND:
    case OP_SENDTO:
    case OP_WSASEND:
    case OP_WSASENDTO:
    case OP_WSASENDMSG:
    case OP_TRANSMITFILE:
    case OP_TRANSMITPACKETS:
        return TRUE;
    default:
        return is_receive(v);
    }
}

/* Whether the attempt that failed was begun by an earlier call than the one that tells of it: how
 * long this one took says nothing then. Where connect itself is asked for the end of an attempt, it
 * returns at once and without a SYN; of one that succeeded there is nothing to ask, and of one
 * whose own end the report does not name, it can be another socket's. But no connect times out at
 * once. */
static gboolean is_of_earlier_call(const view *v)
{
    const verdict_case *failure = v->failure;

    if (failure->error == 10037)
        return TRUE;
    if (!verdict_is_connect(failure))
        return failure->duration <= AT_ONCE || !is_transfer(v);
    if (failure->duration > AT_ONCE || !can_come_later(v) ||
        (v->is_likely && failure->error != 10060))
        return FALSE;
    return !v->flow ||
           (!handshake_of(v).frame &&
            my_event(v, EVENT_SYN).time < failure->moment - failure->duration - RULE_TOLERANCE);
}

gint64 attempt_began(const view *v)
{
    gint64 duration = v->failure->duration;
    gboolean is_known = duration && !is_of_earlier_call(v);
    return v->failure->moment - (is_known ? duration + RULE_TOLERANCE : CONNECT_TIME);
}

trace_event attempt(const view *v)
{
    trace_event none = {0}, syn = my_event(v, EVENT_SYN);
    return syn.frame && syn.time >= attempt_began(v) ? syn : none;
}

guint32 attempts_since(const view *v, gint64 time)
{
    guint32 before = trace_last_event(v->flow, EVENT_SYN, v->mine, 0, time, 0).value;
    guint32 all = my_event(v, EVENT_SYN).value;
    return all > before ? all - before : 0;
}

trace_event handshake_of(const view *v)
{
    trace_event done = peers_event(v, EVENT_SYN_ACK);

    if (!done.frame)
        done = my_event(v, EVENT_SYN_ACK);
    return done.frame ? done : my_event(v, EVENT_FIRST);
}

gboolean is_latest(trace_event event, trace_event other)
{
    return event.frame && (!other.frame || other.time < event.time ||
                           (other.time == event.time && other.frame < event.frame));
}

gboolean is_windows(const view *v)
{
    return v->failure->platform == 0 || v->failure->platform == PLATFORM_WINDOWS;
}

gboolean verdict_is_connect(const verdict_case *failure)
{
    return failure->operation == OP_CONNECT || failure->operation == OP_WSACONNECT ||
           failure->operation == OP_WSACONNECTBYNAME || failure->operation == OP_CONNECTEX;
}

gboolean is_connect(const view *v)
{
    /* An overlapped connect is reported by the call that asks for its end. */
    return verdict_is_connect(v->failure) ||
           (v->flow && my_event(v, EVENT_SYN).frame && !handshake_of(v).frame);
}

gboolean hears_both_ways(const view *v)
{
    return trace_has_sent(v->flow, v->peers) ||
           (!handshake_of(v).frame && trace_has_heard(v->facts, &v->local));
}

/* Which rule judges an error. */
typedef struct {
    guint32 first, last; /* errors */
    rule judge;
    enum {
        NEEDS_FLOW,   /* without its flow nothing can be said */
        EXPECTS_NONE, /* without a flow it is as it should be */
        ASKS_NOTHING  /* of any flow; one that is there can add to the reason */
    } flow;
} error_rule;

static verdict judge_local(const view *v)
{
    return answer(v, VERDICT_LOCAL, "It arises inside the host; no packet is expected");
}

/* When a flow counts as one of a moment. */
typedef struct {
    gint64 after;       /* it had a packet no earlier than this; */
    gint64 asked_after; /* or, where that is a SYN without an answer, than this */
    guint16 port;       /* of the host, or 0: any */
    trace_end *before;  /* the host's end of the flow that passed before */
    const view *v;
} flow_wish;

static gboolean is_since(trace_event event, gint64 time)
{
    return event.frame && event.time >= time;
}

/* A flow that has ended is one of the moment for a minute still; one that has not, always. A server
 * has thousands that have: the last events tell. */
static gboolean is_alive(const trace_flow *flow, int side_of_end, const void *data)
{
    const flow_wish *wish = data;
    gint64 moment = wish->v->failure->moment;
    gboolean is_open = FALSE;
    guint closed_sides = 0, count;
    const trace_event *events = trace_events(flow, &count);

    (void)side_of_end;
    for (guint i = count; i > 0; i--) {
        const trace_event *event = &events[i - 1];
        gboolean is_end = event->kind == EVENT_RST || event->kind == EVENT_FIN;
        if (event->time > moment + (is_end ? 0 : RULE_TOLERANCE))
            continue;
        switch (event->kind) {
        case EVENT_RST:
            if (event->time >= wish->after)
                return TRUE;
            if (!is_open) /* nothing came after it */
                return FALSE;
            break;
        case EVENT_SYN:
            if (event->time >= wish->asked_after)
                return TRUE;
            break;
        case EVENT_FIN:
            closed_sides |= 1U << event->side;
            /* FALLTHROUGH */
        case EVENT_ICMP:
            if (event->time >= wish->after)
                return TRUE;
            break;
        case EVENT_SYN_ACK:
        case EVENT_FIRST:
        case EVENT_WENT_ON:
        case EVENT_DATAGRAM:
            is_open = TRUE;
            break;
        default:
            break;
        }
        if (closed_sides == 3 && event->time < wish->after)
            return FALSE;
    }
    return is_open && closed_sides != 3;
}

/* Whether it can be the failed one, of which the report names the other end, and perhaps the port
 * of its own. What the same two ends had earlier is no other candidate. */
static gboolean is_likely(const trace_flow *flow, int side_of_end, const void *data)
{
    const flow_wish *wish = data;
    trace_end own = trace_end_of(flow, !side_of_end);
    gboolean is_known = wish->port && memcmp(wish->before, &own, sizeof own) == 0;

    if ((wish->port && own.port != wish->port) || is_known || !is_alive(flow, side_of_end, data))
        return FALSE;
    *wish->before = own;
    return TRUE;
}

/* Whether an ICMP error has come about what this end sent, or a datagram that it could not take. */
static gboolean has_trouble(const trace_flow *flow, int side_of_end, const void *data)
{
    const flow_wish *wish = data;
    const verdict_case *failure = wish->v->failure;
    gboolean too_long = failure->error == 10040;

    return is_since(
        trace_last_event(flow, too_long ? EVENT_DATAGRAM : EVENT_ICMP,
                         too_long ? !side_of_end : side_of_end,
                         too_long ? (guint32)MIN(failure->bytes, G_MAXUINT32 - 1) + 1 : 0,
                         failure->moment, RULE_TOLERANCE),
        failure->moment - DATAGRAM_TIME);
}

static void set_stream(verdict *result, const trace_flow *flow, guint8 protocol, gint64 moment)
{
    result->has_stream = trace_stream_of(flow, moment, &result->stream) ? 1 : 0;
    result->protocol = protocol;
}

/* Whose port it is that is in use. */
static verdict judge_in_use(const view *v)
{
    gint64 since = v->failure->moment - TRACE_PORT_TIME;
    flow_wish wish = {.after = since, .asked_after = since, .v = v};
    trace_flow *holder = NULL;
    guint8 protocol = v->protocol ? v->protocol : TRACE_TCP;

    if (v->own.length && v->own.port)
        trace_find_by_end(v->facts, protocol, &v->own, NULL, v->failure->moment, is_alive, &wish,
                          &holder);
    if (!holder && v->own.port && v->is_any_address)
        return answer(v, VERDICT_LOCAL,
                      "It arises inside the host; whose the port is the trace does not show, for "
                      "the report does not name its own address");
    if (!holder)
        return answer(v, VERDICT_LOCAL,
                      "It arises inside the host; the trace has no flow of the "
                      "port in the four minutes before");
    verdict result =
        answer(v, VERDICT_LOCAL, "Port %u is in use, or was until lately: its flow began %s",
               v->own.port, in_frame(v, trace_began(holder)).text);
    set_stream(&result, holder, protocol, v->failure->moment);
    return result;
}

static const error_rule rules[] = {
    {6, 8, judge_local, ASKS_NOTHING},
    {87, 87, judge_local, ASKS_NOTHING},
    {995, 995, judge_cancelled, ASKS_NOTHING},
    {996, 997, judge_pending, ASKS_NOTHING},
    {10004, 10009, judge_local, ASKS_NOTHING},
    {10013, 10013, judge_access, EXPECTS_NONE},
    {10014, 10024, judge_local, ASKS_NOTHING},
    {10035, 10035, judge_pending, ASKS_NOTHING},
    {10036, 10036, judge_local, ASKS_NOTHING},
    {10037, 10037, judge_already, NEEDS_FLOW},
    {10038, 10039, judge_local, ASKS_NOTHING},
    {10040, 10040, judge_too_long, EXPECTS_NONE},
    {10041, 10047, judge_local, ASKS_NOTHING},
    {10048, 10048, judge_in_use, ASKS_NOTHING},
    {10049, 10049, judge_nothing_sent, EXPECTS_NONE},
    {10050, 10050, judge_network_down, ASKS_NOTHING},
    {10051, 10051, judge_unreachable, EXPECTS_NONE},
    {10052, 10052, judge_network_reset, NEEDS_FLOW},
    {10053, 10053, judge_aborted, NEEDS_FLOW},
    {10054, 10054, judge_reset, NEEDS_FLOW},
    {10055, 10055, judge_no_buffers, ASKS_NOTHING},
    {10056, 10056, judge_connected_already, NEEDS_FLOW},
    {10057, 10057, judge_not_connected, EXPECTS_NONE},
    {10058, 10058, judge_shut_down, NEEDS_FLOW},
    {10059, 10059, judge_local, ASKS_NOTHING},
    {10060, 10060, judge_timeout, NEEDS_FLOW},
    {10061, 10061, judge_refused, NEEDS_FLOW},
    {10062, 10063, judge_local, ASKS_NOTHING},
    {10064, 10064, judge_host_down, NEEDS_FLOW},
    {10065, 10065, judge_unreachable, EXPECTS_NONE},
    {10066, 10093, judge_local, ASKS_NOTHING},
    {10101, 10101, judge_disconnecting, NEEDS_FLOW},
    {10102, 10112, judge_local, ASKS_NOTHING},
    {11005, 11033, judge_local, ASKS_NOTHING},
};

static const error_rule *rule_of(guint32 error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (error >= rules[i].first && error <= rules[i].last)
            return &rules[i];
    }
    return NULL;
}

static gboolean names_own_address(const verdict_case *failure)
{
    static const guint8 any[16] = {0};
    return failure->local.length != 0 && memcmp(failure->local.address, any, sizeof any) != 0;
}

/* The report's own end, with the host's address where it names none. */
static trace_end own_end(const verdict_case *failure)
{
    trace_end end = failure->local;

    if (!names_own_address(failure)) {
        memcpy(end.address, failure->host.address, sizeof end.address);
        end.length = failure->host.length;
    }
    return end;
}

static void take_flow(view *v, guint8 protocol, trace_flow *flow, int mine)
{
    if (v->keeps)
        trace_keep(v->facts, flow, v->failure->moment);
    v->protocol = protocol;
    v->flow = flow;
    v->local = trace_end_of(flow, mine);
    v->mine = mine;
    v->peers = !mine;
}

/* The flow between the two ends that the report names. */
static gboolean find_named_flow(view *v, guint8 protocol)
{
    trace_flow *flow = NULL;

    if (v->failure->remote.length && v->own.length && v->own.port)
        flow = trace_find(v->facts, protocol, &v->own, &v->failure->remote, v->failure->moment,
                          RULE_TOLERANCE);
    if (flow)
        take_flow(v, protocol, flow, trace_side_of(flow, &v->own));
    return flow != NULL;
}

/* An error of a datagram socket can be about any datagram that it sent, to whichever end. */
static gboolean find_socket_flow(view *v)
{
    static const guint32 errors[] = {10040, 10052, 10054, 10060, 10061};
    flow_wish wish = {.v = v};
    trace_flow *flow = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(errors) && v->own.port && !flow; i++) {
        if (errors[i] == v->failure->error)
            trace_find_by_end(v->facts, TRACE_UDP, &v->own, NULL, v->failure->moment, has_trouble,
                              &wish, &flow);
    }
    if (flow)
        take_flow(v, TRACE_UDP, flow, trace_side_of(flow, &v->own));
    return flow != NULL;
}

/* Where the report does not name all of its own end: the flows that the host has with the remote
 * end, or else whoever has; those of the port that it names, if any. Result: how many there are,
 * where 2 stands for all above. */
static guint find_likely_flow(view *v, guint8 protocol)
{
    const verdict_case *failure = v->failure;
    trace_end before = {.length = 0};
    gint64 alive = failure->moment - MAX(ALIVE_TIME, failure->duration);
    flow_wish wish = {.after = alive,
                      .asked_after = verdict_is_connect(failure) || can_come_later(v)
                                         ? MIN(alive, attempt_began(v))
                                         : alive,
                      .port = v->own.port,
                      .before = &before,
                      .v = v};
    gint64 by = failure->moment + RULE_TOLERANCE;
    trace_flow *flow = NULL;
    guint count = 0;

    if (failure->remote.length == 0 || (v->own.port && names_own_address(failure)))
        return 0;
    if (v->own.length)
        count = trace_find_by_end(v->facts, protocol, &failure->remote, &v->own, by, is_likely,
                                  &wish, &flow);
    if (count == 0)
        count = trace_find_by_end(v->facts, protocol, &failure->remote, NULL, by, is_likely, &wish,
                                  &flow);
    if (count == 1 && trace_began(flow).time > failure->moment) { /* or what the ends had before */
        trace_flow *earlier = trace_find(v->facts, protocol, &before, &failure->remote,
                                         failure->moment, RULE_TOLERANCE);
        flow = earlier ? earlier : flow;
    }
    if (count == 1)
        take_flow(v, protocol, flow, !trace_side_of(flow, &failure->remote));
    return count;
}

/* A connection that was made before a call that connects is another call's. */
static void drop_flow_of_another_call(view *v)
{
    trace_event syn = {0};

    if (v->flow && v->protocol == TRACE_TCP && verdict_is_connect(v->failure))
        syn = my_event(v, EVENT_SYN);
    if (syn.frame && syn.time < attempt_began(v) && icmp_error(v).time < attempt_began(v) &&
        inbound(v, EVENT_RST).time < attempt_began(v))
        v->flow = NULL;
}

/* Result: how many flows could be meant where the report does not name its own end. */
static guint find_flow(view *v)
{
    static const guint8 protocols[] = {TRACE_TCP, TRACE_UDP};
    guint candidates = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(protocols) && !v->flow; i++) {
        guint8 protocol = protocols[i];
        if (v->failure->protocol != 0 && v->failure->protocol != protocol)
            continue;
        find_named_flow(v, protocol);
        if (protocol == TRACE_UDP &&
            (!v->flow || !has_trouble(v->flow, v->mine, &(flow_wish){.v = v})))
            find_socket_flow(v);
        if (!v->flow && candidates < 2) {
            candidates = find_likely_flow(v, protocol);
            v->is_likely = v->flow != NULL;
        }
    }
    return candidates;
}

static verdict judge_without_flow(const view *v, const error_rule *found, guint candidates)
{
    verdict result = found->judge == judge_unreachable || found->judge == judge_host_down
                         ? judge_by_neighbour(v)
                         : answer(v, VERDICT_NONE, "%s", "");

    if (result.kind != VERDICT_NONE)
        return result;
    if (candidates > 1 && found->judge != judge_nothing_sent)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The report does not name its own end, and more than one flow to the other "
                      "end could be meant");
    if (v->is_any_address && found->judge == judge_too_long && is_receive(v))
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The report names neither its own address nor a flow of the trace, so that "
                      "what it received is not known");
    if (trace_is_full(v->facts))
        return answer(v, VERDICT_INCONCLUSIVE, "The trace has more flows than are kept");
    if (found->flow == EXPECTS_NONE)
        return answer(v, VERDICT_LOCAL,
                      "The trace has no packet of it, as where the error arises inside the host");
    if (!v->failure->remote.length)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The report does not name the other end, so that its flow is not known");
    return answer(v, VERDICT_UNSEEN, "The trace has no packet between these two ends");
}

/* What is judged by a flow that the report does not quite name may confirm, and exclude nothing. */
static verdict judge_likely(const view *v, const error_rule *found)
{
    verdict result = found->judge(v);

    if (result.kind == VERDICT_CONFIRMED)
        return result;
    if (found->flow == EXPECTS_NONE)
        return judge_without_flow(v, found, 1);
    result.kind = VERDICT_INCONCLUSIVE;
    return result;
}

verdict verdict_judge(trace *facts, const lookups *names, const verdict_case *failure,
                      gboolean is_new, char *reason)
{
    view v = {.facts = facts,
              .names = names,
              .failure = failure,
              .own = own_end(failure),
              .protocol = failure->protocol,
              .keeps = is_new,
              .reason = reason};
    const error_rule *found = rule_of(failure->error);

    v.local = v.own;
    v.is_any_address = !names_own_address(failure) && trace_is_loopback(&failure->host);
    if (reason)
        *reason = '\0';
    if (is_about_a_name(failure))
        return judge_name(&v);
    if (!found)
        return (verdict){.kind = VERDICT_NONE};
    guint candidates = find_flow(&v);
    verdict result;
    if (found->judge != judge_connected_already)
        drop_flow_of_another_call(&v);
    if (found->flow == ASKS_NOTHING)
        result = found->judge(&v);
    else if (!v.flow)
        result = judge_without_flow(&v, found, candidates);
    else
        result = v.is_likely ? judge_likely(&v, found) : found->judge(&v);
    if (v.flow && !result.has_stream)
        set_stream(&result, v.flow, v.protocol, failure->moment);
    if (v.flow && found->flow != ASKS_NOTHING) {
        if (v.is_likely)
            add_words(&v, v.own.port ? " (the only flow of that port to that end; the report does "
                                       "not name its own address)"
                                     : " (the only flow to that end; the report does not name its "
                                       "own)");
        if (failure->protocol == 0)
            add_words(&v, v.protocol == TRACE_TCP ? " (over TCP, which the report does not say)"
                                                  : " (over UDP, which the report does not say)");
    }
    return result;
}
