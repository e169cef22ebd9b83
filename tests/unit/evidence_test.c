/* evidence_test.c: what counts as evidence: which flow, which packet of it, and in which order.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace_fixture.h"

enum { SEND = 6, RECVFROM = 9, SENDTO = 7 };
enum { LINUX = 3, WINE = 2 };

static void reset_once(fixture *f)
{
    handshake(f);
    in(f, RST_ACK, 101, 0);
}

/* Finding the flow */

static void one_flow_to_the_other_end(void **state)
{
    fixture *f = *state;
    reset_once(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    failure.local = (trace_end){.length = 0};
    expect(f, failure, VERDICT_CONFIRMED, 4);
    expect_words(f, failure, "the only flow to that end");
    failure.moment += MS * 1000 * 61;
    expect(f, failure, VERDICT_UNSEEN, 0); /* that flow was over long before */
}

static void a_likely_flow_excludes_nothing(void **state)
{
    fixture *f = *state;
    handshake(f);
    verdict_case failure = failure_of(f, 10061, CONNECT);
    failure.local = (trace_end){.length = 0};
    expect(f, failure, VERDICT_INCONCLUSIVE, 2);
    failure.error = 10049;
    expect(f, failure, VERDICT_LOCAL, 0);
}

static void two_flows_could_be_meant(void **state)
{
    fixture *f = *state;
    handshake(f);
    f->client.port++;
    reset_once(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    failure.local.port = 0;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    failure.remote.port++;
    expect(f, failure, VERDICT_UNSEEN, 0);
}

static void the_hosts_own_flow_before_anothers(void **state)
{
    fixture *f = *state;
    handshake(f);
    f->client = end(11, 50000);
    reset_once(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    failure.local = (trace_end){.length = 0};
    expect(f, failure, VERDICT_INCONCLUSIVE, 0); /* it has a flow of its own, without a RST */
    failure.host = end(12, 0);
    expect(f, failure, VERDICT_INCONCLUSIVE, 0); /* either could be meant */
    failure.host = end(11, 0);
    expect(f, failure, VERDICT_CONFIRMED, 7);
}

static void flows_that_begin_after_the_index_was_made(void **state)
{
    fixture *f = *state;
    verdict_case failure = failure_of(f, 10054, RECV);
    failure.local = (trace_end){.length = 0};
    expect(f, failure, VERDICT_UNSEEN, 0);
    reset_once(f);
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_CONFIRMED, 4);
}

static void ports_used_again_within_the_tolerance(void **state)
{
    fixture *f = *state;
    reset_once(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    failure.moment -= MS / 2;
    out(f, SYN, 9000, 0); /* half a millisecond after the failure */
    in_at(f, SYN_ACK, 700, 9001, 0);
    expect(f, failure, VERDICT_CONFIRMED, 4);
}

static void the_stream_of_the_flow(void **state)
{
    fixture *f = *state;
    trace_segment segment = {SYN, 128, 100, 0, 0, 1000, -1};
    trace_flow *flow = trace_note_tcp(f->facts, &f->client, &f->server, &segment, next(f));
    assert_non_null(flow);
    trace_note_stream(f->facts, flow, 7, f->now);
    verdict_case failure = failure_of(f, 10060, CONNECT);
    verdict v = judge(f, &failure);
    assert_true(v.has_stream);
    assert_int_equal(v.stream, 7);
    assert_int_equal(v.protocol, 6);
}

/* Connections */

static void a_reset_outside_of_the_window(void **state)
{
    fixture *f = *state;
    handshake(f);
    in_at(f, RST, 500000, 0, 0);
    expect_error(f, 10054, RECV, VERDICT_INCONCLUSIVE, 4);
    in_at(f, RST, 1400, 0, 0);
    expect_error(f, 10054, RECV, VERDICT_CONFIRMED, 5);
}

static void the_window_is_scaled(void **state)
{
    fixture *f = *state;
    trace_segment syn = {SYN, 128, 100, 0, 0, 1000, 7};
    trace_note_tcp(f->facts, &f->client, &f->server, &syn, next(f));
    in(f, SYN_ACK, 101, 0);
    out(f, ACK, 101, 0);
    in_at(f, RST, 500 + 1000 * 100, 0, 0);
    expect_error(f, 10054, RECV, VERDICT_CONFIRMED, 4);
}

static void more_resets_of_one_connection(void **state)
{
    fixture *f = *state;
    handshake(f);
    for (int i = 0; i < 1000000; i++)
        in(f, RST_ACK, 101, 0);
    expect_error(f, 10054, RECV, VERDICT_CONFIRMED, 4);
}

static void who_sent_the_reset(void **state)
{
    fixture *f = *state;
    handshake(f);
    f->hops = 64;
    in(f, RST_ACK, 101, 0);
    expect_words(f, failure_of(f, 10054, RECV), "its hop limit is 64, the peer's were 60");
    f->client.port++;
    handshake(f);
    f->hops = 61; /* its path changes */
    in(f, ACK, 101, 0);
    f->hops = 64;
    in(f, RST_ACK, 101, 0);
    verdict_case failure = failure_of(f, 10054, RECV);
    judge(f, &failure);
    assert_null(strstr(f->reason, "hop limit"));
}

static void silence_does_not_refuse(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    expect_error(f, 10061, CONNECT, VERDICT_INCONCLUSIVE, 0); /* hears one direction only */
    trace_end host = end(10, 0);
    trace_note_heard(f->facts, &host);
    expect_error(f, 10061, CONNECT, VERDICT_CONTRADICTED, 1);
    verdict_case late = failure_of(f, 10061, CONNECT);
    late.moment += MS * 1000 * 301;
    expect(f, late, VERDICT_UNSEEN, 0); /* of another call */
}

static void an_answer_to_no_syn(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    in(f, SYN_ACK, 77, 0);
    expect_error(f, 10037, CONNECT, VERDICT_CONFIRMED, 1);
    in(f, RST_ACK, 77, 0);
    expect_error(f, 10061, CONNECT, VERDICT_INCONCLUSIVE, 3);
    in(f, RST_ACK, 101, 0);
    expect_error(f, 10061, CONNECT, VERDICT_CONFIRMED, 4);
}

static void attempts_of_several_streams(void **state)
{
    fixture *f = *state;
    for (guint32 i = 1; i <= 3; i++) {
        out(f, SYN, i * 1000, 0);
        in(f, RST_ACK, i * 1000 + 1, 0);
        f->now.time += 500 * (gint64)MS;
    }
    verdict_case failure = failure_of(f, 10061, CONNECT);
    expect(f, failure, VERDICT_CONFIRMED, 6);
    assert_int_equal(judge(f, &failure).attempts, 3);
    failure.moment = f->now.time - 600 * (gint64)MS; /* before the third */
    assert_int_equal(judge(f, &failure).attempts, 2);
}

/* A failure at this moment, then packets that come 20 ms later. */
static verdict_case soon_after(fixture *f, guint32 error, guint16 operation)
{
    verdict_case failure = failure_of(f, error, operation);
    f->now.time += 20 * (gint64)MS;
    return failure;
}

static void what_comes_after_excludes_nothing(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0);
    trace_note_heard(f->facts, &host);
    out(f, SYN, 100, 0);
    verdict_case already = soon_after(f, 10037, CONNECT), unconnected = already;
    unconnected.error = 10057;
    unconnected.operation = SEND;
    in(f, SYN_ACK, 101, 0);
    expect(f, already, VERDICT_CONFIRMED, 1);
    expect(f, unconnected, VERDICT_CONFIRMED, 0);
    out(f, ACK, 101, 0);
    verdict_case shut = soon_after(f, 10058, SEND), reset = shut;
    reset.error = 10054;
    out(f, FIN, 101, 0);
    out(f, RST, 102, 0);
    expect(f, shut, VERDICT_INCONCLUSIVE, 0);
    expect(f, reset, VERDICT_INCONCLUSIVE, 0);
}

static void one_direction_proves_no_silence(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0);
    trace_note_heard(f->facts, &host);
    out(f, SYN, 100, 0);
    out(f, SYN, 100, 0);
    out(f, ACK, 101, 0); /* so there was a SYN-ACK */
    out(f, ACK, 101, 50);
    out(f, ACK, 101, 50);
    static const guint32 errors[] = {10057, 10037, 10060, 10061, 10053};
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        expect(f, failure_of(f, errors[i], RECV), VERDICT_INCONCLUSIVE, 0);
        verdict_case failure = failure_of(f, errors[i], CONNECT);
        assert_int_equal(judge(f, &failure).kind, VERDICT_INCONCLUSIVE);
    }
    expect_error(f, 10055, SEND, VERDICT_LOCAL, 0);
}

