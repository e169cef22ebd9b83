/* wire.h: a datagram of the emitter's as it came, read by hand from the specification.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_WIRE_H
#define TESTS_UNIT_WIRE_H

#include "emitter/winsock_telemetry.h"

enum { MAX_FAILURES = 32 };

typedef struct failure {
    uint64_t time, socket, duration, bytes, first_time;
    uint32_t code, thread_id, repeat;
    unsigned space, operation, family, type, protocol;
    int has_thread, has_socket, has_kind, has_duration, has_bytes, has_repeat, has_first_time,
        has_trace;
    wsft_endpoint local, remote;
    char node[1100], service[1100], message[1100], source[1100];
} failure;

typedef struct datagram {
    uint32_t sender, sequence, dropped, process_id;
    unsigned flags, platform;
    uint64_t sent_time;
    char host[1100], process[1100], library[1100];
    size_t count;
    failure failures[MAX_FAILURES];
} datagram;

void read_datagram(datagram *d, const uint8_t *bytes, size_t size);

#endif
