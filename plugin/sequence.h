/* sequence.h: what the sequence numbers of each sender say about lost, late and repeated datagrams.
 * Nothing of epan here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_SEQUENCE_H
#define WINSOCK_SEQUENCE_H

#include <glib.h>

/* What one datagram's number says, beside those seen before it. All zero: nothing worth telling. */
typedef struct {
    guint32 missing;      /* datagrams of this sender missing just before this one */
    gboolean late;        /* a newer one was seen before, and this one was not */
    guint32 duplicate_of; /* the frame that this datagram repeats, or 0 */
    guint32 dropped;      /* failures thrown away by the sender since its newest datagram before */
} sequence_note;

/* How many senders of a file are followed: at 100 bytes each, and 300 once they send more than one
 * datagram, they take 300 MB. Datagrams of more have nothing to tell. */
#ifndef SEQUENCE_MAX_SENDERS
#define SEQUENCE_MAX_SENDERS 1000000
#endif

typedef struct sequence_tracker sequence_tracker; /* every sender of one capture file */

sequence_tracker *sequence_new(void);
void sequence_free(sequence_tracker *tracker);

/* Notes a datagram, in the order of the capture, each one once.
 * Parameters: address (length bytes of it, 16 at the most count) and sender name the sender;
 * sequence and dropped as carried; frame is the number of the packet.
 * Result: by value. */
sequence_note sequence_see(sequence_tracker *tracker, const void *address, size_t length,
                           guint32 sender, guint32 sequence, guint32 dropped, guint32 frame);

#endif
