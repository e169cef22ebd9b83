/* connection_test.c: connections at the edge of what a rule takes: half of the handshake, one
 * direction alone, ends in either order, and troubles that deny nobody anything.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace_fixture.h"

enum { SEND = 6, WINDOWS = 1, LINUX = 3 };

#define SECOND (1000 * (gint64)MS)

static verdict_kind judged(const fixture *f, guint32 error, guint16 operation, guint8 platform)
{
    verdict_case failure = failure_of(f, error, operation);
    failure.platform = platform;
    return judge(f, &failure).kind;
}

/* A connection over which ten bytes went out, and have been acknowledged. */
static void connected(fixture *f)
{
    handshake(f);
    out(f, ACK, 101, 10);
    in(f, ACK, 111, 0);
}

/* The same ten bytes after them, so often. */
static void send_again(fixture *f, int times)
{
    for (int i = 0; i <= times; i++) {
        f->now.time += SECOND;
        out(f, ACK, 111, 10);
    }
}

static void probe(fixture *f, int times)
{
    for (int i = 0; i < times; i++) {
        f->now.time += SECOND;
        out(f, ACK, 110, 0);
    }
}

/* Goes on with another connection. */
static void another(fixture *f)
{
    f->now.time += SECOND;
    f->client.port++;
}

static void data_sent_again_and_then(void **state)
{
    fixture *f = *state;
    connected(f);
    send_again(f, 2);
    expect_error(f, 10060, SEND, VERDICT_CONFIRMED, f->now.frame);
    expect_error(f, 10053, SEND, VERDICT_CONFIRMED, f->now.frame);
    in(f, ACK, 121, 0);
    expect_error(f, 10060, SEND, VERDICT_INCONCLUSIVE, 0);
    another(f);
    connected(f);
    send_again(f, 2);
    in(f, RST_ACK, 111, 0);
    expect_error(f, 10060, SEND, VERDICT_INCONCLUSIVE, 0);
    another(f);
    out(f, ACK, 111, 10); /* the trace has nothing of the other end */
    send_again(f, 2);
    expect_error(f, 10060, SEND, VERDICT_INCONCLUSIVE, 0);
}

static void probes_and_then(void **state)
{
    fixture *f = *state;
    connected(f);
    probe(f, 1);
    assert_int_equal(judged(f, 10060, SEND, LINUX), VERDICT_INCONCLUSIVE);
    probe(f, 1);
    assert_int_equal(judged(f, 10060, SEND, LINUX), VERDICT_CONFIRMED);
    assert_int_equal(judged(f, 10060, SEND, WINDOWS), VERDICT_INCONCLUSIVE);
    expect_error(f, 10052, SEND, VERDICT_CONFIRMED, f->now.frame);
    in(f, RST_ACK, 111, 0);
    assert_int_not_equal(judged(f, 10052, SEND, WINDOWS), VERDICT_CONFIRMED);
    another(f);
    connected(f);
    probe(f, 1);
    f->now.time -= STEP;
    out(f, ACK, 110, 0); /* captured twice, not asked twice */
    expect_error(f, 10052, SEND, VERDICT_INCONCLUSIVE, 0);
}

static void ended_by_this_host(void **state)
{
    fixture *f = *state;
    connected(f);
    in_at(f, ACK, 501, 111, 10); /* data that nobody has read */
    out(f, RST_ACK, 111, 0);
    guint32 mine = f->now.frame;
    expect_error(f, 10053, RECV, VERDICT_CONFIRMED, mine);
    in_at(f, RST, 511, 0, 0); /* answers it */
    expect_error(f, 10053, RECV, VERDICT_CONFIRMED, mine);
    another(f);
    connected(f);
    out(f, FIN, 111, 0);
    in_at(f, ACK, 501, 112, 10);
    out(f, RST_ACK, 112, 0);
    expect_error(f, 10053, RECV, VERDICT_INCONCLUSIVE, f->now.frame);
    another(f);
    connected(f);
    out(f, RST_ACK, 111, 0); /* and no data of the peer */
    expect_error(f, 10053, RECV, VERDICT_INCONCLUSIVE, f->now.frame);
    expect_error(f, 10054, RECV, VERDICT_CONTRADICTED, f->now.frame);
    another(f);
    out(f, RST_ACK, 111, 0); /* alone in the trace */
    expect_error(f, 10054, RECV, VERDICT_INCONCLUSIVE, 0);
}