static void the_hosts_own_end_of_a_connection(void **state)
{
    fixture *f = *state;
    handshake(f);
    out(f, FIN, 101, 0);
    in(f, ACK, 102, 0);
    expect_error(f, 10057, RECV, VERDICT_CONFIRMED, 4);
}

static void packets_out_of_order_or_captured_twice(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, ACK, 101, 0);
    out(f, ACK, 111, 10);
    out(f, ACK, 101, 10);
    expect_error(f, 10060, RECV, VERDICT_INCONCLUSIVE, 0);
    out(f, ACK, 121, 10);
    f->now.time -= 4 * (gint64)MS; /* a port mirror has it twice */
    out(f, ACK, 121, 10);
    expect_error(f, 10060, RECV, VERDICT_INCONCLUSIVE, 0);
}

static void a_closed_window_is_no_silence(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, ACK, 101, 0);
    for (int i = 0; i < 4; i++) {
        trace_segment closed = {ACK, 60, 501, 101, 0, 0, -1};
        trace_note_tcp(f->facts, &f->server, &f->client, &closed, next(f));
        out(f, ACK, 101, 1);
    }
    expect_error(f, 10060, RECV, VERDICT_INCONCLUSIVE, 0);
}

static void a_refusal_of_an_earlier_attempt(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    in(f, RST_ACK, 101, 0);
    f->now.time += 5000 * (gint64)MS;
    for (int i = 0; i < 3; i++)
        out(f, SYN, 5000, 0);
    verdict_case failure = failure_of(f, 10060, CONNECT);
    expect(f, failure, VERDICT_CONFIRMED, 5);
    assert_int_equal(judge(f, &failure).attempts, 3);
    expect_error(f, 10061, CONNECT, VERDICT_INCONCLUSIVE, 0);
}

