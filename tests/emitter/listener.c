/* listener.c: see listener.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "listener.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "emitter/winsock_telemetry.h"

int listener = -1;
char collector[32];

int set_up_listener(void **state)
{
    (void)state;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof in;
    listener = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(listener, (struct sockaddr *)&in, length) != 0)
        return -1;
    getsockname(listener, (struct sockaddr *)&in, &length);
    snprintf(collector, sizeof collector, "127.0.0.1:%u", ntohs(in.sin_port));
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){2, 0}, sizeof(struct timeval));
    return 0;
}

int tear_down_listener(void **state)
{
    (void)state;
    wsft_close();
    return close(listener);
}
