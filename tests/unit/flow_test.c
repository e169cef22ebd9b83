/* flow_test.c: which flow a report means, where it names an end, a protocol or neither; and who
 * holds a port.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace_fixture.h"

enum { UDP = 17, BIND = 2, GETSOCKOPT = 14 };

#define SECOND (1000 * (gint64)MS)

static verdict judged(const fixture *f, verdict_case failure)
{
    return judge(f, &failure);
}

static void reset_once(fixture *f)
{
    handshake(f);
    in(f, RST_ACK, 101, 0);
}

static void datagram(fixture *f)
{
    trace_note_udp(f->facts, &f->client, &f->server, 10, next(f));
}

static void the_protocol_is_found_where_the_report_does_not_say(void **state)
{
    fixture *f = *state;
    reset_once(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    failure.protocol = 0;
    expect_words(f, failure, "(over TCP, which the report does not say)");
    f->client.port++;
    datagram(f);
    icmp(f, UDP, 3, 3);
    failure = failure_of(f, 10054, RECV);
    failure.protocol = 0;
    expect(f, failure, VERDICT_CONFIRMED, f->now.frame);
    expect_words(f, failure, "(over UDP, which the report does not say)");
    failure.protocol = 6;
    expect(f, failure, VERDICT_UNSEEN, 0);
    failure.protocol = 132; /* SCTP, of which nothing is noted */
    expect(f, failure, VERDICT_UNSEEN, 0);
}

static void the_hosts_address_stands_for_any(void **state)
{
    fixture *f = *state;
    reset_once(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    memset(failure.local.address, 0, sizeof failure.local.address);
    expect(f, failure, VERDICT_CONFIRMED, 4);
    failure.local.length = 0;
    expect(f, failure, VERDICT_CONFIRMED, 4);
    failure.host.length = 0;
    memset(&failure.host, 0, sizeof failure.host);
    assert_int_not_equal(judged(f, failure).kind, VERDICT_CONTRADICTED);
}

static const trace_end loopback = {.address = {127, 0, 0, 1}, .length = 4};

/* As a socket that was never bound is reported: its port, and any address. */
static verdict_case of_any_address(const fixture *f, guint32 error, guint16 operation)
{
    verdict_case failure = failure_of(f, error, operation);
    memset(failure.local.address, 0, sizeof failure.local.address);
    return failure;
}

static void the_port_alone_narrows_the_hosts_flows(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    in(f, RST_ACK, 101, 0);
    verdict_case failure = of_any_address(f, 10061, CONNECT);
    const trace_end hosts[] = {loopback, end(99, 0), {.address = {[15] = 1}, .length = 16}};
    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
        failure.host = hosts[i];
        expect(f, failure, VERDICT_CONFIRMED, 2);
        expect_words(f, failure, "the only flow of that port to that end");
        failure.local.length = 16; /* [::], of a socket for both */
        expect(f, failure, VERDICT_CONFIRMED, 2);
        failure.local.length = 4;
    }
    f->client.port++;
    handshake(f); /* another program's to the same end */
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_CONFIRMED, 2);
    failure.local.port += 2;
    expect(f, failure, VERDICT_UNSEEN, 0);
    failure = of_any_address(f, 10061, CONNECT);
    failure.host = loopback;
    expect(f, failure, VERDICT_INCONCLUSIVE, f->now.frame - 1); /* it excludes nothing */
    f->client = end(11, f->client.port);
    handshake(f); /* of another address, with the same port */
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    expect_words(f, failure, "more than one flow");
}

static void a_named_address_has_no_other(void **state)
{
    fixture *f = *state;
    reset_once(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    failure.host = loopback;
    failure.local.address[3]++;
    expect(f, failure, VERDICT_UNSEEN, 0);
}

static void of_the_same_two_ends_the_flow_of_the_moment(void **state)
{
    fixture *f = *state;
    reset_once(f);
    guint32 first = f->now.frame;
    verdict_case failure = of_any_address(f, 10054, RECV);
    failure.host = loopback;
    f->now.time += 20 * (gint64)MS;
    out(f, SYN, 9000, 0); /* within what a report can be early */
    in(f, SYN_ACK, 9001, 0);
    expect(f, failure, VERDICT_CONFIRMED, first);
    out(f, ACK, 9001, 0);
    in(f, RST_ACK, 9001, 0);
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_CONFIRMED, f->now.frame);
}

