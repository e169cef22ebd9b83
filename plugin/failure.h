/* failure.h: a report as the dissector has read it, for everything that comes after.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_FAILURE_H
#define WINSOCK_FAILURE_H

#include "catalogue.h"

/* Windows' own numbers, which the wire carries whatever the sender's system. */
enum { WINSOCK_AF_INET = 2, WINSOCK_AF_INET6 = 23 };
enum { WINSOCK_SOCK_STREAM = 1, WINSOCK_SOCK_DGRAM = 2 };
enum { WINSOCK_IPPROTO_TCP = 6, WINSOCK_IPPROTO_UDP = 17 };

/* One end of a socket. */
typedef struct {
    guint8 length;      /* of the address: 4, 16, or 0 where the report has none */
    guint8 address[16]; /* network order */
    guint16 port;
    guint32 scope;
} winsock_endpoint;

/* One failed call. Lives as long as the dissection of its packet. */
typedef struct {
    guint64 time; /* nanoseconds since 1970-01-01 UTC, the sender's clock */
    guint32 code;
    guint8 space;
    guint16 operation;
    catalogue_entry entry;
    guint64 socket;                 /* the handle, or 0 */
    guint16 family, type, protocol; /* 0: not reported */
    winsock_endpoint local, remote;
    const char *node, *service; /* plain text, or NULL */
    guint64 duration;           /* of the call, nanoseconds; 0: not reported */
    guint64 bytes;              /* size of its buffer; 0: not reported */
    guint64 age;                /* nanoseconds, when it was reported */
    guint8 verdict;             /* number of winsock.verdict, or 0 */
    guint32 repeat;             /* equal failures that this one stands for, at least 1 */
} winsock_failure;

/* Who reports. Lives as long as the dissection of its packet. */
typedef struct {
    guint16 flags;
    guint32 sender, sequence, dropped;
    guint64 sent_time;
    const char *host, *process; /* plain text, or NULL */
    guint32 process_id;
    gboolean has_process_id;
    guint8 platform; /* 0: not reported */
} winsock_sender;

enum { WINSOCK_FLAG_TEST = 0x0001 };

#endif
