/* lookup_test.c: which questions and answers make a look-up, and which of them is found.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin/lookup.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND G_GINT64_CONSTANT(1000000000)

static const trace_end host = {.address = {192, 0, 2, 10}, .length = 4};
static const trace_end other = {.address = {192, 0, 2, 11}, .length = 4};

enum { NOERROR = 0, SERVFAIL = 2, NXDOMAIN = 3 };

static int setup(void **state)
{
    *state = lookups_new();
    return 0;
}

static int teardown(void **state)
{
    lookups_free(*state);
    return 0;
}

/* A packet; the frame's number is the second that it comes in. */
static trace_packet packet(guint32 second)
{
    return (trace_packet){second, second * SECOND};
}

static void ask(lookups *names, const char *name, guint32 second)
{
    lookups_note_query(names, &host, name, LOOKUP_A, FALSE, packet(second));
}

static void answer(lookups *names, const char *name, guint8 rcode, gboolean found, guint32 second)
{
    lookups_note_answer(names, &host, name, LOOKUP_A, rcode, found, packet(second));
}

/* What a visit finds: how many look-ups, and the last of them. */
typedef struct {
    guint count;
    lookup last;
} finding;

static void note(const lookup *found, void *data)
{
    finding *f = data;
    f->count++;
    f->last = *found;
}

static finding find(lookups *names, const char *name, guint32 from, guint32 to)
{
    finding f = {0};
    lookups_visit(names, &host, name, from * SECOND, to * SECOND, note, &f);
    return f;
}

static lookup_question question(lookups *names, const char *name)
{
    finding f = find(names, name, 0, 1000000);
    assert_int_equal(f.count, 1);
    return f.last.questions[LOOKUP_A];
}

static void asked_again_it_is_the_same_until_a_minute_has_passed(void **state)
{
    ask(*state, "db.example", 1);
    ask(*state, "db.example", 61);
    assert_int_equal(question(*state, "db.example").queries, 2);
    assert_int_equal(question(*state, "db.example").first_query.frame, 1);
    ask(*state, "db.example", 122);
    assert_int_equal(question(*state, "db.example").queries, 1);
    assert_int_equal(question(*state, "db.example").first_query.frame, 122);
}

static void asked_again_after_the_answer_it_is_another(void **state)
{
    ask(*state, "db.example", 1);
    answer(*state, "db.example", NXDOMAIN, FALSE, 2);
    ask(*state, "db.example", 3);
    assert_int_equal(question(*state, "db.example").answer.frame, 0);
    assert_int_equal(find(*state, "db.example", 0, 2).last.questions[LOOKUP_A].answer.frame, 2);
}

static void the_other_type_is_of_the_same_look_up(void **state)
{
    ask(*state, "db.example", 1);
    lookups_note_query(*state, &host, "db.example", LOOKUP_AAAA, FALSE, packet(30));
    finding f = find(*state, "db.example", 0, 1000);
    assert_int_equal(f.last.questions[LOOKUP_A].queries, 1);
    assert_int_equal(f.last.questions[LOOKUP_AAAA].queries, 1);
    assert_int_equal(f.last.first.frame, 1);
}

/* A name that nobody answers is asked for again and again, by one call after another. */
static void of_a_look_up_what_was_asked_between_two_times(void **state)
{
    static const guint32 seconds[] = {1, 2, 5, 6};
    finding f;

    for (size_t i = 0; i < G_N_ELEMENTS(seconds); i++)
        ask(*state, "db.example", seconds[i]);
    f = find(*state, "db.example", 5, 6);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.last.first.frame, 5);
    assert_int_equal(f.last.questions[LOOKUP_A].queries, 2);
    assert_int_equal(f.last.questions[LOOKUP_A].last_query.frame, 6);
    assert_int_equal(find(*state, "db.example", 0, 4).last.questions[LOOKUP_A].queries, 2);
    assert_int_equal(find(*state, "db.example", 3, 4).count, 0);
    answer(*state, "db.example", NXDOMAIN, FALSE, 7);
    assert_int_equal(find(*state, "db.example", 5, 6).last.questions[LOOKUP_A].answer.frame, 7);
    assert_int_equal(find(*state, "db.example", 0, 4).last.questions[LOOKUP_A].answer.frame, 0);
}

static void queries_need_not_come_in_order(void **state)
{
    ask(*state, "db.example", 5);
    ask(*state, "db.example", 3);
    ask(*state, "db.example", 4);
    finding f = find(*state, "db.example", 4, 5);
    assert_int_equal(f.last.first.frame, 4);
    assert_int_equal(f.last.questions[LOOKUP_A].queries, 2);
}

static void the_other_type_alone_long_after_is_another(void **state)
{
    ask(*state, "db.example", 1);
    lookups_note_query(*state, &host, "db.example", LOOKUP_AAAA, FALSE, packet(100));
    finding f = find(*state, "db.example", 90, 1000);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.last.questions[LOOKUP_A].queries, 0);
    assert_int_equal(f.last.questions[LOOKUP_AAAA].queries, 1);
    assert_int_equal(find(*state, "db.example", 0, 99).last.questions[LOOKUP_AAAA].queries, 0);
}

static void a_packet_dissected_twice_counts_once(void **state)
{
    guint64 before;

    ask(*state, "db.example", 1);
    before = lookups_changes(*state);
    ask(*state, "db.example", 1);
    assert_int_equal(question(*state, "db.example").queries, 1);
    assert_int_equal(lookups_changes(*state), before);
    /* The frame's number given to another packet, by a read filter. */
    lookups_note_query(*state, &host, "db.example", LOOKUP_A, FALSE, (trace_packet){1, 2 * SECOND});
    assert_int_equal(question(*state, "db.example").queries, 2);
}

