/* send_test.c: what the emitter makes of failures that a program reports: folds, limits and sends
 * them, to a real socket on the loopback.
 *
 * SPDX-License-Identifier: MIT
 */
#include "emitting.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void test_first_at_once(void **state)
{
    (void)state;
    struct timespec now;
    open_with((wsft_options){.process_name = "prog", .test = 1});
    clock_gettime(CLOCK_REALTIME, &now);
    report_code(A_CODE);
    const failure *f = expect_one(A_CODE);
    uint64_t wall = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    assert_true(f->time >= wall && f->time < wall + 1000000000u);
    assert_true(f->has_thread && f->thread_id == (uint32_t)getpid());
    assert_false(f->has_repeat || f->has_first_time || f->has_socket || f->has_kind);
    assert_string_equal(got.process, "prog");
    assert_string_equal(got.library, "winsock_telemetry 0.1.0");
    assert_int_equal(got.flags, WSFT_TEST);
    assert_int_equal(got.platform, WSFT_POSIX);
    assert_int_equal(got.process_id, getpid());
    assert_true(strlen(got.host) > 0);
}

static void test_own_name(void **state)
{
    (void)state;
    open_plain();
    report_code(A_CODE);
    expect_one(A_CODE);
    assert_string_equal(got.process, "send_test");
    assert_int_equal(got.flags, 0);
}

static void test_folding(void **state)
{
    (void)state;
    open_plain();
    for (uint64_t i = 0; i < 5; i++)
        wsft_report(
            &(wsft_failure){.code = A_CODE, .time = 1000 + i, .bytes = i, .has = WSFT_HAS_BYTES});
    assert_int_equal(expect_one(A_CODE)->time, 1000);
    wsft_flush(); /* not due yet */
    expect_nothing();
    sleep_ms(FOLD_MS);

    report_code(10060);
    expect_datagram();
    assert_int_equal(got.count, 2);
    const failure *f = &got.failures[0];
    assert_int_equal(f->code, A_CODE);
    assert_int_equal(f->repeat, 4);
    assert_int_equal(f->first_time, 1001);
    assert_int_equal(f->time, 1004);
    assert_int_equal(f->bytes, 4);
    assert_int_equal(got.failures[1].code, 10060);
    assert_false(got.failures[1].has_repeat);
}

static void test_a_fold_of_one(void **state)
{
    (void)state;
    open_plain();
    report_code(A_CODE);
    report_code(A_CODE);
    expect_one(A_CODE);
    sleep_ms(FOLD_MS);
    wsft_flush();
    const failure *f = expect_one(A_CODE);
    assert_false(f->has_repeat || f->has_first_time);
    wsft_flush();
    expect_nothing();
}

static void test_equal_after_its_time(void **state)
{
    (void)state;
    open_plain();
    report_code(A_CODE);
    report_code(A_CODE);
    expect_one(A_CODE);
    sleep_ms(FOLD_MS);
    report_code(A_CODE); /* sends the one that waits, and itself, and folds anew */
    expect_datagram();
    assert_int_equal(got.count, 2);
    report_code(A_CODE);
    expect_nothing();
    wsft_close();
    expect_one(A_CODE);
}

static void test_repeat_of_the_program(void **state)
{
    (void)state;
    const wsft_failure f = {.code = A_CODE,
                            .time = 500,
                            .has = WSFT_HAS_REPEAT | WSFT_HAS_FIRST_TIME,
                            .repeat = 10,
                            .first_time = 400};
    open_plain();
    wsft_report(&f);
    assert_int_equal(expect_one(A_CODE)->repeat, 10);
    assert_int_equal(got.failures[0].first_time, 400);
    wsft_report(&f);
    wsft_report(&f);
    wsft_close();
    assert_int_equal(expect_one(A_CODE)->repeat, 20);
    assert_int_equal(got.failures[0].first_time, 400);
}

