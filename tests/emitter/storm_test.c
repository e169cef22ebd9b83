/* storm_test.c: a million failures a second, and collectors and name servers that do not answer:
 * the network and the processor's time stay bounded, and the program never sleeps.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/wire.h"

/* Figures depend on the machine, and tests run on busy ones: the bound on time is a generous one,
 * that on sleeping is exact. */
enum { CALLS = 100000, BOUND_NS = 1000000, SKIPPED = 77 };

static uint64_t clock_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int listen_on(const char *address, uint16_t port, char *collector, size_t size)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t length = sizeof in;
    inet_pton(AF_INET, address, &in.sin_addr);
    int s = socket(AF_INET, SOCK_DGRAM, 0), large = 16 << 20;
    if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large) != 0)
        setsockopt(s, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    assert_int_equal(bind(s, (struct sockaddr *)&in, length), 0);
    getsockname(s, (struct sockaddr *)&in, &length);
    if (collector != NULL)
        snprintf(collector, size, "%s:%u", address, ntohs(in.sin_port));
    return s;
}

/* What a storm has put on the wire. */
typedef struct tally {
    uint64_t datagrams, bytes, failures, dropped;
} tally;

static void take_all(int s, tally *t)
{
    static datagram d;
    uint8_t bytes[2048];
    for (;;) {
        ssize_t size = recv(s, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size < 0)
            return;
        read_datagram(&d, bytes, (size_t)size);
        t->datagrams++;
        t->bytes += (uint64_t)size + 28; /* with the headers of IPv4 and UDP */
        t->dropped = d.dropped;
        for (size_t i = 0; i < d.count; i++)
            t->failures += d.failures[i].repeat;
    }
}

typedef struct stormer {
    uint32_t kinds, first;
    uint64_t reports, cpu;
} stormer;

static int storm_is_over;

static void *storm(void *argument)
{
    stormer *s = argument;
    uint64_t before = clock_of(CLOCK_THREAD_CPUTIME_ID);
    for (; !__atomic_load_n(&storm_is_over, __ATOMIC_RELAXED); s->reports++)
        wsft_report(&(wsft_failure){.code = 20000 + s->first + (uint32_t)s->reports % s->kinds,
                                    .operation = WSFT_OP_RECV,
                                    .message = "connection lost"});
    s->cpu = clock_of(CLOCK_THREAD_CPUTIME_ID) - before;
    return NULL;
}

/* A second of failures as fast as two threads report them. */
static void a_storm(const char *name, uint32_t kinds, uint64_t least)
{
    enum { RATE = 1000, BURST = 100, MOST_CPU = 50000 };
    char collector[32];
    int s = listen_on("127.0.0.1", 0, collector, sizeof collector);
    stormer both[2] = {{.kinds = kinds}, {.kinds = kinds, .first = 1000}};
    pthread_t threads[2];
    tally t = {0};
    const wsft_options options = {.collector = collector, .rate = RATE, .burst = BURST};
    __atomic_store_n(&storm_is_over, 0, __ATOMIC_RELAXED);
    uint64_t start = clock_of(CLOCK_MONOTONIC);
    assert_int_equal(wsft_open(&options), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, storm, &both[i]), 0);
    while (clock_of(CLOCK_MONOTONIC) < start + 1000000000u) {
        usleep(5000);
        take_all(s, &t);
    }
    __atomic_store_n(&storm_is_over, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    double seconds = (double)(clock_of(CLOCK_MONOTONIC) - start) / 1e9;
    wsft_close(); /* sends the 16 that may wait, whatever the rate */
    take_all(s, &t);
    close(s);
    uint64_t reports = both[0].reports + both[1].reports;
    uint64_t cpu = (both[0].cpu + both[1].cpu) / reports;
    print_message("%s: %.2f million failures a second, %llu ns of a processor each; "
                  "%llu datagrams, %llu bytes on the wire\n",
                  name, (double)reports / 1e6 / seconds, (unsigned long long)cpu,
                  (unsigned long long)t.datagrams, (unsigned long long)t.bytes);
    assert_true((double)t.datagrams <= (double)BURST + (double)RATE * seconds + 17);
    assert_true(t.bytes <= t.datagrams * (WSFT_MAX_DATAGRAM + 28));
    assert_true(t.datagrams >= least);
    assert_int_equal(t.failures + t.dropped, reports);
    assert_true(cpu < MOST_CPU);
}

