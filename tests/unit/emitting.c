/* emitting.c: see emitting.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "emitting.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int listener = -1;
char collector[64];
uint32_t next_sequence;
datagram got;

int receive(datagram *d, int milliseconds)
{
    uint8_t bytes[2048];
    struct timeval wait = {milliseconds / 1000, milliseconds % 1000 * 1000L};
    assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    ssize_t size = recv(listener, bytes, sizeof bytes, 0);
    if (size < 0)
        return 0;
    read_datagram(d, bytes, (size_t)size);
    return 1;
}

void expect_datagram(void)
{
    assert_true(receive(&got, SOON_MS));
    assert_int_equal(got.sequence, next_sequence);
    next_sequence++;
    for (size_t i = 0; i < got.count; i++)
        assert_true(got.failures[i].time <= got.sent_time);
}

void expect_nothing(void)
{
    assert_false(receive(&got, NEVER_MS));
}

const failure *expect_one(uint32_t code)
{
    expect_datagram();
    assert_int_equal(got.count, 1);
    assert_int_equal(got.failures[0].code, code);
    return &got.failures[0];
}

void sleep_ms(long milliseconds)
{
    struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0)
        ;
}

void listen_on(int family)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int large = 4 << 20;
    listener = socket(family, SOCK_DGRAM, 0);
    assert_true(listener >= 0);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    if (family == AF_INET6) {
        socklen_t length = sizeof in6;
        assert_int_equal(bind(listener, (struct sockaddr *)&in6, length), 0);
        getsockname(listener, (struct sockaddr *)&in6, &length);
        snprintf(collector, sizeof collector, "[::1]:%u", ntohs(in6.sin6_port));
    } else {
        socklen_t length = sizeof in;
        assert_int_equal(bind(listener, (struct sockaddr *)&in, length), 0);
        getsockname(listener, (struct sockaddr *)&in, &length);
        snprintf(collector, sizeof collector, "127.0.0.1:%u", ntohs(in.sin_port));
    }
}

int has_ipv6(void)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int s = socket(AF_INET6, SOCK_DGRAM, 0);
    int bound = s >= 0 && bind(s, (struct sockaddr *)&in6, sizeof in6) == 0;
    if (s >= 0)
        close(s);
    return bound;
}

int set_up_collector(void **state)
{
    (void)state;
    unsetenv("WSFT_COLLECTOR");
    unsetenv("WSFT_WITHHOLD");
    next_sequence = 0;
    listen_on(AF_INET);
    return 0;
}

int tear_down_collector(void **state)
{
    (void)state;
    wsft_close();
    close(listener);
    return 0;
}

void open_with(wsft_options options)
{
    options.collector = collector;
    if (options.fold_ms == 0)
        options.fold_ms = FOLD_MS;
    assert_int_equal(wsft_open(&options), 0);
}

void open_plain(void)
{
    open_with((wsft_options){0});
}

void report_code(uint32_t code)
{
    const wsft_failure f = {.code = code, .operation = WSFT_OP_RECV};
    wsft_report(&f);
}
