/* stubborn.c: a client of TCP that keeps its port, its socket or its connection.
 *
 *     stubborn again ADDRESS PORT       two connections after each other from one local port
 *     stubborn insist ADDRESS PORT      three attempts to connect from one local port, half a
 * second apart, reported as the one call that it is on Windows stubborn go-on ADDRESS PORT goes on
 * with the socket after its connection was reset stubborn keep-alive ADDRESS PORT  waits for data,
 * and has TCP ask whether the peer is there
 *
 * SPDX-License-Identifier: MIT
 */
#include "common.h"

#include <mstcpip.h>

enum { LOCAL_PORT = 40123 };

static const char request[] = "GET /mirror HTTP/1.1\r\nHost: files.example\r\n\r\n";
static char buffer[2048];

static void read_all(SOCKET s)
{
    while (step("recv", wsft_recv(s, buffer, sizeof buffer, 0)) > 0)
        ;
}

/* Connects, and has sent a request where this returns 0. */
static int begin(SOCKET s, const peer *to)
{
    if (step("connect", wsft_connect(s, peer_address(to), to->length)) != 0)
        return -1;
    step("send", wsft_send(s, request, sizeof request - 1, 0));
    return 0;
}

/* An IPv4 socket that is bound to the local port, also where an earlier one had it. */
static SOCKET socket_at_port(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(LOCAL_PORT)};
    BOOL on = TRUE;
    SOCKET s = wsft_socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (const char *)&on, sizeof on);
    step("bind", wsft_bind(s, (struct sockaddr *)&any, sizeof any));
    return s;
}

static void again(const peer *to)
{
    for (int i = 0; i < 2; i++) {
        SOCKET s = socket_at_port();
        if (begin(s, to) == 0)
            read_all(s);
        wsft_closesocket(s);
        Sleep(300);
    }
}

/* A socket for each attempt: Linux does not let a refused one try again at once. */
static void insist(const peer *to)
{
    wsft_call call = wsft_begin(WSFT_OP_CONNECT, INVALID_SOCKET, WSFT_HERE);
    for (int attempt = 1, result = -1; attempt <= 3 && result != 0; attempt++) {
        Sleep(attempt > 1 ? 500 : 0);
        SOCKET s = call.socket = socket_at_port();
        result = connect(s, peer_address(to), to->length);
        if (result != 0 && attempt == 3)
            wsft_failed_to(&call, WSAGetLastError(), peer_address(to), to->length);
        step("connect", result);
        closesocket(s);
    }
}

static void go_on(const peer *to)
{
    SOCKET s = wsft_socket(to->storage.ss_family, SOCK_STREAM, 0);
    if (begin(s, to) != 0)
        return;
    read_all(s);
    Sleep(100);
    step("send", wsft_send(s, request, sizeof request - 1, 0));
    Sleep(100);
    who_is_there(s, WSFT_HERE);
    wsft_closesocket(s);
}

static void keep_alive(const peer *to)
{
    struct tcp_keepalive probes = {
        .onoff = 1, .keepalivetime = 1000, .keepaliveinterval = 500}; /* milliseconds */
    DWORD unused;
    SOCKET s = wsft_socket(to->storage.ss_family, SOCK_STREAM, 0);
    step("WSAIoctl",
         WSAIoctl(s, SIO_KEEPALIVE_VALS, &probes, sizeof probes, NULL, 0, &unused, NULL, NULL));
    if (step("connect", wsft_connect(s, peer_address(to), to->length)) == 0)
        read_all(s);
    wsft_closesocket(s);
}

int main(int argc, char **argv)
{
    static const scenario scenarios[] = {
        {"again", again}, {"insist", insist}, {"go-on", go_on}, {"keep-alive", keep_alive}};
    return run_scenario(scenarios, sizeof scenarios / sizeof *scenarios, argc, argv);
}
