/* verdict.c: the rules by which packets confirm a failure, or exclude it. When in doubt it is
 * inconclusive: a false confirmation is worse than none.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MILLISECOND 1000000.0
#define SECOND      1000000000.0

/* Windows' clock steps by up to 16 ms, and a report can overtake its packet. */
#define TOLERANCE (50 * G_GINT64_CONSTANT(1000000))

enum { TCP = 6, UDP = 17 };
enum { WINDOWS = 1 };

enum {
#define X(number, identifier, name) OP_##identifier = number,
#include "fields/operations.def"
#undef X
};

/* A failure beside its flow, while it is judged. */
typedef struct {
    const trace *facts;
    const verdict_case *failure;
    trace_end local;
    guint8 protocol;
    const trace_flow *flow; /* never NULL in a rule that needs one */
    const trace_side *mine; /* the host's that failed */
    const trace_side *peers;
} view;

static verdict answer(verdict_kind kind, const char *format, ...) G_GNUC_PRINTF(2, 3);

static verdict answer(verdict_kind kind, const char *format, ...)
{
    verdict result = {.kind = kind};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(result.reason, sizeof result.reason, format, arguments);
    va_end(arguments);
    return result;
}

static verdict with_evidence(verdict result, trace_packet packet)
{
    if (packet.frame && result.evidence_count < VERDICT_MAX_EVIDENCE)
        result.evidence[result.evidence_count++] = packet;
    return result;
}

static gboolean is_before(const view *v, trace_packet packet)
{
    return packet.frame && packet.time <= v->failure->moment + TOLERANCE;
}

/* The later of two packets of a kind that came before the failure, or none. */
static trace_packet last_before(const view *v, trace_packet first, trace_packet last)
{
    trace_packet none = {0};
    return is_before(v, last) ? last : is_before(v, first) ? first : none;
}

static double milliseconds_before(const view *v, trace_packet packet)
{
    return (double)MAX(v->failure->moment - packet.time, 0) / MILLISECOND;
}

static gboolean is_handshake_done(const view *v)
{
    return is_before(v, v->peers->syn_ack) || is_before(v, v->mine->syn_ack);
}

static gboolean is_connect(const view *v)
{
    switch (v->failure->operation) {
    case OP_CONNECT:
    case OP_WSACONNECT:
    case OP_WSACONNECTBYNAME:
    case OP_CONNECTEX:
        return TRUE;
    default:
        return v->mine->syns > 0 && !is_handshake_done(v);
    }
}

/* Silence says something only where the capture would have had the answer. */
static gboolean hears_both_ways(const view *v)
{
    return v->peers->last.frame || trace_has_heard(v->facts, &v->local);
}

static gboolean has_unacknowledged(const view *v)
{
    const trace_side *mine = v->mine;
    return is_before(v, mine->last_again) &&
           (!mine->has_acked || (gint32)(mine->sent_to - mine->acked_to) > 0);
}

/* ICMP errors */

typedef enum { ERROR_OTHER, ERROR_NET, ERROR_HOST, ERROR_PORT, ERROR_TIME } icmp_meaning;

static icmp_meaning meaning_of_v6(const trace_icmp *icmp)
{
    static const icmp_meaning unreachable[] = {ERROR_NET, ERROR_OTHER, ERROR_HOST, ERROR_HOST,
                                               ERROR_PORT};

    if (icmp->type == 3)
        return ERROR_TIME;
    return icmp->type == 1 && icmp->code < G_N_ELEMENTS(unreachable) ? unreachable[icmp->code]
                                                                     : ERROR_OTHER;
}

static icmp_meaning meaning_of(const trace_icmp *icmp)
{
    if (icmp->v6)
        return meaning_of_v6(icmp);
    if (icmp->type == 11)
        return ERROR_TIME;
    if (icmp->type != 3)
        return ERROR_OTHER;
    switch (icmp->code) {
    case 0:
    case 9:
        return ERROR_NET;
    case 1:
    case 10:
    case 13:
        return ERROR_HOST;
    case 3:
        return ERROR_PORT;
    default:
        return ERROR_OTHER;
    }
}