static void a_connection_of_another_day(void **state)
{
    static const guint32 errors[] = {10065, 10051, 10055, 10013};
    fixture *f = *state;
    handshake(f);
    out(f, FIN, 101, 0);
    in(f, FIN, 102, 0);
    f->now.time += MS * 1000 * 86400;
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++)
        expect_error(f, errors[i], CONNECT, VERDICT_LOCAL, 0);
    expect_error(f, 10061, CONNECT, VERDICT_UNSEEN, 0);
    expect_error(f, 10060, CONNECT, VERDICT_UNSEEN, 0);
}

static void a_reset_that_nobody_heeds(void **state)
{
    fixture *f = *state;
    handshake(f);
    in_at(f, RST, 900, 0, 0); /* inside the window, and ahead */
    verdict_case failure = failure_of(f, 10054, RECV);
    expect(f, failure, VERDICT_CONFIRMED, 4);
    in(f, ACK, 101, 50);
    trace_segment accepted = {ACK, 128, 101, 551, 0, 1000, -1};
    trace_note_tcp(f->facts, &f->client, &f->server, &accepted, next(f));
    expect(f, failure, VERDICT_INCONCLUSIVE, 4);
    failure.error = 10057;
    expect(f, failure, VERDICT_CONTRADICTED, 2);
    f->client.port++;
    handshake(f);
    in(f, RST, 0, 0);
    expect_error(f, 10054, RECV, VERDICT_CONFIRMED, f->now.frame);
    out(f, ACK, 101, 50); /* the host goes on, and the peer takes it */
    in(f, ACK, 151, 0);
    expect_error(f, 10054, RECV, VERDICT_INCONCLUSIVE, f->now.frame - 2);
}