static void not_connected(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    out(f, SYN, 100, 0);
    expect_error(f, 10057, SEND, VERDICT_INCONCLUSIVE, 0); /* the answer may be elsewhere */
    trace_note_heard(f->facts, &host);
    expect_error(f, 10057, SEND, VERDICT_CONFIRMED, 0);
    another(f);
    in(f, ACK, 101, 10);
    expect_error(f, 10057, SEND, VERDICT_INCONCLUSIVE, 0);
    expect_error(f, 10056, CONNECT, VERDICT_INCONCLUSIVE, 0);
    another(f);
    connected(f);
    expect_error(f, 10057, SEND, VERDICT_CONTRADICTED, f->now.frame - 3);
    in(f, FIN, 111, 0);
    expect_error(f, 10057, SEND, VERDICT_CONFIRMED, f->now.frame);
    another(f);
    connected(f);
    out(f, FIN, 111, 0);
    expect_error(f, 10057, SEND, VERDICT_CONFIRMED, f->now.frame);
    out(f, RST_ACK, 112, 0);
    expect_error(f, 10057, SEND, VERDICT_CONFIRMED, f->now.frame);
}

static void still_connecting(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    out(f, SYN, 100, 0);
    expect_error(f, 10037, CONNECT, VERDICT_INCONCLUSIVE, 0);
    trace_note_heard(f->facts, &host);
    expect_error(f, 10037, CONNECT, VERDICT_CONFIRMED, f->now.frame);
    in_at(f, RST_ACK, 0, 101, 0);
    expect_error(f, 10037, CONNECT, VERDICT_INCONCLUSIVE, 0);
    another(f);
    handshake(f);
    expect_error(f, 10037, CONNECT, VERDICT_CONTRADICTED, f->now.frame - 1);
    another(f);
    out(f, ACK, 101, 0);
    expect_error(f, 10037, CONNECT, VERDICT_INCONCLUSIVE, 0);
}

static void closed_or_reset_by_the_peer(void **state)
{
    fixture *f = *state;
    connected(f);
    expect_error(f, 10101, RECV, VERDICT_INCONCLUSIVE, 0);
    in(f, FIN, 111, 0);
    guint32 fin = f->now.frame;
    expect_error(f, 10101, RECV, VERDICT_CONFIRMED, fin);
    verdict_case failure = failure_of(f, 10101, RECV);
    in_at(f, RST, 502, 0, 0); /* what the host sent afterwards is answered so */
    expect(f, failure, VERDICT_CONFIRMED, fin);
    expect_error(f, 10101, RECV, VERDICT_CONTRADICTED, f->now.frame);
}

static void expect_local(const fixture *f, guint32 error, guint16 operation, const char *words)
{
    verdict_case failure = failure_of(f, error, operation);
    assert_int_equal(judge(f, &failure).kind, VERDICT_LOCAL);
    expect_words(f, failure, words);
}

static void cut_short_by_the_program(void **state)
{
    fixture *f = *state;
    connected(f);
    expect_local(f, 995, RECV, "no packet is expected");
    out(f, FIN, 111, 0);
    expect_local(f, 995, RECV, "its connection in frame 6");
    out(f, RST_ACK, 112, 0);
    expect_local(f, 995, RECV, "its connection in frame 7");
    f->now.time += 2 * SECOND;
    expect_local(f, 995, RECV, "no packet is expected");
    another(f);
    trace_note_udp(f->facts, &f->client, &f->server, 1, next(f));
    verdict_case failure = failure_of(f, 995, RECV);
    failure.protocol = 17;
    expect(f, failure, VERDICT_LOCAL, 0);
}

static void pending(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    expect_local(f, 10035, CONNECT, "waits for its answer");
    in(f, SYN_ACK, 101, 0);
    expect_local(f, 10035, CONNECT, "the call goes on");
    out(f, ACK, 101, 10);
    trace_segment closed = {ACK, f->hops, 501, 111, 0, 0, -1};
    trace_note_tcp(f->facts, &f->server, &f->client, &closed, next(f));
    expect_local(f, 10035, SEND, "its window is closed");
    in(f, ACK, 111, 0);
    expect_local(f, 10035, SEND, "the call goes on");
}

static void nothing_to_do_with_a_connect(void **state)
{
    fixture *f = *state;
    connected(f);
    expect_error(f, 10049, SEND, VERDICT_LOCAL, 0);
    expect_error(f, 10055, SEND, VERDICT_LOCAL, 0);
    another(f);
    out(f, SYN, 100, 0);
    expect_error(f, 10049, CONNECT, VERDICT_CONTRADICTED, f->now.frame);
    expect_error(f, 10055, CONNECT, VERDICT_CONTRADICTED, f->now.frame);
    verdict_case failure = failure_of(f, 10049, CONNECT);
    failure.protocol = 17;
    expect(f, failure, VERDICT_LOCAL, 0);
}

