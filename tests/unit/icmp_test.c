/* icmp_test.c: which failures an ICMP error confirms, by its code, the protocol and the platform;
 * and what a silent neighbour or a large datagram proves.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace_fixture.h"

enum { WINDOWS = 1, WINE = 2, LINUX = 3 };
enum { TCP = 6, UDP = 17, SEND = 6, RECVFROM = 9, SENDTO = 7 };
enum { NET = 10051, HOST = 10065, DENIED = 10013, REFUSED = 10061, RESET = 10054, HOPS = 10052 };
enum { TIMED_OUT = 10060, SIZE = 10040, DOWN = 10064 };

/* One packet of the client, and an ICMP error that quotes it: the second packet. */
static void send_and_quote(fixture *f, guint8 protocol, gboolean v6, guint8 type, guint8 code)
{
    if (protocol == TCP)
        out(f, SYN, 100, 0);
    else
        trace_note_udp(f->facts, &f->client, &f->server, 20, next(f));
    trace_note_icmp(f->facts, protocol, &f->client, &f->server, trace_icmp_value(v6, type, code),
                    next(f));
}

static verdict judged(const fixture *f, guint32 error, guint8 protocol, guint8 platform)
{
    verdict_case failure = failure_of(f, error, protocol == TCP ? CONNECT : SENDTO);
    failure.protocol = protocol;
    failure.platform = platform;
    return judge(f, &failure);
}

static void each_code_confirms_its_error(void **state)
{
    static const struct {
        guint8 protocol, v6, type, code;
        guint32 error;
        gboolean on_windows, on_wine, on_linux; /* is confirmed */
    } cases[] = {
        {TCP, FALSE, 3, 0, NET, 1, 1, 1},       {TCP, FALSE, 3, 9, NET, 1, 1, 1},
        {TCP, FALSE, 3, 1, HOST, 1, 1, 1},      {TCP, FALSE, 3, 10, HOST, 1, 1, 1},
        {TCP, FALSE, 3, 13, HOST, 1, 1, 1},     {TCP, FALSE, 3, 2, HOST, 0, 0, 0},
        {TCP, FALSE, 3, 1, NET, 0, 0, 0},       {TCP, FALSE, 3, 0, HOST, 0, 0, 0},
        {TCP, FALSE, 3, 3, REFUSED, 1, 1, 1},   {UDP, FALSE, 3, 3, REFUSED, 0, 1, 1},
        {UDP, FALSE, 3, 3, RESET, 1, 0, 0},     {UDP, FALSE, 3, 1, RESET, 0, 0, 0},
        {UDP, FALSE, 3, 3, TIMED_OUT, 0, 1, 0}, {UDP, FALSE, 11, 0, HOPS, 1, 0, 0},
        {UDP, FALSE, 11, 1, HOPS, 0, 0, 0},     {UDP, FALSE, 3, 3, HOPS, 0, 0, 0},
        {UDP, FALSE, 11, 0, HOST, 0, 1, 1},     {TCP, FALSE, 11, 0, HOST, 0, 0, 0},
        {UDP, FALSE, 3, 4, SIZE, 1, 1, 1},      {UDP, FALSE, 3, 3, SIZE, 0, 0, 0},
        {TCP, TRUE, 1, 0, NET, 1, 1, 1},        {TCP, TRUE, 1, 3, HOST, 1, 1, 1},
        {TCP, TRUE, 1, 1, HOST, 1, 0, 0},       {TCP, TRUE, 1, 5, HOST, 1, 0, 0},
        {TCP, TRUE, 1, 1, DENIED, 1, 1, 1},     {TCP, TRUE, 1, 6, DENIED, 1, 1, 1},
        {TCP, TRUE, 1, 3, DENIED, 0, 0, 0},     {UDP, TRUE, 1, 4, RESET, 1, 0, 0},
        {UDP, TRUE, 2, 0, SIZE, 1, 1, 1},       {UDP, TRUE, 3, 0, HOPS, 1, 0, 0},
        {TCP, TRUE, 3, 3, REFUSED, 0, 0, 0},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const gboolean wanted[] = {cases[i].on_windows, cases[i].on_wine, cases[i].on_linux};
        fixture *f = *state;
        send_and_quote(f, cases[i].protocol, cases[i].v6, cases[i].type, cases[i].code);
        guint32 frame = f->now.frame;
        for (int platform = WINDOWS; platform <= LINUX; platform++) {
            verdict v = judged(f, cases[i].error, cases[i].protocol, (guint8)platform);
            gboolean confirmed = v.kind == VERDICT_CONFIRMED;
            if (confirmed != wanted[platform - WINDOWS])
                fail_msg("case %d on platform %d: %s", (int)i, platform, f->reason);
            if (confirmed)
                assert_int_equal(v.evidence[0].frame, frame);
        }
        f->client.port++; /* a flow of its own for each */
    }
}