/* The first ICMP error about the host's packets where it came before the failure, or NULL. (The
 * last before it is not known once a later one has come, and one pass and two are to agree.) */
static const trace_icmp *find_icmp(const view *v)
{
    const trace_icmp *icmp = &v->flow->icmp[trace_side_of(v->flow, &v->local)];
    return is_before(v, icmp->packet) ? icmp : NULL;
}

static verdict from_icmp(const view *v, icmp_meaning wanted, const char *what)
{
    const trace_icmp *icmp = find_icmp(v);

    if (!icmp)
        return answer(VERDICT_INCONCLUSIVE,
                      "The flow is in the trace, and no ICMP error about it before the failure");
    if (meaning_of(icmp) != wanted)
        return with_evidence(answer(VERDICT_INCONCLUSIVE,
                                    "Another ICMP error came (type %u, code %u) in frame %u",
                                    icmp->type, icmp->code, icmp->packet.frame),
                             icmp->packet);
    return with_evidence(answer(VERDICT_CONFIRMED,
                                "%s: ICMP in frame %u, %.1f ms before the failure", what,
                                icmp->packet.frame, milliseconds_before(v, icmp->packet)),
                         icmp->packet);
}

/* The rules, one function each */

static verdict judge_reset(const view *v)
{
    trace_packet rst = v->peers->first_rst;

    if (v->protocol == UDP)
        return from_icmp(v, ERROR_PORT, "Nobody listens on the peer's port");
    if (is_before(v, rst)) {
        gboolean ignored = is_before(v, v->peers->last) && v->peers->last.time > rst.time;
        return with_evidence(
            ignored ? answer(VERDICT_INCONCLUSIVE,
                             "The peer sent a RST in frame %u, but went on after it", rst.frame)
                    : answer(VERDICT_CONFIRMED,
                             "The peer reset the connection: RST in frame %u, %.1f ms before the "
                             "failure",
                             rst.frame, milliseconds_before(v, rst)),
            rst);
    }
    rst = last_before(v, v->mine->first_rst, v->mine->last_rst);
    if (rst.frame && v->peers->last.frame)
        return with_evidence(answer(VERDICT_CONTRADICTED,
                                    "Only this host reset the connection: RST in frame %u",
                                    rst.frame),
                             rst);
    if (is_before(v, v->peers->fin))
        return with_evidence(answer(VERDICT_INCONCLUSIVE,
                                    "The peer closed the connection in frame %u, and sent no RST",
                                    v->peers->fin.frame),
                             v->peers->fin);
    return answer(VERDICT_INCONCLUSIVE,
                  "The connection is in the trace, and no RST of it before the failure");
}

static verdict judge_refused(const view *v)
{
    trace_packet rst = last_before(v, v->peers->first_rst, v->peers->last_rst);
    verdict result;

    if (v->protocol == UDP)
        return v->failure->platform <= WINDOWS
                   ? answer(VERDICT_INCONCLUSIVE, "Windows has no such error for a UDP socket")
                   : from_icmp(v, ERROR_PORT, "Nobody listens on the peer's port");
    if (is_before(v, v->peers->syn_ack))
        return with_evidence(answer(VERDICT_CONTRADICTED,
                                    "The peer accepted the connection: SYN-ACK in frame %u",
                                    v->peers->syn_ack.frame),
                             v->peers->syn_ack);
    if (!rst.frame)
        return from_icmp(v, ERROR_PORT, "The peer's port is unreachable");
    if (!v->mine->syns)
        return with_evidence(answer(VERDICT_INCONCLUSIVE,
                                    "The peer sent a RST in frame %u, but the trace has no SYN "
                                    "that it answers",
                                    rst.frame),
                             rst);
    result = answer(VERDICT_CONFIRMED,
                    "The peer refused the connection: RST in frame %u answers the SYN in frame %u, "
                    "%.1f ms before the failure",
                    rst.frame, v->mine->last_syn.frame, milliseconds_before(v, rst));
    result.attempts = v->mine->syns;
    return with_evidence(result, rst);
}

