/* local.c: failures that arise inside the host, and states that are no failures.
 *
 *     local not-available ADDRESS PORT  bind to an address of another host
 *     local not-connected ADDRESS PORT  recv, send and getpeername on a socket never connected
 *     local shutdown ADDRESS PORT       send after shutdown of the sending side
 *     local pending ADDRESS PORT        a call that would block, and overlapped ones under way
 *
 * SPDX-License-Identifier: MIT
 */
#include "common.h"

static char buffer[1024];

static void not_available(SOCKET s, const peer *at)
{
    step("bind", wsft_bind(s, peer_address(at), at->length));
}

static void not_connected(SOCKET s, const peer *at)
{
    (void)at;
    step("recv", wsft_recv(s, buffer, sizeof buffer, 0));
    step("send", wsft_send(s, "hello", 5, 0));
    who_is_there(s, WSFT_HERE);
}

static void after_shutdown(SOCKET s, const peer *at)
{
    if (step("connect", wsft_connect(s, peer_address(at), at->length)) != 0)
        return;
    step("send", wsft_send(s, "PUT /backup HTTP/1.1\r\n\r\n", 24, 0));
    step("shutdown", wsft_shutdown(s, SD_SEND));
    step("send", wsft_send(s, "one more thing", 14, 0));
    while (step("recv", wsft_recv(s, buffer, sizeof buffer, 0)) > 0)
        ;
}

/* An overlapped receive: pending, its result incomplete, and then done. */
static void overlapped(SOCKET s)
{
    WSABUF wanted = {sizeof buffer, buffer};
    WSAOVERLAPPED work;
    DWORD received = 0, flags = 0;
    memset(&work, 0, sizeof work);
    work.hEvent = WSACreateEvent();
    wsft_call call = wsft_begin(WSFT_OP_WSARECV, s, WSFT_HERE);
    if (WSARecv(s, &wanted, 1, &received, &flags, &work, NULL) == SOCKET_ERROR)
        wsft_failed(&call, WSAGetLastError());
    step("WSARecv", -1);
    call = wsft_begin(WSFT_OP_WSAGETOVERLAPPEDRESULT, s, WSFT_HERE);
    if (!WSAGetOverlappedResult(s, &work, &received, FALSE, &flags))
        wsft_failed(&call, WSAGetLastError());
    step("WSAGetOverlappedResult", -1);
    step("send", wsft_send(s, "GET / HTTP/1.1\r\n\r\n", 18, 0));
    if (WSAGetOverlappedResult(s, &work, &received, TRUE, &flags))
        step("WSAGetOverlappedResult", (int)received);
    WSACloseEvent(work.hEvent);
}

static void pending(SOCKET s, const peer *at)
{
    u_long on = 1;
    fd_set writable;
    ioctlsocket(s, (long)FIONBIO, &on);
    step("connect", wsft_connect(s, peer_address(at), at->length));
    FD_ZERO(&writable);
    FD_SET(s, &writable);
    select(0, NULL, &writable, NULL, NULL);
    step("recv", wsft_recv(s, buffer, sizeof buffer, 0));
    overlapped(s);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(SOCKET s, const peer *at);
        int report_pending;
    } scenarios[] = {{"not-available", not_available, 0},
                     {"not-connected", not_connected, 0},
                     {"shutdown", after_shutdown, 0},
                     {"pending", pending, 1}};
    for (size_t i = 0; argc == 4 && i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(argv[1], scenarios[i].name) != 0)
            continue;
        const wsft_options options = {.report_pending = scenarios[i].report_pending};
        start(&options);
        peer at = peer_of(argv[2], argv[3]);
        SOCKET s = wsft_socket(at.storage.ss_family, SOCK_STREAM, 0);
        scenarios[i].run(s, &at);
        wsft_closesocket(s);
        stop();
        return 0;
    }
    fprintf(stderr, "usage: local not-available|not-connected|shutdown|pending ADDRESS PORT\n");
    return 2;
}
