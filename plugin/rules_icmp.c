/* rules_icmp.c: what ICMP errors about a flow say, and searches for a neighbour.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "rules.h"

/* What an ICMP error says, whichever IP it is of. */
typedef enum {
    SAYS_OTHER,
    SAYS_NET,
    SAYS_HOST,
    SAYS_FORBIDDEN,
    SAYS_PORT,
    SAYS_SIZE,
    SAYS_TIME
} said;

typedef struct {
    guint16 type_and_code; /* as in the value of the event */
    said means;
} icmp_row;

static const icmp_row icmp_v4[] = {{0x0300, SAYS_NET},  {0x0309, SAYS_NET},  {0x0301, SAYS_HOST},
                                   {0x030a, SAYS_HOST}, {0x030d, SAYS_HOST}, {0x0303, SAYS_PORT},
                                   {0x0304, SAYS_SIZE}, {0x0b00, SAYS_TIME}};
static const icmp_row icmp_v6[] = {
    {0x0100, SAYS_NET},       {0x0102, SAYS_HOST},      {0x0103, SAYS_HOST},
    {0x0101, SAYS_FORBIDDEN}, {0x0105, SAYS_FORBIDDEN}, {0x0106, SAYS_FORBIDDEN},
    {0x0104, SAYS_PORT},      {0x0200, SAYS_SIZE},      {0x0300, SAYS_TIME}};

static const char *const sentences[] = {
    [SAYS_NET] = "A router has no route to the peer",
    [SAYS_HOST] = "A router cannot reach the peer",
    [SAYS_FORBIDDEN] = "A router must not forward to the peer",
    [SAYS_PORT] = "Nobody listens on the peer's port",
    [SAYS_SIZE] = "A packet was too large for the way",
    [SAYS_TIME] = "A packet ran out of hops on its way",
};

static said meaning_of(guint32 value)
{
    gboolean v6 = (value & 0x10000) != 0;
    const icmp_row *rows = v6 ? icmp_v6 : icmp_v4;
    size_t count = v6 ? G_N_ELEMENTS(icmp_v6) : G_N_ELEMENTS(icmp_v4);

    for (size_t i = 0; i < count; i++) {
        if (rows[i].type_and_code == (value & 0xffff))
            return rows[i].means;
    }
    return SAYS_OTHER;
}

/* Whether the sender's system makes the failure's error of what an ICMP error says. */
static gboolean is_cause(const view *v, said means)
{
    gboolean udp = v->protocol == TRACE_UDP;

    switch (v->failure->error) {
    case 10051:
        return means == SAYS_NET;
    case 10065:
        return means == SAYS_HOST || (means == SAYS_FORBIDDEN && is_windows(v)) ||
               (means == SAYS_TIME && udp && !is_windows(v));
    case 10013:
        return means == SAYS_FORBIDDEN;
    case 10061:
        return means == SAYS_PORT && !(udp && is_windows(v));
    case 10054:
        return means == SAYS_PORT && udp && is_windows(v);
    case 10052:
        return means == SAYS_TIME && udp && is_windows(v);
    case 10060: /* Wine overlooks the ICMP error, and waits on */
        return means == SAYS_PORT && udp && v->failure->platform == PLATFORM_WINE;
    case 10040:
        return means == SAYS_SIZE;
    default:
        return FALSE;
    }
}

verdict judge_by_icmp(const view *v)
{
    trace_event icmp = icmp_error(v);
    said means = meaning_of(icmp.value);

    if (!icmp.frame)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The flow is in the trace, and no ICMP error about it before the failure");
    if (!is_cause(v, means))
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "An ICMP%s error came that does not decide it: type %u, code "
                                    "%u, %s",
                                    icmp.value & 0x10000 ? "v6" : "", icmp.value >> 8 & 0xff,
                                    icmp.value & 0xff, in_frame(v, at(icmp)).text),
                             at(icmp));
    verdict result = answer(v, VERDICT_CONFIRMED, "%s: ICMP%s %s, %s", sentences[means],
                            icmp.value & 0x10000 ? "v6" : "", in_frame(v, at(icmp)).text,
                            how_long_before(v, at(icmp)).text);
    if (v->protocol == TRACE_TCP)
        result.attempts = my_event(v, EVENT_SYN).value;
    return with_evidence(v, result, at(icmp));
}

