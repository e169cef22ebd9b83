/* items.c: the items of a datagram and of a failure, and everything that can be wrong with them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "items.h"

#include "compat.h"
#include "text.h"

#include <epan/expert.h>

#include <string.h>

#define MAX_STRING  1024
#define NANOSECONDS 1000000000U

static int hf_winsock_item_type = -1;
static int hf_winsock_item_length = -1;
static int hf_winsock_item_value = -1;

static int ett_winsock_item = -1;

static expert_field ei_winsock_malformed = EI_INIT;
static expert_field ei_winsock_limit = EI_INIT;
static expert_field ei_winsock_item_unknown = EI_INIT;
static expert_field ei_winsock_item_length_wrong = EI_INIT;
static expert_field ei_winsock_item_repeated = EI_INIT;
static expert_field ei_winsock_string_not_utf8 = EI_INIT;
static expert_field ei_winsock_string_too_long = EI_INIT;

static const value_string item_names[] = {
#define X(type, identifier, name, holder, length) {type, name},
#include "fields/items.def"
#undef X
    {0, NULL}};

/* What the table of items knows of each type. */
typedef enum { HOLDER_NONE, HOLDER_DATAGRAM, HOLDER_FAILURE } item_holder;
enum { LENGTH_STRING = -1, LENGTH_ENDPOINT = -2, LENGTH_CONTAINER = -3 };
/* Lengths in bytes stand in the table as themselves. */
enum { LENGTH_1 = 1, LENGTH_4 = 4, LENGTH_6 = 6, LENGTH_8 = 8, LENGTH_25 = 25 };

typedef struct {
    const char *name;
    item_holder holder;
    int length;
} item_kind;

static const item_kind item_kinds[ITEM_TYPES] = {
#define X(type, identifier, name, holder, length) [type] = {name, HOLDER_##holder, LENGTH_##length},
#include "fields/items.def"
#undef X
};

nstime_t to_nstime(guint64 nanoseconds)
{
    nstime_t result = {(time_t)(nanoseconds / NANOSECONDS), (int)(nanoseconds % NANOSECONDS)};
    return result;
}

proto_item *add_time(proto_tree *tree, int hf, tvbuff_t *tvb, int offset, guint64 *result)
{
    *result = tvb_get_ntoh64(tvb, offset);
    if (!tree)
        return NULL;
    nstime_t value = to_nstime(*result);
    return proto_tree_add_time(tree, hf, tvb, offset, 8, &value);
}

proto_item *add_number(const item *it, int hf)
{
    if (!it->tree)
        return NULL;
    return proto_tree_add_item(it->tree, hf, it->in->tvb, it->value, it->length, ENC_BIG_ENDIAN);
}

/* How many bytes of a string count: all, or as many as MAX_STRING holds whole characters of. */
static guint counted_length(const guint8 *bytes, guint length)
{
    guint counted = MIN(length, MAX_STRING);

    for (guint back = 1; length > MAX_STRING && back <= 4; back++) {
        guint8 next = bytes[MAX_STRING - back + 1];
        if ((next & 0xc0) != 0x80) /* no continuation byte: a character ends before it */
            return MAX_STRING - back + 1;
    }
    return counted;
}

/* Most text can be shown as it came. */
static gboolean is_printable_ascii(const char *bytes, guint length)
{
    guint i = 0;

    while (i < length && bytes[i] >= ' ' && bytes[i] <= '~')
        i++;
    return i == length;
}

static const char *copy_text(wmem_allocator_t *pool, const char *bytes, guint length)
{
    char *text = wmem_alloc(pool, (size_t)length + 1);

    memcpy(text, bytes, length);
    text[length] = '\0';
    return text;
}

static const char *escape_text(wmem_allocator_t *pool, const char *bytes, guint length)
{
    char *text = text_plain(bytes, length);
    const char *kept = wmem_strdup(pool, text);

    g_free(text);
    return kept;
}

proto_item *add_string(const item *it, int hf, const char **result)
{
    tvbuff_t *tvb = it->in->tvb;
    packet_info *pinfo = it->in->pinfo;
    const char *bytes = it->length ? (const char *)tvb_get_ptr(tvb, it->value, it->length) : "";
    guint counted = counted_length((const guint8 *)bytes, it->length);
    gboolean ascii = is_printable_ascii(bytes, counted);
    const char *text = "";
    proto_item *shown = NULL;

    if (result || proto_field_is_referenced(it->tree, hf))
        text = ascii ? copy_text(pinfo->pool, bytes, counted)
                     : escape_text(pinfo->pool, bytes, counted);
    if (result)
        *result = text;
    if (it->tree)
        shown = proto_tree_add_string(it->tree, hf, tvb, it->value, it->length, text);
    if (!ascii && !g_utf8_validate(bytes, (gssize)counted, NULL))
        expert_add_info(pinfo, owner(it->in, shown), &ei_winsock_string_not_utf8);
    if (it->length > MAX_STRING)
        expert_add_info(pinfo, owner(it->in, shown), &ei_winsock_string_too_long);
    return shown;
}