static void an_error_that_does_not_decide_is_shown(void **state)
{
    fixture *f = *state;
    send_and_quote(f, UDP, FALSE, 3, 2);
    verdict v = judged(f, RESET, UDP, WINDOWS);
    assert_int_equal(v.kind, VERDICT_INCONCLUSIVE);
    assert_non_null(
        strstr(f->reason, "An ICMP error came that does not decide it: type 3, code 2"));
    f->client.port++;
    send_and_quote(f, UDP, TRUE, 4, 1);
    judged(f, RESET, UDP, WINDOWS);
    assert_non_null(strstr(f->reason, "An ICMPv6 error came that does not decide it: type 4"));
}

/* The client has asked so often for the server's address, and is not deaf. */
static void ask(fixture *f, int times)
{
    trace_end asker = end(10, 0), neighbour = end(7, 0);

    trace_note_heard(f->facts, &asker);
    for (int i = 0; i < times; i++)
        trace_note_neighbour(f->facts, &asker, &neighbour, FALSE, next(f));
}

static void a_neighbour_that_sends_is_there(void **state)
{
    static const guint8 flags[] = {SYN_ACK, ACK, FIN};
    fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
        out(f, SYN, 100, 0);
        ask(f, 2);
        assert_int_equal(judged(f, HOST, TCP, WINDOWS).kind, VERDICT_CONFIRMED);
        in(f, flags[i], 101, 0);
        assert_int_not_equal(judged(f, HOST, TCP, WINDOWS).kind, VERDICT_CONFIRMED);
        f->client.port++;
    }
    ask(f, 2);
    trace_note_udp(f->facts, &f->server, &f->client, 20, next(f));
    assert_int_not_equal(judged(f, HOST, UDP, WINDOWS).kind, VERDICT_CONFIRMED);
}

static void a_search_of_long_before_proves_nothing(void **state)
{
    fixture *f = *state;
    ask(f, 2);
    assert_int_equal(judged(f, HOST, TCP, WINDOWS).kind, VERDICT_CONFIRMED);
    f->now.time += 61 * (gint64)1000 * MS;
    assert_int_equal(judged(f, HOST, TCP, WINDOWS).kind, VERDICT_LOCAL);
}

static void a_search_shows_that_there_is_a_route(void **state)
{
    fixture *f = *state;
    ask(f, 3);
    assert_int_equal(judged(f, NET, TCP, WINDOWS).kind, VERDICT_LOCAL);
    out(f, SYN, 100, 0);
    assert_int_equal(judged(f, NET, TCP, WINDOWS).kind, VERDICT_INCONCLUSIVE);
}

/* A capture elsewhere on the link has the questions, and not the answers. */
static void questions_that_do_not_follow_each_other_prove_no_silence(void **state)
{
    fixture *f = *state;
    const gint64 second = 1000 * (gint64)MS;
    ask(f, 1);
    f->now.time += 300 * second; /* what it knows of its neighbour is to be renewed */
    ask(f, 1);
    assert_int_equal(judged(f, HOST, TCP, WINDOWS).kind, VERDICT_LOCAL);
    f->now.time -= 4 * (gint64)MS; /* captured twice */
    ask(f, 1);
    assert_int_equal(judged(f, HOST, TCP, WINDOWS).kind, VERDICT_LOCAL);
    f->now.time += second;
    ask(f, 1);
    assert_int_equal(judged(f, HOST, TCP, WINDOWS).kind, VERDICT_CONFIRMED);
    f->now.time += 10 * second;
    verdict_case failure = failure_of(f, HOST, CONNECT);
    expect(f, failure, VERDICT_CONFIRMED, 4);
    failure.duration = 5 * second; /* another attempt searched so */
    expect(f, failure, VERDICT_LOCAL, 0);
    failure.duration = MS / 500; /* connect is asked again how the first call ended */
    expect(f, failure, VERDICT_CONFIRMED, 4);
}