/* The last that shows a packet of the peer before the failure. A RST shows its address alone. */
static trace_event last_of_peer(const view *v)
{
    const trace_event events[] = {
        peers_event(v, EVENT_SYN_ACK),   peers_event(v, EVENT_FIRST),
        peers_event(v, EVENT_DATAGRAM),  peers_event(v, EVENT_FIN),
        my_event(v, EVENT_ACKNOWLEDGED), my_event(v, EVENT_PROBE_ANSWERED),
    };
    trace_event last = {0};

    for (size_t i = 0; i < G_N_ELEMENTS(events); i++) {
        if (is_latest(events[i], last))
            last = events[i];
    }
    return last;
}

/* A search that failed is told of within so long, where the report does not say when its call
 * began: TCP sends again after a minute at the latest, and each time the host searches anew. */
#define NEIGHBOUR_TIME (60 * RULE_SECOND)

/* The host can be one whose multicasts alone are in the capture, and not the answers that it gets.
 * But a host that has its answer does not ask again a second later, so that two questions in a row
 * say that the first at least had none. */
enum { QUESTIONS_IN_A_ROW = 2 };

/* Whether somebody has asked for this end since a time. */
static gboolean is_asked_for(const trace_flow *search, int side_of_end, const void *data)
{
    const gint64 *since = data;
    return trace_last_event(search, EVENT_ASKED, !side_of_end, 0, G_MAXINT64, 0).time >= *since;
}

/* The host's search for the peer; or where its addresses are not known, the only one's. */
static trace_flow *find_search(const view *v, const trace_end *host, const trace_end *neighbour,
                               gint64 since)
{
    gint64 moment = v->failure->moment;
    trace_flow *search =
        trace_find(v->facts, TRACE_NEIGHBOUR, host, neighbour, moment, RULE_TOLERANCE);
    guint count = search ? 1 : 0;

    if (!search && v->is_any_address && !v->flow)
        count = trace_find_by_end(v->facts, TRACE_NEIGHBOUR, neighbour, NULL,
                                  moment + RULE_TOLERANCE, is_asked_for, &since, &search);
    return count == 1 ? search : NULL;
}

verdict judge_by_neighbour(const view *v)
{
    trace_end host = v->is_any_address ? v->local : v->own, neighbour = v->failure->remote;
    gint64 moment = v->failure->moment, since = moment - NEIGHBOUR_TIME;

    if (v->failure->error == 10051) /* who asks for a neighbour has a route */
        return answer(v, VERDICT_NONE, "%s", "");
    if (is_connect(v))
        since = MAX(since, attempt_began(v));
    host.port = neighbour.port = 0;
    trace_flow *search = neighbour.length ? find_search(v, &host, &neighbour, since) : NULL;
    if (!search)
        return answer(v, VERDICT_NONE, "%s", "");
    int side = !trace_side_of(search, &neighbour);
    host = trace_end_of(search, side);
    trace_event asked = trace_last_event(search, EVENT_ASKED, side, 0, moment, RULE_TOLERANCE);
    trace_event answered =
        trace_last_event(search, EVENT_ANSWERED, side, 0, moment, RULE_TOLERANCE);
    /* Who sends packets is there. */
    if (!is_latest(asked, answered) || asked.value < QUESTIONS_IN_A_ROW || asked.time < since ||
        !trace_has_heard(v->facts, &host) || (v->flow && is_latest(last_of_peer(v), asked)))
        return answer(v, VERDICT_NONE, "%s", "");
    return with_evidence(
        v,
        answer(v, VERDICT_CONFIRMED,
               "Nobody has the peer's address: %u %s for it, the last %s, without an "
               "answer",
               asked.value, host.length == 4 ? "ARP requests" : "neighbour solicitations",
               in_frame(v, at(asked)).text),
        at(asked));
}

