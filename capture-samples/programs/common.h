/* common.h: what the sample programs share: addresses from the command line, and a line for each
 * step on standard output.
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

#endif
