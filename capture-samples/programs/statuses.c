/* statuses.c: a program that numbers its errors as COM (HRESULT) and as the kernel (NTSTATUS) do.
 *
 *     statuses ADDRESS REFUSED RESET   a port that refuses, and one that resets
 *
 * SPDX-License-Identifier: MIT
 */
#include "common.h"

/* The part of both reports: what is known of the socket. */
static void report(uint8_t space, uint32_t code, uint16_t operation, SOCKET s, const peer *to,
                   const char *message)
{
    wsft_failure f = failure_of(s, to, operation);
    struct sockaddr_in local;
    int length = sizeof local;
    f.space = space;
    f.code = code;
    f.message = message;
    if (getsockname(s, (struct sockaddr *)&local, &length) == 0 && local.sin_port != 0)
        f.local = endpoint_of(&local);
    wsft_report(&f);
}

/* connect fails, and the program hands the error on as an HRESULT. */
static void as_hresult(const peer *to)
{
    SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, peer_address(to), to->length) != 0) {
        HRESULT result = HRESULT_FROM_WIN32(WSAGetLastError());
        report(WSFT_HRESULT, (uint32_t)result, WSFT_OP_CONNECT, s, to, "Ledger.Open failed");
        printf("connect: HRESULT 0x%08lX\n", (unsigned long)result);
    }
    closesocket(s);
}

/* An overlapped receive fails; OVERLAPPED.Internal holds the NTSTATUS. */
static void as_ntstatus(const peer *to)
{
    char buffer[4096];
    WSABUF wanted = {sizeof buffer, buffer};
    DWORD received = 0, flags = 0;
    SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, peer_address(to), to->length) == 0)
        send(s, "GET /ledger HTTP/1.1\r\n\r\n", 24, 0);
    for (int alive = 1; alive;) {
        WSAOVERLAPPED work;
        memset(&work, 0, sizeof work);
        work.hEvent = WSACreateEvent();
        alive = WSARecv(s, &wanted, 1, NULL, &flags, &work, NULL) == 0 ||
                WSAGetLastError() == WSA_IO_PENDING;
        if (alive)
            alive = WSAGetOverlappedResult(s, &work, &received, TRUE, &flags) && received > 0;
        if (!alive && work.Internal != 0) {
            report(WSFT_NTSTATUS, (uint32_t)work.Internal, WSFT_OP_WSARECV, s, to,
                   "read of the ledger failed");
            printf("WSARecv: NTSTATUS 0x%08lX\n", (unsigned long)work.Internal);
        }
        WSACloseEvent(work.hEvent);
    }
    closesocket(s);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: statuses ADDRESS REFUSED RESET\n");
        return 2;
    }
    start(NULL);
    peer refusing = peer_of(argv[1], argv[2]), resetting = peer_of(argv[1], argv[3]);
    as_hresult(&refusing);
    as_ntstatus(&resetting);
    stop();
    return 0;
}
