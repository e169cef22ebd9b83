/* name_test.c: which look-up a failure to find a name is judged by, and when.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "trace_fixture.h"

#include <stdio.h>

enum { GETADDRINFO = 18, INET = 2, INET6 = 23 };

#define SECOND (1000 * (gint64)MS)

static void ask(fixture *f, const char *name, int which)
{
    const trace_end host = end(10, 0);
    lookups_note_query(f->names, &host, name, which, FALSE, next(f));
}

static void tell(fixture *f, const char *name, int which, guint8 rcode, gboolean found)
{
    const trace_end host = end(10, 0);
    lookups_note_answer(f->names, &host, name, which, rcode, found, next(f));
    trace_note_heard(f->facts, &host);
}

static verdict_case failure_to_find(const fixture *f, guint32 error)
{
    verdict_case failure = failure_of(f, error, GETADDRINFO);
    failure.node = "db";
    return failure;
}

static void each_answer_has_a_name(void **state)
{
    static const struct {
        guint8 rcode;
        guint32 error;
        verdict_kind kind;
        const char *words;
    } cases[] = {
        {0, 11004, VERDICT_CONFIRMED, "no error and no record"},
        {1, 11003, VERDICT_CONFIRMED, "FORMERR"},
        {2, 11002, VERDICT_CONFIRMED, "SERVFAIL"},
        {3, 11001, VERDICT_CONFIRMED, "NXDOMAIN"},
        {4, 11003, VERDICT_CONFIRMED, "NOTIMP"},
        {5, 11003, VERDICT_CONFIRMED, "REFUSED"},
        {5, 10112, VERDICT_CONFIRMED, "REFUSED"},
        {3, 11003, VERDICT_INCONCLUSIVE, "NXDOMAIN"},
        {9, 11003, VERDICT_INCONCLUSIVE, "answered an error for db"},
        {LOOKUP_CUT, 11004, VERDICT_INCONCLUSIVE, "answered more than the packet has for db"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        fixture *f = *state;
        ask(f, "db", LOOKUP_A);
        tell(f, "db", LOOKUP_A, cases[i].rcode, FALSE);
        expect(f, failure_to_find(f, cases[i].error), cases[i].kind, f->now.frame);
        expect_words(f, failure_to_find(f, cases[i].error), cases[i].words);
    }
}

static void an_answer_after_the_failure_is_too_late(void **state)
{
    fixture *f = *state;
    ask(f, "db", LOOKUP_A);
    f->now.time += 5 * SECOND;
    ask(f, "db", LOOKUP_A);
    verdict_case failure = failure_to_find(f, 11002);
    tell(f, "db", LOOKUP_A, 3, FALSE);
    expect(f, failure, VERDICT_INCONCLUSIVE, 2);
    failure.error = 11001;
    expect_words(f, failure, "was not answered before the failure");
}

static void a_silent_name_server(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    ask(f, "db", LOOKUP_A);
    expect(f, failure_to_find(f, 11002), VERDICT_INCONCLUSIVE, 1); /* it may answer yet */
    f->now.time += 2 * SECOND;
    expect(f, failure_to_find(f, 11002), VERDICT_INCONCLUSIVE, 0); /* the host hears nothing */
    trace_note_heard(f->facts, &host);
    expect_words(f, failure_to_find(f, 11002), "1 query for db");
    ask(f, "db", LOOKUP_AAAA);
    expect(f, failure_to_find(f, 11002), VERDICT_CONFIRMED, 2);
    expect_words(f, failure_to_find(f, 11002), "2 queries for db");
    verdict_case failure = failure_to_find(f, 11002);
    f->now.time += SECOND;
    ask(f, "db", LOOKUP_A); /* another call's */
    expect(f, failure, VERDICT_CONFIRMED, 2);
    expect_words(f, failure, "2 queries for db");
}

static void what_is_asked_after_the_failure_is_another_calls(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    ask(f, "db", LOOKUP_A);
    trace_note_heard(f->facts, &host);
    f->now.time += 2 * SECOND;
    verdict_case failure = failure_to_find(f, 11002);
    f->now.time += SECOND;
    ask(f, "db", LOOKUP_A);
    expect(f, failure, VERDICT_CONFIRMED, 1);
    expect_words(f, failure, "1 query for db");
}

