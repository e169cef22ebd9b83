/* verdict_test.c: each rule with packets that confirm, that contradict, and that must not match.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace_fixture.h"

static void reset_by_the_peer(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, RST_ACK, 101, 0);
    expect_error(f, 10054, RECV, VERDICT_CONFIRMED, 4);
}

static void reset_by_the_host_itself(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, ACK, 101, 10);
    out(f, RST_ACK, 101, 0);
    expect_error(f, 10054, RECV, VERDICT_CONTRADICTED, 5);
    expect_error(f, 10053, RECV, VERDICT_CONFIRMED, 5);
    f->client.port++;
    handshake(f);
    out(f, RST_ACK, 101, 0);
    expect_error(f, 10053, RECV, VERDICT_INCONCLUSIVE, 9); /* nothing was unread */
}

static void a_reset_after_the_failure_is_not_its_cause(void **state)
{
    fixture *f = *state;
    handshake(f);
    verdict_case early = failure_of(f, 10054, RECV);
    f->now.time += 60 * (gint64)MS;
    in(f, RST_ACK, 101, 0);
    expect(f, early, VERDICT_INCONCLUSIVE, 0);
    early.moment += 20 * (gint64)MS; /* a report may be 50 ms early */
    expect(f, early, VERDICT_CONFIRMED, 4);
}

static void a_reset_of_another_flow_is_not_its_cause(void **state)
{
    fixture *f = *state;
    handshake(f);
    verdict_case failure = failure_of(f, 10054, RECV);
    f->client.port++;
    handshake(f);
    in(f, RST_ACK, 101, 0);
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    failure.local = f->server; /* the same ports, the other direction */
    failure.remote = f->client;
    expect(f, failure, VERDICT_CONTRADICTED, 7);
    failure.remote.port++;
    expect(f, failure, VERDICT_UNSEEN, 0);
}

static void a_reset_that_the_peer_went_on_after(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, RST, 0, 0);
    in(f, ACK, 101, 10);
    expect_error(f, 10054, RECV, VERDICT_CONFIRMED, 4); /* it was not accepted */
    trace_segment accepted = {ACK, 128, 101, 511, 0, 1000, -1};
    trace_note_tcp(f->facts, &f->client, &f->server, &accepted, next(f));
    expect_error(f, 10054, RECV, VERDICT_INCONCLUSIVE, 4);
}

static void a_closed_connection_was_not_reset(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, FIN, 101, 0);
    expect_error(f, 10054, RECV, VERDICT_INCONCLUSIVE, 4);
    expect_error(f, 10058, RECV, VERDICT_INCONCLUSIVE, 0);
    out(f, FIN, 101, 0);
    expect_error(f, 10058, RECV, VERDICT_CONFIRMED, 5);
}

static void refused(void **state)
{
    fixture *f = *state;
    for (int attempt = 0; attempt < 3; attempt++) {
        out(f, SYN, 100, 0);
        in(f, RST_ACK, 101, 0);
    }
    verdict_case failure = failure_of(f, 10061, CONNECT);
    expect(f, failure, VERDICT_CONFIRMED, 6);
    assert_int_equal(judge(f, &failure).attempts, 3);
}

static void accepted_is_not_refused(void **state)
{
    fixture *f = *state;
    handshake(f);
    expect_error(f, 10061, CONNECT, VERDICT_CONTRADICTED, 2);
    expect_error(f, 10060, CONNECT, VERDICT_CONTRADICTED, 2);
    expect_error(f, 10065, CONNECT, VERDICT_CONTRADICTED, 2);
    expect_error(f, 10051, CONNECT, VERDICT_CONTRADICTED, 2);
}

static void no_answer_to_the_syns(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    expect_error(f, 10060, CONNECT, VERDICT_INCONCLUSIVE, 0);
    out(f, SYN, 100, 0);
    expect_error(f, 10060, CONNECT, VERDICT_INCONCLUSIVE, 0); /* hears one direction only */
    trace_end host = end(10, 0);
    trace_note_heard(f->facts, &host);
    expect_error(f, 10060, CONNECT, VERDICT_CONFIRMED, 2);
    in(f, RST_ACK, 101, 0);
    expect_error(f, 10060, CONNECT, VERDICT_CONTRADICTED, 3);
}

