/* storm.c: a poller that has lost its network, and does not wait between its attempts.
 *
 *     storm ADDRESS PORT PORTS ROUNDS REPEATS
 *
 * Each round tries the ports from PORT on, one by one; then the first of them REPEATS times in a
 * row.
 *
 * SPDX-License-Identifier: MIT
 */
#include "common.h"

static void poll_service(peer to, int port)
{
    ((struct sockaddr_in *)&to.storage)->sin_port = htons((u_short)port);
    SOCKET s = wsft_socket(to.storage.ss_family, SOCK_STREAM, 0);
    wsft_connect(s, peer_address(&to), to.length);
    wsft_closesocket(s);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: storm ADDRESS PORT PORTS ROUNDS REPEATS\n");
        return 2;
    }
    start(NULL);
    peer to = peer_of(argv[1], argv[2]);
    int first = atoi(argv[2]), ports = atoi(argv[3]), rounds = atoi(argv[4]);
    int repeats = atoi(argv[5]);
    ULONGLONG began = GetTickCount64();
    for (int i = 0; i < ports * rounds; i++)
        poll_service(to, first + i % ports);
    for (int i = 0; i < repeats; i++)
        poll_service(to, first);
    printf("%d failures in %lu ms\n", ports * rounds + repeats,
           (unsigned long)(GetTickCount64() - began));
    stop();
    return 0;
}