static void test_repeat_saturates(void **state)
{
    (void)state;
    const wsft_failure f = {.code = A_CODE, .has = WSFT_HAS_REPEAT, .repeat = UINT32_MAX - 1};
    open_plain();
    for (int i = 0; i < 4; i++)
        wsft_report(&f);
    expect_one(A_CODE);
    wsft_close();
    assert_int_equal(expect_one(A_CODE)->repeat, UINT32_MAX);
}

static void test_different_failures_do_not_fold(void **state)
{
    (void)state;
    const wsft_endpoint end = {.length = 4, .address = {192, 0, 2, 1}, .port = 80};
    const wsft_failure rows[] = {
        {.code = A_CODE},
        {.code = 10061},
        {.code = A_CODE, .space = WSFT_LISTING},
        {.code = A_CODE, .operation = WSFT_OP_SEND},
        {.code = A_CODE, .has = WSFT_HAS_SOCKET, .socket = 4},
        {.code = A_CODE, .has = WSFT_HAS_SOCKET, .socket = 1ull << 40 | 4},
        {.code = A_CODE, .has = WSFT_HAS_KIND, .family = 2},
        {.code = A_CODE, .local = end},
        {.code = A_CODE, .remote = end},
        {.code = A_CODE, .node = "a"},
        {.code = A_CODE, .node = "b"},
        {.code = A_CODE, .service = "a"},
        {.code = A_CODE, .message = "a"},
        {.code = A_CODE, .source = "a"},
    };
    open_with((wsft_options){.fold_ms = 60000});
    for (size_t i = 0; i < COUNT(rows); i++) {
        wsft_report(&rows[i]);
        expect_datagram();
        assert_int_equal(got.count, 1);
    }
    for (size_t i = 0; i < COUNT(rows); i++)
        wsft_report(&rows[i]);
    expect_nothing();
    wsft_close();
    size_t total = 0;
    while (total < COUNT(rows)) {
        expect_datagram();
        total += got.count;
    }
    expect_nothing();
}

static void test_eviction_sends(void **state)
{
    (void)state;
    char message[32];
    const wsft_failure f = {.code = A_CODE, .message = message};
    open_with((wsft_options){.fold_ms = 60000});
    for (unsigned i = 0; i < 16; i++) {
        snprintf(message, sizeof message, "message %u", i);
        wsft_report(&f);
        wsft_report(&f);
        expect_one(A_CODE);
    }
    snprintf(message, sizeof message, "another");
    wsft_report(&f);
    expect_datagram();
    assert_int_equal(got.count, 2);
    assert_string_equal(got.failures[0].message, "message 0"); /* its own, not its successor's */
    assert_string_equal(got.failures[1].message, "another");
    report_code(30001); /* the place of "another", in which nothing waits */
    expect_one(30001);
}

static void test_close_flushes(void **state)
{
    (void)state;
    open_with((wsft_options){.fold_ms = 60000});
    for (int i = 0; i < 3; i++)
        report_code(A_CODE);
    expect_one(A_CODE);
    wsft_close();
    assert_int_equal(expect_one(A_CODE)->repeat, 2);
    expect_nothing();
}

static void test_flushing_thread(void **state)
{
    (void)state;
    open_with((wsft_options){.flush_ms = 10});
    for (int i = 0; i < 3; i++)
        report_code(A_CODE);
    expect_one(A_CODE);
    assert_int_equal(expect_one(A_CODE)->repeat, 2);
    expect_nothing();
}

static void test_thread_ends_at_once(void **state)
{
    (void)state;
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 20; i++) {
        open_with((wsft_options){.flush_ms = 60000});
        wsft_close();
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < 30);
}