static void a_call_that_is_connect_by_any_name(void **state)
{
    static const guint16 connects[] = {5, 34, 35, 64}, others[] = {SEND, RECV, 66};
    fixture *f = *state;

    handshake(f);
    f->now.time += 400 * SECOND; /* that connection was not made by a call that fails now */
    for (size_t i = 0; i < G_N_ELEMENTS(connects); i++)
        expect_error(f, 10060, connects[i], VERDICT_UNSEEN, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        expect_error(f, 10060, others[i], VERDICT_INCONCLUSIVE, 0);
}

/* How the end of an attempt is asked for that an earlier call began: each returns at once. */
enum { SELECT = 12, GETSOCKOPT = 14, WSAPOLL = 44, ENUM_EVENTS = 47, OVERLAPPED = 48, STATUS = 70 };
static const guint16 fetching[] = {CONNECT,     SELECT,     GETSOCKOPT, WSAPOLL,
                                   ENUM_EVENTS, OVERLAPPED, STATUS};

static verdict_case at_once(const fixture *f, guint32 error, guint16 operation, gint64 later)
{
    verdict_case failure = failure_of(f, error, operation);
    failure.moment += later;
    failure.duration = MS / 500;
    return failure;
}

static void a_refusal_that_a_later_call_tells_of(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        out(f, SYN, 100, 0);
        f->now.time += 300 * (gint64)MS;
        in_at(f, RST_ACK, 0, 101, 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(fetching); i++) {
        verdict_case failure = at_once(f, 10061, fetching[i], 80 * (gint64)MS);
        expect(f, failure, VERDICT_CONFIRMED, 6);
        assert_int_equal(judge(f, &failure).attempts, 3);
    }
}

static void a_timeout_that_a_later_call_tells_of(void **state)
{
    static const gint64 seconds[] = {0, 1, 3, 7};
    fixture *f = *state;
    unanswered_syns(f, seconds, G_N_ELEMENTS(seconds));
    for (size_t i = 0; i < G_N_ELEMENTS(fetching); i++) {
        verdict_case failure = at_once(f, 10060, fetching[i], 14 * SECOND);
        expect(f, failure, VERDICT_CONFIRMED, 4);
        assert_int_equal(judge(f, &failure).attempts, 4);
    }
}

static void a_second_connect_while_the_first_goes_on(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    trace_note_heard(f->facts, &host);
    out(f, SYN, 100, 0);
    expect(f, at_once(f, 10037, CONNECT, 2 * SECOND), VERDICT_CONFIRMED, 1);
}

/* What fails inside the host at once is not held against the SYN of an attempt before. */
static void an_error_at_once_is_not_of_an_attempt_before(void **state)
{
    static const guint32 errors[] = {10049, 10055, 10013};
    fixture *f = *state;
    out(f, SYN, 100, 0);
    in_at(f, RST_ACK, 0, 101, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        expect(f, at_once(f, errors[i], CONNECT, 2 * SECOND), VERDICT_LOCAL, 0);
        expect(f, at_once(f, errors[i], SEND, 2 * SECOND), VERDICT_LOCAL, 0);
    }
    verdict_case longer = at_once(f, 10061, CONNECT, 2 * SECOND); /* it waited for an answer */
    longer.duration = SECOND;
    expect(f, longer, VERDICT_UNSEEN, 0);
    another(f);
    connected(f); /* from this port, before */
    in(f, RST_ACK, 111, 0);
    expect(f, at_once(f, 10061, CONNECT, 2 * SECOND), VERDICT_UNSEEN, 0);
    expect(f, at_once(f, 10051, CONNECT, 2 * SECOND), VERDICT_LOCAL, 0);
}

/* Nor is what fails so on another socket, of which the report does not say which. */
static void another_socket_can_have_made_the_attempt(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    icmp(f, TRACE_TCP, 3, 0);
    verdict_case failure = at_once(f, 10051, CONNECT, 30 * SECOND);
    failure.local.length = 0;
    failure.local.port = 0;
    expect(f, failure, VERDICT_LOCAL, 0);
    in_at(f, RST_ACK, 0, 101, 0);
    failure.error = 10061;
    assert_int_not_equal(judge(f, &failure).kind, VERDICT_CONFIRMED);
}

/* A call that waits for data tells of no attempt before it. */
static void data_waited_for_is_no_attempt(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    trace_note_heard(f->facts, &host);
    out(f, SYN, 100, 0);
    f->now.time += SECOND;
    out(f, SYN, 100, 0);
    verdict_case failure = at_once(f, 10060, RECV, 100 * SECOND);
    failure.duration = 5 * SECOND;
    failure.local.length = 0;
    failure.local.port = 0;
    assert_int_not_equal(judge(f, &failure).kind, VERDICT_CONFIRMED);
}

static void the_peer_sends_but_not_the_answer(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    f->now.time += SECOND;
    out(f, SYN, 100, 0);
    in_at(f, RST, 999, 0, 0); /* answers no SYN */
    assert_int_not_equal(judged(f, 10060, CONNECT, WINDOWS), VERDICT_CONFIRMED);
    expect_error(f, 10061, CONNECT, VERDICT_INCONCLUSIVE, f->now.frame);
}

/* Troubles */

typedef struct {
    guint visits, events;
    int side;
} troubles;

static void count(const trace_flow *flow, guint8 protocol, int side, const trace_event *events,
                  guint number, void *data)
{
    troubles *t = data;
    (void)flow;
    (void)protocol;
    (void)events;
    t->visits++;
    t->events += number;
    t->side = side;
}

static guint visits(const fixture *f)
{
    troubles t = {0};
    trace_visit_troubles(f->facts, count, &t);
    return t.visits;
}

static void what_is_a_trouble(void **state)
{
    fixture *f = *state;
    connected(f);
    out(f, FIN, 111, 0);
    in(f, RST_ACK, 112, 0);
    assert_int_equal(visits(f), 1);
    another(f);
    connected(f);
    out(f, FIN, 111, 0);
    in(f, FIN, 112, 0);
    in_at(f, RST, 502, 0, 0); /* both have closed: it denies nobody anything */
    assert_int_equal(visits(f), 1);
    icmp(f, 6, 3, 1);
    assert_int_equal(visits(f), 2);
    another(f);
    trace_note_udp(f->facts, &f->client, &f->server, 1, next(f));
    trace_mark_telemetry(f->facts, &f->client, &f->server);
    icmp(f, 17, 3, 3); /* nobody listens to the reports */
    icmp(f, 1, 3, 3);  /* an echo request, which is of no flow */
    assert_int_equal(visits(f), 2);
    another(f);
    trace_mark_telemetry(f->facts, &f->client, &f->server); /* not in the trace */
    assert_int_equal(visits(f), 2);
}

static void an_icmp_error_dissected_twice(void **state)
{
    fixture *f = *state;
    troubles t = {0};
    const guint32 value = trace_icmp_value(FALSE, 3, 3);
    trace_note_udp(f->facts, &f->client, &f->server, 1, next(f));
    trace_packet error = next(f), later = error;
    trace_note_icmp(f->facts, 17, &f->client, &f->server, value, error);
    trace_note_icmp(f->facts, 17, &f->client, &f->server, value, error);
    trace_visit_troubles(f->facts, count, &t);
    assert_int_equal(t.events, 1);
    later.time += MS; /* its number was given to the next packet, by a read filter */
    trace_note_icmp(f->facts, 17, &f->client, &f->server, value, later);
    trace_visit_troubles(f->facts, count, &t);
    assert_int_equal(t.events, 1 + 2);
}

static void no_trace_is_freed_as_well(void **state)
{
    (void)state;
    trace_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(data_sent_again_and_then),
        CASE(probes_and_then),
        CASE(ended_by_this_host),
        CASE(not_connected),
        CASE(still_connecting),
        CASE(closed_or_reset_by_the_peer),
        CASE(cut_short_by_the_program),
        CASE(pending),
        CASE(nothing_to_do_with_a_connect),
        CASE(a_call_that_is_connect_by_any_name),
        CASE(a_refusal_that_a_later_call_tells_of),
        CASE(a_timeout_that_a_later_call_tells_of),
        CASE(a_second_connect_while_the_first_goes_on),
        CASE(an_error_at_once_is_not_of_an_attempt_before),
        CASE(another_socket_can_have_made_the_attempt),
        CASE(data_waited_for_is_no_attempt),
        CASE(the_peer_sends_but_not_the_answer),
        CASE(what_is_a_trouble),
        CASE(an_icmp_error_dissected_twice),
        CASE(no_trace_is_freed_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
