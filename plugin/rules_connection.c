/* rules_connection.c: what a connection's own packets say.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "rules.h"

#include <stdio.h>

/* Longer than any call that connects. */
#define CONNECT_SPAN (300 * RULE_SECOND)

/* A hint at who sent a RST; empty where there is none. */
static phrase whose(trace_event rst)
{
    phrase words = {""};

    if (rst.value & RST_UNLIKE)
        snprintf(words.text, sizeof words.text,
                 "; its hop limit is %u, the peer's were %u: a middlebox may have sent it",
                 rst_hops(rst.value), rst_usual_hops(rst.value));
    return words;
}

/* That the host went on once it was answered, also after the failure: its system had not given the
 * connection up. A late answer alone does not say so. */
static trace_event sent_on(const view *v)
{
    return trace_last_event(v->flow, EVENT_SENT_ON, v->mine, 0, G_MAXINT64, 0);
}

/* Data that was sent again, and of which nothing was acknowledged since. */
static trace_event unacknowledged(const view *v)
{
    trace_event none = {0}, again = my_event(v, EVENT_AGAIN);
    return is_latest(again, my_event(v, EVENT_ACKNOWLEDGED)) && is_latest(again, sent_on(v)) &&
                   is_latest(again, inbound(v, EVENT_RST)) && hears_both_ways(v)
               ? again
               : none;
}

/* Keep-alive probes that go unanswered. One alone can still be answered. */
static trace_event unanswered_probe(const view *v)
{
    trace_event none = {0}, probe = my_event(v, EVENT_PROBE);
    return probe.value > 1 && is_latest(probe, my_event(v, EVENT_PROBE_ANSWERED)) &&
                   is_latest(probe, sent_on(v)) && is_latest(probe, inbound(v, EVENT_RST)) &&
                   hears_both_ways(v)
               ? probe
               : none;
}

static verdict because_unacknowledged(const view *v, trace_event again)
{
    return with_evidence(v,
                         answer(v, VERDICT_CONFIRMED,
                                "Data sent again %u time%s, the last %s, was never acknowledged",
                                again.value, again.value == 1 ? "" : "s",
                                in_frame(v, at(again)).text),
                         at(again));
}

static verdict because_unanswered(const view *v, trace_event probe)
{
    return with_evidence(v,
                         answer(v, VERDICT_CONFIRMED,
                                "%u keep-alive probes, the last %s, went unanswered", probe.value,
                                in_frame(v, at(probe)).text),
                         at(probe));
}

verdict judge_reset(const view *v)
{
    if (v->protocol == TRACE_UDP)
        return judge_by_icmp(v);
    trace_event rst = accepted_reset(v), stray = inbound(v, EVENT_STRAY_RST);
    trace_event mine = my_event(v, EVENT_RST), fin = peers_event(v, EVENT_FIN);
    trace_event ignored = ignored_reset(v);
    if (ignored.frame)
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "The peer sent a RST %s, but the connection went on after it",
                                    in_frame(v, at(ignored)).text),
                             at(ignored));
    if (rst.frame)
        return with_evidence(
            v,
            answer(v, VERDICT_CONFIRMED, "The peer reset the connection: RST %s, %s%s",
                   in_frame(v, at(rst)).text, how_long_before(v, at(rst)).text, whose(rst).text),
            at(rst));
    if (stray.frame)
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "A RST came %s, but outside of the window: the host need not "
                                    "accept it",
                                    in_frame(v, at(stray)).text),
                             at(stray));
    if (mine.frame && trace_has_sent(v->flow, v->peers))
        return with_evidence(v,
                             answer(v, VERDICT_CONTRADICTED,
                                    "Only this host reset the connection: RST %s",
                                    in_frame(v, at(mine)).text),
                             at(mine));
    if (fin.frame)
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "The peer closed the connection %s, and sent no RST",
                                    in_frame(v, at(fin)).text),
                             at(fin));
    return answer(v, VERDICT_INCONCLUSIVE,
                  "The connection is in the trace, and no RST of it before the failure");
}