static void of_several_answers_the_one_that_says_most_counts(void **state)
{
    ask(*state, "db.example", 1);
    answer(*state, "db.example", SERVFAIL, FALSE, 2);
    answer(*state, "db.example", NXDOMAIN, FALSE, 3);
    assert_int_equal(question(*state, "db.example").answer.frame, 2);
    answer(*state, "db.example", NOERROR, TRUE, 4);
    assert_int_equal(question(*state, "db.example").answer.frame, 4);
    answer(*state, "db.example", NXDOMAIN, FALSE, 5);
    answer(*state, "db.example", NOERROR, TRUE, 6);
    assert_int_equal(question(*state, "db.example").answer.frame, 4);
}

static void a_whole_answer_counts_before_one_that_is_cut(void **state)
{
    ask(*state, "db.example", 1);
    answer(*state, "db.example", LOOKUP_CUT, FALSE, 2);
    answer(*state, "db.example", NOERROR, FALSE, 3);
    answer(*state, "db.example", LOOKUP_CUT, FALSE, 4);
    assert_int_equal(question(*state, "db.example").answer.frame, 3);
    assert_int_equal(question(*state, "db.example").rcode, NOERROR);
}

static void answers_that_nobody_asked_for(void **state)
{
    ask(*state, "db.example", 1);
    answer(*state, "other.example", NXDOMAIN, FALSE, 2);
    lookups_note_answer(*state, &other, "db.example", LOOKUP_A, NXDOMAIN, FALSE, packet(3));
    lookups_note_answer(*state, &host, "db.example", LOOKUP_AAAA, NXDOMAIN, FALSE, packet(4));
    lookups_note_answer(*state, NULL, "db.example", LOOKUP_A, NXDOMAIN, FALSE, packet(5));
    assert_int_equal(question(*state, "db.example").answer.frame, 0);
    assert_int_equal(find(*state, "other.example", 0, 10).count, 0);
}

static void by_multicast_all_who_asked_are_answered(void **state)
{
    finding f = {0};

    ask(*state, "db.local", 1);
    lookups_note_query(*state, &other, "db.local", LOOKUP_A, FALSE, packet(2));
    lookups_note_answer(*state, NULL, "db.local", LOOKUP_A, NOERROR, TRUE, packet(3));
    lookups_note_answer(*state, NULL, "nobody.local", LOOKUP_A, NOERROR, TRUE, packet(4));
    assert_int_equal(question(*state, "db.local").answer.frame, 3);
    lookups_visit(*state, &other, "db.local", 0, 10 * SECOND, note, &f);
    assert_int_equal(f.last.questions[LOOKUP_A].answer.frame, 3);
}

static void a_name_stands_for_itself_and_with_a_suffix(void **state)
{
    ask(*state, "db", 1);
    ask(*state, "db.example", 2);
    ask(*state, "db.example.com", 3);
    ask(*state, "dbase.example", 4);
    ask(*state, "db2", 5);
    assert_int_equal(find(*state, "db", 0, 10).count, 3);
    assert_int_equal(find(*state, "DB.Example.", 0, 10).count, 2);
    assert_int_equal(find(*state, "db.exam", 0, 10).count, 0);
    assert_int_equal(find(*state, "", 0, 10).count, 0);
    assert_int_equal(find(*state, ".", 0, 10).count, 0);
}

static void the_latest_that_had_begun_by_then(void **state)
{
    for (guint32 second = 1; second <= 901; second += 100)
        ask(*state, "db.example", second);
    assert_int_equal(find(*state, "db.example", 0, 250).last.first.frame, 201);
    assert_int_equal(find(*state, "db.example", 0, 201).last.first.frame, 201);
    assert_int_equal(find(*state, "db.example", 201, 250).count, 1);
    assert_int_equal(find(*state, "db.example", 202, 250).count, 0);
    assert_int_equal(find(*state, "db.example", 0, 0).count, 0);
}

static void a_search_has_an_end(void **state)
{
    for (guint32 i = 1; i <= 1100; i++)
        ask(*state, "db.example", i * 61);
    /* 1,024 steps back is as far as it looks. */
    assert_int_equal(find(*state, "db.example", 0, 70).count, 0);
    assert_int_equal(find(*state, "db.example", 0, 61 * 80).count, 1);
}

static void no_look_ups_are_freed_as_well(void **state)
{
    (void)state;
    lookups_free(NULL);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(asked_again_it_is_the_same_until_a_minute_has_passed),
        CASE(asked_again_after_the_answer_it_is_another),
        CASE(the_other_type_is_of_the_same_look_up),
        CASE(of_a_look_up_what_was_asked_between_two_times),
        CASE(queries_need_not_come_in_order),
        CASE(the_other_type_alone_long_after_is_another),
        CASE(a_packet_dissected_twice_counts_once),
        CASE(of_several_answers_the_one_that_says_most_counts),
        CASE(a_whole_answer_counts_before_one_that_is_cut),
        CASE(answers_that_nobody_asked_for),
        CASE(by_multicast_all_who_asked_are_answered),
        CASE(a_name_stands_for_itself_and_with_a_suffix),
        CASE(the_latest_that_had_begun_by_then),
        CASE(a_search_has_an_end),
        CASE(no_look_ups_are_freed_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
