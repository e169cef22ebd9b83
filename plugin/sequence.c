/* sequence.c: follows the sequence numbers of each sender. They count modulo 2^32.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "sequence.h"

#include "hash.h"

#include <string.h>

#define ADDRESS_SIZE 16 /* an IPv6 address */

typedef struct {
    guint8 address[ADDRESS_SIZE];
    guint32 sender;
} sender_key;

/* One run of one program. Lives as long as the tracker. */
typedef struct {
    sender_key key;
    guint32 next;    /* the number after the newest */
    guint32 dropped; /* as the newest carried it */
    guint32 first, first_frame;
    GHashTable *seen; /* sequence -> frame of all but the first: NULL until there is another. Small
                       * integers, which GLib keeps in 4 bytes each */
} sender_state;

struct sequence_tracker {
    GHashTable *senders; /* a set of sender_state, found by its key */
};

static guint sender_hash(gconstpointer state)
{
    return hash_bytes(&((const sender_state *)state)->key, sizeof(sender_key));
}

static gboolean sender_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(&((const sender_state *)a)->key, &((const sender_state *)b)->key,
                  sizeof(sender_key)) == 0;
}

static void sender_free(gpointer data)
{
    sender_state *state = data;
    if (state->seen)
        g_hash_table_destroy(state->seen);
    g_free(state);
}

sequence_tracker *sequence_new(void)
{
    sequence_tracker *tracker = g_new(sequence_tracker, 1);
    tracker->senders = g_hash_table_new_full(sender_hash, sender_equal, NULL, sender_free);
    return tracker;
}

void sequence_free(sequence_tracker *tracker)
{
    if (!tracker)
        return;
    g_hash_table_destroy(tracker->senders);
    g_free(tracker);
}

/* The sender's state; a sender not seen before starts its count at this datagram. NULL: there are
 * too many. */
static sender_state *find_sender(sequence_tracker *tracker, const sender_key *key, guint32 sequence)
{
    sender_state wanted = {.key = *key};
    sender_state *state = g_hash_table_lookup(tracker->senders, &wanted);

    if (!state && g_hash_table_size(tracker->senders) < SEQUENCE_MAX_SENDERS) {
        state = g_new0(sender_state, 1);
        state->key = *key;
        state->next = state->first = sequence;
        g_hash_table_add(tracker->senders, state);
    }
    return state;
}

/* The frame that had a sequence number, or 0. */
static guint32 frame_of(const sender_state *state, guint32 sequence)
{
    if (sequence == state->first)
        return state->first_frame;
    return state->seen
               ? GPOINTER_TO_UINT(g_hash_table_lookup(state->seen, GUINT_TO_POINTER(sequence)))
               : 0;
}

static void keep_frame(sender_state *state, guint32 sequence, guint32 frame)
{
    if (sequence == state->first) {
        state->first_frame = frame;
        return;
    }
    if (!state->seen)
        state->seen = g_hash_table_new(hash_number, NULL);
    g_hash_table_insert(state->seen, GUINT_TO_POINTER(sequence), GUINT_TO_POINTER(frame));
}

sequence_note sequence_see(sequence_tracker *tracker, const void *address, size_t length,
                           guint32 sender, guint32 sequence, guint32 dropped, guint32 frame)
{
    sequence_note note = {0};
    sender_key key = {.sender = sender};

    if (length > 0) /* a packet without addresses has no data to copy from */
        memcpy(key.address, address, MIN(length, ADDRESS_SIZE));
    sender_state *state = find_sender(tracker, &key, sequence);
    if (!state)
        return note;
    guint32 ahead = sequence - state->next;

    if (ahead <= G_MAXINT32) { /* not behind, by the shorter way around the circle */
        note.missing = ahead;
        note.dropped = dropped > state->dropped ? dropped - state->dropped : 0;
        state->next = sequence + 1;
        state->dropped = dropped;
    } else {
        note.duplicate_of = frame_of(state, sequence);
        if (note.duplicate_of)
            return note;
        note.late = TRUE;
    }
    keep_frame(state, sequence, frame);
    return note;
}
