/* lookup.c: looks a host name up, as a program does before it connects.
 *
 *     lookup NAME SERVICE
 *
 * SPDX-License-Identifier: MIT
 */
#include "common.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: lookup NAME SERVICE\n");
        return 2;
    }
    start(NULL);
    struct addrinfo hints, *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error = wsft_getaddrinfo(argv[1], argv[2], &hints, &found);
    printf("getaddrinfo: %d\n", error);
    if (error == 0)
        freeaddrinfo(found);
    stop();
    return 0;
}
