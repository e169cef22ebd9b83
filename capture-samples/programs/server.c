/* server.c: a server of several clients at once, a thread for each.
 *
 *     server ADDRESS PORT CLIENTS    ends when so many clients have come and gone
 *
 * SPDX-License-Identifier: MIT
 */
#include "common.h"

enum { MOST_CLIENTS = 16 };

/* Answers each request of one client until it goes, or fails. */
static DWORD WINAPI serve(LPVOID argument)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    SOCKET s = (SOCKET)argument;
    char request[1024];
    while (step("recv", wsft_recv(s, request, sizeof request, 0)) > 0)
        if (wsft_send(s, response, sizeof response - 1, 0) < 0)
            break;
    wsft_closesocket(s);
    return 0;
}

static void accept_clients(SOCKET listener, int count)
{
    HANDLE threads[MOST_CLIENTS];
    DWORD started = 0;
    for (int i = 0; i < count && i < MOST_CLIENTS; i++) {
        SOCKET s = wsft_accept(listener, NULL, NULL);
        if (s == INVALID_SOCKET)
            break;
        threads[started] = CreateThread(NULL, 0, serve, (LPVOID)s, 0, NULL);
        if (threads[started] != NULL)
            started++;
    }
    WaitForMultipleObjects(started, threads, TRUE, INFINITE);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: server ADDRESS PORT CLIENTS\n");
        return 2;
    }
    start(NULL);
    peer at = peer_of(argv[1], argv[2]);
    SOCKET listener = wsft_socket(at.storage.ss_family, SOCK_STREAM, 0);
    if (listener != INVALID_SOCKET &&
        step("bind", wsft_bind(listener, peer_address(&at), at.length)) == 0 &&
        step("listen", wsft_listen(listener, 8)) == 0)
        accept_clients(listener, atoi(argv[3]));
    wsft_closesocket(listener);
    stop();
    return 0;
}
