/* errors_test.c: every public function leaves errno as it was, whichever of its system calls fails;
 * a wrapper leaves what the program's own call left. Afterwards the emitter works on.
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
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "faults.h"
#include "listener.h"
#include "tests/unit/wire.h"

enum { MARK = 424242 };

static datagram got;

static int open_quickly(unsigned flush_ms)
{
    const wsft_options options = {.collector = collector,
                                  .fold_ms = 1,
                                  .rate = 1000000,
                                  .burst = 1000000,
                                  .flush_ms = flush_ms};
    return wsft_open(&options);
}

/* A failure reported now arrives. */
static void expect_work(void)
{
    static uint32_t times;
    uint8_t bytes[2048];
    const wsft_failure mark = {.code = MARK, .has = WSFT_HAS_SOCKET, .socket = times++};
    wsft_report(&mark);
    do {
        ssize_t size = recv(listener, bytes, sizeof bytes, 0);
        assert_true(size > 0);
        read_datagram(&got, bytes, (size_t)size);
    } while (got.count == 0 || got.failures[got.count - 1].code != MARK);
}

static void check(const call_case *c, int error)
{
    int first = 0;
    const char *hit = faults_hit(&first);
    int own = hit != NULL && c->own != NULL && first && strcmp(hit, c->own) == 0;
    int expected = own ? FAULT_ERROR : c->error;
    if (error != expected)
        fail_msg("%s: errno is %d, not %d, when %s fails", c->name, error, expected,
                 hit != NULL ? hit : "nothing");
}

/* Fails the first, the second ... system call of a case, until it makes no more. */
static unsigned fail_each(const call_case *c)
{
    int first;
    unsigned nth = 0;
    faults_arm(0);
    check(c, c->run());
    do {
        faults_arm(++nth);
        check(c, c->run());
    } while (faults_hit(&first) != NULL);
    faults_arm(0);
    return nth - 1;
}

static void test_every_function(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (size_t i = 0; i < call_case_count; i++) {
        assert_int_equal(open_quickly(0), 0);
        failures += fail_each(&call_cases[i]);
        expect_work();
        wsft_close();
    }
    print_message("%u system calls made to fail\n", failures);
    assert_true(failures > 100);
}

static int run_open(void)
{
    errno = LAST_ERROR;
    in_emitter = 1;
    int result = open_quickly(0);
    in_emitter = 0;
    int error = errno;
    wsft_close();
    return result == 0 || result == -1 ? error : -1;
}

static int run_open_with_thread(void)
{
    errno = LAST_ERROR;
    in_emitter = 1;
    open_quickly(1000);
    in_emitter = 0;
    int error = errno;
    wsft_close();
    return error;
}

static int run_close(void)
{
    assert_int_equal(open_quickly(1000), 0);
    for (int i = 0; i < 3; i++)
        wsft_report(&(wsft_failure){.code = 1});
    errno = LAST_ERROR;
    in_emitter = 1;
    wsft_close();
    in_emitter = 0;
    return errno;
}

static void test_open_and_close(void **state)
{
    (void)state;
    static const call_case cases[] = {
        {"open", NULL, run_open, LAST_ERROR},
        {"open with a thread", NULL, run_open_with_thread, LAST_ERROR},
        {"close", NULL, run_close, LAST_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(fail_each(&cases[i]) >= 2);
    assert_int_equal(open_quickly(0), 0);
    expect_work();
}

/* How the child of a fork ends. */
enum { NO_FAULT = 0, FAULT = 1, BAD = 2 };

static void test_fork(void **state)
{
    (void)state;
    int status, first;
    unsigned nth = 0;
    assert_int_equal(open_quickly(1000), 0);
    do {
        faults_arm(++nth);
        errno = LAST_ERROR;
        in_emitter = 1;
        pid_t pid = fork();
        in_emitter = 0;
        if (pid == 0)
            _exit(errno != LAST_ERROR ? BAD : faults_hit(&first) != NULL ? FAULT : NO_FAULT);
        assert_int_equal(errno, LAST_ERROR);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != BAD);
    } while (WEXITSTATUS(status) == FAULT);
    assert_true(nth > 3);
    faults_arm(0);
    expect_work();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_function, set_up_listener, tear_down_listener),
        cmocka_unit_test_setup_teardown(test_open_and_close, set_up_listener, tear_down_listener),
        cmocka_unit_test_setup_teardown(test_fork, set_up_listener, tear_down_listener),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