static void data_that_is_never_acknowledged(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, ACK, 101, 0);
    out(f, ACK, 101, 10);
    expect_error(f, 10060, RECV, VERDICT_INCONCLUSIVE, 0);
    out(f, ACK, 101, 10);
    out(f, ACK, 101, 10);
    expect_error(f, 10060, RECV, VERDICT_CONFIRMED, 7);
    expect_error(f, 10053, RECV, VERDICT_CONFIRMED, 7);
    in(f, ACK, 111, 0);
    expect_error(f, 10060, RECV, VERDICT_INCONCLUSIVE, 0);
}

static void unreachable(void **state)
{
    fixture *f = *state;
    out(f, SYN, 100, 0);
    expect_error(f, 10065, CONNECT, VERDICT_INCONCLUSIVE, 0);
    icmp(f, 6, 3, 1);
    expect_error(f, 10065, CONNECT, VERDICT_CONFIRMED, 2);
    expect_error(f, 10051, CONNECT, VERDICT_INCONCLUSIVE, 2); /* another code than the table's */
}

static void unreachable_by_icmpv6(void **state)
{
    /* ICMPv6 destination unreachable: code, and the error that it confirms. */
    static const guint32 cases[][2] = {{0, 10051}, {2, 10065}, {3, 10065}, {4, 10061}};
    fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        f->client.port++;
        out(f, SYN, 100, 0);
        trace_note_icmp(f->facts, 6, &f->client, &f->server,
                        trace_icmp_value(TRUE, 1, (guint8)cases[i][0]), next(f));
        expect_error(f, cases[i][1], CONNECT, VERDICT_CONFIRMED, f->now.frame);
        expect_error(f, cases[(i + 1) % 4][1] == cases[i][1] ? 10051 : cases[(i + 1) % 4][1],
                     CONNECT, VERDICT_INCONCLUSIVE, f->now.frame);
    }
}

static void nothing_left_the_host(void **state)
{
    fixture *f = *state;
    expect_error(f, 10051, CONNECT, VERDICT_LOCAL, 0);
    expect_error(f, 10049, CONNECT, VERDICT_LOCAL, 0);
    expect_error(f, 10061, CONNECT, VERDICT_UNSEEN, 0);
    out(f, SYN, 100, 0);
    expect_error(f, 10049, CONNECT, VERDICT_CONTRADICTED, 1);
    expect_error(f, 10048, CONNECT, VERDICT_LOCAL, 0);
}

static void a_udp_port_that_nobody_listens_on(void **state)
{
    fixture *f = *state;
    trace_note_udp(f->facts, &f->client, &f->server, 100, next(f));
    verdict_case failure = failure_of(f, 10054, RECV);
    failure.protocol = 17;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    icmp(f, 17, 3, 3);
    failure.moment = f->now.time;
    expect(f, failure, VERDICT_CONFIRMED, 2);
    failure.protocol = 0; /* TCP by the endpoints first, then UDP */
    expect(f, failure, VERDICT_CONFIRMED, 2);
    failure.error = 10061;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    failure.platform = 2;
    expect(f, failure, VERDICT_CONFIRMED, 2);
}

static void ports_used_again(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, RST_ACK, 101, 0);
    verdict_case first = failure_of(f, 10054, RECV);
    f->now.time += 60000 * (gint64)MS;
    out(f, SYN, 9000, 0);
    in(f, SYN_ACK, 9001, 0);
    expect_error(f, 10054, RECV, VERDICT_INCONCLUSIVE, 0);
    expect(f, first, VERDICT_CONFIRMED, 4);
}

static void the_hosts_address_where_the_report_has_none(void **state)
{
    fixture *f = *state;
    handshake(f);
    in(f, RST_ACK, 101, 0);
    verdict_case failure = failure_of(f, 10054, RECV);
    memset(failure.local.address, 0, sizeof failure.local.address);
    expect(f, failure, VERDICT_CONFIRMED, 4);
}

static verdict_case look_up(const fixture *f, guint32 error)
{
    verdict_case failure = failure_of(f, error, 18);
    failure.local = failure.remote = (trace_end){.length = 0};
    failure.node = "DB.";
    return failure;
}

