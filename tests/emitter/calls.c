/* calls.c: see calls.h.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "calls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "emitter/winsock_telemetry.h"

#define KEPT(call) (errno = LAST_ERROR, in_emitter = 1, (void)(call), in_emitter = 0, errno)

_Thread_local int in_emitter;

static unsigned next_code;

/* No two failures are equal, so that each is sent and none folds. */
static wsft_failure fresh_failure(void)
{
    return (wsft_failure){.code = 20000 + __atomic_fetch_add(&next_code, 1, __ATOMIC_RELAXED),
                          .operation = WSFT_OP_RECV};
}

static const struct sockaddr_in loopback = {.sin_family = AF_INET,
                                            .sin_addr = {.s_addr = 0x0100007f}};

static int stream(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

/* A socket that listens, and its address. */
static int listening(struct sockaddr_in *in)
{
    socklen_t length = sizeof *in;
    int s = stream();
    *in = loopback;
    if (bind(s, (const struct sockaddr *)in, length) != 0 || listen(s, 1) != 0 ||
        getsockname(s, (struct sockaddr *)in, &length) != 0)
        abort();
    return s;
}

/* Closes without a TIME_WAIT, and returns the error. */
static int end(int s, int error)
{
    const struct linger now = {1, 0};
    setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(s);
    return error;
}

static int run_report(void)
{
    const wsft_failure f = fresh_failure();
    return KEPT(wsft_report(&f));
}

static int run_fold(void)
{
    return KEPT(wsft_report(&(wsft_failure){.code = 10054}));
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Something is due, where the emitter folds for a millisecond. */
static int run_flush(void)
{
    const wsft_failure f = fresh_failure();
    wsft_report(&f);
    wsft_report(&f);
    for (uint64_t start = now(); now() < start + 1100000;)
        ;
    return KEPT(wsft_flush());
}

static int run_begin(void)
{
    int s = stream();
    return end(s, KEPT(wsft_begin(WSFT_OP_SEND, s, WSFT_HERE)));
}

static int run_failed(void)
{
    int s = stream();
    const wsft_call call = wsft_begin(WSFT_OP_RECV, s, WSFT_HERE);
    return end(s, KEPT(wsft_failed(&call, EPIPE)));
}

static int run_failed_to(void)
{
    int s = stream();
    const wsft_call call = wsft_begin(WSFT_OP_WSACONNECT, s, WSFT_HERE);
    return end(s, KEPT(wsft_failed_to(&call, ECONNREFUSED, (const struct sockaddr *)&loopback,
                                      sizeof loopback)));
}

static int run_socket(void)
{
    int s = -1, error = KEPT(s = wsft_socket(AF_INET, SOCK_STREAM, 0));
    return s >= 0 ? end(s, error) : error;
}

static int run_bad_socket(void)
{
    return KEPT(wsft_socket(AF_INET, SOCK_RDM, 0));
}

static int run_bind(void)
{
    struct sockaddr_in in;
    int taken = listening(&in), s = stream();
    end(s, 0);
    s = stream();
    int error = KEPT(wsft_bind(s, (const struct sockaddr *)&in, sizeof in));
    close(s);
    return end(taken, error);
}

static int run_listen(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    return end(s, KEPT(wsft_listen(s, 1)));
}

static int run_accept(void)
{
    struct sockaddr_in in;
    int door = listening(&in), client = stream(), s = -1;
    if (connect(client, (const struct sockaddr *)&in, sizeof in) != 0)
        abort();
    int error = KEPT(s = wsft_accept(door, NULL, NULL));
    end(s, 0);
    end(client, 0);
    return end(door, error);
}

static int run_bad_accept(void)
{
    int s = stream();
    return end(s, KEPT(wsft_accept(s, NULL, NULL)));
}

static int run_connect(void)
{
    struct sockaddr_in in;
    int door = listening(&in), s = stream();
    int error = KEPT(wsft_connect(s, (const struct sockaddr *)&in, sizeof in));
    end(s, 0);
    return end(door, error);
}

static int run_bad_connect(void)
{
    struct sockaddr_in in = loopback;
    in.sin_port = htons(1);
    int s = stream();
    return end(s, KEPT(wsft_connect(s, (const struct sockaddr *)&in, sizeof in)));
}

static int run_send(void)
{
    int s = stream();
    return end(s, KEPT(wsft_send(s, "x", 1, MSG_NOSIGNAL)));
}

static int run_sendto(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = INADDR_BROADCAST};
    in.sin_port = htons(9);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    return end(s, KEPT(wsft_sendto(s, "x", 1, 0, (const struct sockaddr *)&in, sizeof in)));
}

static int run_recv(void)
{
    char byte;
    int s = stream();
    return end(s, KEPT(wsft_recv(s, &byte, 1, 0)));
}

/* As long as its socket is told to, and a millisecond is enough to be asked about. */
static int run_waiting_recv(void)
{
    char byte;
    const struct timeval limit = {0, 1000};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return end(s, KEPT(wsft_recv(s, &byte, 1, 0)));
}

static int run_recvfrom(void)
{
    char byte;
    int s = stream();
    return end(s, KEPT(wsft_recvfrom(s, &byte, 1, 0, NULL, NULL)));
}

static int run_shutdown(void)
{
    int s = stream();
    return end(s, KEPT(wsft_shutdown(s, SHUT_RDWR)));
}

static int run_closesocket(void)
{
    int s = stream();
    return KEPT(wsft_closesocket(s));
}

static int run_bad_closesocket(void)
{
    return KEPT(wsft_closesocket(-1));
}

static int run_getaddrinfo(void)
{
    struct addrinfo *list = NULL;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    return KEPT(wsft_getaddrinfo("not-a-number", "80", &hints, &list));
}

const call_case call_cases[] = {
    {"report", NULL, run_report, LAST_ERROR},
    {"report, folded", NULL, run_fold, LAST_ERROR},
    {"flush", NULL, run_flush, LAST_ERROR},
    {"begin", NULL, run_begin, LAST_ERROR},
    {"failed", NULL, run_failed, LAST_ERROR},
    {"failed_to", NULL, run_failed_to, LAST_ERROR},
    {"socket", "socket", run_socket, LAST_ERROR},
    {"socket that fails", "socket", run_bad_socket, ESOCKTNOSUPPORT},
    {"bind", NULL, run_bind, EADDRINUSE},
    {"listen", NULL, run_listen, EOPNOTSUPP},
    {"accept", NULL, run_accept, LAST_ERROR},
    {"accept that fails", NULL, run_bad_accept, EINVAL},
    {"connect", NULL, run_connect, LAST_ERROR},
    {"connect that fails", NULL, run_bad_connect, ECONNREFUSED},
    {"send", NULL, run_send, EPIPE},
    {"sendto", "sendto", run_sendto, EACCES},
    {"recv", NULL, run_recv, ENOTCONN},
    {"recv that waits", NULL, run_waiting_recv, EAGAIN},
    {"recvfrom", NULL, run_recvfrom, ENOTCONN},
    {"shutdown", NULL, run_shutdown, ENOTCONN},
    {"closesocket", "close", run_closesocket, LAST_ERROR},
    {"closesocket that fails", "close", run_bad_closesocket, EBADF},
    {"getaddrinfo", "getaddrinfo", run_getaddrinfo, LAST_ERROR},
};
const size_t call_case_count = sizeof call_cases / sizeof *call_cases;