static void datagrams_of_a_socket_with_any_address(void **state)
{
    enum { RECVFROM = 9 };
    fixture *f = *state;
    verdict_case failure = of_any_address(f, 10040, RECVFROM);
    failure.protocol = UDP;
    failure.bytes = 512;
    failure.host = loopback;
    trace_note_udp(f->facts, &f->server, &f->client, 1400, next(f));
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_CONFIRMED, 1);
    failure.remote = (trace_end){.length = 0};
    expect(f, failure, VERDICT_INCONCLUSIVE, 0); /* whose port that is is not known */
}

static void without_the_other_end(void **state)
{
    fixture *f = *state;
    reset_once(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    memset(&failure.remote, 0, sizeof failure.remote);
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    expect_words(f, failure, "does not name the other end");
    failure.error = 10065;
    expect(f, failure, VERDICT_LOCAL, 0);
}

static void of_several_flows_none_is_meant(void **state)
{
    fixture *f = *state;
    handshake(f);
    f->client.port++;
    handshake(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    memset(&failure.local, 0, sizeof failure.local);
    expect_words(f, failure, "more than one flow to the other end could be meant");
    failure.error = 10049;
    expect(f, failure, VERDICT_LOCAL, 0);
    failure.error = 10065;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
}

/* Refused once, and accepted when it was tried again from the same port: that one is there. */
static void who_was_refused_before_is_meant(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    in(f, RST_ACK, 101, 0);
    f->now.time += SECOND;
    out(f, SYN, 300, 0);
    in(f, SYN_ACK, 301, 0);
    f->now.time += 120 * SECOND;
    verdict_case failure = failure_of(f, 10056, CONNECT);
    memset(&failure.local, 0, sizeof failure.local);
    expect_words(f, failure, "the only flow to that end");
}

static void who_is_over_for_a_minute_is_not_meant(void **state)
{
    /* How the older of two connections to one end was over. */
    static const guint8 ends[] = {RST_ACK, FIN};
    fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        handshake(f);
        in(f, ends[i], 101, 0);
        if (ends[i] == FIN)
            out(f, FIN, 101, 0);
        f->client.port++;
        f->now.time += 30 * SECOND;
        reset_once(f);
        verdict_case failure = failure_of(f, 10054, RECV);
        memset(&failure.local, 0, sizeof failure.local);
        expect(f, failure, VERDICT_INCONCLUSIVE, 0);
        f->client.port++;
        f->now.time += 70 * SECOND;
        reset_once(f);
        failure.moment = f->now.time + MS;
        expect(f, failure, VERDICT_CONFIRMED, f->now.frame);
        f->server.port++;
    }
}

static void an_attempt_without_an_answer_is_meant_too(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    verdict_case failure = failure_of(f, 10061, CONNECT);
    memset(&failure.local, 0, sizeof failure.local);
    expect_words(f, failure, "the only flow to that end");
    icmp(f, 6, 3, 3);
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_CONFIRMED, 2);
    failure.moment += 310 * SECOND;
    expect(f, failure, VERDICT_UNSEEN, 0);
}

/* Linux sends its last SYN a minute before it gives up. */
static void an_attempt_is_meant_for_as_long_as_it_lasts(void **state)
{
    static const gint64 seconds[] = {0, 1, 3, 7, 15, 31, 63};
    fixture *f = *state;
    const gint64 start = f->now.time;
    unanswered_syns(f, seconds, G_N_ELEMENTS(seconds));
    verdict_case failure = failure_of(f, 10060, CONNECT);
    memset(&failure.local, 0, sizeof failure.local);
    failure.moment = start + 127 * SECOND;
    expect(f, failure, VERDICT_CONFIRMED, 7);
    failure.duration = 127 * SECOND;
    expect(f, failure, VERDICT_CONFIRMED, 7);
    failure.duration = 20 * SECOND; /* another attempt */
    expect(f, failure, VERDICT_UNSEEN, 0);
    failure.duration = MS / 500; /* connect is asked again how the first call ended */
    expect(f, failure, VERDICT_CONFIRMED, 7);
    failure.operation = GETSOCKOPT;
    expect(f, failure, VERDICT_CONFIRMED, 7);
    failure.operation = CONNECT;
    failure.duration = 0;
    f->client.port++; /* refused two minutes ago, when this attempt was on its way */
    f->now.time = start;
    out(f, SYN, 100, 0);
    in(f, RST_ACK, 101, 0);
    expect(f, failure, VERDICT_CONFIRMED, 7);
}

