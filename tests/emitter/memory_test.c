/* memory_test.c: after wsft_open the emitter allocates nothing, and makes no system call that could
 * wait or map memory. Counted in the C library's own functions, and by a filter of the kernel's.
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

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "emitter/winsock_telemetry.h"

enum { TIMES = 50 };

/* glibc's own, under the names that the functions of the same name may call. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static unsigned allocations;
static pthread_t main_thread;
static int watching; /* the emitter's own thread, too, is counted */

static void count(void)
{
    int other =
        __atomic_load_n(&watching, __ATOMIC_RELAXED) && !pthread_equal(pthread_self(), main_thread);
    if (in_emitter || other)
        __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size)
{
    count();
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

void free(void *block)
{
    if (block != NULL)
        count();
    __libc_free(block);
}

/* The program's own look-up allocates what it likes. */
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    int before = in_emitter;
    in_emitter = 0;
    int result = __real_getaddrinfo(node, service, hints, list);
    in_emitter = before;
    return result;
}

static void open_with(unsigned flush_ms)
{
    const wsft_options options = {.collector = "127.0.0.1:9",
                                  .flush_ms = flush_ms,
                                  .fold_ms = 1,
                                  .rate = 1000000,
                                  .burst = 1000000};
    assert_int_equal(wsft_open(&options), 0);
}

static void test_nothing_is_allocated(void **state)
{
    (void)state;
    void *volatile block;
    main_thread = pthread_self();
    open_with(1);
    in_emitter = 1;
    block = malloc(10); /* the counters count */
    free(block);
    in_emitter = 0;
    assert_int_equal(allocations, 2);
    allocations = 0;
    usleep(20000); /* the C library has prepared the thread */
    __atomic_store_n(&watching, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < TIMES; i++) {
        for (size_t j = 0; j < call_case_count; j++) {
            call_cases[j].run();
            if (allocations != 0)
                fail_msg("%s allocates", call_cases[j].name);
        }
    }
    usleep(20000);
    __atomic_store_n(&watching, 0, __ATOMIC_RELAXED);
    in_emitter = 1;
    wsft_close();
    in_emitter = 0;
    assert_int_equal(allocations, 0);
}

/* What a report may ask of the system, and the cases of it. The mark of a wait is not among them:
 * poll, select, sleep; nor is one of memory: mmap, brk. */
static const uint32_t allowed[] = {
    SYS_getpid,       SYS_gettid,   SYS_fstat,         SYS_newfstatat, SYS_getsockname,
    SYS_getpeername,  SYS_sendto,   SYS_getsockopt,    SYS_setsockopt, SYS_socket,
    SYS_close,        SYS_bind,     SYS_listen,        SYS_accept,     SYS_connect,
    SYS_shutdown,     SYS_recvfrom, SYS_exit_group,    SYS_futex,      SYS_write,
    SYS_rt_sigreturn, SYS_fcntl,    SYS_clock_gettime, /* where the kernel's shared page has none */
};

static void denied(int number, siginfo_t *info, void *context)
{
    static const char digits[] = "0123456789";
    (void)number, (void)context;
    char text[] = "system call 000\n";
    text[12] = digits[info->si_syscall / 100 % 10];
    text[13] = digits[info->si_syscall / 10 % 10];
    text[14] = digits[info->si_syscall % 10];
    (void)!write(2, text, sizeof text - 1);
    _exit(2);
}

/* Returns 0, or -1 where the kernel has no filters. */
static int allow_only_those(void)
{
    enum { COUNT = sizeof allowed / sizeof *allowed };
    struct sock_filter filter[COUNT + 3];
    filter[0] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < COUNT; i++)
        filter[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i],
                                                     (uint8_t)(COUNT - i), 0);
    filter[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    filter[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {COUNT + 3, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void run_all_but_look_ups(void)
{
    for (size_t j = 0; j < call_case_count; j++)
        if (call_cases[j].own == NULL || call_cases[j].own[0] != 'g')
            call_cases[j].run();
}

static void test_few_system_calls(void **state)
{
    (void)state;
    enum { DONE = 0, NO_FILTER = 77 };
    int status;
    open_with(0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct sigaction action = {.sa_sigaction = denied, .sa_flags = SA_SIGINFO};
        sigaction(SIGSYS, &action, NULL);
        if (allow_only_those() != 0)
            _exit(NO_FILTER);
        for (int i = 0; i < TIMES; i++)
            run_all_but_look_ups();
        wsft_close();
        _exit(DONE);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    wsft_close();
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_FILTER)
        skip();
    assert_int_equal(WEXITSTATUS(status), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_allocated),
        cmocka_unit_test(test_few_system_calls),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