static verdict judge_connect_timeout(const view *v)
{
    const trace_side *mine = v->mine;
    trace_packet rst = last_before(v, v->peers->first_rst, v->peers->last_rst);
    trace_packet reply = is_before(v, v->peers->syn_ack) ? v->peers->syn_ack : rst;
    verdict result;

    if (reply.frame)
        return with_evidence(answer(VERDICT_CONTRADICTED, "The peer answered: %s in frame %u",
                                    reply.frame == rst.frame ? "RST" : "SYN-ACK", reply.frame),
                             reply);
    if (mine->syns < 2)
        return answer(VERDICT_INCONCLUSIVE,
                      "The trace has %u SYN of this connection; one that times out sends several",
                      mine->syns);
    if (!hears_both_ways(v))
        return answer(VERDICT_INCONCLUSIVE,
                      "%u SYNs went unanswered, but the trace has no packet to this host at all",
                      mine->syns);
    result = answer(VERDICT_CONFIRMED, "No SYN-ACK came: %u SYNs over %.1f s, none answered",
                    mine->syns, (double)(mine->last_syn.time - mine->first_syn.time) / SECOND);
    result.attempts = mine->syns;
    return with_evidence(with_evidence(result, mine->last_syn), mine->first_syn);
}

static verdict unacknowledged(const view *v)
{
    return with_evidence(
        answer(VERDICT_CONFIRMED,
               "Data sent again %u time%s, the last in frame %u, was never acknowledged",
               v->mine->again, v->mine->again == 1 ? "" : "s", v->mine->last_again.frame),
        v->mine->last_again);
}

static verdict judge_timeout(const view *v)
{
    if (v->protocol == UDP)
        return answer(VERDICT_INCONCLUSIVE,
                      "A datagram socket times out by the program's own limit");
    if (is_connect(v))
        return judge_connect_timeout(v);
    if (has_unacknowledged(v) && hears_both_ways(v))
        return unacknowledged(v);
    return answer(VERDICT_INCONCLUSIVE,
                  "All data was acknowledged: a silent peer, or the program's own time limit");
}

static verdict judge_aborted(const view *v)
{
    trace_packet peers = last_before(v, v->peers->first_rst, v->peers->last_rst);
    trace_packet mine = last_before(v, v->mine->first_rst, v->mine->last_rst);

    if (peers.frame && (!mine.frame || peers.time < mine.time))
        return with_evidence(answer(VERDICT_INCONCLUSIVE,
                                    "The peer reset the connection in frame %u, which Windows "
                                    "mostly reports as WSAECONNRESET",
                                    peers.frame),
                             peers);
    if (has_unacknowledged(v) && hears_both_ways(v))
        return with_evidence(unacknowledged(v), mine);
    if (mine.frame)
        return with_evidence(answer(VERDICT_CONFIRMED,
                                    "This host ended the connection itself: RST in frame %u, %.1f "
                                    "ms before the failure",
                                    mine.frame, milliseconds_before(v, mine)),
                             mine);
    return answer(VERDICT_INCONCLUSIVE,
                  "The connection is in the trace, and no RST of this host before the failure");
}

static verdict judge_unreachable(const view *v, icmp_meaning meaning, const char *what)
{
    if (v->protocol == TCP && is_handshake_done(v))
        return with_evidence(
            answer(VERDICT_CONTRADICTED, "The handshake completed: SYN-ACK in frame %u",
                   v->peers->syn_ack.frame ? v->peers->syn_ack.frame : v->mine->syn_ack.frame),
            v->peers->syn_ack.frame ? v->peers->syn_ack : v->mine->syn_ack);
    verdict result = from_icmp(v, meaning, what);
    if (result.kind == VERDICT_CONFIRMED)
        result.attempts = v->mine->syns;
    return result;
}

static verdict judge_network_unreachable(const view *v)
{
    return judge_unreachable(v, ERROR_NET, "A router has no route to the peer");
}

static verdict judge_host_unreachable(const view *v)
{
    return judge_unreachable(v, ERROR_HOST, "A router cannot reach the peer");
}