static void a_syn_captured_after_its_answer(void **state)
{
    fixture *f = *state;
    in(f, SYN_ACK, 101, 0);
    out(f, SYN, 100, 0);
    out(f, ACK, 101, 10);
    expect_error(f, 10057, RECV, VERDICT_CONTRADICTED, 1);
}

static void a_report_keeps_its_evidence(void **state)
{
    fixture *f = *state;
    handshake(f);
    verdict_case failure = {0};
    guint32 frame = 0;
    for (int i = 0; i < 2000; i++) {
        in_at(f, RST, 500000, 0, 0); /* outside of the window */
        if (i == 1000) {
            frame = f->now.frame;
            failure = failure_of(f, 10054, RECV);
            verdict_judge(f->facts, f->names, &failure, TRUE, NULL);
        }
    }
    expect(f, failure, VERDICT_INCONCLUSIVE, frame);
}

static void aborted_after_the_peers_reset(void **state)
{
    fixture *f = *state;
    reset_once(f);
    expect_error(f, 10053, RECV, VERDICT_INCONCLUSIVE, 4);
}

static void keep_alive_probes(void **state)
{
    fixture *f = *state;
    handshake(f);
    out(f, ACK, 101, 10);
    in(f, ACK, 111, 0);
    expect_error(f, 10052, RECV, VERDICT_INCONCLUSIVE, 0);
    out(f, ACK, 110, 0);
    expect_error(f, 10052, RECV, VERDICT_INCONCLUSIVE, 0); /* it can still be answered */
    in(f, ACK, 111, 0);
    expect_error(f, 10052, RECV, VERDICT_CONTRADICTED, 7);
    out(f, ACK, 110, 1);
    out(f, ACK, 110, 1);
    expect_error(f, 10052, RECV, VERDICT_CONFIRMED, 9);
    expect_error(f, 10060, RECV, VERDICT_INCONCLUSIVE, 0);
    verdict_case on_linux = failure_of(f, 10060, RECV);
    on_linux.platform = LINUX;
    expect(f, on_linux, VERDICT_CONFIRMED, 9);
}

static void acknowledged_only_after_the_failure(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, ACK, 101, 0);
    out(f, ACK, 101, 10);
    out(f, ACK, 101, 10);
    verdict_case failure = failure_of(f, 10060, RECV);
    f->now.time += 1000 * (gint64)MS;
    in(f, ACK, 111, 0);
    expect(f, failure, VERDICT_CONFIRMED, 6); /* in two passes as in one */
}

/* The program had a time limit of its own: its system had given up nothing. */
static void a_connection_that_goes_on_after_the_failure(void **state)
{
    static const guint32 errors[] = {10060, 10053};
    fixture *f = *state;
    handshake(f);
    in(f, ACK, 101, 0);
    out(f, ACK, 101, 10);
    f->now.time += 300 * (gint64)MS;
    out(f, ACK, 101, 10);
    verdict_case failure = failure_of(f, 10060, RECV);
    f->now.time += 50 * (gint64)MS;
    in(f, ACK, 111, 0);
    out(f, ACK, 111, 10);
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        failure.error = errors[i];
        expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    }
    failure.error = 10060;
    expect_words(f, failure, "The connection went on in frame 8, after the failure");
    out(f, ACK, 111, 10); /* what is lost later counts again */
    expect_error(f, 10060, RECV, VERDICT_CONFIRMED, 9);
    f->client.port++;
    handshake(f);
    in(f, ACK, 101, 0);
    out(f, ACK, 101, 10);
    out(f, ACK, 101, 10);
    failure = failure_of(f, 10060, RECV);
    in(f, ACK, 111, 0);
    out(f, RST, 111, 0); /* it had given up */
    expect(f, failure, VERDICT_CONFIRMED, f->now.frame - 2);
}