static void test_rate_limit(void **state)
{
    (void)state;
    uint32_t total = 0;
    open_with((wsft_options){.rate = 1, .burst = 1, .fold_ms = 60000});
    for (uint32_t i = 0; i < 40; i++)
        report_code(20000 + i);
    expect_one(20000);
    expect_nothing();
    /* 16 wait in their slots, the first of them in the place of the one that was sent. */
    wsft_close();
    while (total < 16) {
        expect_datagram();
        total += (uint32_t)got.count;
        assert_int_equal(got.dropped, 23);
    }
    assert_int_equal(total, 16);
    expect_nothing();
}

static void test_rate_recovers(void **state)
{
    (void)state;
    open_with((wsft_options){.rate = 20, .burst = 2, .fold_ms = 10});
    for (uint32_t i = 0; i < 30; i++)
        report_code(20000 + i);
    expect_one(20000);
    expect_one(20001);
    sleep_ms(120);
    uint32_t total = 2;
    report_code(1);
    expect_datagram();
    total += (uint32_t)got.count;
    wsft_close();
    while (receive(&got, NEVER_MS)) {
        assert_int_equal(got.sequence, next_sequence++);
        total += (uint32_t)got.count;
    }
    assert_int_equal(total + got.dropped, 31);
}

static void test_only_dropped(void **state)
{
    (void)state;
    /* Nothing waits at the end, but the collector has not heard of the loss: it is told. */
    open_with((wsft_options){.rate = 1, .burst = 1, .fold_ms = 60000});
    for (uint32_t i = 0; i < 18; i++)
        report_code(20000 + i);
    wsft_close();
    uint32_t total = 0;
    while (receive(&got, NEVER_MS))
        total += (uint32_t)got.count;
    assert_int_equal(total + got.dropped, 18);
}

static void test_rate_keeps_what_waits(void **state)
{
    (void)state;
    enum { FAILURES = 8 };
    /* Strings so long that no two failures share a datagram: one token lets one of them go, and the
     * others are not lost for it. */
    char message[251], node[251];
    uint32_t total = 0;
    memset(message, 'm', sizeof message);
    memset(node, 'n', sizeof node);
    message[sizeof message - 1] = node[sizeof node - 1] = '\0';
    open_with((wsft_options){.rate = 10, .burst = 1, .fold_ms = 1});
    for (uint32_t i = 0; i < FAILURES; i++)
        for (int again = 0; again < 3; again++)
            wsft_report(&(wsft_failure){.code = 20000 + i, .message = message, .node = node});
    sleep_ms(150);
    wsft_flush();
    wsft_close();
    while (receive(&got, NEVER_MS)) {
        assert_int_equal(got.sequence, next_sequence++);
        assert_int_equal(got.dropped, 0);
        for (size_t i = 0; i < got.count; i++)
            total += got.failures[i].repeat;
    }
    assert_int_equal(total, 3 * FAILURES);
}

/* Ends the process with 0. Its one failure cannot be sent: it has lost its socket, and the system
 * has no other for it. By the end it has, and tells of the loss. */
static void lose_one_failure(void)
{
    struct rlimit limit, none;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 3;
    for (int i = 3; i < 64; i++)
        close(i);
    setrlimit(RLIMIT_NOFILE, &none);
    report_code(A_CODE);
    setrlimit(RLIMIT_NOFILE, &limit);
    wsft_close();
    _exit(0);
}

static void test_a_loss_is_told_at_close(void **state)
{
    (void)state;
    open_plain();
    pid_t pid = fork();
    if (pid == 0)
        lose_one_failure();
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    expect_datagram();
    assert_int_equal(got.count, 0);
    assert_int_equal(got.dropped, 1);
    assert_int_equal(got.process_id, pid);
}

static void test_nothing_when_closed(void **state)
{
    (void)state;
    report_code(A_CODE);
    wsft_flush();
    wsft_close();
    assert_int_equal(wsft_socket(AF_INET, 99, 0), -1);
    open_plain();
    wsft_close();
    report_code(A_CODE);
    wsft_flush();
    wsft_close();
    expect_nothing();
}