/* The host's own addresses are not known: whoever asks can be it. */
static void a_search_of_the_loopbacks_host(void **state)
{
    fixture *f = *state;
    ask(f, 2);
    verdict_case failure = failure_of(f, HOST, CONNECT);
    failure.host = (trace_end){.address = {127, 0, 0, 1}, .length = 4};
    failure.local = (trace_end){.length = 0};
    expect(f, failure, VERDICT_CONFIRMED, 2);
    failure.host = end(99, 0);
    expect(f, failure, VERDICT_LOCAL, 0);
    failure.host = (trace_end){.address = {127, 0, 0, 1}, .length = 4};
    trace_end other = end(11, 0), neighbour = end(7, 0);
    trace_note_neighbour(f->facts, &other, &neighbour, FALSE, next(f));
    failure.moment = f->now.time;
    expect(f, failure, VERDICT_LOCAL, 0); /* either could be meant */
    trace_note_neighbour(f->facts, &other, &neighbour, TRUE, next(f));
    f->now.time += 61 * (gint64)1000 * MS;
    ask(f, 1);
    failure.moment = f->now.time;
    expect(f, failure, VERDICT_LOCAL, 0);
}

/* Also where the only flow to that end is another host's. */
static void a_search_is_the_reporting_hosts(void **state)
{
    fixture *f = *state;
    f->client = end(11, 50000);
    out(f, SYN, 100, 0);
    in(f, SYN_ACK, 101, 0);
    ask(f, 2);
    verdict_case failure = failure_of(f, HOST, CONNECT);
    failure.local = (trace_end){.length = 0};
    expect(f, failure, VERDICT_CONFIRMED, 4);
}

static void an_icmp_error_counts_before_the_search(void **state)
{
    fixture *f = *state;
    send_and_quote(f, TCP, FALSE, 3, 1);
    guint32 frame = f->now.frame;
    ask(f, 2);
    verdict v = judged(f, HOST, TCP, WINDOWS);
    assert_int_equal(v.evidence[0].frame, frame);
    assert_int_equal(judged(f, NET, TCP, WINDOWS).kind, VERDICT_INCONCLUSIVE);
}

static void a_host_that_is_down(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    expect_error(f, 10064, CONNECT, VERDICT_INCONCLUSIVE, 0);
    ask(f, 2);
    expect_error(f, 10064, CONNECT, VERDICT_CONFIRMED, f->now.frame);
    f->client.port++;
    in(f, ACK, 101, 10); /* in the middle of a connection */
    expect_error(f, 10064, SEND, VERDICT_CONTRADICTED, f->now.frame);
    f->client.port++;
    trace_note_udp(f->facts, &f->server, &f->client, 20, next(f));
    verdict_case failure = failure_of(f, 10064, SENDTO);
    failure.protocol = UDP;
    expect(f, failure, VERDICT_CONTRADICTED, f->now.frame);
}

/* An hour of data, and then the way to the peer is lost. */
static void what_was_there_before_excludes_no_loss(void **state)
{
    static const guint32 errors[] = {HOST, NET, DOWN};
    fixture *f = *state;
    handshake(f);
    out(f, ACK, 101, 10);
    in(f, ACK, 111, 0);
    f->now.time += 3600 * (gint64)1000 * MS;
    for (int unanswered = 0; unanswered < 3; unanswered++) {
        for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
            verdict_case failure = failure_of(f, errors[i], SEND);
            failure.platform = LINUX;
            expect(f, failure, VERDICT_INCONCLUSIVE, 0);
        }
        out(f, ACK, 111, 10);
    }
    in(f, ACK, 121, 0);
    expect_error(f, DOWN, SEND, VERDICT_CONTRADICTED, f->now.frame);
    f->now.time += 2000 * (gint64)MS;
    expect_error(f, DOWN, SEND, VERDICT_INCONCLUSIVE, 0);
}

static void an_icmp_error_supports_that_the_host_is_down(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    icmp(f, TCP, 3, 1);
    expect_error(f, DOWN, CONNECT, VERDICT_INCONCLUSIVE, 2);
    assert_non_null(strstr(f->reason, "type 3, code 1"));
    in(f, SYN_ACK, 101, 0);
    expect_error(f, DOWN, CONNECT, VERDICT_CONTRADICTED, 3);
}

