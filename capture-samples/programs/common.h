/* common.h: what the sample programs share: addresses from the command line, a line for each step
 * on standard output, and the start of a report made by hand.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef COMMON_H
#define COMMON_H

#include "winsock_telemetry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct peer {
    struct sockaddr_storage storage;
    int length;
} peer;

static inline const struct sockaddr *peer_address(const peer *p)
{
    return (const struct sockaddr *)&p->storage;
}

/* The endpoint of a numeric IPv4 or IPv6 address and a port. Ends the program where it is none. */
static inline peer peer_of(const char *address, const char *port)
{
    struct addrinfo hints, *found;
    peer p;
    memset(&p, 0, sizeof p);
    memset(&hints, 0, sizeof hints);
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    if (getaddrinfo(address, port, &hints, &found) != 0) {
        fprintf(stderr, "%s %s: not an address and a port\n", address, port);
        exit(2);
    }
    memcpy(&p.storage, found->ai_addr, (size_t)found->ai_addrlen);
    p.length = (int)found->ai_addrlen;
    freeaddrinfo(found);
    return p;
}

/* Says how a step went; returns the result. */
static inline int step(const char *what, int result)
{
    int error = WSAGetLastError();
    if (result < 0)
        printf("%s: error %d\n", what, error);
    else
        printf("%s: %d\n", what, result);
    fflush(stdout);
    return result;
}

/* getpeername, which has no wrapper. */
static inline void who_is_there(SOCKET s, wsft_place place)
{
    struct sockaddr_storage other;
    int length = sizeof other;
    wsft_call call = wsft_begin(WSFT_OP_GETPEERNAME, s, place);
    int result = getpeername(s, (struct sockaddr *)&other, &length);
    if (result != 0)
        wsft_failed(&call, WSAGetLastError());
    step("getpeername", result);
}

static inline wsft_endpoint endpoint_of(const void *ipv4)
{
    struct sockaddr_in name;
    wsft_endpoint end = {.length = 4};
    memcpy(&name, ipv4, sizeof name);
    memcpy(end.address, &name.sin_addr, 4);
    end.port = ntohs(name.sin_port);
    return end;
}

/* What a report made by hand says of a TCP socket over IPv4, and of whom it called. */
static inline wsft_failure failure_of(SOCKET s, const peer *to, uint16_t operation)
{
    return (wsft_failure){.operation = operation,
                          .has = WSFT_HAS_SOCKET | WSFT_HAS_KIND,
                          .socket = s,
                          .family = AF_INET,
                          .type = SOCK_STREAM,
                          .protocol = IPPROTO_TCP,
                          .remote = endpoint_of(&to->storage)};
}

/* Winsock and the reports; every failure below is reported by the wrappers. */
static inline void start(const wsft_options *options)
{
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        exit(1);
    if (wsft_open(options) != 0)
        fprintf(stderr, "no telemetry\n");
}

static inline void stop(void)
{
    wsft_close();
    WSACleanup();
}

typedef struct scenario {
    const char *name;
    void (*run)(const peer *to);
} scenario;

/* The whole of a program that is called with SCENARIO ADDRESS PORT. Returns its exit status. */
static inline int run_scenario(const scenario *scenarios, size_t count, int argc, char **argv)
{
    start(NULL);
    for (size_t i = 0; argc == 4 && i < count; i++) {
        if (strcmp(argv[1], scenarios[i].name) != 0)
            continue;
        peer to = peer_of(argv[2], argv[3]);
        scenarios[i].run(&to);
        stop();
        return 0;
    }
    fprintf(stderr, "usage: SCENARIO ADDRESS PORT, with SCENARIO one of");
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, " %s", scenarios[i].name);
    fprintf(stderr, "\n");
    return 2;
}

#endif
