/* sequence.h: what the sequence numbers of each sender say about lost, late and repeated datagrams.
 * Nothing of epan here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_SEQUENCE_H
#define WINSOCK_SEQUENCE_H

#include "trace.h"

/* What one datagram's number says, beside those seen before it. All zero: nothing worth telling. */
typedef struct {
    guint32 missing;           /* datagrams of this sender missing just before this one */
    gboolean late;             /* a newer one was seen before, and this one was not */
    trace_packet duplicate_of; /* the latest before with this number; frame 0: there is none */
    gboolean is_copy;          /* that one was the same in all: captured twice, not sent twice */
    guint32 dropped; /* failures thrown away by the sender since its newest datagram before */
} sequence_note;

/* A datagram that is seen. */
typedef struct {
    const void *address; /* the sender's, of so many bytes, 16 at the most count */
    gsize length;
    guint32 sender, sequence, dropped; /* as carried */
    guint32 content;                   /* a hash of all that it carries */
    trace_packet packet;
} sequence_datagram;

/* How many senders of a file are followed: at 110 bytes each, and 360 once they send more than one
 * datagram, they take 360 MB. Datagrams of more have nothing to tell. */
#ifndef SEQUENCE_MAX_SENDERS
#define SEQUENCE_MAX_SENDERS 1000000
#endif

typedef struct sequence_tracker sequence_tracker; /* every sender of one capture file */

sequence_tracker *sequence_new(void);
void sequence_free(sequence_tracker *tracker);

/* Notes a datagram, in the order of the capture, each one once. Result: by value. */
sequence_note sequence_see(sequence_tracker *tracker, const sequence_datagram *datagram);

#endif