static void a_handshake_after_the_error_contradicts(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    icmp(f, TCP, 3, 1);
    in(f, SYN_ACK, 101, 0);
    expect_error(f, HOST, CONNECT, VERDICT_CONTRADICTED, 3);
    icmp(f, TCP, 3, 1);
    expect_error(f, HOST, CONNECT, VERDICT_CONFIRMED, 4);
    /* Where the trace begins later, nothing tells what the flow began with. */
    f->client.port++;
    in(f, ACK, 101, 10);
    expect_error(f, HOST, SEND, VERDICT_INCONCLUSIVE, 0);
}

static void access_denied(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    icmp(f, TCP, 3, 13); /* what Linux makes 10065 of */
    assert_int_equal(judged(f, DENIED, TCP, LINUX).kind, VERDICT_INCONCLUSIVE);
    assert_int_equal(judged(f, DENIED, TCP, WINDOWS).kind, VERDICT_CONTRADICTED);
    f->client.port++;
    trace_note_udp(f->facts, &f->client, &f->server, 20, next(f));
    assert_int_not_equal(judged(f, DENIED, UDP, LINUX).kind, VERDICT_CONFIRMED);
}

static verdict too_long(const fixture *f, guint16 operation, guint64 bytes)
{
    verdict_case failure = failure_of(f, SIZE, operation);
    failure.protocol = UDP;
    failure.bytes = bytes;
    return judge(f, &failure);
}

static void each_call_receives_or_sends(void **state)
{
    /* recv, recvfrom, WSARecv, WSARecvFrom, WSARecvMsg; send, sendto and theirs */
    static const guint16 receiving[] = {8, 9, 40, 41, 42}, sending[] = {6, 7, 37, 38, 39};
    fixture *f = *state;

    trace_note_udp(f->facts, &f->server, &f->client, 2000, next(f));
    for (size_t i = 0; i < G_N_ELEMENTS(sending); i++) {
        assert_int_equal(too_long(f, receiving[i], 1000).kind, VERDICT_CONFIRMED);
        assert_int_equal(too_long(f, sending[i], 1000).kind, VERDICT_LOCAL);
    }
}

static void a_datagram_larger_than_the_buffer(void **state)
{
    fixture *f = *state;
    trace_note_udp(f->facts, &f->server, &f->client, 2000, next(f));
    assert_int_equal(too_long(f, RECVFROM, 1999).kind, VERDICT_CONFIRMED);
    assert_int_equal(too_long(f, RECVFROM, 2000).kind, VERDICT_INCONCLUSIVE);
    assert_int_equal(too_long(f, RECVFROM, 0).kind, VERDICT_INCONCLUSIVE);
    assert_int_equal(too_long(f, RECVFROM, G_MAXUINT64).kind, VERDICT_INCONCLUSIVE);
    f->now.time += 61 * (gint64)1000 * MS;
    assert_int_equal(too_long(f, RECVFROM, 1999).kind, VERDICT_INCONCLUSIVE);
}

/* To a socket that is not connected, so that the report does not say from whom. */
static void the_same_datagram_again_and_again(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 100; i++) {
        trace_note_udp(f->facts, &f->server, &f->client, 2000, next(f));
        trace_note_udp(f->facts, &f->server, &f->client, 100, next(f));
        verdict_case failure = failure_of(f, SIZE, RECVFROM);
        failure.protocol = UDP;
        failure.bytes = 512;
        failure.remote = (trace_end){.length = 0};
        if (judge(f, &failure).kind != VERDICT_CONFIRMED)
            fail_msg("after %d seconds: %s", i * i, f->reason);
        if (i > 30)
            assert_int_equal(judge(f, &failure).evidence[0].frame, f->now.frame - 1);
        f->now.time += (2 * i + 1) * (gint64)1000 * MS;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_code_confirms_its_error),
        CASE(an_error_that_does_not_decide_is_shown),
        CASE(a_neighbour_that_sends_is_there),
        CASE(a_search_of_long_before_proves_nothing),
        CASE(a_search_shows_that_there_is_a_route),
        CASE(questions_that_do_not_follow_each_other_prove_no_silence),
        CASE(a_search_of_the_loopbacks_host),
        CASE(a_search_is_the_reporting_hosts),
        CASE(an_icmp_error_counts_before_the_search),
        CASE(a_host_that_is_down),
        CASE(what_was_there_before_excludes_no_loss),
        CASE(an_icmp_error_supports_that_the_host_is_down),
        CASE(a_handshake_after_the_error_contradicts),
        CASE(access_denied),
        CASE(each_call_receives_or_sends),
        CASE(a_datagram_larger_than_the_buffer),
        CASE(the_same_datagram_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