static void probes_that_are_answered_after_the_failure(void **state)
{
    fixture *f = *state;
    handshake(f);
    out(f, ACK, 101, 10);
    in(f, ACK, 111, 0);
    out(f, ACK, 110, 0);
    out(f, ACK, 110, 0);
    verdict_case failure = failure_of(f, 10052, RECV);
    in(f, ACK, 111, 0);
    expect(f, failure, VERDICT_CONFIRMED, 7);
    out(f, ACK, 111, 10);
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
}

static void what_a_pending_call_waits_for(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    expect_words(f, failure_of(f, 10035, CONNECT), "the SYN in frame 1 waits");
    in(f, SYN_ACK, 101, 0);
    out(f, ACK, 101, 0);
    trace_segment closed = {ACK, 60, 501, 101, 0, 0, -1};
    trace_note_tcp(f->facts, &f->server, &f->client, &closed, next(f));
    expect_words(f, failure_of(f, 10035, SEND), "closed in frame 4");
    in(f, ACK, 101, 0);
    expect_words(f, failure_of(f, 10035, SEND), "goes on");
    expect_error(f, 10035, SEND, VERDICT_LOCAL, 0);
}

static void a_cancelled_call(void **state)
{
    fixture *f = *state;
    handshake(f);
    expect_error(f, 995, RECV, VERDICT_LOCAL, 0);
    out(f, FIN, 101, 0);
    expect_words(f, failure_of(f, 995, RECV), "in frame 4");
}

static void whose_port_is_in_use(void **state)
{
    fixture *f = *state;
    handshake(f);
    verdict_case failure = failure_of(f, 10048, 2);
    failure.remote = (trace_end){.length = 0};
    expect(f, failure, VERDICT_LOCAL, 0);
    expect_words(f, failure,
                 "Port 50000 is in use, or was until lately: its flow began in frame 1");
    failure.local.port++;
    expect_words(f, failure, "no flow of the port");
}

/* The network */

static void a_neighbour_that_does_not_answer(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0), neighbour = end(7, 0), other = end(8, 0);
    expect_error(f, 10065, CONNECT, VERDICT_LOCAL, 0);
    trace_note_neighbour(f->facts, &host, &neighbour, FALSE, next(f));
    trace_note_neighbour(f->facts, &host, &neighbour, FALSE, next(f));
    expect_error(f, 10065, CONNECT, VERDICT_LOCAL, 0); /* hears one direction only */
    trace_note_neighbour(f->facts, &host, &other, FALSE, next(f));
    trace_note_neighbour(f->facts, &host, &other, TRUE, next(f));
    expect_error(f, 10065, CONNECT, VERDICT_CONFIRMED, 2);
    expect_error(f, 10064, CONNECT, VERDICT_CONFIRMED, 2);
    expect_words(f, failure_of(f, 10065, CONNECT), "2 ARP requests");
    trace_note_neighbour(f->facts, &host, &neighbour, TRUE, next(f));
    expect_error(f, 10065, CONNECT, VERDICT_LOCAL, 0);
    handshake(f);
    expect_error(f, 10064, CONNECT, VERDICT_CONTRADICTED, 7);
}

static void a_router_that_must_not_forward(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    trace_note_icmp(f->facts, 6, &f->client, &f->server, trace_icmp_value(TRUE, 1, 1), next(f));
    expect_error(f, 10013, CONNECT, VERDICT_CONFIRMED, 2);
    expect_error(f, 10065, CONNECT, VERDICT_CONFIRMED, 2);
    verdict_case on_linux = failure_of(f, 10065, CONNECT);
    on_linux.platform = LINUX;
    expect(f, on_linux, VERDICT_INCONCLUSIVE, 2);
    on_linux.error = 10013;
    expect(f, on_linux, VERDICT_CONFIRMED, 2);
}

static void the_way_back_alone(void **state)
{
    fixture *f = *state;
    icmp(f, 6, 3, 1); /* the trace has nothing of what it quotes */
    expect_error(f, 10065, CONNECT, VERDICT_CONFIRMED, 1);
}