static verdict judge_silence_for_refused(const view *v, trace_event syn)
{
    if (trace_has_sent(v->flow, v->peers) || icmp_error(v).frame || !hears_both_ways(v) ||
        handshake_of(v).frame)
        return judge_by_icmp(v);
    return with_evidence(v,
                         answer(v, VERDICT_CONTRADICTED,
                                "Nothing refused it: the SYN %s was not answered at all",
                                in_frame(v, at(syn)).text),
                         at(syn));
}

verdict judge_refused(const view *v)
{
    if (v->protocol == TRACE_UDP)
        return is_windows(v)
                   ? answer(v, VERDICT_INCONCLUSIVE, "Windows has no such error for a UDP socket")
                   : judge_by_icmp(v);
    trace_event syn_ack = peers_event(v, EVENT_SYN_ACK), rst = inbound(v, EVENT_RST);
    trace_event syn = attempt(v);
    if (is_latest(syn, rst) && rst.frame)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The peer refused an earlier attempt %s, but the SYN %s was not answered",
                      in_frame(v, at(rst)).text, in_frame(v, at(syn)).text);
    if (syn_ack.frame)
        return with_evidence(v,
                             answer(v, VERDICT_CONTRADICTED,
                                    "The peer accepted the connection: SYN-ACK %s",
                                    in_frame(v, at(syn_ack)).text),
                             at(syn_ack));
    if (rst.frame && syn.frame && (rst.value & RST_ANSWERS_SYN)) {
        guint32 attempts = attempts_since(v, attempt_began(v));
        verdict result =
            attempts > 1
                ? answer(v, VERDICT_CONFIRMED,
                         "The peer refused the connection %u times: RST %s answers the last SYN, "
                         "%s",
                         attempts, in_frame(v, at(rst)).text, how_long_before(v, at(rst)).text)
                : answer(v, VERDICT_CONFIRMED,
                         "The peer refused the connection: RST %s answers the SYN, %s",
                         in_frame(v, at(rst)).text, how_long_before(v, at(rst)).text);
        result.attempts = attempts;
        return with_evidence(v, result, at(rst));
    }
    if (!rst.frame)
        rst = inbound(v, EVENT_STRAY_RST);
    if (rst.frame)
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "The peer sent a RST %s, which answers no SYN of this attempt",
                                    in_frame(v, at(rst)).text),
                             at(rst));
    return syn.frame ? judge_silence_for_refused(v, syn) : judge_by_icmp(v);
}

/* The first SYN after a time. */
static trace_event first_attempt(const view *v, gint64 time)
{
    trace_event none = trace_last_event(v->flow, EVENT_SYN, v->mine, 0, time, 0);
    return trace_last_event(v->flow, EVENT_SYN, v->mine, none.value + 1, time + 1, CONNECT_SPAN);
}

static verdict judge_connect_timeout(const view *v)
{
    trace_event rst = peers_event(v, EVENT_RST), syn_ack = peers_event(v, EVENT_SYN_ACK);
    trace_event reply = syn_ack.frame ? syn_ack : rst, syn = attempt(v);

    if (is_latest(reply, syn))
        return with_evidence(v,
                             answer(v, VERDICT_CONTRADICTED, "The peer answered: %s %s",
                                    syn_ack.frame ? "SYN-ACK" : "RST", in_frame(v, at(reply)).text),
                             at(reply));
    gint64 since = MAX(attempt_began(v), reply.frame ? reply.time : G_MININT64);
    guint32 attempts = attempts_since(v, since);
    trace_event first = first_attempt(v, since);
    if (attempts < 2)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The trace has %u SYN of this attempt; one that times out sends several",
                      attempts);
    if (!hears_both_ways(v))
        return answer(v, VERDICT_INCONCLUSIVE,
                      "%u SYNs went unanswered, but the trace has no packet to this host at all",
                      attempts);
    if (handshake_of(v).frame || (trace_has_sent(v->flow, v->peers) && !reply.frame))
        return answer(v, VERDICT_INCONCLUSIVE,
                      "%u SYNs have no answer in the trace, but the peer sent other packets",
                      attempts);
    verdict result =
        answer(v, VERDICT_CONFIRMED, "No SYN-ACK came: %u SYNs over %.1f s, none answered",
               attempts, (double)(syn.time - first.time) / (double)RULE_SECOND);
    result.attempts = attempts;
    return with_evidence(v, with_evidence(v, result, at(syn)), at(first));
}