static verdict judge_shut_down(const view *v)
{
    if (!is_before(v, v->mine->fin))
        return answer(VERDICT_INCONCLUSIVE,
                      "The connection is in the trace, and no FIN of this host before the failure");
    return with_evidence(answer(VERDICT_CONFIRMED,
                                "This host had closed its direction: FIN in frame %u",
                                v->mine->fin.frame),
                         v->mine->fin);
}

static verdict judge_not_connected(const view *v)
{
    trace_packet rst = v->peers->first_rst.frame ? v->peers->first_rst : v->mine->first_rst;
    trace_packet over = is_before(v, rst) ? rst : v->peers->fin;

    if (is_before(v, over))
        return with_evidence(answer(VERDICT_CONFIRMED, "The connection was over: %s in frame %u",
                                    over.frame == rst.frame ? "RST" : "FIN of the peer",
                                    over.frame),
                             over);
    if (!is_handshake_done(v))
        return v->mine->syns ? answer(VERDICT_CONFIRMED, "The handshake had not completed")
                             : answer(VERDICT_INCONCLUSIVE,
                                      "The trace does not have the beginning of this connection");
    return with_evidence(
        answer(VERDICT_CONTRADICTED,
               "The connection was there: SYN-ACK in frame %u, and no end of it",
               v->peers->syn_ack.frame ? v->peers->syn_ack.frame : v->mine->syn_ack.frame),
        v->peers->syn_ack.frame ? v->peers->syn_ack : v->mine->syn_ack);
}

static verdict judge_connected_already(const view *v)
{
    trace_packet done = v->peers->syn_ack.frame ? v->peers->syn_ack : v->mine->syn_ack;

    if (!is_before(v, done))
        return answer(VERDICT_INCONCLUSIVE, "The trace has no handshake of this connection");
    return with_evidence(
        answer(VERDICT_CONFIRMED, "The handshake had completed: SYN-ACK in frame %u", done.frame),
        done);
}

static verdict judge_already(const view *v)
{
    if (is_handshake_done(v))
        return with_evidence(answer(VERDICT_CONTRADICTED,
                                    "The handshake had completed: SYN-ACK in frame %u",
                                    v->peers->syn_ack.frame),
                             v->peers->syn_ack);
    if (!is_before(v, v->mine->first_syn))
        return answer(VERDICT_INCONCLUSIVE, "The trace has no SYN of this connection");
    return with_evidence(answer(VERDICT_CONFIRMED,
                                "The SYN in frame %u was still waiting for its answer",
                                v->mine->first_syn.frame),
                         v->mine->first_syn);
}

static verdict judge_disconnecting(const view *v)
{
    if (is_before(v, v->peers->first_rst))
        return with_evidence(answer(VERDICT_CONTRADICTED,
                                    "The peer did not close but reset the connection, in frame %u",
                                    v->peers->first_rst.frame),
                             v->peers->first_rst);
    if (!is_before(v, v->peers->fin))
        return answer(VERDICT_INCONCLUSIVE,
                      "The connection is in the trace, and no FIN of the peer before the failure");
    return with_evidence(answer(VERDICT_CONFIRMED,
                                "The peer closed the connection: FIN in frame %u",
                                v->peers->fin.frame),
                         v->peers->fin);
}

static verdict judge_network_reset(const view *v)
{
    if (v->protocol == UDP)
        return from_icmp(v, ERROR_TIME, "A packet ran out of hops on its way");
    return answer(
        VERDICT_INCONCLUSIVE,
        "The connection is in the trace; whether keep-alive probes went unanswered is not "
        "judged yet");
}

static verdict judge_host_or_network_down(const view *v)
{
    (void)v;
    return answer(VERDICT_INCONCLUSIVE, "The flow is in the trace, and proves neither");
}

/* An error that arises before anything is sent: a SYN excludes it. */
static verdict judge_nothing_sent(const view *v)
{
    if (v->protocol != TCP || !is_connect(v) || !is_before(v, v->mine->first_syn))
        return answer(VERDICT_LOCAL, "It arises inside the host; no packet is expected");
    return with_evidence(answer(VERDICT_CONTRADICTED, "A SYN was sent all the same, in frame %u",
                                v->mine->first_syn.frame),
                         v->mine->first_syn);
}

