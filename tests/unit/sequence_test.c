/* sequence_test.c: lost, late and repeated datagrams of a sender.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const guint8 here[] = {192, 0, 2, 10};

static int setup(void **state)
{
    *state = sequence_new();
    return 0;
}

static int teardown(void **state)
{
    sequence_free(*state);
    return 0;
}

static sequence_note see_content(void **state, guint32 sequence, guint32 content, guint32 frame)
{
    sequence_datagram seen = {here, sizeof here, 42, sequence, 0, content, {frame, 1000 + frame}};
    return sequence_see(*state, &seen);
}

static sequence_note see(void **state, guint32 sequence, guint32 dropped, guint32 frame)
{
    sequence_datagram seen = {here, sizeof here, 42, sequence, dropped, 0, {frame, 1000 + frame}};
    return sequence_see(*state, &seen);
}

static void expect(sequence_note note, guint32 missing, gboolean late, guint32 duplicate_of,
                   guint32 dropped)
{
    assert_int_equal(note.missing, missing);
    assert_int_equal(note.late, late);
    assert_int_equal(note.duplicate_of.frame, duplicate_of);
    assert_int_equal(note.duplicate_of.time, duplicate_of ? 1000 + duplicate_of : 0);
    assert_int_equal(note.dropped, dropped);
}

static void the_first_sets_the_count(void **state)
{
    expect(see(state, 700, 0, 1), 0, FALSE, 0, 0);
    expect(see(state, 701, 0, 2), 0, FALSE, 0, 0);
}

static void a_gap_stands_on_the_datagram_after_it(void **state)
{
    see(state, 0, 0, 1);
    expect(see(state, 4, 0, 2), 3, FALSE, 0, 0);
    expect(see(state, 5, 0, 3), 0, FALSE, 0, 0);
}

static void a_late_one_is_out_of_order_and_then_a_duplicate(void **state)
{
    see(state, 0, 0, 1);
    see(state, 3, 0, 2);
    expect(see(state, 1, 0, 3), 0, TRUE, 0, 0);
    expect(see(state, 1, 0, 4), 0, FALSE, 3, 0);
    expect(see(state, 3, 0, 5), 0, FALSE, 2, 0);
    expect(see(state, 4, 0, 6), 0, FALSE, 0, 0);
}

static void one_from_before_the_first_is_late(void **state)
{
    see(state, 10, 0, 1);
    expect(see(state, 9, 0, 2), 0, TRUE, 0, 0);
}

static void counts_modulo_2_to_the_32(void **state)
{
    see(state, 0xFFFFFFFE, 0, 1);
    expect(see(state, 0xFFFFFFFF, 0, 2), 0, FALSE, 0, 0);
    expect(see(state, 1, 0, 3), 1, FALSE, 0, 0);
    expect(see(state, 0, 0, 4), 0, TRUE, 0, 0);
    expect(see(state, 0xFFFFFFFF, 0, 5), 0, FALSE, 2, 0);
}

static void dropped_counts_from_the_newest(void **state)
{
    expect(see(state, 0, 5, 1), 0, FALSE, 0, 5);
    expect(see(state, 1, 5, 2), 0, FALSE, 0, 0);
    expect(see(state, 3, 9, 3), 1, FALSE, 0, 4);
    expect(see(state, 2, 7, 4), 0, TRUE, 0, 0);
    expect(see(state, 4, 9, 5), 0, FALSE, 0, 0);
}

static void what_a_running_sender_dropped_before_is_not_told(void **state)
{
    expect(see(state, 700, 100000, 1), 0, FALSE, 0, 0);
    expect(see(state, 701, 100002, 2), 0, FALSE, 0, 2);
}

static void only_what_is_alike_is_a_copy(void **state)
{
    assert_false(see_content(state, 0, 7, 1).is_copy);
    assert_false(see_content(state, 1, 8, 2).is_copy);
    sequence_note copy = see_content(state, 0, 7, 3), other = see_content(state, 1, 9, 4);
    assert_true(copy.is_copy);
    assert_int_equal(copy.duplicate_of.frame, 1);
    assert_false(other.is_copy);
    assert_int_equal(other.duplicate_of.frame, 2);
    assert_false(other.late);
    copy = see_content(state, 1, 9, 5);
    assert_true(copy.is_copy);
    assert_int_equal(copy.duplicate_of.frame, 4);
}

static void senders_are_told_apart_by_number_and_address(void **state)
{
    static const guint8 there[] = {192, 0, 2, 11};

    see(state, 0, 0, 1);
    const sequence_datagram others[] = {{here, sizeof here, 43, 9, 0, 0, {2, 0}},
                                        {there, sizeof there, 42, 9, 0, 0, {3, 0}}};
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        expect(sequence_see(*state, &others[i]), 0, FALSE, 0, 0);
    expect(see(state, 1, 0, 4), 0, FALSE, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_sets_the_count, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gap_stands_on_the_datagram_after_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_one_is_out_of_order_and_then_a_duplicate, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_from_before_the_first_is_late, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_modulo_2_to_the_32, setup, teardown),
        cmocka_unit_test_setup_teardown(dropped_counts_from_the_newest, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_running_sender_dropped_before_is_not_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(only_what_is_alike_is_a_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(senders_are_told_apart_by_number_and_address, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