verdict judge_timeout(const view *v)
{
    if (v->protocol == TRACE_UDP)
        return icmp_error(v).frame
                   ? judge_by_icmp(v)
                   : answer(v, VERDICT_INCONCLUSIVE,
                            "A datagram socket times out by the program's own limit");
    if (is_connect(v))
        return judge_connect_timeout(v);
    trace_event again = unacknowledged(v), probe = unanswered_probe(v);
    if (again.frame)
        return because_unacknowledged(v, again);
    if (probe.frame && !is_windows(v)) /* which says 10052 of it */
        return because_unanswered(v, probe);
    if (is_latest(sent_on(v), my_event(v, EVENT_AGAIN)) && sent_on(v).time > v->failure->moment)
        return answer(
            v, VERDICT_INCONCLUSIVE,
            "The connection went on %s, after the failure: a silent peer, or the program's "
            "own time limit",
            in_frame(v, at(sent_on(v))).text);
    return answer(v, VERDICT_INCONCLUSIVE,
                  "All data was acknowledged: a silent peer, or the program's own time limit");
}

verdict judge_aborted(const view *v)
{
    trace_event peers = accepted_reset(v), mine = my_event(v, EVENT_RST);
    trace_event again = unacknowledged(v);

    if (mine.frame && is_latest(peers, mine))
        peers.frame = 0; /* it answers what the host had ended */
    if (peers.frame)
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "The peer reset the connection: RST %s; Windows mostly calls "
                                    "that WSAECONNRESET",
                                    in_frame(v, at(peers)).text),
                             at(peers));
    if (again.frame)
        return with_evidence(v, because_unacknowledged(v, again), at(mine));
    if (mine.frame && (my_event(v, EVENT_FIN).frame || !trace_has_data(v->flow, v->peers)))
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "This host sent a RST %s, but there was no data that it had "
                                    "not read",
                                    in_frame(v, at(mine)).text),
                             at(mine));
    if (mine.frame)
        return with_evidence(v,
                             answer(v, VERDICT_CONFIRMED,
                                    "This host ended the connection itself: RST %s, %s",
                                    in_frame(v, at(mine)).text, how_long_before(v, at(mine)).text),
                             at(mine));
    return answer(v, VERDICT_INCONCLUSIVE,
                  "The connection is in the trace, and no RST of this host before the failure");
}

verdict judge_shut_down(const view *v)
{
    trace_event fin = my_event(v, EVENT_FIN);

    if (!fin.frame)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The connection is in the trace, and no FIN of this host before the failure");
    return with_evidence(v,
                         answer(v, VERDICT_CONFIRMED, "This host had closed its direction: FIN %s",
                                in_frame(v, at(fin)).text),
                         at(fin));
}

/* What ended the connection before the failure, and what it is called. */
static trace_event end_of_connection(const view *v, const char **what)
{
    trace_event over = accepted_reset(v);

    *what = "RST of the peer";
    if (!over.frame) {
        over = my_event(v, EVENT_RST);
        *what = "RST of this host";
    }
    if (!over.frame) {
        over = peers_event(v, EVENT_FIN);
        *what = "FIN of the peer";
    }
    if (!over.frame) {
        over = my_event(v, EVENT_FIN);
        *what = "FIN of this host";
    }
    return over;
}

