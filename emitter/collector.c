/* collector.c: from "host:port" to a socket and the address to send to.
 *
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

static int copy_port(char *port, const char *text)
{
    unsigned value = 0;
    size_t length = strlen(text);
    if (length < 1 || length > 5)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value < 1 || value > 65535)
        return -1;
    memcpy(port, text, length + 1);
    return 0;
}

int wsft_collector_parse(const char *text, char *host, size_t host_size, char *port)
{
    const char *begin = text, *end, *colon = NULL;
    if (*text == '[') {
        begin = text + 1;
        end = strchr(begin, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return -1;
        colon = end[1] == ':' ? end + 1 : NULL;
    } else {
        colon = strchr(text, ':');
        if (colon != NULL && strchr(colon + 1, ':') != NULL)
            colon = NULL; /* a second one: a bare IPv6 address */
        end = colon != NULL ? colon : text + strlen(text);
    }
    size_t length = (size_t)(end - begin);
    if (length == 0 || length >= host_size)
        return -1;
    memcpy(host, begin, length);
    host[length] = '\0';
    return copy_port(port, colon != NULL ? colon + 1 : STRING(WSFT_DEFAULT_PORT));
}

int wsft_collector_open(const char *text, wsft_collector *collector)
{
    char host[256], port[6];
    struct addrinfo hints, *list = NULL;
    if (wsft_collector_parse(text, host, sizeof host, port) != 0)
        return -1;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_protocol = IPPROTO_UDP;
    if (getaddrinfo(host, port, &hints, &list) != 0)
        return -1;
    memset(collector, 0, sizeof *collector);
    collector->socket = WSFT_NO_HANDLE;
    for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if ((size_t)a->ai_addrlen > sizeof collector->address)
            continue;
        collector->socket = wsft_udp_socket(a->ai_family);
        if (collector->socket == WSFT_NO_HANDLE)
            continue;
        memcpy(&collector->address, a->ai_addr, (size_t)a->ai_addrlen);
        collector->length = (wsft_socklen)a->ai_addrlen;
        break;
    }
    freeaddrinfo(list);
    return collector->socket == WSFT_NO_HANDLE ? -1 : 0;
}
