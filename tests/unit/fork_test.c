/* fork_test.c: the emitter in a process that forks, or closes what it has not opened.
 *
 * SPDX-License-Identifier: MIT
 */
#include "emitting.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_fork(void **state)
{
    (void)state;
    open_with((wsft_options){.flush_ms = 5, .fold_ms = 60000});
    report_code(A_CODE);
    report_code(A_CODE); /* waits, and is the parent's to send */
    expect_one(A_CODE);
    uint32_t sender = got.sender;

    pid_t pid = fork();
    if (pid == 0) {
        report_code(A_CODE);
        wsft_flush();
        wsft_close();
        _exit(0);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    next_sequence = 0;
    expect_one(A_CODE);
    assert_false(got.failures[0].has_repeat);
    assert_int_not_equal(got.sender, sender);
    assert_int_equal(got.process_id, pid);
#ifdef __linux__
    assert_int_equal(got.failures[0].thread_id, pid); /* its first thread has its number */
#endif
    expect_nothing();

    wsft_close();
    next_sequence = 1;
    expect_one(A_CODE);
    assert_int_equal(got.sender, sender);
    assert_int_equal(got.process_id, getpid());
}

static void test_daemon(void **state)
{
    (void)state;
    open_plain();
    report_code(A_CODE);
    expect_one(A_CODE);
    pid_t pid = fork();
    if (pid == 0) {
        /* A daemon closes what it inherited, and a file of its own takes the emitter's number. */
        for (int i = 3; i < 64; i++)
            close(i);
        FILE *own = tmpfile();
        int copy = own != NULL ? fileno(own) : -1;
        while (copy >= 0 && copy < 32)
            copy = dup(copy);
        report_code(10060);
        report_code(10061);
        struct stat status;
        _exit(copy < 0 || fstat(copy, &status) != 0 || status.st_size != 0 ? 1 : 0);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    next_sequence = 0;
    expect_one(10060);
    assert_int_equal(got.process_id, pid);
    expect_one(10061);
}

/* The same with a connection, where sendto takes no notice of the address. */
static void test_daemon_with_a_connection(void **state)
{
    (void)state;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof in;
    char byte;
    open_plain();
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 3; i < 64; i++)
            close(i);
        int door = socket(AF_INET, SOCK_STREAM, 0), copy = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(door, (struct sockaddr *)&in, length) != 0 || listen(door, 1) != 0 ||
            getsockname(door, (struct sockaddr *)&in, &length) != 0 ||
            connect(copy, (struct sockaddr *)&in, length) != 0)
            _exit(2);
        int peer = accept(door, NULL, NULL);
        while (copy >= 0 && copy < 32)
            copy = dup(copy);
        report_code(10060);
        _exit(recv(peer, &byte, 1, MSG_DONTWAIT) == -1 ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_one(10060);
    assert_int_equal(got.process_id, pid);
}

/* A handler of the program's own that was there before the emitter, and so runs between the
 * emitter's: what it calls may not wait for a lock that its own thread holds. */
static int calls_in_fork, opened_in_fork;

static void call_in_fork(void)
{
    if (!calls_in_fork)
        return;
    report_code(A_CODE);
    wsft_flush();
    wsft_closesocket(wsft_socket(AF_INET, SOCK_STREAM, 0));
    opened_in_fork = wsft_open(NULL);
    wsft_close();
}

static void test_calls_by_a_fork_handler(void **state)
{
    (void)state;
    open_plain();
    calls_in_fork = 1;
    pid_t pid = fork();
    if (pid == 0) {
        report_code(10060);
        _exit(0);
    }
    calls_in_fork = 0;
    assert_int_equal(opened_in_fork, 0);
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_one(10060);
    assert_int_equal(got.process_id, pid);
    next_sequence = 0;
    report_code(10061);
    expect_one(10061);
    assert_int_equal(got.process_id, getpid());
    wsft_close();

    calls_in_fork = 1;
    pid = fork();
    if (pid == 0)
        _exit(0);
    calls_in_fork = 0;
    waitpid(pid, NULL, 0);
    assert_int_equal(opened_in_fork, -1); /* it was closed, and cannot be opened there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRED(test_fork),
        WIRED(test_daemon),
        WIRED(test_daemon_with_a_connection),
        WIRED(test_calls_by_a_fork_handler),
    };
    pthread_atfork(call_in_fork, call_in_fork, call_in_fork); /* before any wsft_open */
    alarm(120); /* a wait that never ends is a failure too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