/* Unlike Windows, Linux has this error of an ICMP "prohibited", after a SYN. */
static verdict judge_access(const view *v)
{
    if (v->failure->platform > WINDOWS && is_before(v, v->mine->first_syn))
        return answer(VERDICT_INCONCLUSIVE,
                      "A SYN was sent; on this platform a router's prohibition can cause it");
    return judge_nothing_sent(v);
}

/* Look-ups of names. A hosts file or a cached answer can hide all of them. */

/* A look-up belongs to the failure that ends it, and takes no longer. */
#define LOOKUP_TIME (60 * G_GINT64_CONSTANT(1000000000))

enum { NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED };

/* Whether an answer with this rcode and no records is what the error says. */
static gboolean rcode_fits(guint32 error, guint8 rcode)
{
    switch (error) {
    case 11001:
        return rcode == NXDOMAIN;
    case 11002:
        return rcode == SERVFAIL;
    case 11003:
        return rcode == FORMERR || rcode == NOTIMP || rcode == REFUSED;
    case 11004:
        return rcode == NOERROR;
    default: /* 10112 */
        return rcode == REFUSED;
    }
}

static const char *rcode_name(guint8 rcode)
{
    static const char *const names[] = {
        "no error and no record", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    return rcode < G_N_ELEMENTS(names) ? names[rcode] : "an error";
}

static verdict judge_unanswered(const view *v, const trace_lookup *lookup, guint32 queries,
                                trace_packet last)
{
    if (v->failure->error != 11002)
        return with_evidence(
            answer(VERDICT_INCONCLUSIVE, "The look-up of %.60s was not answered", lookup->name),
            last);
    if (!trace_has_heard(v->facts, &v->local))
        return answer(VERDICT_INCONCLUSIVE,
                      "The look-up of %.60s was not answered, but the trace "
                      "has no packet to this host at all",
                      lookup->name);
    return with_evidence(answer(VERDICT_CONFIRMED,
                                "No name server answered: %u quer%s for %.60s over %.1f s", queries,
                                queries == 1 ? "y" : "ies", lookup->name,
                                (double)(last.time - lookup->first.time) / SECOND),
                         last);
}

static verdict judge_name(const view *v)
{
    const trace_lookup *lookup =
        trace_find_lookup(v->facts, &v->local, v->failure->node, v->failure->moment - LOOKUP_TIME,
                          v->failure->moment + TOLERANCE);
    const trace_question *fitting = NULL, *other = NULL;
    trace_packet last = {0};
    guint32 queries = 0;

    if (!lookup)
        return answer(VERDICT_UNSEEN, "The trace has no look-up of %.60s by this host",
                      v->failure->node);
    for (int i = 0; i < TRACE_QUESTIONS; i++) {
        const trace_question *question = &lookup->questions[i];
        queries += question->queries;
        if (question->last_query.time > last.time)
            last = question->last_query;
        if (!is_before(v, question->answer))
            continue;
        if (question->has_records)
            return with_evidence(answer(VERDICT_CONTRADICTED,
                                        "The name server gave an address for %.60s in frame %u",
                                        lookup->name, question->answer.frame),
                                 question->answer);
        if (rcode_fits(v->failure->error, question->rcode))
            fitting = question;
        else
            other = question;
    }
    if (!fitting && !other)
        return judge_unanswered(v, lookup, queries, last);
    return with_evidence(answer(fitting ? VERDICT_CONFIRMED : VERDICT_INCONCLUSIVE,
                                "The name server answered %s for %.60s in frame %u",
                                rcode_name((fitting ? fitting : other)->rcode), lookup->name,
                                (fitting ? fitting : other)->answer.frame),
                         (fitting ? fitting : other)->answer);
}

static gboolean is_about_a_name(const verdict_case *failure)
{
    gboolean code = (failure->error >= 11001 && failure->error <= 11004) || failure->error == 10112;
    return code && failure->node; /* a deferred WSAAccept is 11002 too, and no name */
}

typedef verdict (*rule)(const view *v);

/* What packets can say about an error. */
typedef struct {
    guint32 error;
    rule judge;
    gboolean local_without_flow; /* where no packet left, that is as it should be */
} error_rule;

static const error_rule rules[] = {
    {10013, judge_access, TRUE},
    {10037, judge_already, FALSE},
    {10049, judge_nothing_sent, TRUE},
    {10050, judge_host_or_network_down, TRUE},
    {10051, judge_network_unreachable, TRUE},
    {10052, judge_network_reset, FALSE},
    {10053, judge_aborted, FALSE},
    {10054, judge_reset, FALSE},
    {10055, judge_nothing_sent, TRUE},
    {10056, judge_connected_already, FALSE},
    {10057, judge_not_connected, TRUE},
    {10058, judge_shut_down, FALSE},
    {10060, judge_timeout, FALSE},
    {10061, judge_refused, FALSE},
    {10064, judge_host_or_network_down, FALSE},
    {10065, judge_host_unreachable, TRUE},
    {10101, judge_disconnecting, FALSE},
};

/* Errors that never have a packet. */
static gboolean is_local_only(guint32 error)
{
    static const guint32 ranges[][2] = {
        {6, 8},         {87, 87},       {995, 995},     {10004, 10004}, {10009, 10009},
        {10014, 10014}, {10022, 10024}, {10036, 10036}, {10038, 10048}, {10059, 10059},
        {10062, 10063}, {10066, 10071}, {10091, 10093}, {10102, 10111}, {11005, 11033}};

    for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++) {
        if (error >= ranges[i][0] && error <= ranges[i][1])
            return TRUE;
    }
    return FALSE;
}