/* The second server is asked by the time that the first one answers. */
static void a_late_answer_does_not_exclude_that_none_came_in_time(void **state)
{
    fixture *f = *state;
    ask(f, "db", LOOKUP_A);
    f->now.time += 5 * SECOND;
    ask(f, "db", LOOKUP_A);
    f->now.time += 2 * SECOND;
    tell(f, "db", LOOKUP_A, 0, TRUE);
    f->now.time += 3 * SECOND;
    expect(f, failure_to_find(f, 11002), VERDICT_INCONCLUSIVE, 3);
    expect_words(f, failure_to_find(f, 11002), "not within a second of the first query");
    expect(f, failure_to_find(f, 11001), VERDICT_CONTRADICTED, 3);
    ask(f, "db", LOOKUP_A);
    tell(f, "db", LOOKUP_A, 0, TRUE);
    expect(f, failure_to_find(f, 11002), VERDICT_CONTRADICTED, 5);
}

static void nobody_needs_to_answer_a_multicast(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    trace_note_heard(f->facts, &host);
    lookups_note_query(f->names, &host, "db", LOOKUP_A, TRUE, next(f));
    f->now.time += 2 * SECOND;
    expect(f, failure_to_find(f, 11002), VERDICT_INCONCLUSIVE, 1);
    expect_words(f, failure_to_find(f, 11002), "went out by multicast");
    tell(f, "db", LOOKUP_A, 2, FALSE);
    expect(f, failure_to_find(f, 11002), VERDICT_CONFIRMED, 2);
}

/* Two calls for a name that nobody answers: each is judged by what it asked itself. */
static void asked_again_by_a_second_call(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    const gint64 start = f->now.time;
    static const gint64 seconds[] = {0, 1, 5, 6};
    trace_note_heard(f->facts, &host);
    for (size_t i = 0; i < G_N_ELEMENTS(seconds); i++) {
        f->now.time = start + seconds[i] * SECOND;
        ask(f, "db", LOOKUP_A);
    }
    for (int with_duration = 0; with_duration < 2; with_duration++) {
        verdict_case failure = failure_to_find(f, 11002);
        failure.duration = with_duration ? 2 * SECOND : 0;
        failure.moment = start + 2 * SECOND;
        expect(f, failure, VERDICT_CONFIRMED, 2);
        expect_words(f, failure, "2 queries for db");
        failure.moment = start + 7 * SECOND;
        expect(f, failure, VERDICT_CONFIRMED, 4);
        expect_words(f, failure, with_duration ? "2 queries for db" : "4 queries for db");
    }
}

/* For so long that a report without a duration has them not all in view. */
static void asked_again_for_minutes(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    trace_note_heard(f->facts, &host);
    for (int i = 0; i < 100; i++) {
        f->now.time += 5 * SECOND;
        ask(f, "db", i % 2 ? LOOKUP_AAAA : LOOKUP_A);
    }
    f->now.time += 2 * SECOND;
    expect(f, failure_to_find(f, 11002), VERDICT_CONFIRMED, 100);
    expect_words(f, failure_to_find(f, 11002), "12 queries for db");
}

static void the_address_that_was_asked_for_counts(void **state)
{
    fixture *f = *state;
    ask(f, "db", LOOKUP_A);
    ask(f, "db", LOOKUP_AAAA);
    tell(f, "db", LOOKUP_A, 0, TRUE);
    tell(f, "db", LOOKUP_AAAA, 0, FALSE);
    verdict_case failure = failure_to_find(f, 11004);
    expect(f, failure, VERDICT_CONTRADICTED, 3);
    failure.family = INET;
    expect(f, failure, VERDICT_CONTRADICTED, 3);
    failure.family = INET6;
    expect(f, failure, VERDICT_CONFIRMED, 4);
}

static void of_several_look_ups_those_of_the_call(void **state)
{
    fixture *f = *state;
    ask(f, "db.one", LOOKUP_A);
    tell(f, "db.one", LOOKUP_A, 0, TRUE);
    f->now.time += 10 * SECOND;
    ask(f, "db.two", LOOKUP_A);
    tell(f, "db.two", LOOKUP_A, 3, FALSE);
    expect(f, failure_to_find(f, 11001), VERDICT_CONFIRMED, 4); /* the newest */
    verdict_case failure = failure_to_find(f, 11001);
    failure.duration = SECOND;
    expect(f, failure, VERDICT_CONFIRMED, 4);
    failure.duration = 20 * SECOND; /* both are this call's: it has an address */
    expect(f, failure, VERDICT_CONTRADICTED, 2);
    ask(f, "db.three", LOOKUP_A);
    tell(f, "db.three", LOOKUP_A, 3, FALSE);
    failure = failure_to_find(f, 11001);
    failure.duration = SECOND; /* of two that say the same the later */
    expect(f, failure, VERDICT_CONFIRMED, 6);
    f->now.time += 61 * SECOND;
    expect(f, failure_to_find(f, 11001), VERDICT_UNSEEN, 0);
}