static verdict_case of_datagram(const fixture *f, guint32 error, guint16 operation)
{
    verdict_case failure = failure_of(f, error, operation);
    failure.protocol = TRACE_UDP;
    return failure;
}

static void datagrams_to_several_peers(void **state)
{
    fixture *f = *state;
    trace_end other = end(8, 53);
    trace_note_udp(f->facts, &f->client, &f->server, 100, next(f));
    icmp(f, 17, 3, 3);
    trace_note_udp(f->facts, &f->client, &other, 100, next(f));
    verdict_case failure = of_datagram(f, 10054, RECVFROM);
    failure.remote = other; /* the socket's error is of the datagram before */
    expect(f, failure, VERDICT_CONFIRMED, 2);
    failure.remote = (trace_end){.length = 0};
    expect(f, failure, VERDICT_CONFIRMED, 2);
    failure.local.port++;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
}

static void icmp_by_platform(void **state)
{
    /* type, code, platform, error, and what it comes to */
    static const guint32 cases[][5] = {
        {3, 3, 1, 10054, VERDICT_CONFIRMED},      {3, 3, LINUX, 10054, VERDICT_INCONCLUSIVE},
        {3, 3, LINUX, 10061, VERDICT_CONFIRMED},  {3, 3, WINE, 10060, VERDICT_CONFIRMED},
        {3, 3, 1, 10060, VERDICT_INCONCLUSIVE},   {11, 0, 1, 10052, VERDICT_CONFIRMED},
        {11, 0, LINUX, 10065, VERDICT_CONFIRMED}, {11, 0, 1, 10065, VERDICT_INCONCLUSIVE},
        {3, 4, 1, 10040, VERDICT_CONFIRMED}};
    fixture *f = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        f->client.port++;
        trace_note_udp(f->facts, &f->client, &f->server, 100, next(f));
        icmp(f, 17, (guint8)cases[i][0], (guint8)cases[i][1]);
        verdict_case failure = of_datagram(f, cases[i][3], SENDTO);
        failure.platform = (guint8)cases[i][2];
        expect(f, failure, (verdict_kind)cases[i][4], f->now.frame);
    }
}

static void a_datagram_larger_than_the_buffer(void **state)
{
    fixture *f = *state;
    trace_note_udp(f->facts, &f->client, &f->server, 5000, next(f)); /* its own */
    trace_note_udp(f->facts, &f->server, &f->client, 512, next(f));
    verdict_case failure = of_datagram(f, 10040, RECVFROM);
    failure.bytes = 512;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    trace_note_udp(f->facts, &f->server, &f->client, 513, next(f));
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_CONFIRMED, 3);
    failure.bytes = 0;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    failure.operation = SENDTO;
    expect(f, failure, VERDICT_LOCAL, 0);
}

static void the_datagram_right_before_the_report(void **state)
{
    fixture *f = *state;
    trace_note_udp(f->facts, &f->server, &f->client, 2000, next(f));
    trace_note_udp(f->facts, &f->server, &f->client, 900, next(f));
    verdict_case failure = of_datagram(f, 10040, RECVFROM);
    failure.bytes = 512;
    verdict_judge(f->facts, f->names, &failure, TRUE, NULL);
    for (int i = 0; i < 1000; i++)
        trace_note_udp(f->facts, &f->server, &f->client, 100, next(f));
    expect(f, failure, VERDICT_CONFIRMED, 2);
}

/* What is kept */

static void a_long_flow_is_thinned_out(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, ACK, 101, 0);
    for (int i = 0; i < 10000; i++) { /* each sent twice, and acknowledged */
        guint32 at = 101 + 10 * (guint32)i;
        out(f, ACK, at, 10);
        out(f, ACK, at, 10);
        in(f, ACK, at + 10, 0);
    }
    expect_error(f, 10060, RECV, VERDICT_INCONCLUSIVE, 0);
    out(f, ACK, 101 + 100000, 10);
    out(f, ACK, 101 + 100000, 10);
    expect_error(f, 10060, RECV, VERDICT_CONFIRMED, f->now.frame);
    expect_error(f, 10056, CONNECT, VERDICT_CONFIRMED, 2); /* the first is kept too */
}

