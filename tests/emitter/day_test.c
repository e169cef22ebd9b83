/* day_test.c: a day of the emitter's life in a second, with clocks and a network of the test's own:
 * the sequence number wraps, the clocks step, the machine sleeps, the program's failures storm.
 *
 * SPDX-License-Identifier: MIT
 */
#include "emitter/send.c" /* the sequence number has to be near its end */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "tests/unit/wire.h"

enum { RATE = 200, BURST = 50, KINDS = 40, DAY = 86400, HOUR = 3600, STORM = 20000 };
#define SECONDS ((int64_t)SECOND)

/* The clocks, nanoseconds; each moves as its kind of trouble says. */
static int64_t wall = 1700000000 * SECONDS, monotonic = 1000 * SECONDS;
static int64_t stepped; /* when a clock last did so, by a clock that never does */
static int64_t elapsed;

static uint64_t reported, told, datagrams, bytes_sent;
static uint32_t last_sequence, last_dropped;
static int64_t last_sent_at;
static unsigned this_second;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    int64_t now = clock == CLOCK_REALTIME ? wall : monotonic;
    t->tv_sec = now / SECONDS;
    t->tv_nsec = now % SECONDS;
    return 0;
}

static void pass(int64_t nanoseconds)
{
    wall += nanoseconds;
    monotonic += nanoseconds;
    elapsed += nanoseconds;
}

static void step(int64_t *clock, int64_t nanoseconds)
{
    *clock += nanoseconds;
    stepped = elapsed;
}

/* Times make sense by themselves always, and against the sent time unless a clock has stepped since
 * the failure: a count can wait until there is another failure, here a second, after its own. */
static void check_times(const datagram *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const failure *f = &d->failures[i];
        if (f->has_first_time)
            assert_true(f->first_time <= f->time);
        if (elapsed - stepped < 5 * SECONDS)
            continue;
        assert_true(f->time <= d->sent_time);
        uint64_t first = f->has_first_time ? f->first_time : f->time;
        assert_true(d->sent_time - first < (uint64_t)(5 * SECONDS));
    }
}

ssize_t __wrap_sendto(int s, const void *bytes, size_t size, int flags, const struct sockaddr *to,
                      socklen_t length);
ssize_t __wrap_sendto(int s, const void *bytes, size_t size, int flags, const struct sockaddr *to,
                      socklen_t length)
{
    static datagram d;
    (void)s, (void)flags, (void)to, (void)length;
    read_datagram(&d, bytes, size);
    assert_int_equal(d.sequence, (uint32_t)(last_sequence + 1));
    assert_true(d.dropped >= last_dropped);
    assert_int_equal(d.sent_time, wall);
    check_times(&d);
    for (size_t i = 0; i < d.count; i++)
        told += d.failures[i].repeat;
    last_sequence = d.sequence;
    last_dropped = d.dropped;
    last_sent_at = elapsed;
    datagrams++;
    this_second++;
    bytes_sent += size;
    return (ssize_t)size;
}

static void report_kind(uint32_t kind)
{
    wsft_report(&(wsft_failure){.code = 20000 + kind, .operation = WSFT_OP_RECV});
    reported++;
}

/* One second of the day: a few failures, now and then a storm of them. */
static void live(unsigned second)
{
    unsigned failures = second % HOUR == 77 ? STORM : second % 7;
    this_second = 0;
    report_kind(1000 + second); /* a new kind: sent at once, but right after a storm or a step */
    assert_true(last_sent_at == elapsed || second % HOUR == 78 || elapsed - stepped < SECONDS);
    for (unsigned i = 0; i < failures; i++) {
        report_kind((second + i * 7) % KINDS);
        pass(SECONDS / (failures + 1));
    }
    if (second % 3 == 0)
        wsft_flush();
    pass(SECONDS / (failures + 1));
    assert_true(this_second <= BURST + RATE + 1);
}

static void trouble(unsigned second)
{
    switch (second) {
    case 3 * HOUR:
        step(&wall, -HOUR * SECONDS);
        break;
    case 5 * HOUR:
        step(&wall, SECONDS * HOUR * 24 * 365 * 40);
        break;
    case 6 * HOUR:
        step(&wall, -wall); /* 1970: a machine without a battery */
        break;
    case 7 * HOUR:
        step(&wall, 1700000000 * SECONDS);
        break;
    case 9 * HOUR: /* sleep, where the monotonic clock stands still */
        step(&wall, SECONDS * HOUR * 8);
        break;
    case 11 * HOUR: /* sleep, where it does not */
        step(&wall, SECONDS * HOUR * 8);
        step(&monotonic, SECONDS * HOUR * 8);
        break;
    case 13 * HOUR: /* no clock should, and a virtual machine's does */
        step(&monotonic, -30 * SECONDS);
        break;
    case 15 * HOUR:
        step(&monotonic, SECONDS * HOUR * 24 * 1000);
        break;
    default:
        break;
    }
}

static void test_a_day(void **state)
{
    (void)state;
    const wsft_options options = {.collector = "127.0.0.1:9", .rate = RATE, .burst = BURST};
    const uint32_t first = UINT32_MAX - 30000;
    assert_int_equal(wsft_open(&options), 0);
    e.sequence = first;
    last_sequence = first - 1;
    for (unsigned second = 0; second < DAY; second++) {
        trouble(second);
        live(second);
    }
    wsft_close();
    assert_true(last_sequence < first); /* it has wrapped */
    assert_int_equal(told + last_dropped, reported);
    print_message("a day: %llu failures, %llu told in %llu datagrams, %u dropped\n",
                  (unsigned long long)reported, (unsigned long long)told,
                  (unsigned long long)datagrams, last_dropped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_day)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
