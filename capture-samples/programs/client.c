/* client.c: a client of TCP and UDP services.
 *
 *     client fetch ADDRESS PORT    TCP: connect, send a request, read the response to its end
 *     client session ADDRESS PORT  TCP: connect, read a greeting, pause, send a query, read on
 *     client ask ADDRESS PORT      UDP: connect, send a question, wait for the answer, ask again
 *     client frames ADDRESS PORT   UDP: answers larger than the buffer, a question too large to
 * send
 *
 * SPDX-License-Identifier: MIT
 */
#include "common.h"

static char large[70000];

static SOCKET open_to(const peer *to, int type)
{
    SOCKET s = wsft_socket(to->storage.ss_family, type, 0);
    if (s == INVALID_SOCKET)
        return s;
    if (step("connect", wsft_connect(s, peer_address(to), to->length)) == 0)
        return s;
    wsft_closesocket(s);
    return INVALID_SOCKET;
}

static void read_all(SOCKET s)
{
    char buffer[2048];
    while (step("recv", wsft_recv(s, buffer, sizeof buffer, 0)) > 0)
        ;
}

static void fetch(const peer *to)
{
    static const char request[] = "GET /basket HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    SOCKET s = open_to(to, SOCK_STREAM);
    if (s == INVALID_SOCKET)
        return;
    step("send", wsft_send(s, request, sizeof request - 1, 0));
    read_all(s);
    wsft_closesocket(s);
}

static void session(const peer *to)
{
    static const char query[] = "SELECT total FROM orders WHERE id = 4711;\n";
    char greeting[256];
    SOCKET s = open_to(to, SOCK_STREAM);
    if (s == INVALID_SOCKET)
        return;
    step("recv", wsft_recv(s, greeting, sizeof greeting, 0));
    Sleep(1000);
    step("send", wsft_send(s, query, sizeof query - 1, 0));
    read_all(s);
    wsft_closesocket(s);
}

static void ask(const peer *to)
{
    static const char question[] = "temperature?";
    char answer[512];
    DWORD patience = 2000;
    SOCKET s = open_to(to, SOCK_DGRAM);
    if (s == INVALID_SOCKET)
        return;
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience, sizeof patience);
    for (int i = 0; i < 2; i++) {
        step("send", wsft_send(s, question, sizeof question - 1, 0));
        step("recv", wsft_recv(s, answer, sizeof answer, 0));
    }
    wsft_closesocket(s);
}

static void frames(const peer *to)
{
    static const char question[] = "picture?";
    char answer[512];
    SOCKET s = wsft_socket(to->storage.ss_family, SOCK_DGRAM, 0);
    if (s == INVALID_SOCKET)
        return;
    step("sendto", wsft_sendto(s, question, sizeof question - 1, 0, peer_address(to), to->length));
    step("recvfrom", wsft_recvfrom(s, answer, sizeof answer, 0, NULL, NULL));
    step("sendto", wsft_sendto(s, large, sizeof large, 0, peer_address(to), to->length));
    wsft_closesocket(s);
}

int main(int argc, char **argv)
{
    static const scenario scenarios[] = {
        {"fetch", fetch}, {"session", session}, {"ask", ask}, {"frames", frames}};
    return run_scenario(scenarios, sizeof scenarios / sizeof *scenarios, argc, argv);
}