static gboolean is_pending(guint32 error)
{
    return error == 996 || error == 997 || error == 10035;
}

/* The report's own end, with the host's address where it names none. */
static trace_end own_end(const verdict_case *failure)
{
    static const guint8 any[16] = {0};
    trace_end end = failure->local;

    if (end.length == 0 || memcmp(end.address, any, sizeof any) == 0) {
        memcpy(end.address, failure->host.address, sizeof end.address);
        end.length = failure->host.length;
    }
    return end;
}

static gboolean find_flow(view *v)
{
    const verdict_case *failure = v->failure;
    static const guint8 protocols[] = {TCP, UDP};

    for (size_t i = 0; i < G_N_ELEMENTS(protocols) && !v->flow; i++) {
        v->protocol = protocols[i];
        if (failure->protocol == 0 || failure->protocol == v->protocol)
            v->flow = trace_find(v->facts, v->protocol, &v->local, &failure->remote,
                                 failure->moment + TOLERANCE);
    }
    if (!v->flow)
        return FALSE;
    int side = trace_side_of(v->flow, &v->local);
    v->mine = &v->flow->sides[side];
    v->peers = &v->flow->sides[!side];
    return TRUE;
}

verdict verdict_judge(const trace *facts, const verdict_case *failure)
{
    view v = {.facts = facts, .failure = failure, .local = own_end(failure)};
    const error_rule *found = NULL;

    if (is_about_a_name(failure))
        return judge_name(&v);
    if (is_pending(failure->error))
        return answer(VERDICT_LOCAL, "It is no failure: the call goes on, or is to be made again");
    if (is_local_only(failure->error))
        return answer(VERDICT_LOCAL, "It arises inside the host; no packet is expected");
    for (size_t i = 0; i < G_N_ELEMENTS(rules) && !found; i++) {
        if (rules[i].error == failure->error)
            found = &rules[i];
    }
    if (!found)
        return (verdict){.kind = VERDICT_NONE};
    if (failure->remote.length && v.local.port && find_flow(&v))
        return found->judge(&v);
    if (found->local_without_flow)
        return answer(VERDICT_LOCAL,
                      "The trace has no packet of it, as where the error arises inside the host");
    if (!failure->remote.length || !v.local.port)
        return answer(VERDICT_INCONCLUSIVE,
                      "The report does not name both ends, so that its flow is not known");
    return answer(VERDICT_UNSEEN, "The trace has no packet between these two ends");
}
