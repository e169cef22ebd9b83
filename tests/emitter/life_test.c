/* life_test.c: threads that come, go and are cancelled, sixteen of them while the emitter opens and
 * closes, and a library that is unloaded.
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
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "listener.h"
#include "tests/unit/wire.h"

static wsft_options quick(unsigned flush_ms)
{
    return (wsft_options){.collector = collector,
                          .rate = 1000000,
                          .burst = 1000000,
                          .fold_ms = 1,
                          .flush_ms = flush_ms};
}

/* Some datagram of this code arrives. */
static void expect_code(uint32_t code)
{
    static datagram d;
    uint8_t bytes[2048];
    do {
        ssize_t size = recv(listener, bytes, sizeof bytes, 0);
        assert_true(size > 0);
        read_datagram(&d, bytes, (size_t)size);
    } while (d.count == 0 || d.failures[d.count - 1].code != code);
}

static void empty_listener(void)
{
    uint8_t bytes[2048];

    while (recv(listener, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

static void *report_and_end(void *code)
{
    wsft_report(&(wsft_failure){.code = (uint32_t)(uintptr_t)code});
    return NULL;
}

static void test_threads_that_end(void **state)
{
    (void)state;
    enum { THREADS = 300 };
    const wsft_options options = quick(1);
    assert_int_equal(wsft_open(&options), 0);
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, report_and_end, (void *)(20000 + i)), 0);
        pthread_join(thread, NULL);
        expect_code((uint32_t)(20000 + i));
    }
}

static void *report_forever(void *unused)
{
    (void)unused;
    for (uint32_t i = 0;; i++) {
        wsft_report(&(wsft_failure){.code = 30000 + i % 1000});
        pthread_testcancel();
    }
    return NULL;
}

/* A thread that is cancelled in the middle of a report must not take the lock with it. */
static void test_threads_that_are_cancelled(void **state)
{
    (void)state;
    enum { THREADS = 100 };
    const wsft_options options = quick(1);
    assert_int_equal(wsft_open(&options), 0);
    alarm(30);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, report_forever, NULL), 0);
        usleep(500);
        pthread_cancel(thread);
        pthread_join(thread, NULL);
        wsft_report(&(wsft_failure){.code = 20000});
    }
    empty_listener(); /* or there is no room for the last one */
    wsft_report(&(wsft_failure){.code = 20001});
    expect_code(20001);
}

static int over;

static void *use_everything(void *argument)
{
    for (size_t i = (size_t)(uintptr_t)argument; !__atomic_load_n(&over, __ATOMIC_RELAXED); i++)
        call_cases[i % call_case_count].run();
    return NULL;
}

static void test_sixteen_threads(void **state)
{
    (void)state;
    enum { THREADS = 16, ROUNDS = 40 };
    pthread_t threads[THREADS];
    const wsft_options options = quick(1);
    __atomic_store_n(&over, 0, __ATOMIC_RELAXED);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_everything, (void *)i), 0);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(wsft_open(&options), 0);
        usleep(10000);
        wsft_close();
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* A plug-in with the emitter in it is loaded, used and unloaded: neither its thread nor a fork may
 * afterwards run code that is gone. */
static void test_a_library_that_is_unloaded(void **state)
{
    (void)state;
    enum { ROUNDS = 30 };
    int (*open_it)(const wsft_options *);
    void (*report)(const wsft_failure *), (*close_it)(void);
    const wsft_options options = quick(1);
    for (int i = 0; i < ROUNDS; i++) {
        void *library = dlopen(UNLOADABLE, RTLD_NOW | RTLD_LOCAL);
        assert_non_null(library);
        *(void **)&open_it = dlsym(library, "wsft_open");
        *(void **)&report = dlsym(library, "wsft_report");
        *(void **)&close_it = dlsym(library, "wsft_close");
        assert_int_equal(open_it(&options), 0);
        report(&(wsft_failure){.code = 40000});
        expect_code(40000);
        close_it();
        dlclose(library);
        assert_null(dlopen(UNLOADABLE, RTLD_NOW | RTLD_NOLOAD));
        int status;
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

#define LIVED(test) cmocka_unit_test_setup_teardown(test, set_up_listener, tear_down_listener)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVED(test_threads_that_end),
        LIVED(test_sixteen_threads),
        LIVED(test_a_library_that_is_unloaded),
        LIVED(test_threads_that_are_cancelled),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