static void note_look_up(fixture *f, guint8 asker, guint8 rcode, gboolean found)
{
    const trace_end host = end(asker, 0);
    lookups_note_query(f->names, &host, "db", LOOKUP_A, FALSE, next(f));
    lookups_note_answer(f->names, &host, "db", LOOKUP_A, rcode, found, next(f));
}

/* The host's own addresses are not known: whoever asks a server from here can be it. */
static void a_report_over_the_loopback_is_of_whoever_asked(void **state)
{
    fixture *f = *state;
    verdict_case failure = failure_of(f, 11001, GETADDRINFO);
    failure.node = "db";
    failure.host = (trace_end){.address = {127, 0, 0, 1}, .length = 4};
    failure.local = failure.remote = (trace_end){.length = 0};
    expect(f, failure, VERDICT_UNSEEN, 0);
    note_look_up(f, 10, 3, FALSE);
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_CONFIRMED, 2);
    note_look_up(f, 11, 3, FALSE); /* and says the same */
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_CONFIRMED, 4);
    note_look_up(f, 12, 2, FALSE); /* another answer: whose it is nobody knows */
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    f->now.time += 70 * SECOND;
    note_look_up(f, 10, 0, TRUE); /* another program's, perhaps */
    failure.moment = f->now.time + MS;
    expect(f, failure, VERDICT_INCONCLUSIVE, f->now.frame);
    failure.host = end(13, 0);
    expect(f, failure, VERDICT_UNSEEN, 0);
}

static void a_silent_server_is_one_also_for_the_loopback(void **state)
{
    fixture *f = *state;
    const trace_end host = end(10, 0);
    ask(f, "db", LOOKUP_A);
    f->now.time += 2 * SECOND;
    verdict_case failure = failure_of(f, 11002, GETADDRINFO);
    failure.node = "db";
    failure.host = (trace_end){.address = {127, 0, 0, 1}, .length = 4};
    failure.local = failure.remote = (trace_end){.length = 0};
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
    trace_note_heard(f->facts, &host);
    expect(f, failure, VERDICT_CONFIRMED, 1);
}

/* More askers than are kept: it can be any. */
static void too_many_ask_for_the_loopback(void **state)
{
    fixture *f = *state;
    for (guint i = 0; i < LOOKUPS_MAX_ASKERS + 1; i++) {
        const trace_end host = end((guint8)i, 0);
        lookups_note_query(f->names, &host, "other", LOOKUP_A, FALSE, next(f));
    }
    note_look_up(f, 0, 3, FALSE);
    verdict_case failure = failure_of(f, 11001, GETADDRINFO);
    failure.node = "db";
    failure.host = (trace_end){.address = {127, 0, 0, 1}, .length = 4};
    failure.local = (trace_end){.length = 0};
    expect(f, failure, VERDICT_INCONCLUSIVE, 0);
}

static void without_a_name_there_is_no_look_up(void **state)
{
    fixture *f = *state;
    ask(f, "db", LOOKUP_A);
    tell(f, "db", LOOKUP_A, 3, FALSE);
    verdict_case failure = failure_of(f, 11001, GETADDRINFO);
    assert_int_equal(judge(f, &failure).kind, VERDICT_NONE);
    failure.node = "db";
    failure.error = 11005;
    expect(f, failure, VERDICT_LOCAL, 0);
}

static void the_address_that_was_asked_for(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0);
    verdict_case failure = failure_of(f, 11004, 18);
    failure.node = "db";
    failure.local = (trace_end){.length = 0};
    lookups_note_query(f->names, &host, "db", LOOKUP_A, FALSE, next(f));
    lookups_note_query(f->names, &host, "db", LOOKUP_AAAA, FALSE, next(f));
    lookups_note_answer(f->names, &host, "db", LOOKUP_A, 0, TRUE, next(f));
    lookups_note_answer(f->names, &host, "db", LOOKUP_AAAA, 0, FALSE, next(f));
    failure.moment = f->now.time;
    expect(f, failure, VERDICT_CONTRADICTED, 3);
    failure.family = 23;
    expect(f, failure, VERDICT_CONFIRMED, 4); /* it wanted IPv6 alone */
}

