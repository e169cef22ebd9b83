/* trace_fixture.h: a trace under construction, for tests of verdicts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TRACE_FIXTURE_H
#define TRACE_FIXTURE_H

#include "plugin/verdict.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS   G_GINT64_CONSTANT(1000000)
#define STEP (5 * MS)

enum { CONNECT = 5, RECV = 8 };
enum { SYN = TRACE_SYN, SYN_ACK = TRACE_SYN | TRACE_ACK, ACK = TRACE_ACK, FIN = TRACE_FIN | ACK };
enum { RST = TRACE_RST, RST_ACK = TRACE_RST | TRACE_ACK };

/* A trace under construction: each packet comes five milliseconds after the one before. */
typedef struct {
    trace *facts;
    lookups *names;
    trace_packet now;
    trace_end client, server;
    guint8 hops;  /* of the server's packets */
    char *reason; /* of the latest judgement */
} fixture;

static inline trace_end end(guint8 last, guint16 port)
{
    trace_end result;
    memset(&result, 0, sizeof result);
    result.length = 4;
    memcpy(result.address, (guint8[]){192, 0, 2, last}, 4);
    result.port = port;
    return result;
}

static inline int setup(void **state)
{
    fixture *f = g_new0(fixture, 1);
    f->facts = trace_new();
    f->names = lookups_new();
    f->client = end(10, 50000);
    f->server = end(7, 443);
    f->hops = 60;
    f->reason = g_malloc0(VERDICT_MAX_REASON);
    f->now.time = 1000000 * (gint64)MS;
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    trace_free(((fixture *)*state)->facts);
    lookups_free(((fixture *)*state)->names);
    g_free(((fixture *)*state)->reason);
    g_free(*state);
    return 0;
}

static inline trace_packet next(fixture *f)
{
    f->now.frame++;
    f->now.time += STEP;
    return f->now;
}

static inline void out(fixture *f, guint8 flags, guint32 sequence, guint32 length)
{
    trace_segment segment = {flags, 128, sequence, 501, length, 1000, -1};
    trace_note_tcp(f->facts, &f->client, &f->server, &segment, next(f));
}

static inline void in_at(fixture *f, guint8 flags, guint32 sequence, guint32 acknowledgement,
                         guint32 length)
{
    trace_segment segment = {flags, f->hops, sequence, acknowledgement, length, 1000, -1};
    trace_note_tcp(f->facts, &f->server, &f->client, &segment, next(f));
}

static inline void in(fixture *f, guint8 flags, guint32 acknowledgement, guint32 length)
{
    in_at(f, flags, flags & SYN ? 500 : 501, acknowledgement, length);
}

static inline void handshake(fixture *f)
{
    out(f, SYN, 100, 0);
    in(f, SYN_ACK, 101, 0);
    out(f, ACK, 101, 0);
}

/* SYNs so many seconds from now, in a trace that would have their answer. */
static inline void unanswered_syns(fixture *f, const gint64 *seconds, size_t count)
{
    const gint64 start = f->now.time;
    trace_note_heard(f->facts, &f->client);
    for (size_t i = 0; i < count; i++) {
        f->now.time = start + seconds[i] * 1000 * MS;
        out(f, SYN, 100, 0);
    }
}

static inline void icmp(fixture *f, guint8 protocol, guint8 type, guint8 code)
{
    trace_note_icmp(f->facts, protocol, &f->client, &f->server, trace_icmp_value(FALSE, type, code),
                    next(f));
}

static inline verdict_case failure_of(const fixture *f, guint32 error, guint16 operation)
{
    return (verdict_case){.moment = f->now.time + MS,
                          .error = error,
                          .operation = operation,
                          .protocol = 6,
                          .platform = 1,
                          .host = end(10, 0),
                          .local = f->client,
                          .remote = f->server};
}

/* The same whether the reason is wanted or not. */
static inline verdict judge(const fixture *f, const verdict_case *failure)
{
    verdict v = verdict_judge(f->facts, f->names, failure, FALSE, f->reason);
    verdict silent = verdict_judge(f->facts, f->names, failure, FALSE, NULL);

    assert_int_equal(silent.kind, v.kind);
    assert_int_equal(silent.evidence_count, v.evidence_count);
    assert_memory_equal(silent.evidence, v.evidence, sizeof v.evidence);
    assert_int_equal(silent.attempts, v.attempts);
    return v;
}

static inline void expect(const fixture *f, verdict_case failure, verdict_kind kind,
                          guint32 evidence)
{
    verdict v = judge(f, &failure);
    assert_string_not_equal(f->reason, "");
    if (v.kind != kind)
        fail_msg("%d, not %d: %s", v.kind, kind, f->reason);
    assert_int_equal(v.evidence_count ? v.evidence[0].frame : 0, evidence);
}

static inline void expect_error(const fixture *f, guint32 error, guint16 operation,
                                verdict_kind kind, guint32 evidence)
{
    expect(f, failure_of(f, error, operation), kind, evidence);
}

static inline void expect_words(const fixture *f, verdict_case failure, const char *words)
{
    judge(f, &failure);
    if (!strstr(f->reason, words))
        fail_msg("\"%s\" is not in: %s", words, f->reason);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