verdict judge_not_connected(const view *v)
{
    const char *what;
    trace_event over = end_of_connection(v, &what), done = handshake_of(v);

    if (over.frame)
        return with_evidence(v,
                             answer(v, VERDICT_CONFIRMED, "The connection was over: %s %s", what,
                                    in_frame(v, at(over)).text),
                             at(over));
    if (done.frame && done.kind == EVENT_FIRST)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The trace does not have the beginning of this connection");
    if (done.frame)
        return with_evidence(v,
                             answer(v, VERDICT_CONTRADICTED,
                                    "The connection was there: SYN-ACK %s, and no end of it",
                                    in_frame(v, at(done)).text),
                             at(done));
    return my_event(v, EVENT_SYN).frame && hears_both_ways(v)
               ? answer(v, VERDICT_CONFIRMED, "The handshake had not completed")
               : answer(v, VERDICT_INCONCLUSIVE,
                        "The trace does not have the beginning of this connection");
}

verdict judge_connected_already(const view *v)
{
    trace_event done = handshake_of(v);

    if (!done.frame || done.kind == EVENT_FIRST)
        return answer(v, VERDICT_INCONCLUSIVE, "The trace has no handshake of this connection");
    return with_evidence(v,
                         answer(v, VERDICT_CONFIRMED, "The handshake had completed: SYN-ACK %s",
                                in_frame(v, at(done)).text),
                         at(done));
}

verdict judge_already(const view *v)
{
    trace_event done = handshake_of(v), syn = attempt(v);

    if (done.frame && done.kind == EVENT_SYN_ACK)
        return with_evidence(v,
                             answer(v, VERDICT_CONTRADICTED,
                                    "The handshake had completed: SYN-ACK %s",
                                    in_frame(v, at(done)).text),
                             at(done));
    if (done.frame || !is_latest(syn, inbound(v, EVENT_RST)) || !hears_both_ways(v))
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The trace has no SYN of this attempt that waits for its answer");
    return with_evidence(v,
                         answer(v, VERDICT_CONFIRMED, "The SYN %s was still waiting for its answer",
                                in_frame(v, at(syn)).text),
                         at(syn));
}

verdict judge_disconnecting(const view *v)
{
    trace_event rst = accepted_reset(v), fin = inbound(v, EVENT_FIN);

    if (rst.time > v->failure->moment)
        rst.frame = 0; /* it answers what the host sent later */
    if (rst.frame)
        return with_evidence(v,
                             answer(v, VERDICT_CONTRADICTED,
                                    "The peer did not close but reset the connection: RST %s",
                                    in_frame(v, at(rst)).text),
                             at(rst));
    if (!fin.frame)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The connection is in the trace, and no FIN of the peer before the failure");
    return with_evidence(v,
                         answer(v, VERDICT_CONFIRMED, "The peer closed the connection: FIN %s, %s",
                                in_frame(v, at(fin)).text, how_long_before(v, at(fin)).text),
                         at(fin));
}

verdict judge_network_reset(const view *v)
{
    if (v->protocol == TRACE_UDP)
        return judge_by_icmp(v);
    trace_event unanswered = unanswered_probe(v), answered = my_event(v, EVENT_PROBE_ANSWERED);
    if (unanswered.frame)
        return because_unanswered(v, unanswered);
    if (answered.frame)
        return with_evidence(v,
                             answer(v, VERDICT_CONTRADICTED,
                                    "The peer answered the keep-alive probes, the last %s",
                                    in_frame(v, at(answered)).text),
                             at(answered));
    return answer(v, VERDICT_INCONCLUSIVE,
                  "The connection is in the trace, and no unanswered keep-alive probes of it");
}

/* Two conversations or more that fall silent together, and nothing of the host for so long after,
 * are no pause. */
enum { SILENT_TOGETHER = 2 };
#define SILENCE (10 * RULE_SECOND)