static void frames_that_a_read_filter_leaves_out(void **state)
{
    fixture *f = *state;
    reset_once(f);
    trace_note_frame(f->facts, f->now, FALSE);
    verdict_case failure = failure_of(f, 10054, RECV);
    expect(f, failure, VERDICT_CONFIRMED, 4);
    trace_packet other = {4, f->now.time + MS};
    trace_note_frame(f->facts, other, FALSE); /* 4 is another's now */
    expect(f, failure, VERDICT_CONFIRMED, 0);
    expect_words(f, failure, "in a packet that the read filter leaves out");
    assert_true(trace_has_frame(f->facts, other));
    trace_packet first = {1, f->now.time - 3 * MS};
    trace_note_frame(f->facts, first, TRUE); /* the second pass begins */
    assert_true(trace_has_frame(f->facts, first));
    assert_false(trace_has_frame(f->facts, other)); /* nobody knows as yet */
    trace_note_frame(f->facts, other, TRUE);
    assert_true(trace_has_frame(f->facts, other));
}

static void a_packet_that_is_dissected_twice(void **state)
{
    fixture *f = *state;
    trace_segment syn = {SYN, 128, 100, 0, 0, 1000, -1};
    trace_packet packet = next(f);
    trace_note_tcp(f->facts, &f->client, &f->server, &syn, packet);
    guint64 changes = trace_changes(f->facts);
    trace_note_tcp(f->facts, &f->client, &f->server, &syn, packet);
    assert_int_equal(trace_changes(f->facts), changes);
}

static void note_time(fixture *f)
{
    trace_note_frame(f->facts, next(f), FALSE);
}

/* A conversation of the client's port, in both directions. */
static void converse(fixture *f, guint16 port)
{
    f->client.port = port;
    handshake(f);
}

static void all_traffic_of_a_host_stops(void **state)
{
    fixture *f = *state;
    expect_error(f, 10050, RECV, VERDICT_LOCAL, 0);
    converse(f, 50001);
    verdict_case one = failure_of(f, 10050, RECV);
    f->now.time += 20000 * (gint64)MS;
    note_time(f);
    expect(f, one, VERDICT_INCONCLUSIVE, 0); /* one alone can pause */
    converse(f, 50002);
    converse(f, 50003);
    verdict_case two = failure_of(f, 10050, RECV);
    note_time(f);
    expect(f, two, VERDICT_INCONCLUSIVE, 0); /* the trace ends too soon after it */
    f->now.time += 20000 * (gint64)MS;
    note_time(f);
    out(f, ACK, 101, 10); /* it is there again */
    guint32 again = f->now.frame;
    note_time(f);
    expect(f, two, VERDICT_INCONCLUSIVE, again);
    f->client = end(11, 50004); /* another host is none of its business */
    f->now.time += 20000 * (gint64)MS;
    handshake(f);
    converse(f, 50005);
    verdict_case other = failure_of(f, 10050, RECV);
    other.host = end(11, 0);
    guint32 last = f->now.frame;
    f->client = end(12, 50004);
    handshake(f);
    f->now.time += 20000 * (gint64)MS;
    note_time(f);
    expect(f, other, VERDICT_CONFIRMED, last);
}

/* The loopback goes on, and is no network. */
static void all_traffic_of_the_loopbacks_host_stops(void **state)
{
    fixture *f = *state;
    const trace_end loopback = {.address = {127, 0, 0, 1}, .length = 4};
    converse(f, 50001);
    converse(f, 50002);
    guint32 last = f->now.frame;
    verdict_case failure = failure_of(f, 10050, RECV);
    failure.host = loopback;
    failure.local = (trace_end){.length = 0};
    f->client.address[0] = f->server.address[0] = 127;
    converse(f, 50001);
    converse(f, 50002);
    f->now.time += 20000 * (gint64)MS;
    out(f, ACK, 101, 10);
    note_time(f);
    expect(f, failure, VERDICT_CONFIRMED, last);
    f->client = end(11, 50003);
    f->server = end(12, 443);
    handshake(f); /* its own, or one that it only sees */
    guint32 after = f->now.frame;
    note_time(f);
    expect(f, failure, VERDICT_INCONCLUSIVE, after);
}