static void test_open_twice(void **state)
{
    (void)state;
    open_plain();
    report_code(A_CODE);
    expect_one(A_CODE);
    uint32_t sender = got.sender;
    assert_int_equal(wsft_open(&(wsft_options){.collector = "no.such.host.invalid"}), 0);
    report_code(10060);
    expect_one(10060);
    assert_int_equal(got.sender, sender);
    wsft_close();

    next_sequence = 0;
    open_plain();
    report_code(A_CODE);
    expect_one(A_CODE);
    assert_int_not_equal(got.sender, sender);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    open_plain();
    close(listener);
    for (uint32_t i = 0; i < 50; i++) {
        report_code(20000 + i);
        sleep_ms(1);
    }
    /* Somebody comes to the same port: nothing has been dropped for the ICMP answers. */
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    in.sin_port = htons((uint16_t)atoi(strchr(collector, ':') + 1));
    listener = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof in), 0);
    report_code(A_CODE);
    assert_true(receive(&got, SOON_MS));
    assert_int_equal(got.sequence, 50);
    assert_int_equal(got.dropped, 0);
}

static void test_send_that_fails(void **state)
{
    (void)state;
    /* The broadcast address without leave to use it: the system refuses each datagram. */
    assert_int_equal(wsft_open(&(wsft_options){.collector = "255.255.255.255:9"}), 0);
    errno = 0;
    report_code(A_CODE);
    report_code(10060);
    assert_int_equal(errno, 0);
    wsft_close();
    expect_nothing();
}

static void test_pending(void **state)
{
    (void)state;
    const wsft_failure pending[] = {
        {.code = 10035},
        {.code = 10036},
        {.code = 10037},
        {.code = 997},
        {.code = 996},
        {.code = 0x80072733, .space = WSFT_HRESULT},
        {.code = 0x800703E5, .space = WSFT_HRESULT},
        {.code = 0xD00000A3, .space = WSFT_HRESULT}, /* an NTSTATUS in a HRESULT */
        {.code = 0x00000103, .space = WSFT_NTSTATUS},
        {.code = 0xC00000A3, .space = WSFT_NTSTATUS},
    };
    const wsft_failure failures[] = {
        {.code = 10034},
        {.code = 995},
        {.code = 0x80072746, .space = WSFT_HRESULT},
        {.code = 10035, .space = WSFT_HRESULT}, /* no HRESULT wraps it */
        {.code = 0xC000020D, .space = WSFT_NTSTATUS},
        {.code = 10035, .space = WSFT_LISTING}, /* the listing's name of it is another */
    };
    open_plain();
    for (size_t i = 0; i < COUNT(pending); i++)
        wsft_report(&pending[i]);
    expect_nothing();
    for (size_t i = 0; i < COUNT(failures); i++) {
        wsft_report(&failures[i]);
        expect_one(failures[i].code);
    }
    wsft_close();

    next_sequence = 0;
    open_with((wsft_options){.report_pending = 1});
    for (size_t i = 0; i < COUNT(pending); i++) {
        wsft_report(&pending[i]);
        expect_one(pending[i].code);
    }
}