static void a_long_call_was_there_all_the_time(void **state)
{
    fixture *f = *state;
    reset_once(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    memset(&failure.local, 0, sizeof failure.local);
    failure.moment += 100 * SECOND;
    expect(f, failure, VERDICT_UNSEEN, 0);
    failure.duration = 101 * SECOND;
    expect(f, failure, VERDICT_CONFIRMED, 4);
}

/* Ports in use */

static void expect_holder(const fixture *f, gint64 later, guint8 protocol, gboolean held)
{
    verdict_case failure = failure_of(f, 10048, BIND);
    failure.protocol = protocol;
    failure.moment += later;
    memset(&failure.remote, 0, sizeof failure.remote);
    verdict v = judged(f, failure);
    assert_int_equal(v.kind, VERDICT_LOCAL);
    if ((strstr(f->reason, "is in use") != NULL) != held)
        fail_msg("%s", f->reason);
}

static void who_holds_a_port(void **state)
{
    fixture *f = *state;
    expect_holder(f, 0, 6, FALSE);
    handshake(f);
    expect_holder(f, 0, 6, TRUE);
    expect_holder(f, 0, 0, TRUE);
    expect_holder(f, 0, UDP, FALSE);
    expect_holder(f, 1000 * SECOND, 6, TRUE); /* it is open still */
    out(f, FIN, 101, 0);
    expect_holder(f, 1000 * SECOND, 6, TRUE);
    in(f, FIN, 102, 0);
    expect_holder(f, 230 * SECOND, 6, TRUE);
    expect_holder(f, 250 * SECOND, 6, FALSE);
    f->client.port++;
    reset_once(f);
    expect_holder(f, 230 * SECOND, 6, TRUE);
    expect_holder(f, 250 * SECOND, 6, FALSE);
    f->client.port++;
    datagram(f);
    expect_holder(f, 0, UDP, TRUE);
    expect_holder(f, 0, 0, FALSE); /* TCP is what is looked at */
}

static void whose_port_it_is_over_the_loopback(void **state)
{
    fixture *f = *state;
    handshake(f);
    verdict_case failure = of_any_address(f, 10048, BIND);
    failure.host = loopback;
    memset(&failure.remote, 0, sizeof failure.remote);
    expect(f, failure, VERDICT_LOCAL, 0);
    expect_words(f, failure, "does not name its own address");
    f->client = f->server = loopback;
    f->client.port = 50000;
    f->server.port = 443;
    handshake(f);
    failure.moment = f->now.time;
    expect_words(f, failure,
                 "Port 50000 is in use, or was until lately: its flow began in frame 4");
}

static void a_port_that_is_not_named(void **state)
{
    fixture *f = *state;
    handshake(f);
    f->client.port = 0;
    expect_holder(f, 0, 6, FALSE);
}

/* Order */

static void packets_of_one_moment_are_in_the_order_of_the_capture(void **state)
{
    fixture *f = *state;
    handshake(f);
    out(f, FIN, 101, 0);
    trace_segment rst = {RST_ACK, f->hops, 501, 102, 0, 1000, -1};
    f->now.frame++; /* at the same time as the FIN */
    trace_note_tcp(f->facts, &f->server, &f->client, &rst, f->now);
    expect_error(f, 10054, RECV, VERDICT_CONFIRMED, 5);
    expect_error(f, 10053, RECV, VERDICT_INCONCLUSIVE, 5);
    f->client.port++;
    handshake(f);
    trace_segment mine = {RST_ACK, 128, 101, 501, 0, 1000, -1};
    trace_note_tcp(f->facts, &f->client, &f->server, &mine, next(f));
    f->now.frame++;
    rst.acknowledgement = 101;
    trace_note_tcp(f->facts, &f->server, &f->client, &rst, f->now);
    expect_error(f, 10053, RECV, VERDICT_INCONCLUSIVE, f->now.frame - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_protocol_is_found_where_the_report_does_not_say),
        CASE(the_hosts_address_stands_for_any),
        CASE(the_port_alone_narrows_the_hosts_flows),
        CASE(a_named_address_has_no_other),
        CASE(of_the_same_two_ends_the_flow_of_the_moment),
        CASE(datagrams_of_a_socket_with_any_address),
        CASE(without_the_other_end),
        CASE(of_several_flows_none_is_meant),
        CASE(who_was_refused_before_is_meant),
        CASE(who_is_over_for_a_minute_is_not_meant),
        CASE(an_attempt_without_an_answer_is_meant_too),
        CASE(an_attempt_is_meant_for_as_long_as_it_lasts),
        CASE(a_long_call_was_there_all_the_time),
        CASE(who_holds_a_port),
        CASE(whose_port_it_is_over_the_loopback),
        CASE(a_port_that_is_not_named),
        CASE(packets_of_one_moment_are_in_the_order_of_the_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