static void nearly_all_dynamic_ports_in_use(void **state)
{
    enum { ALL = 16000 };
    fixture *f = *state;
    for (guint i = 0; i < ALL; i++)
        converse(f, (guint16)(TRACE_DYNAMIC_PORT + i));
    verdict_case failure = failure_of(f, 10055, CONNECT);
    failure.local.port = 0;
    failure.remote = end(9, 80);
    verdict v = judge(f, &failure);
    assert_int_equal(v.kind, VERDICT_LOCAL);
    assert_non_null(strstr(f->reason, "16000 of its 16384 dynamic ports"));
    for (guint i = 0; i < ALL / 2; i++) {
        f->client.port = (guint16)(TRACE_DYNAMIC_PORT + i);
        in(f, RST, 0, 0);
    }
    f->now.time += 241000 * (gint64)MS;
    failure.moment = f->now.time;
    v = judge(f, &failure);
    assert_int_equal(v.kind, VERDICT_LOCAL);
    assert_null(strstr(f->reason, "dynamic ports"));
}

static void surveys_are_bounded(void **state)
{
    fixture *f = *state;
    trace_survey found;
    handshake(f);
    for (int i = 0; i < 64; i++)
        assert_true(trace_survey_host(f->facts, &f->client, (gint64)i * 1000 * MS, 0, &found));
    assert_false(trace_survey_host(f->facts, &f->client, (gint64)64 * 1000 * MS, 0, &found));
    assert_true(trace_survey_host(f->facts, &f->client, 0, 0, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_flow_to_the_other_end),
        CASE(a_likely_flow_excludes_nothing),
        CASE(two_flows_could_be_meant),
        CASE(the_hosts_own_flow_before_anothers),
        CASE(flows_that_begin_after_the_index_was_made),
        CASE(ports_used_again_within_the_tolerance),
        CASE(the_stream_of_the_flow),
        CASE(a_reset_outside_of_the_window),
        CASE(the_window_is_scaled),
        CASE(more_resets_of_one_connection),
        CASE(who_sent_the_reset),
        CASE(silence_does_not_refuse),
        CASE(an_answer_to_no_syn),
        CASE(attempts_of_several_streams),
        CASE(what_comes_after_excludes_nothing),
        CASE(one_direction_proves_no_silence),
        CASE(the_hosts_own_end_of_a_connection),
        CASE(packets_out_of_order_or_captured_twice),
        CASE(a_closed_window_is_no_silence),
        CASE(a_refusal_of_an_earlier_attempt),
        CASE(a_connection_of_another_day),
        CASE(a_reset_that_nobody_heeds),
        CASE(a_syn_captured_after_its_answer),
        CASE(a_report_keeps_its_evidence),
        CASE(aborted_after_the_peers_reset),
        CASE(keep_alive_probes),
        CASE(acknowledged_only_after_the_failure),
        CASE(a_connection_that_goes_on_after_the_failure),
        CASE(probes_that_are_answered_after_the_failure),
        CASE(what_a_pending_call_waits_for),
        CASE(a_cancelled_call),
        CASE(whose_port_is_in_use),
        CASE(a_neighbour_that_does_not_answer),
        CASE(a_router_that_must_not_forward),
        CASE(the_way_back_alone),
        CASE(datagrams_to_several_peers),
        CASE(icmp_by_platform),
        CASE(a_datagram_larger_than_the_buffer),
        CASE(the_datagram_right_before_the_report),
        CASE(a_long_flow_is_thinned_out),
        CASE(frames_that_a_read_filter_leaves_out),
        CASE(a_packet_that_is_dissected_twice),
        CASE(all_traffic_of_a_host_stops),
        CASE(all_traffic_of_the_loopbacks_host_stops),
        CASE(nearly_all_dynamic_ports_in_use),
        CASE(surveys_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
