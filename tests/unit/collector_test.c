/* collector_test.c: where reports go: the names of collectors that are taken, and those that are
 * not.
 *
 * SPDX-License-Identifier: MIT
 */
#include "emitting.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void expect_collector(const char *name)
{
    assert_int_equal(wsft_open(&(wsft_options){.collector = name}), 0);
    next_sequence = 0;
    report_code(A_CODE);
    expect_one(A_CODE);
    wsft_close();
}

static void test_collectors(void **state)
{
    (void)state;
    char name[128], longest[400];
    expect_collector(collector);
    int address = (int)strcspn(collector, ":");
    snprintf(name, sizeof name, "[%.*s]%s", address, collector, collector + address);
    expect_collector(name); /* brackets may be put about any address */

    assert_int_equal(setenv("WSFT_COLLECTOR", collector, 1), 0);
    expect_collector(NULL);
    assert_int_equal(wsft_open(NULL), 0);
    next_sequence = 0;
    report_code(A_CODE);
    expect_one(A_CODE);
    wsft_close();
    assert_int_equal(setenv("WSFT_COLLECTOR", "127.0.0.1:0", 1), 0);
    assert_int_equal(wsft_open(NULL), -1);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(setenv("WSFT_COLLECTOR", longest, 1), 0);
    assert_int_equal(wsft_open(NULL), -1); /* rather nowhere than to another collector */
    assert_int_equal(setenv("WSFT_COLLECTOR", "", 1), 0);
    assert_int_equal(wsft_open(NULL), 0);
}

static void test_collector_by_name(void **state)
{
    (void)state;
    char name[64];
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_DGRAM};
    if (getaddrinfo("localhost", NULL, &hints, &list) != 0)
        skip(); /* a bare system can be without /etc/hosts */
    int family = list->ai_family;
    freeaddrinfo(list);
    close(listener);
    listen_on(family);
    snprintf(name, sizeof name, "localhost%s", strrchr(collector, ':'));
    expect_collector(name);
}

static void test_collector_ipv6(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    close(listener);
    listen_on(AF_INET6);
    expect_collector(collector);
    assert_int_equal(wsft_open(&(wsft_options){.collector = "::1"}), 0);
    wsft_close();
    assert_int_equal(wsft_open(&(wsft_options){.collector = "[::1]"}), 0);
}

static void test_bad_collectors(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ":10054",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "[::1",
        "[::1]x",
        "[]:1",
        "127.0.0.1:1x",
        "::1::2:3",
        "127.0.0.1:-1",
        "127.0.0.1: 80",
        "127.0.0.1:000080",
        "no.such.host.invalid:1",
    };
    char longest[400];
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (wsft_open(&(wsft_options){.collector = bad[i]}) != -1)
            fail_msg("collector \"%s\" was taken", bad[i]);
        report_code(A_CODE);
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(wsft_open(&(wsft_options){.collector = longest}), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRED(test_collectors),
        WIRED(test_collector_by_name),
        WIRED(test_collector_ipv6),
        WIRED(test_bad_collectors),
    };
    alarm(120); /* a wait that never ends is a failure too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