proto_item *add_nanoseconds(const item *it, int hf)
{
    guint64 nanoseconds;
    return add_time(it->tree, hf, it->in->tvb, it->value, &nanoseconds);
}

proto_tree *add_item_tree(const item *it, int ett, proto_item **shown, const char *name)
{
    *shown = NULL;
    if (!it->tree)
        return NULL;
    return proto_tree_add_subtree(it->tree, it->in->tvb, it->start, ITEM_HEADER_LENGTH + it->length,
                                  ett, shown, name);
}

static gboolean length_fits(const item_kind *kind, guint16 length)
{
    switch (kind->length) {
    case LENGTH_STRING:
        return TRUE;
    case LENGTH_ENDPOINT:
        return length == 6 || length == 18 || length == 22;
    case LENGTH_CONTAINER:
        return length >= FAILURE_FIXED;
    default:
        return length == kind->length;
    }
}

/* An item as its bytes: one that is not known, or not as it should be. */
static proto_item *add_raw_item(const item *it, const char *what)
{
    tvbuff_t *tvb = it->in->tvb;
    proto_item *shown;
    proto_tree *tree = proto_tree_add_subtree_format(
        it->tree, tvb, it->start, ITEM_HEADER_LENGTH + it->length, ett_winsock_item, &shown,
        "%s, %u byte%s", what, it->length, it->length == 1 ? "" : "s");

    proto_tree_add_item(tree, hf_winsock_item_type, tvb, it->start, 2, ENC_BIG_ENDIAN);
    proto_tree_add_item(tree, hf_winsock_item_length, tvb, it->start + 2, 2, ENC_BIG_ENDIAN);
    proto_tree_add_item(tree, hf_winsock_item_value, tvb, it->value, it->length, ENC_NA);
    return shown;
}

static void read_unknown_item(const item *it)
{
    const char *what = wmem_strdup_printf(it->in->pinfo->pool, "Unknown item %u", it->type);

    expert_add_info(it->in->pinfo, owner(it->in, add_raw_item(it, what)), &ei_winsock_item_unknown);
}

static void read_item_of_wrong_length(const item *it, const item_kind *kind)
{
    static const char endpoint[] = "6, 18 or 22";
    const char *should = endpoint;

    if (kind->length == LENGTH_CONTAINER)
        should = "at least 16";
    else if (kind->length != LENGTH_ENDPOINT)
        should = wmem_strdup_printf(it->in->pinfo->pool, "%d", kind->length);
    it->in->incomplete |= it->type == ITEM_FAILURE;
    expert_add_info_format(it->in->pinfo, owner(it->in, add_raw_item(it, kind->name)),
                           &ei_winsock_item_length_wrong, "%s of a wrong length, should be %s",
                           kind->name, should);
}

/* Shown, but kept in what is thrown away. */
static void read_repeated_item(const item *it, const item_reader *readers)
{
    winsock_sender no_sender = {0};
    winsock_failure no_failure = {0};
    item repeated = *it;

    repeated.sender = &no_sender;
    repeated.failure = &no_failure;
    expert_add_info_format(it->in->pinfo, owner(it->in, readers[it->type](&repeated)),
                           &ei_winsock_item_repeated, "%s is given twice, the first counts",
                           item_kinds[it->type].name);
}

/* A known item, whole. Only failures may stand more than once. */
static void read_known_item(const item *it, const item_reader *readers, guint32 *seen)
{
    if ((*seen & (1U << it->type)) != 0 && it->type != ITEM_FAILURE) {
        read_repeated_item(it, readers);
        return;
    }
    *seen |= 1U << it->type;
    readers[it->type](it);
}

static void read_item(const item *it, item_holder holder, const item_reader *readers, guint32 *seen)
{
    const item_kind *kind = it->type < ITEM_TYPES ? &item_kinds[it->type] : NULL;

    if (!kind || kind->holder != holder)
        read_unknown_item(it);
    else if (!length_fits(kind, it->length))
        read_item_of_wrong_length(it, kind);
    else
        read_known_item(it, readers, seen);
}

void mark_malformed(const datagram *in, proto_item *shown, const char *why)
{
    expert_add_info_format(in->pinfo, owner(in, shown), &ei_winsock_malformed, "%s", why);
}

void mark_limit(const datagram *in, proto_item *shown, const char *what)
{
    expert_add_info_format(in->pinfo, owner(in, shown), &ei_winsock_limit, "%s", what);
}