static void test_storms(void **state)
{
    (void)state;
    a_storm("equal failures", 1, 2);
    a_storm("a hundred kinds", 100, 150);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static struct rusage usage(void)
{
    struct rusage so_far;
    getrusage(RUSAGE_THREAD, &so_far);
    return so_far;
}

/* Reports as fast as it can, every tenth by a wrapper. Returns 0 where no call has slept, and
 * nearly all were quick; those that a busy machine took the processor from are not counted. */
static int never_waits(const char *name, const int *until)
{
    static uint32_t took[CALLS];
    uint32_t calls = 0;
    long waits = 0; /* of the test's own */
    char byte;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    long before = usage().ru_nvcsw;
    for (uint32_t all = 0;
         all < CALLS && (until == NULL || !__atomic_load_n(until, __ATOMIC_RELAXED)); all++) {
        long preempted = usage().ru_nivcsw;
        uint64_t start = clock_of(CLOCK_MONOTONIC);
        if (all % 10 == 0)
            wsft_recv(s, &byte, 1, 0);
        else
            wsft_report(&(wsft_failure){.code = 20000 + all, .message = "nobody listens"});
        took[calls] = (uint32_t)(clock_of(CLOCK_MONOTONIC) - start);
        calls += usage().ru_nivcsw == preempted;
        waits += until != NULL;
        if (until != NULL)
            usleep(100);
    }
    long slept = usage().ru_nvcsw - before - waits;
    close(s);
    qsort(took, calls, sizeof *took, by_size);
    uint32_t most = took[(uint64_t)calls * 999 / 1000];
    print_message("%s: median %u ns, 99.9th percentile %u ns, longest %u ns, %ld sleeps\n", name,
                  took[calls / 2], most, took[calls - 1], slept > 0 ? slept : 0);
    return slept > 0 || most > BOUND_NS || calls == 0;
}

static int command(const char *text)
{
    int status = system(text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs a test in namespaces of its own, in a child. */
static void run_apart(int (*test)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 || command("ip link set lo up") != 0)
            _exit(SKIPPED);
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
        alarm(60);
        int result = test();
        fflush(NULL);
        _exit(result);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIPPED)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int open_fast(const char *collector)
{
    const wsft_options options = {.collector = collector, .rate = 100000000, .burst = 100000000};
    return wsft_open(&options);
}

/* The interface takes eight bytes a second: the socket's buffer fills. */
static int full_buffer(void)
{
    char collector[32];
    tally t = {0};
    int s = listen_on("127.0.0.1", 0, collector, sizeof collector);
    if (command("tc qdisc add dev lo root tbf rate 64bit burst 1600 limit 1000000000") != 0)
        return SKIPPED;
    if (open_fast(collector) != 0 || never_waits("full buffer", NULL) != 0)
        return 1;
    take_all(s, &t);
    int was_full = t.datagrams < CALLS / 10;
    command("tc qdisc del dev lo root");
    wsft_report(&(wsft_failure){.code = 1});
    take_all(s, &t);
    return !was_full || t.dropped == 0; /* it works again, and tells of the loss */
}

static void test_full_buffer(void **state)
{
    (void)state;
    run_apart(full_buffer);
}

static int collector_gone(void)
{
    if (open_fast("127.0.0.1:9") != 0 || never_waits("nobody listens", NULL) != 0)
        return 1;
    command("ip link set lo down");
    return never_waits("no network", NULL);
}

static void test_collector_gone(void **state)
{
    (void)state;
    run_apart(collector_gone);
}

static int has_opened;

static void *open_by_name(void *result)
{
    *(int *)result = wsft_open(&(wsft_options){.collector = "collector.example"});
    __atomic_store_n(&has_opened, 1, __ATOMIC_RELAXED);
    return NULL;
}

static int silent_name_server(void)
{
    pthread_t opener;
    int result = 0;
    if (command("d=$(mktemp -d) && printf 'nameserver 127.0.0.1\\noptions timeout:1 attempts:2\\n'"
                " >$d/resolv && echo 'hosts: dns' >$d/switch &&"
                " mount --bind $d/resolv /etc/resolv.conf &&"
                " mount --bind $d/switch /etc/nsswitch.conf") != 0)
        return SKIPPED;
    int server = listen_on("127.0.0.1", 53, NULL, 0); /* and never answers */
    uint64_t start = clock_of(CLOCK_MONOTONIC);
    pthread_create(&opener, NULL, open_by_name, &result);
    int waits = never_waits("silent name server", &has_opened);
    pthread_join(opener, NULL);
    close(server);
    double seconds = (double)(clock_of(CLOCK_MONOTONIC) - start) / 1e9;
    print_message("silent name server: wsft_open gave up after %.1f s\n", seconds);
    return waits || result != -1 || seconds < 0.9;
}

static void test_silent_name_server(void **state)
{
    (void)state;
    run_apart(silent_name_server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storms),
        cmocka_unit_test(test_full_buffer),
        cmocka_unit_test(test_collector_gone),
        cmocka_unit_test(test_silent_name_server),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
