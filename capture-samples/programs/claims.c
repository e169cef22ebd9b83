/* claims.c: what a program says of its failures, where that is wrong or less than it could say.
 *
 *     claims refused ADDRESS PORT     connects, and says that it was refused (10061)
 *     claims aborted ADDRESS PORT     is reset (10054), and says that it was aborted (10053)
 *     claims remote-only ADDRESS PORT is reset, and says whom it called, but not from which port
 *     claims one-of-two ADDRESS PORT  the same with a second connection, which goes on
 *
 * SPDX-License-Identifier: MIT
 */
#include "common.h"

static const char request[] = "POST /receipts HTTP/1.1\r\nHost: till.example\r\n\r\n";
static char buffer[2048];

static void refused(const peer *to)
{
    SOCKET s = socket(to->storage.ss_family, SOCK_STREAM, 0);
    wsft_call call = wsft_begin(WSFT_OP_CONNECT, s, WSFT_HERE);
    if (step("connect", connect(s, peer_address(to), to->length)) == 0)
        wsft_failed_to(&call, WSAECONNREFUSED, peer_address(to), to->length);
    step("send", send(s, request, sizeof request - 1, 0));
    step("recv", recv(s, buffer, sizeof buffer, 0));
    closesocket(s);
}

/* A connection, and a request that is on its way. */
static SOCKET open_to(const peer *to)
{
    SOCKET s = socket(to->storage.ss_family, SOCK_STREAM, 0);
    step("connect", connect(s, peer_address(to), to->length));
    step("send", send(s, request, sizeof request - 1, 0));
    return s;
}

/* Reads to the end of the connection. Returns 0, or the error of the call that failed: *last. */
static int read_all(SOCKET s, wsft_call *last)
{
    int result, error;
    do {
        *last = wsft_begin(WSFT_OP_RECV, s, WSFT_HERE);
        result = recv(s, buffer, sizeof buffer, 0);
        error = result < 0 ? WSAGetLastError() : 0;
        step("recv", result);
    } while (result > 0);
    return error;
}

static void aborted(const peer *to)
{
    wsft_call call;
    SOCKET s = open_to(to);
    if (read_all(s, &call) != 0)
        wsft_failed(&call, WSAECONNABORTED);
    closesocket(s);
}

static void read_and_report(SOCKET s, const peer *to)
{
    wsft_call call;
    wsft_failure f = failure_of(s, to, WSFT_OP_RECV);
    f.code = (uint32_t)read_all(s, &call);
    if (f.code != 0)
        wsft_report(&f);
    closesocket(s);
}

static void remote_only(const peer *to)
{
    read_and_report(open_to(to), to);
}

static void one_of_two(const peer *to)
{
    wsft_call call;
    SOCKET first = open_to(to), second = open_to(to);
    read_and_report(first, to);
    shutdown(second, SD_SEND);
    read_all(second, &call);
    closesocket(second);
}

int main(int argc, char **argv)
{
    static const scenario scenarios[] = {{"refused", refused},
                                         {"aborted", aborted},
                                         {"remote-only", remote_only},
                                         {"one-of-two", one_of_two}};
    return run_scenario(scenarios, sizeof scenarios / sizeof *scenarios, argc, argv);
}