/* Whether one more item of a type is read; if not, reading ends here. */
static gboolean has_room(datagram *in, proto_tree *tree, int offset, guint16 type)
{
    in->full =
        in->items == MAX_ITEMS || (type == ITEM_FAILURE && failure_count(in) == MAX_FAILURES);
    in->items++;
    if (in->full) {
        in->incomplete = TRUE;
        proto_tree_add_expert_format(
            owner(in, tree), in->pinfo, &ei_winsock_limit, in->tvb, offset, -1,
            "Of a datagram %u items with %u failures are read: the rest is "
            "not",
            MAX_ITEMS, MAX_FAILURES);
    }
    return !in->full;
}

/* Reading ends here, and why. What an ICMP error quotes may be short, and that is no fault. */
static void end_malformed(datagram *in, proto_tree *tree, int offset, int end, const char *why)
{
    int captured = (int)tvb_captured_length(in->tvb);

    in->incomplete = TRUE;
    if (!in->quoted && !in->pinfo->fragmented)
        proto_tree_add_expert_format(owner(in, tree), in->pinfo, &ei_winsock_malformed, in->tvb,
                                     offset, MIN(end, captured) - offset, "%s", why);
}

void read_items(datagram *in, proto_tree *tree, int offset, int end, winsock_failure *failure,
                const item_reader *readers)
{
    item_holder holder = failure ? HOLDER_FAILURE : HOLDER_DATAGRAM;
    int captured = (int)tvb_captured_length(in->tvb);
    guint32 seen = 0;

    while (offset < end && !in->cut && !in->full) {
        if (end - offset < ITEM_HEADER_LENGTH) {
            if (offset < captured)
                end_malformed(in, tree, offset, end, "Too few bytes left for an item");
            else
                in->cut = TRUE;
            return;
        }
        if (offset + ITEM_HEADER_LENGTH > captured) {
            in->cut = TRUE;
            return;
        }
        item it = {.in = in,
                   .tree = tree,
                   .start = offset,
                   .value = offset + ITEM_HEADER_LENGTH,
                   .type = tvb_get_ntohs(in->tvb, offset),
                   .length = tvb_get_ntohs(in->tvb, offset + 2),
                   .sender = &in->sender,
                   .failure = failure};
        if (!has_room(in, tree, offset, it.type))
            return;
        if (in->quoted && it.type == ITEM_FAILURE && it.length > end - it.value &&
            end - it.value >= FAILURE_FIXED) {
            in->incomplete = TRUE;
            it.length = (guint16)(end - it.value); /* an ICMP error quotes as much as it likes */
        }
        if (it.length > end - it.value) {
            end_malformed(in, tree, offset, end, "The item runs past the end of what holds it");
            return;
        }
        /* Of a failure that was captured in part, the part is read. */
        gboolean container = it.type == ITEM_FAILURE && it.length >= FAILURE_FIXED;
        in->cut = it.value + (container ? FAILURE_FIXED : it.length) > captured;
        if (!in->cut)
            read_item(&it, holder, readers, &seen);
        offset = it.value + it.length;
    }
}

void register_items(int proto)
{
    static hf_register_info hf[] = {
        {&hf_winsock_item_type,
         {"Type", "winsock.item.type", FT_UINT16, BASE_DEC, VALS(item_names), 0, NULL, HFILL}},
        {&hf_winsock_item_length,
         {"Length", "winsock.item.length", FT_UINT16, BASE_DEC, NULL, 0, "Bytes of the value",
          HFILL}},
        {&hf_winsock_item_value,
         {"Value", "winsock.item.value", FT_BYTES, BASE_NONE, NULL, 0, NULL, HFILL}},
    };
    static int *ett[] = {&ett_winsock_item};
    static ei_register_info ei[] = {
        {&ei_winsock_malformed,
         {"winsock.malformed", PI_MALFORMED, PI_ERROR, "Malformed", EXPFILL}},
        {&ei_winsock_limit,
         {"winsock.limit", PI_UNDECODED, PI_WARN, "A bound of the plugin was reached", EXPFILL}},
        {&ei_winsock_item_unknown,
         {"winsock.item.unknown", PI_UNDECODED, PI_NOTE, "Item type not known", EXPFILL}},
        {&ei_winsock_item_length_wrong,
         {"winsock.item.length_wrong", PI_MALFORMED, PI_ERROR, "Item of a wrong length", EXPFILL}},
        {&ei_winsock_item_repeated,
         {"winsock.item.repeated", PI_PROTOCOL, PI_NOTE, "Item given twice, the first counts",
          EXPFILL}},
        {&ei_winsock_string_not_utf8,
         {"winsock.string.not_utf8", PI_PROTOCOL, PI_WARN, "String is not UTF-8", EXPFILL}},
        {&ei_winsock_string_too_long,
         {"winsock.string.too_long", PI_PROTOCOL, PI_NOTE, "String over 1,024 bytes", EXPFILL}},
    };

    proto_register_field_array(proto, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
    expert_register_field_array(expert_register_protocol(proto), ei, array_length(ei));
}