verdict judge_network_down(const view *v)
{
    trace_survey host;
    gint64 moment = v->failure->moment;

    if (!trace_survey_host(v->facts, &v->own, moment, RULE_TOLERANCE, &host) || !host.last.frame)
        return answer(v, VERDICT_LOCAL,
                      "It arises inside the host, of which the trace has no packet before");
    if (host.after.frame)
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "The host's network was there, before or again: a packet of "
                                    "it follows %s",
                                    in_frame(v, host.after).text),
                             host.after);
    if (host.silent < SILENT_TOGETHER || trace_ended(v->facts) - moment < SILENCE)
        return answer(v, v->flow ? VERDICT_INCONCLUSIVE : VERDICT_LOCAL,
                      "The host's last packet is %s; whether its network was down the trace does "
                      "not show",
                      in_frame(v, host.last).text);
    return with_evidence(v,
                         answer(v, VERDICT_CONFIRMED,
                                "All traffic of this host stops: %u conversations fall silent, the "
                                "last packet is %s, %s",
                                host.silent, in_frame(v, host.last).text,
                                how_long_before(v, host.last).text),
                         host.last);
}

/* An error that arises before anything is sent: a SYN excludes it. */
verdict judge_nothing_sent(const view *v)
{
    trace_event syn = {0};

    if (v->flow && !v->is_likely && v->protocol == TRACE_TCP && verdict_is_connect(v->failure))
        syn = attempt(v);
    if (!syn.frame)
        return answer(v, VERDICT_LOCAL, "It arises inside the host; no packet is expected");
    return with_evidence(v,
                         answer(v, VERDICT_CONTRADICTED, "A SYN was sent all the same, %s",
                                in_frame(v, at(syn)).text),
                         at(syn));
}

verdict judge_no_buffers(const view *v)
{
    verdict result = judge_nothing_sent(v);
    trace_survey host;

    if (result.kind != VERDICT_LOCAL || v->protocol == TRACE_UDP ||
        !trace_survey_host(v->facts, &v->own, v->failure->moment, RULE_TOLERANCE, &host) ||
        host.ports < TRACE_DYNAMIC_PORTS - TRACE_DYNAMIC_PORTS / 16)
        return result;
    return answer(v, VERDICT_LOCAL,
                  "It arises inside the host: %u of its %d dynamic ports are in use, or were until "
                  "four minutes before",
                  host.ports, TRACE_DYNAMIC_PORTS);
}

/* A call that the program itself cut short: its end of the connection is mentioned. */
verdict judge_cancelled(const view *v)
{
    trace_event over = {0};

    if (v->flow && v->protocol == TRACE_TCP) {
        over = my_event(v, EVENT_RST);
        if (!over.frame)
            over = my_event(v, EVENT_FIN);
    }
    if (!over.frame || v->failure->moment - over.time > RULE_SECOND)
        return answer(v, VERDICT_LOCAL,
                      "The host cut the call short itself; no packet is expected");
    return answer(v, VERDICT_LOCAL, "The host cut the call short itself, and its connection %s",
                  in_frame(v, at(over)).text);
}

/* Not a failure: what the call waits for, where the trace shows it. */
verdict judge_pending(const view *v)
{
    gboolean tcp = v->flow && v->protocol == TRACE_TCP;
    trace_event syn = {0}, closed = {0};

    if (tcp && is_connect(v) && !handshake_of(v).frame)
        syn = attempt(v);
    if (tcp && is_latest(peers_event(v, EVENT_WINDOW_CLOSED), peers_event(v, EVENT_WINDOW_OPENED)))
        closed = peers_event(v, EVENT_WINDOW_CLOSED);
    if (syn.frame)
        return answer(v, VERDICT_LOCAL, "It is no failure: the SYN %s waits for its answer",
                      in_frame(v, at(syn)).text);
    if (closed.frame)
        return answer(v, VERDICT_LOCAL,
                      "It is no failure: the peer takes no data, its window is "
                      "closed %s",
                      in_frame(v, at(closed)).text);
    return answer(v, VERDICT_LOCAL, "It is no failure: the call goes on, or is to be made again");
}