static void query(fixture *f, const char *name)
{
    trace_end host = end(10, 0);
    lookups_note_query(f->names, &host, name, LOOKUP_A, FALSE, next(f));
}

static void reply(fixture *f, const char *name, guint8 rcode, gboolean has_records)
{
    trace_end host = end(10, 0);
    lookups_note_answer(f->names, &host, name, LOOKUP_A, rcode, has_records, next(f));
}

static void a_name_that_does_not_exist(void **state)
{
    fixture *f = *state;
    expect(f, look_up(f, 11001), VERDICT_UNSEEN, 0);
    query(f, "dbx");
    reply(f, "dbx", 3, FALSE);
    expect(f, look_up(f, 11001), VERDICT_UNSEEN, 0); /* another name */
    query(f, "db.corp.example");
    expect(f, look_up(f, 11001), VERDICT_INCONCLUSIVE, 3);
    reply(f, "db.corp.example", 3, FALSE); /* with a suffix it is the same look-up */
    expect(f, look_up(f, 11001), VERDICT_CONFIRMED, 4);
    expect(f, look_up(f, 11002), VERDICT_INCONCLUSIVE, 4);
    verdict_case other = look_up(f, 11001);
    other.host = end(11, 0);
    expect(f, other, VERDICT_UNSEEN, 0);
}

static void a_name_that_was_found(void **state)
{
    fixture *f = *state;
    query(f, "db");
    reply(f, "db", 0, TRUE);
    static const guint32 errors[] = {11001, 11002, 11003, 11004, 10112};
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++)
        expect(f, look_up(f, errors[i]), VERDICT_CONTRADICTED, 2);
    verdict_case later = look_up(f, 11001);
    later.moment += 120000 * (gint64)MS;
    expect(f, later, VERDICT_UNSEEN, 0); /* that look-up was another's */
    query(f, "db");
    reply(f, "db", 2, FALSE);
    expect(f, look_up(f, 11002), VERDICT_CONFIRMED, 4);
}

static void each_answer_has_its_error(void **state)
{
    static const guint32 cases[][2] = {{11002, 2}, {11003, 1}, {11003, 4},
                                       {11003, 5}, {11004, 0}, {10112, 5}};
    fixture *f = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        query(f, "db");
        reply(f, "db", (guint8)cases[i][1], FALSE);
        expect(f, look_up(f, cases[i][0]), VERDICT_CONFIRMED, f->now.frame);
        expect(f, look_up(f, 11001), VERDICT_INCONCLUSIVE, f->now.frame);
    }
}

static void a_name_server_that_is_silent(void **state)
{
    fixture *f = *state;
    query(f, "db");
    query(f, "db");
    trace_end host = end(10, 0);
    expect(f, look_up(f, 11002), VERDICT_INCONCLUSIVE, 2); /* it can still be answered */
    f->now.time += 2000 * (gint64)MS;
    expect(f, look_up(f, 11002), VERDICT_INCONCLUSIVE, 0); /* hears one direction only */
    trace_note_heard(f->facts, &host);
    expect(f, look_up(f, 11002), VERDICT_CONFIRMED, 2);
    verdict_case accept = look_up(f, 11002);
    accept.node = NULL; /* a deferred WSAAccept */
    assert_int_equal(judge(f, &accept).kind, VERDICT_NONE);
}

static void the_states_of_a_socket(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0);
    trace_note_heard(f->facts, &host);
    expect_error(f, 10057, RECV, VERDICT_LOCAL, 0);
    out(f, SYN, 100, 0);
    expect_error(f, 10037, CONNECT, VERDICT_CONFIRMED, 1);
    expect_error(f, 10057, RECV, VERDICT_CONFIRMED, 0);
    expect_error(f, 10056, CONNECT, VERDICT_INCONCLUSIVE, 0);
    in(f, SYN_ACK, 101, 0);
    expect_error(f, 10037, CONNECT, VERDICT_CONTRADICTED, 2);
    expect_error(f, 10056, CONNECT, VERDICT_CONFIRMED, 2);
    expect_error(f, 10057, RECV, VERDICT_CONTRADICTED, 2);
    expect_error(f, 10101, RECV, VERDICT_INCONCLUSIVE, 0);
    in(f, FIN, 101, 0);
    expect_error(f, 10101, RECV, VERDICT_CONFIRMED, 3);
    in_at(f, RST, 502, 0, 0);
    expect_error(f, 10101, RECV, VERDICT_CONTRADICTED, 4);
    expect_error(f, 10057, RECV, VERDICT_CONFIRMED, 4);
}