verdict judge_unreachable(const view *v)
{
    trace_event done = handshake_of(v), icmp = icmp_error(v);
    verdict by_neighbour = icmp.frame ? answer(v, VERDICT_NONE, "%s", "") : judge_by_neighbour(v);

    if (by_neighbour.kind != VERDICT_NONE)
        return by_neighbour;
    /* Once connected, the way to the peer can be lost later. */
    if (v->protocol == TRACE_TCP && verdict_is_connect(v->failure) && done.kind == EVENT_SYN_ACK &&
        is_latest(done, icmp))
        return with_evidence(v,
                             answer(v, VERDICT_CONTRADICTED, "The handshake completed: SYN-ACK %s",
                                    in_frame(v, at(done)).text),
                             at(done));
    return judge_by_icmp(v);
}

/* To find that nobody answers takes the host's system longer. */
#define SEARCH_TIME RULE_SECOND

/* A packet of the peer that came when the host must have been searching for it already: at the end
 * of its connect, or right before, and after all that went unanswered. */
static trace_event sign_of_life(const view *v)
{
    trace_event none = {0}, last = last_of_peer(v);
    gboolean is_answer = verdict_is_connect(v->failure) && last.kind == EVENT_SYN_ACK;

    if (!is_answer && last.time < v->failure->moment - SEARCH_TIME)
        return none;
    return is_latest(last, my_event(v, EVENT_AGAIN)) && is_latest(last, my_event(v, EVENT_PROBE)) &&
                   is_latest(last, my_event(v, EVENT_SYN))
               ? last
               : none;
}

verdict judge_host_down(const view *v)
{
    trace_event sign = sign_of_life(v), icmp = icmp_error(v);
    verdict by_neighbour = judge_by_neighbour(v);

    if (by_neighbour.kind != VERDICT_NONE)
        return by_neighbour;
    if (is_latest(sign, icmp))
        return with_evidence(v,
                             answer(v, VERDICT_CONTRADICTED,
                                    "The host is there: it sent a packet %s",
                                    in_frame(v, at(sign)).text),
                             at(sign));
    if (icmp.frame)
        return judge_by_icmp(v);
    return answer(
        v, VERDICT_INCONCLUSIVE,
        "The trace has neither a search for the peer without an answer nor a packet of it "
        "right before the failure");
}

/* Unlike Windows, Linux has this error of an ICMP "prohibited", after a SYN. */
verdict judge_access(const view *v)
{
    trace_event icmp = icmp_error(v);

    if (icmp.frame && is_cause(v, meaning_of(icmp.value)))
        return judge_by_icmp(v);
    if (!is_windows(v) && my_event(v, EVENT_SYN).frame)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "A SYN was sent; on this platform a router's prohibition can cause it, which "
                      "is not in the trace");
    return judge_nothing_sent(v);
}

gboolean is_receive(const view *v)
{
    switch (v->failure->operation) {
    case OP_RECV:
    case OP_RECVFROM:
    case OP_WSARECV:
    case OP_WSARECVFROM:
    case OP_WSARECVMSG:
        return TRUE;
    default:
        return FALSE;
    }
}

verdict judge_too_long(const view *v)
{
    guint64 bytes = v->failure->bytes;
    trace_event icmp = icmp_error(v);

    if (!is_receive(v))
        return icmp.frame && is_cause(v, meaning_of(icmp.value))
                   ? judge_by_icmp(v)
                   : answer(v, VERDICT_LOCAL, "It is too large to be sent; no packet is expected");
    if (bytes == 0)
        return answer(v, VERDICT_INCONCLUSIVE, "The report does not say how large the buffer was");
    trace_event large = trace_last_event(v->flow, EVENT_DATAGRAM, v->peers,
                                         (guint32)MIN(bytes, G_MAXUINT32 - 1) + 1,
                                         v->failure->moment, RULE_TOLERANCE);
    if (!large.frame || v->failure->moment - large.time > 60 * RULE_SECOND)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The trace has no datagram larger than the %" G_GUINT64_FORMAT
                      " bytes of the buffer",
                      bytes);
    return with_evidence(v,
                         answer(v, VERDICT_CONFIRMED,
                                "A datagram of %u bytes came %s, for a buffer of "
                                "%" G_GUINT64_FORMAT,
                                large.value, in_frame(v, at(large)).text, bytes),
                         at(large));
}