static void the_answer_with_an_address_counts(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0);
    verdict_case failure = failure_of(f, 11001, 18);
    failure.node = "db";
    lookups_note_query(f->names, &host, "db", LOOKUP_A, FALSE, next(f));
    lookups_note_answer(f->names, &host, "db", LOOKUP_A, 3, FALSE, next(f));
    lookups_note_answer(f->names, &host, "db", LOOKUP_A, 0, TRUE, next(f)); /* another server's */
    failure.moment = f->now.time;
    expect(f, failure, VERDICT_CONTRADICTED, 3);
}

static void a_name_that_goes_on_with_the_sentence(void **state)
{
    fixture *f = *state;
    verdict_case failure = failure_of(f, 11001, 18);
    failure.node = "db, confirmed in frame 3";
    judge(f, &failure);
    assert_non_null(strstr(f->reason, "\"db, confirmed in frame 3\""));
}

static void a_name_among_many_that_begin_alike(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0);
    verdict_case failure = failure_of(f, 11001, 18);
    for (int i = 0; i < 3000; i++) {
        char name[32];
        snprintf(name, sizeof name, "www.host%d.example", i);
        lookups_note_query(f->names, &host, name, LOOKUP_A, FALSE, next(f));
        lookups_note_answer(f->names, &host, name, LOOKUP_A, 3, FALSE, next(f));
    }
    failure.moment = f->now.time;
    failure.node = "www.host2999.example";
    expect(f, failure, VERDICT_CONFIRMED, 6000);
    failure.node = "www.host1500.example";
    expect(f, failure, VERDICT_CONFIRMED, 3002);
}

static void all_look_ups_of_a_call(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0);
    verdict_case failure = failure_of(f, 11001, 18);
    failure.node = "db";
    lookups_note_query(f->names, &host, "db.corp.example", LOOKUP_A, FALSE, next(f));
    lookups_note_answer(f->names, &host, "db.corp.example", LOOKUP_A, 0, TRUE, next(f));
    lookups_note_query(f->names, &host, "db", LOOKUP_A, FALSE, next(f));
    lookups_note_answer(f->names, &host, "db", LOOKUP_A, 3, FALSE, next(f));
    failure.moment = f->now.time;
    failure.duration = 4 * MS; /* both are of this call */
    expect(f, failure, VERDICT_CONTRADICTED, 2);
    failure.duration = 0;
    expect(f, failure, VERDICT_CONFIRMED, 4);
}

static void answered_by_multicast(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0), neighbour = end(11, 0);
    verdict_case failure = failure_of(f, 11001, 18);
    failure.node = "printer.local";
    lookups_note_query(f->names, &host, "printer.local", LOOKUP_A, FALSE, next(f));
    lookups_note_query(f->names, &neighbour, "printer.local", LOOKUP_A, FALSE, next(f));
    lookups_note_answer(f->names, NULL, "printer.local", LOOKUP_A, 0, TRUE, next(f));
    failure.moment = f->now.time;
    expect(f, failure, VERDICT_CONTRADICTED, 3);
    failure.host = failure.local = neighbour;
    expect(f, failure, VERDICT_CONTRADICTED, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_answer_has_a_name),
        CASE(an_answer_after_the_failure_is_too_late),
        CASE(a_silent_name_server),
        CASE(what_is_asked_after_the_failure_is_another_calls),
        CASE(a_late_answer_does_not_exclude_that_none_came_in_time),
        CASE(nobody_needs_to_answer_a_multicast),
        CASE(asked_again_by_a_second_call),
        CASE(asked_again_for_minutes),
        CASE(the_address_that_was_asked_for_counts),
        CASE(of_several_look_ups_those_of_the_call),
        CASE(a_report_over_the_loopback_is_of_whoever_asked),
        CASE(a_silent_server_is_one_also_for_the_loopback),
        CASE(too_many_ask_for_the_loopback),
        CASE(without_a_name_there_is_no_look_up),
        CASE(the_address_that_was_asked_for),
        CASE(the_answer_with_an_address_counts),
        CASE(a_name_that_goes_on_with_the_sentence),
        CASE(a_name_among_many_that_begin_alike),
        CASE(all_look_ups_of_a_call),
        CASE(answered_by_multicast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