static void a_connection_from_before_the_trace(void **state)
{
    fixture *f = *state;
    out(f, ACK, 101, 10);
    in(f, ACK, 111, 0);
    expect_error(f, 10057, RECV, VERDICT_INCONCLUSIVE, 0);
    expect_error(f, 10061, RECV, VERDICT_INCONCLUSIVE, 0);
    expect_error(f, 10060, RECV, VERDICT_INCONCLUSIVE, 0);
    in(f, RST, 0, 0);
    expect_error(f, 10061, CONNECT, VERDICT_INCONCLUSIVE, 3); /* it answers no SYN */
}

static void a_forbidden_connect(void **state)
{
    fixture *f = *state;
    expect_error(f, 10013, CONNECT, VERDICT_LOCAL, 0);
    out(f, SYN, 100, 0);
    verdict_case failure = failure_of(f, 10013, CONNECT);
    expect(f, failure, VERDICT_CONTRADICTED, 1);
    failure.platform = 2;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
}

static void a_datagram_that_ran_out_of_hops(void **state)
{
    fixture *f = *state;
    trace_note_udp(f->facts, &f->client, &f->server, 100, next(f));
    icmp(f, 17, 11, 0);
    verdict_case failure = failure_of(f, 10052, RECV);
    failure.protocol = 17;
    expect(f, failure, VERDICT_CONFIRMED, 2);
    failure.error = 10054;
    expect(f, failure, VERDICT_INCONCLUSIVE, 2);
}

static void pending_is_no_failure(void **state)
{
    fixture *f = *state;
    expect_error(f, 10035, RECV, VERDICT_LOCAL, 0);
    expect_error(f, 997, RECV, VERDICT_LOCAL, 0);
}

/* Every code of Winsock gets a verdict, but for names without one. */
static void every_code_has_a_rule(void **state)
{
    fixture *f = *state;
#define X(number, name, aliases, title, category, description, advice)                             \
    {                                                                                              \
        verdict_case failure = failure_of(f, number, RECV);                                        \
        failure.node = "db";                                                                       \
        assert_int_not_equal(judge(f, &failure).kind, VERDICT_NONE);                               \
    }
#include "fields/errors.def"
#undef X
}

static void no_rule_no_verdict(void **state)
{
    fixture *f = *state;
    verdict_case failure = failure_of(f, 12345, RECV);
    assert_int_equal(judge(f, &failure).kind, VERDICT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(reset_by_the_peer),
        CASE(reset_by_the_host_itself),
        CASE(a_reset_after_the_failure_is_not_its_cause),
        CASE(a_reset_of_another_flow_is_not_its_cause),
        CASE(a_reset_that_the_peer_went_on_after),
        CASE(a_closed_connection_was_not_reset),
        CASE(refused),
        CASE(accepted_is_not_refused),
        CASE(no_answer_to_the_syns),
        CASE(data_that_is_never_acknowledged),
        CASE(unreachable),
        CASE(unreachable_by_icmpv6),
        CASE(nothing_left_the_host),
        CASE(a_udp_port_that_nobody_listens_on),
        CASE(ports_used_again),
        CASE(the_hosts_address_where_the_report_has_none),
        CASE(a_name_that_does_not_exist),
        CASE(a_name_that_was_found),
        CASE(each_answer_has_its_error),
        CASE(a_name_server_that_is_silent),
        CASE(the_states_of_a_socket),
        CASE(a_connection_from_before_the_trace),
        CASE(a_forbidden_connect),
        CASE(a_datagram_that_ran_out_of_hops),
        CASE(pending_is_no_failure),
        CASE(every_code_has_a_rule),
        CASE(no_rule_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
