/* internal.h: what the emitter's own files share; no program includes it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef WSFT_INTERNAL_H
#define WSFT_INTERNAL_H

#include "platform.h"

/* Bytes of each string that the emitter itself sends, so that one failure with all of its items
 * always fits into a datagram (send.c asserts it). */
enum {
    WSFT_HOST_BYTES = 127,
    WSFT_PROCESS_BYTES = 127,
    WSFT_LIBRARY_BYTES = 31,
    WSFT_NODE_BYTES = 255,
    WSFT_SERVICE_BYTES = 31,
    WSFT_MESSAGE_BYTES = 255,
    WSFT_SOURCE_BYTES = 127
};

/* What the emitter calls itself in every datagram. */
#define WSFT_LIBRARY_NAME "winsock_telemetry " WSFT_LIBRARY_VERSION

/* The bytes of text to keep so that they are at most max and end at a UTF-8 character. */
size_t wsft_text_length(const char *text, size_t max);

/* Copies text, cut as above; NULL becomes empty. target holds max + 1 bytes. */
void wsft_text_copy(char *target, const char *text, size_t max);

/* Where reports go, and the socket they leave by. */
typedef struct wsft_collector {
    wsft_handle socket;
    struct sockaddr_storage address;
    wsft_socklen length;
} wsft_collector;

/* Splits "host", "host:port", "[v6]:port", "[v6]" or a bare IPv6 address. Pure.
 * host holds host_size bytes, port 6. Returns 0, or -1 where text is none of these. */
int wsft_collector_parse(const char *text, char *host, size_t host_size, char *port);

/* Resolves text and opens a socket for it. Returns 0, or -1. */
int wsft_collector_open(const char *text, wsft_collector *collector);

/* Not 0 between wsft_open and wsft_close. Costs one load. */
int wsft_is_open(void);

/* Not 0 where code only says "not yet". Pure. */
int wsft_is_pending(uint8_t space, uint32_t code);

/* Not 0 where the emitter would report code: it is open, and code not pending or wanted. Cheap. */
int wsft_is_wanted(uint8_t space, uint32_t code);

/* The endpoints that calls.c remembers: held over a fork, forgotten as the emitter opens. */
void wsft_endpoints_lock(void);
void wsft_endpoints_unlock(void);
void wsft_endpoints_forget(void);

#endif
