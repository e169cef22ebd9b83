/* limits_test.c: what is said where as much is kept as is kept at all. Built with small bounds.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin/sequence.h"
#include "trace_fixture.h"

#include <stdio.h>

static trace_end numbered(guint32 n)
{
    trace_end result = end(0, 1024);
    memcpy(result.address, &n, sizeof n);
    return result;
}

/* A failure between two ends that the trace has no packet of. */
static verdict_case unknown(const fixture *f, guint32 error)
{
    return (verdict_case){.moment = f->now.time,
                          .error = error,
                          .operation = RECV,
                          .protocol = TRACE_TCP,
                          .host = end(10, 0),
                          .local = f->client,
                          .remote = f->server};
}

static void more_flows_than_are_kept(void **state)
{
    fixture *f = *state;
    trace_segment syn = {.flags = SYN, .sequence = 1, .scale = -1};

    for (guint32 n = 0; n < 2 * TRACE_MAX_FLOWS; n++) {
        trace_end from = numbered(n + 1);
        verdict_case reset = unknown(f, 10054), local = unknown(f, 10049);
        verdict_kind kinds[] = {judge(f, &reset).kind, judge(f, &local).kind};
        gboolean full = n >= TRACE_MAX_FLOWS;
        assert_int_equal(trace_is_full(f->facts), full);
        assert_int_equal(kinds[0], full ? VERDICT_INCONCLUSIVE : VERDICT_UNSEEN);
        assert_int_equal(kinds[1], full ? VERDICT_INCONCLUSIVE : VERDICT_LOCAL);
        f->now.frame++;
        trace_flow *flow = trace_note_tcp(f->facts, &from, &f->server, &syn, f->now);
        assert_int_equal(flow == NULL, full);
        if (full) { /* whatever comes, and of those that it has nothing is lost */
            trace_note_udp(f->facts, &from, &f->server, 1, f->now);
            trace_note_icmp(f->facts, TRACE_TCP, &from, &f->client, 0, f->now);
            trace_note_neighbour(f->facts, &from, &f->server, FALSE, f->now);
        }
    }
    trace_end first = numbered(1);
    assert_non_null(trace_find(f->facts, TRACE_TCP, &first, &f->server, f->now.time, 0));
}

static void more_look_ups_than_are_kept(void **state)
{
    fixture *f = *state;
    trace_end host = end(10, 0);

    for (int n = 0; n < 2 * LOOKUPS_MAX; n++) {
        char name[32];
        verdict_case failure = unknown(f, 11001);
        failure.node = "nobody.example";
        assert_int_equal(judge(f, &failure).kind,
                         n < LOOKUPS_MAX ? VERDICT_UNSEEN : VERDICT_INCONCLUSIVE);
        snprintf(name, sizeof name, "host%d.example", n);
        f->now.frame++;
        lookups_note_query(f->names, &host, name, LOOKUP_A, FALSE, f->now);
        lookups_note_answer(f->names, &host, name, LOOKUP_A, 3, FALSE, f->now);
    }
}

static void more_senders_than_are_followed(void **state)
{
    sequence_tracker *tracker = sequence_new();
    guint followed = 0;

    (void)state;
    for (guint32 sender = 0; sender < 2 * SEQUENCE_MAX_SENDERS; sender++) {
        sequence_datagram seen = {"here", 4, sender, 0, 0, 0, {1, 0}};
        sequence_see(tracker, &seen);
        seen.sequence = 5;
        followed += sequence_see(tracker, &seen).missing == 4;
    }
    assert_int_equal(followed, SEQUENCE_MAX_SENDERS);
    sequence_free(tracker);
}

/* More events of one flow than it keeps: the first and the last are there. */
static void more_events_than_are_kept(void **state)
{
    fixture *f = *state;
    trace_segment stray = {.flags = RST, .sequence = 1000000000, .hops = 60, .scale = -1};
    trace_segment syn = {.flags = SYN, .sequence = 1, .scale = -1};
    trace_packet first = {0};

    trace_note_tcp(f->facts, &f->client, &f->server, &syn, f->now);
    for (int n = 0; n < 1000; n++) {
        f->now.frame++;
        f->now.time += STEP;
        trace_note_tcp(f->facts, &f->server, &f->client, &stray, f->now);
        if (n == 0)
            first = f->now;
    }
    trace_flow *flow = trace_find(f->facts, TRACE_TCP, &f->client, &f->server, f->now.time, 0);
    int side = trace_side_of(flow, &f->server);
    assert_int_equal(trace_last_event(flow, EVENT_STRAY_RST, side, 0, f->now.time, 0).frame,
                     f->now.frame);
    assert_int_equal(trace_last_event(flow, EVENT_STRAY_RST, side, 0, first.time, 0).frame,
                     first.frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(more_flows_than_are_kept),
        CASE(more_look_ups_than_are_kept),
        CASE(more_senders_than_are_followed),
        CASE(more_events_than_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
