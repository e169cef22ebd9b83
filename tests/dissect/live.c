/* live.c: a Windows program whose connect fails, for live_test.py.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "winsock_telemetry.h"

#include <stdio.h>

int main(void)
{
    struct sockaddr_in closed = {.sin_family = AF_INET, .sin_port = htons(4443)};

    closed.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (wsft_open(NULL) != 0)
        return 1;
    SOCKET s = wsft_socket(AF_INET, SOCK_STREAM, 0);
    int result = wsft_connect(s, (struct sockaddr *)&closed, sizeof closed);
    printf("%d %d\n", result, WSAGetLastError());
    wsft_close();
    return 0;
}
