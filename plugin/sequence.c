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
    guint32 first, first_place;
    GHashTable *places; /* sequence -> place of all but the first: NULL until there is another.
                         * Small integers, which GLib keeps in 4 bytes each */
} sender_state;

/* One datagram. */
typedef struct {
    gint64 time;
    guint32 frame, content;
} seen_datagram;

struct sequence_tracker {
    GHashTable *senders; /* a set of sender_state, found by its key */
    GArray *seen;        /* of seen_datagram. One's place counts from 1; 0 is none */
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
    if (state->places)
        g_hash_table_destroy(state->places);
    g_free(state);
}

sequence_tracker *sequence_new(void)
{
    sequence_tracker *tracker = g_new(sequence_tracker, 1);
    tracker->senders = g_hash_table_new_full(sender_hash, sender_equal, NULL, sender_free);
    tracker->seen = g_array_new(FALSE, FALSE, sizeof(seen_datagram));
    return tracker;
}

void sequence_free(sequence_tracker *tracker)
{
    if (!tracker)
        return;
    g_hash_table_destroy(tracker->senders);
    g_array_unref(tracker->seen);
    g_free(tracker);
}

/* The sender's state; a sender not seen before starts its count at this datagram. What it dropped
 * before is of now only where it has just begun. NULL: there are too many. */
static sender_state *find_sender(sequence_tracker *tracker, const sender_key *key,
                                 const sequence_datagram *datagram)
{
    sender_state wanted = {.key = *key};
    sender_state *state = g_hash_table_lookup(tracker->senders, &wanted);

    if (!state && g_hash_table_size(tracker->senders) < SEQUENCE_MAX_SENDERS) {
        state = g_new0(sender_state, 1);
        state->key = *key;
        state->next = state->first = datagram->sequence;
        state->dropped = datagram->sequence == 0 ? 0 : datagram->dropped;
        g_hash_table_add(tracker->senders, state);
    }
    return state;
}

/* The latest datagram with a sequence number, or NULL. */
static const seen_datagram *find_seen(const sequence_tracker *tracker, const sender_state *state,
                                      guint32 sequence)
{
    guint32 place = 0;

    if (sequence == state->first)
        place = state->first_place;
    else if (state->places)
        place = GPOINTER_TO_UINT(g_hash_table_lookup(state->places, GUINT_TO_POINTER(sequence)));
    return place ? &g_array_index(tracker->seen, seen_datagram, place - 1) : NULL;
}

static void keep(sequence_tracker *tracker, sender_state *state, const sequence_datagram *datagram)
{
    seen_datagram kept = {datagram->packet.time, datagram->packet.frame, datagram->content};

    g_array_append_val(tracker->seen, kept);
    if (datagram->sequence == state->first) {
        state->first_place = tracker->seen->len;
        return;
    }
    if (!state->places)
        state->places = g_hash_table_new(hash_number, NULL);
    g_hash_table_insert(state->places, GUINT_TO_POINTER(datagram->sequence),
                        GUINT_TO_POINTER(tracker->seen->len));
}

/* What a datagram says that is behind the newest. */
static sequence_note note_behind(const sequence_tracker *tracker, const sender_state *state,
                                 const sequence_datagram *datagram)
{
    const seen_datagram *before = find_seen(tracker, state, datagram->sequence);
    sequence_note note = {.late = !before};

    if (before) {
        note.duplicate_of = (trace_packet){before->frame, before->time};
        note.is_copy = before->content == datagram->content;
    }
    return note;
}

sequence_note sequence_see(sequence_tracker *tracker, const sequence_datagram *datagram)
{
    sequence_note note = {0};
    sender_key key = {.sender = datagram->sender};

    if (datagram->length > 0) /* a packet without addresses has no data to copy from */
        memcpy(key.address, datagram->address, MIN(datagram->length, ADDRESS_SIZE));
    sender_state *state = find_sender(tracker, &key, datagram);
    if (!state)
        return note;
    guint32 ahead = datagram->sequence - state->next;

    if (ahead <= G_MAXINT32) { /* not behind, by the shorter way around the circle */
        note.missing = ahead;
        note.dropped = datagram->dropped > state->dropped ? datagram->dropped - state->dropped : 0;
        state->next = datagram->sequence + 1;
        state->dropped = datagram->dropped;
    } else {
        note = note_behind(tracker, state, datagram);
    }
    if (!note.is_copy)
        keep(tracker, state, datagram);
    return note;
}