static void test_strings_are_cut_and_copied(void **state)
{
    (void)state;
    char longest[2000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    longest[254] = (char)0xc3; /* a character that the cut at 255 would halve */
    longest[255] = (char)0xa4;
    const wsft_endpoint end = {.length = 16, .address = {0xfe, 0x80}, .port = 1, .scope = 1};
    wsft_failure f = {.code = A_CODE,
                      .has = 0xff,
                      .repeat = 2,
                      .local = end,
                      .remote = end,
                      .node = longest,
                      .service = longest,
                      .message = longest,
                      .source = longest};
    open_with((wsft_options){.process_name = longest, .fold_ms = 60000});
    wsft_report(&f);
    const failure *r = expect_one(A_CODE);
    assert_int_equal(strlen(r->node), 254);
    assert_int_equal(strlen(r->message), 254);
    assert_int_equal(strlen(r->service), 31);
    assert_int_equal(strlen(r->source), 127);
    assert_int_equal(strlen(got.process), 127);
    wsft_report(&f);
    memset(longest, 'b', sizeof longest - 1);
    wsft_close();
    assert_int_equal(expect_one(A_CODE)->node[0], 'a');
}

static void expect_withheld(unsigned options, const char *variable, unsigned expected)
{
    const wsft_failure f = {.code = A_CODE,
                            .has = WSFT_HAS_TRACE,
                            .node = "db.corp",
                            .service = "1433",
                            .message = "a secret",
                            .source = "a.c:1 f"};
    if (variable != NULL)
        setenv("WSFT_WITHHOLD", variable, 1);
    else
        unsetenv("WSFT_WITHHOLD");
    open_with((wsft_options){.process_name = "prog", .withhold = options});
    next_sequence = 0;
    wsft_report(&f);
    const failure *r = expect_one(A_CODE);
    const int empty[] = {got.host[0] == '\0',   got.process[0] == '\0', r->node[0] == '\0',
                         r->service[0] == '\0', r->message[0] == '\0',  r->source[0] == '\0',
                         !r->has_trace};
    for (unsigned i = 0; i < COUNT(empty); i++)
        if (empty[i] != (int)(expected >> i & 1))
            fail_msg("withhold %#x and \"%s\": item %u", options, variable, i);
    wsft_close();
    unsetenv("WSFT_WITHHOLD");
}

static void test_what_is_held_back(void **state)
{
    (void)state;
    static const char *const words[] = {"host",    "process", "node", "service",
                                        "message", "source",  "trace"};
    char longest[2000];
    for (unsigned i = 0; i < COUNT(words); i++) {
        expect_withheld(1u << i, NULL, 1u << i);
        expect_withheld(0, words[i], 1u << i);
    }
    expect_withheld(0, NULL, 0);
    expect_withheld(0, "", 0);
    expect_withheld(WSFT_WITHHOLD_ALL, NULL, WSFT_WITHHOLD_ALL);
    expect_withheld(0, "all", WSFT_WITHHOLD_ALL);
    expect_withheld(0, "host, message", WSFT_WITHHOLD_HOST | WSFT_WITHHOLD_MESSAGE);
    expect_withheld(WSFT_WITHHOLD_NODE, "source", WSFT_WITHHOLD_NODE | WSFT_WITHHOLD_SOURCE);
    /* A mistake must not give away what was to be held back. */
    expect_withheld(0, "hostname", WSFT_WITHHOLD_ALL);
    expect_withheld(0, "hos", WSFT_WITHHOLD_ALL);
    memset(longest, ',', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    expect_withheld(0, longest, WSFT_WITHHOLD_ALL);
}

static void test_equal_but_for_what_is_held_back(void **state)
{
    (void)state;
    open_with((wsft_options){.withhold = WSFT_WITHHOLD_MESSAGE});
    wsft_report(&(wsft_failure){.code = A_CODE, .message = "to alice"});
    expect_one(A_CODE);
    wsft_report(&(wsft_failure){.code = A_CODE, .message = "to bob"});
    expect_nothing();
    wsft_close();
    assert_string_equal(expect_one(A_CODE)->message, "");
}

/* Every public function, each with its own error that is to be left as it was. */
static void test_last_error(void **state)
{
    (void)state;
    enum { ERROR = 1234 };
    wsft_call call;
    errno = ERROR;
    open_with((wsft_options){.flush_ms = 5});
    assert_int_equal(errno, ERROR);
    report_code(A_CODE);
    assert_int_equal(errno, ERROR);
    call = wsft_begin(WSFT_OP_RECV, 999, WSFT_HERE);
    assert_int_equal(errno, ERROR);
    wsft_failed(&call, ECONNRESET);
    assert_int_equal(errno, ERROR);
    wsft_failed_to(&call, ECONNRESET, NULL, 0);
    assert_int_equal(errno, ERROR);
    wsft_flush();
    assert_int_equal(errno, ERROR);
    wsft_close();
    assert_int_equal(errno, ERROR);
    assert_int_equal(wsft_open(&(wsft_options){.collector = "x:y"}), -1);
    assert_int_equal(errno, ERROR);
    assert_int_equal(wsft_open(&(wsft_options){.collector = "255.255.255.255:9"}), 0);
    report_code(A_CODE); /* cannot be sent */
    assert_int_equal(errno, ERROR);
}

enum { THREADS = 8, REPORTS = 3000 };

static void *report_many(void *parameter)
{
    uint32_t first = *(uint32_t *)parameter;
    for (uint32_t i = 0; i < REPORTS; i++) {
        report_code(20000 + first + i % 5);
        if (i % 500 == 0)
            wsft_flush();
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uint32_t firsts[THREADS];
    uint64_t total = 0;
    open_with((wsft_options){.flush_ms = 2, .fold_ms = 5});
    for (uint32_t i = 0; i < THREADS; i++) {
        firsts[i] = i * 3; /* so that they share some failures, and want more than 16 slots */
        assert_int_equal(pthread_create(&threads[i], NULL, report_many, &firsts[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wsft_close();
    while (receive(&got, 300)) {
        assert_int_equal(got.sequence, next_sequence++);
        for (size_t i = 0; i < got.count; i++)
            total += got.failures[i].repeat;
    }
    assert_int_equal(total + got.dropped, THREADS * REPORTS);
}

static volatile int stop_reporting;

static void *report_until_told(void *parameter)
{
    (void)parameter;
    while (!__atomic_load_n(&stop_reporting, __ATOMIC_RELAXED)) {
        report_code(A_CODE);
        int s = wsft_socket(AF_INET, SOCK_STREAM, 0);
        wsft_send(s, "x", 1, MSG_NOSIGNAL);
        wsft_closesocket(s);
    }
    return NULL;
}

static void test_close_while_others_report(void **state)
{
    (void)state;
    pthread_t threads[4];
    __atomic_store_n(&stop_reporting, 0, __ATOMIC_RELAXED);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, report_until_told, NULL), 0);
    for (int i = 0; i < 100; i++) {
        open_with((wsft_options){.flush_ms = 1, .fold_ms = 1});
        if (i % 10 == 0) {
            pid_t pid = fork();
            if (pid == 0) {
                report_code(1);
                wsft_close();
                _exit(0);
            }
            waitpid(pid, NULL, 0);
        }
        sleep_ms(1);
        wsft_close();
    }
    __atomic_store_n(&stop_reporting, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRED(test_first_at_once),
        WIRED(test_own_name),
        WIRED(test_folding),
        WIRED(test_a_fold_of_one),
        WIRED(test_equal_after_its_time),
        WIRED(test_repeat_of_the_program),
        WIRED(test_repeat_saturates),
        WIRED(test_different_failures_do_not_fold),
        WIRED(test_eviction_sends),
        WIRED(test_close_flushes),
        WIRED(test_flushing_thread),
        WIRED(test_thread_ends_at_once),
        WIRED(test_rate_limit),
        WIRED(test_rate_recovers),
        WIRED(test_only_dropped),
        WIRED(test_rate_keeps_what_waits),
        WIRED(test_a_loss_is_told_at_close),
        WIRED(test_nothing_when_closed),
        WIRED(test_open_twice),
        WIRED(test_nobody_listens),
        WIRED(test_send_that_fails),
        WIRED(test_pending),
        WIRED(test_strings_are_cut_and_copied),
        WIRED(test_what_is_held_back),
        WIRED(test_equal_but_for_what_is_held_back),
        WIRED(test_last_error),
        WIRED(test_threads),
        WIRED(test_close_while_others_report),
    };
    alarm(120); /* a wait that never ends is a failure too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
