/* items.h: reads the items of a datagram and of a failure; what each one means is its reader's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_ITEMS_H
#define WINSOCK_ITEMS_H

#include "failure.h"
#include "trace.h"

#include <epan/packet.h>

#define ITEM_HEADER_LENGTH 4
#define FAILURE_FIXED      16 /* bytes of a failure before its items */

/* How many items, those of failures counted, and how many failures of a datagram are read. A sender
 * keeps it within 1,232 bytes, which hold 301 and 60 at the most. */
#define MAX_ITEMS    2048
#define MAX_FAILURES 256

enum {
#define X(type, identifier, name, holder, length) ITEM_##identifier = type,
#include "fields/items.def"
#undef X
    ITEM_TYPES = 30 /* one more than the highest */
};

/* A failure of a datagram, and where it is shown. Without a tree both are NULL. */
typedef struct {
    winsock_failure said;
    proto_tree *tree;
    proto_item *shown;
} shown_failure;

/* One datagram while it is read. */
typedef struct {
    tvbuff_t *tvb;
    packet_info *pinfo;
    proto_tree *own; /* the protocol's item; NULL where Wireshark makes no tree */
    winsock_sender sender;
    guint32 missing;         /* datagrams of the sender before this one */
    trace_packet first;      /* where it was captured before: its failures are that one's */
    wmem_array_t *failures;  /* of shown_failure */
    gboolean quoted;         /* inside an ICMP error: for reading alone */
    guint items;             /* read so far */
    gboolean full;           /* it has more than are read */
    gboolean cut;            /* the capture has no more of its bytes */
    gboolean incomplete;     /* a failure can be in it that could not be read */
    gboolean expert_is_read; /* somebody may read the texts of expert items */
} datagram;

static inline guint failure_count(const datagram *in)
{
    return wmem_array_get_count(in->failures);
}

static inline shown_failure *failure_at(const datagram *in, guint place)
{
    return (shown_failure *)wmem_array_index(in->failures, place);
}

/* What an expert item belongs to: its field, or where no fields are added the protocol's item. */
static inline proto_item *owner(const datagram *in, proto_item *shown)
{
    return shown ? shown : in->own;
}

/* One item while it is read. Without a tree nothing is added to it: Wireshark looks at the bytes of
 * a field even then, and there are forty fields. What it says goes to sender and failure; of an
 * item given twice only the first counts, and the second gets a sender and a failure that are
 * thrown away. */
typedef struct {
    datagram *in;
    proto_tree *tree;
    int start; /* of the item */
    int value; /* of its value, and */
    guint16 length;
    guint16 type;
    winsock_sender *sender;
    winsock_failure *failure; /* NULL for an item of the datagram */
} item;

/* Shows an item and keeps what it says. Returns what it added to the tree. */
typedef proto_item *(*item_reader)(const item *it);

/* Reads the items from offset to end, as far as they were captured.
 * Parameters: failure is what holds them, or NULL for the datagram; readers has ITEM_TYPES rows. */
void read_items(datagram *in, proto_tree *tree, int offset, int end, winsock_failure *failure,
                const item_reader *readers);

/* The value of an item as a field; NULL without a tree, as is all that follows. Integers are
 * big-endian, times and durations nanoseconds in 8 bytes, strings plain text (*result lives as long
 * as the packet; result may be NULL). */
proto_item *add_number(const item *it, int hf);
proto_item *add_string(const item *it, int hf, const char **result);
proto_item *add_nanoseconds(const item *it, int hf);

/* A time field from 8 bytes at offset. */
proto_item *add_time(proto_tree *tree, int hf, tvbuff_t *tvb, int offset, guint64 *result);

/* Whether an item's text is shown anywhere: making it costs more than reading the item. */
static inline gboolean has_text(proto_item *shown)
{
    return shown && !proto_item_is_hidden(shown);
}

nstime_t to_nstime(guint64 nanoseconds);

/* An item's own subtree, from its first byte to its last. */
proto_tree *add_item_tree(const item *it, int ett, proto_item **shown, const char *name);

/* Says that bytes are not as the protocol has them. */
void mark_malformed(const datagram *in, proto_item *shown, const char *why);

/* Says that a bound of the plugin was reached, and what is missing for it. */
void mark_limit(const datagram *in, proto_item *shown, const char *what);

/* Registers the fields and expert items of this file. */
void register_items(int proto);

#endif
