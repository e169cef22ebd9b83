/* dissect_failure.c: one failure, from bytes to its subtree.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "dissect_failure.h"

#include "compat.h"
#include "annotate.h"
#include "summary.h"
#include "user_codes.h"

#include <epan/expert.h>

static int hf_winsock_failure = -1;
static int hf_winsock_failed = -1;
static int hf_winsock_code = -1;
static int hf_winsock_space = -1;
static int hf_winsock_error = -1;
static int hf_winsock_name = -1;
static int hf_winsock_description = -1;
static int hf_winsock_advice = -1;
static int hf_winsock_category = -1;
static int hf_winsock_listing = -1;
static int hf_winsock_operation = -1;
static int hf_winsock_time = -1;
static int hf_winsock_age = -1;
static int hf_winsock_thread_id = -1;
static int hf_winsock_socket = -1;
static int hf_winsock_family = -1;
static int hf_winsock_type = -1;
static int hf_winsock_protocol = -1;
static int hf_winsock_local_ip = -1;
static int hf_winsock_local_ipv6 = -1;
static int hf_winsock_local_port = -1;
static int hf_winsock_local_scope = -1;
static int hf_winsock_remote_ip = -1;
static int hf_winsock_remote_ipv6 = -1;
static int hf_winsock_remote_port = -1;
static int hf_winsock_remote_scope = -1;
static int hf_winsock_node = -1;
static int hf_winsock_service = -1;
static int hf_winsock_duration = -1;
static int hf_winsock_bytes = -1;
static int hf_winsock_repeat = -1;
static int hf_winsock_first_time = -1;
static int hf_winsock_message = -1;
static int hf_winsock_source = -1;
static int hf_winsock_trace_id = -1;
static int hf_winsock_span_id = -1;
static int hf_winsock_trace_flags = -1;

static int ett_winsock_failure = -1;
static int ett_winsock_kind = -1;
static int ett_winsock_endpoint = -1;
static int ett_winsock_trace = -1;

static expert_field ei_winsock_code_unknown = EI_INIT;
static expert_field ei_winsock_space_unknown = EI_INIT;
static expert_field ei_winsock_operation_unknown = EI_INIT;
static expert_field ei_winsock_time_after_sent = EI_INIT;
/* Expert Information has one line for each expert field: one for each category, so that thousands
 * of failures are not one line. */
static expert_field ei_winsock_failed[CATEGORIES];

static int naming_preference = NAMING_WINSOCK;

static const value_string family_names[] = {{1, "AF_UNIX"},
                                            {WINSOCK_AF_INET, "AF_INET"},
                                            {WINSOCK_AF_INET6, "AF_INET6"},
                                            {26, "AF_IRDA"},
                                            {32, "AF_BTH"},
                                            {34, "AF_HYPERV"},
                                            {0, NULL}};

static const value_string type_names[] = {{WINSOCK_SOCK_STREAM, "SOCK_STREAM"},
                                          {WINSOCK_SOCK_DGRAM, "SOCK_DGRAM"},
                                          {3, "SOCK_RAW"},
                                          {4, "SOCK_RDM"},
                                          {5, "SOCK_SEQPACKET"},
                                          {0, NULL}};

static const value_string protocol_names[] = {{1, "IPPROTO_ICMP"},
                                              {WINSOCK_IPPROTO_TCP, "IPPROTO_TCP"},
                                              {WINSOCK_IPPROTO_UDP, "IPPROTO_UDP"},
                                              {58, "IPPROTO_ICMPV6"},
                                              {113, "IPPROTO_PGM"},
                                              {0, NULL}};
/* The fields of one end of a socket. */
typedef struct {
    const char *name;
    int *ip, *ipv6, *port, *scope;
} endpoint_fields;

static const endpoint_fields local_fields = {"Local", &hf_winsock_local_ip, &hf_winsock_local_ipv6,
                                             &hf_winsock_local_port, &hf_winsock_local_scope};
static const endpoint_fields remote_fields = {"Remote", &hf_winsock_remote_ip,
                                              &hf_winsock_remote_ipv6, &hf_winsock_remote_port,
                                              &hf_winsock_remote_scope};

static proto_item *add_endpoint(const item *it, const endpoint_fields *fields,
                                winsock_endpoint *endpoint)
{
    tvbuff_t *tvb = it->in->tvb;
    int offset = it->value;
    proto_item *shown;
    proto_tree *tree = add_item_tree(it, ett_winsock_endpoint, &shown, fields->name);

    endpoint->length = it->length == 6 ? 4 : 16;
    tvb_memcpy(tvb, endpoint->address, offset, endpoint->length);
    endpoint->port = tvb_get_ntohs(tvb, offset + endpoint->length);
    if (it->length == 22)
        endpoint->scope = tvb_get_ntohl(tvb, offset + 18);
    if (!tree)
        return NULL;
    proto_tree_add_item(tree, endpoint->length == 4 ? *fields->ip : *fields->ipv6, tvb, offset,
                        /* NOLINTNEXTLINE(bugprone-branch-clone): two names for 0 */
                        endpoint->length, endpoint->length == 4 ? ENC_BIG_ENDIAN : ENC_NA);
    offset += endpoint->length;
    proto_tree_add_item(tree, *fields->port, tvb, offset, 2, ENC_BIG_ENDIAN);
    if (it->length == 22)
        proto_tree_add_item(tree, *fields->scope, tvb, offset + 2, 4, ENC_BIG_ENDIAN);
    if (has_text(shown))
        proto_item_append_text(shown, ": %s",
                               summary_of_endpoint(it->in->pinfo->pool, endpoint, 0));
    return shown;
}

/* The items, one function each */

static proto_item *read_thread_id(const item *it)
{
    return add_number(it, hf_winsock_thread_id);
}

static proto_item *read_socket(const item *it)
{
    it->failure->socket = tvb_get_ntoh64(it->in->tvb, it->value);
    return add_number(it, hf_winsock_socket);
}

static proto_item *read_socket_kind(const item *it)
{
    tvbuff_t *tvb = it->in->tvb;
    winsock_failure *failure = it->failure;
    proto_item *shown;
    proto_tree *tree = add_item_tree(it, ett_winsock_kind, &shown, "Socket kind");

    failure->family = tvb_get_ntohs(tvb, it->value);
    failure->type = tvb_get_ntohs(tvb, it->value + 2);
    failure->protocol = tvb_get_ntohs(tvb, it->value + 4);
    if (!tree)
        return NULL;
    proto_tree_add_item(tree, hf_winsock_family, tvb, it->value, 2, ENC_BIG_ENDIAN);
    proto_tree_add_item(tree, hf_winsock_type, tvb, it->value + 2, 2, ENC_BIG_ENDIAN);
    proto_tree_add_item(tree, hf_winsock_protocol, tvb, it->value + 4, 2, ENC_BIG_ENDIAN);
    wmem_allocator_t *pool = it->in->pinfo->pool;
    if (has_text(shown))
        proto_item_append_text(shown, ": %s, %s, %s",
                               value_name(pool, failure->family, family_names, "family %u"),
                               value_name(pool, failure->type, type_names, "type %u"),
                               value_name(pool, failure->protocol, protocol_names, "protocol %u"));
    return shown;
}

static proto_item *read_local_endpoint(const item *it)
{
    return add_endpoint(it, &local_fields, &it->failure->local);
}

static proto_item *read_remote_endpoint(const item *it)
{
    return add_endpoint(it, &remote_fields, &it->failure->remote);
}

static proto_item *read_node_name(const item *it)
{
    return add_string(it, hf_winsock_node, &it->failure->node);
}

static proto_item *read_service_name(const item *it)
{
    return add_string(it, hf_winsock_service, &it->failure->service);
}

static proto_item *read_duration(const item *it)
{
    it->failure->duration = tvb_get_ntoh64(it->in->tvb, it->value);
    return add_nanoseconds(it, hf_winsock_duration);
}

static proto_item *read_bytes(const item *it)
{
    it->failure->bytes = tvb_get_ntoh64(it->in->tvb, it->value);
    return add_number(it, hf_winsock_bytes);
}

static proto_item *read_repeat(const item *it)
{
    guint32 repeat = tvb_get_ntohl(it->in->tvb, it->value);

    it->failure->repeat = MAX(repeat, 1);
    return add_number(it, hf_winsock_repeat);
}

static proto_item *read_first_time(const item *it)
{
    guint64 first;
    return add_time(it->tree, hf_winsock_first_time, it->in->tvb, it->value, &first);
}

static proto_item *read_message(const item *it)
{
    return add_string(it, hf_winsock_message, NULL);
}

static proto_item *read_source(const item *it)
{
    return add_string(it, hf_winsock_source, NULL);
}

static proto_item *read_trace_context(const item *it)
{
    tvbuff_t *tvb = it->in->tvb;
    proto_item *shown;
    proto_tree *tree = add_item_tree(it, ett_winsock_trace, &shown, "Trace context");

    if (!tree)
        return NULL;
    proto_tree_add_item(tree, hf_winsock_trace_id, tvb, it->value, 16, ENC_NA);
    proto_tree_add_item(tree, hf_winsock_span_id, tvb, it->value + 16, 8, ENC_NA);
    proto_tree_add_item(tree, hf_winsock_trace_flags, tvb, it->value + 24, 1, ENC_BIG_ENDIAN);
    return shown;
}

static const item_reader failure_readers[ITEM_TYPES] = {
    [ITEM_THREAD_ID] = read_thread_id,
    [ITEM_SOCKET] = read_socket,
    [ITEM_SOCKET_KIND] = read_socket_kind,
    [ITEM_LOCAL_ENDPOINT] = read_local_endpoint,
    [ITEM_REMOTE_ENDPOINT] = read_remote_endpoint,
    [ITEM_NODE_NAME] = read_node_name,
    [ITEM_SERVICE_NAME] = read_service_name,
    [ITEM_DURATION] = read_duration,
    [ITEM_BYTES] = read_bytes,
    [ITEM_REPEAT] = read_repeat,
    [ITEM_FIRST_TIME] = read_first_time,
    [ITEM_MESSAGE] = read_message,
    [ITEM_SOURCE] = read_source,
    [ITEM_TRACE_CONTEXT] = read_trace_context,
};

/* The failure itself */

static void add_generated_string(const item *it, int hf, const char *text)
{
    if (text)
        proto_item_set_generated(
            proto_tree_add_string(it->tree, hf, it->in->tvb, it->value + 8, 4, text));
}

/* What the catalogue says of the code: beside what was carried, all of it is generated. */
static void add_meaning(const item *it, const winsock_failure *failure)
{
    const catalogue_entry *entry = &failure->entry;
    const winsock_error *error = entry->error;
    tvbuff_t *tvb = it->in->tvb;
    int code_offset = it->value + 8;
    proto_item *shown;

    if (error) {
        shown = proto_tree_add_uint(it->tree, hf_winsock_error, tvb, code_offset, 4, error->code);
        if (failure->space != SPACE_WINSOCK || failure->code != error->code)
            proto_item_set_generated(shown);
    }
    shown = proto_tree_add_string(it->tree, hf_winsock_name, tvb, code_offset, 4, entry->name);
    proto_item_set_generated(shown);
    if (entry->origin == ORIGIN_LISTING && failure->space == SPACE_WINSOCK)
        proto_item_append_text(
            shown, " (the reference listing's name%s)",
            catalogue_error(failure->code) ? "" : ": Microsoft never assigned this number");
    else if (entry->origin == ORIGIN_USER)
        proto_item_append_text(shown, " (from the table of user codes)");
    add_generated_string(it, hf_winsock_description, entry->description);
    if (error) {
        add_generated_string(it, hf_winsock_advice, error->advice);
        proto_item_set_generated(proto_tree_add_uint(it->tree, hf_winsock_category, tvb,
                                                     code_offset, 4, error->category));
    }
    if (entry->listing_name) {
        shown = proto_tree_add_string(it->tree, hf_winsock_listing, tvb, code_offset, 4,
                                      entry->listing_name);
        proto_item_append_text(shown, ": %s", entry->listing_description);
        proto_item_set_generated(shown);
    }
}

/* What expert items about the fixed part belong to; NULL without a tree. */
typedef struct {
    proto_item *code, *space, *operation, *time;
} fixed_items;

static fixed_items show_fixed_part(const item *it, const winsock_failure *failure)
{
    tvbuff_t *tvb = it->in->tvb;
    nstime_t time = to_nstime(failure->time), age = to_nstime(failure->age);
    fixed_items shown = {NULL, NULL, NULL, NULL};

    if (!it->tree)
        return shown;
    shown.code =
        proto_tree_add_item(it->tree, hf_winsock_code, tvb, it->value + 8, 4, ENC_BIG_ENDIAN);
    shown.space =
        proto_tree_add_item(it->tree, hf_winsock_space, tvb, it->value + 12, 1, ENC_BIG_ENDIAN);
    add_meaning(it, failure);
    shown.operation =
        proto_tree_add_item(it->tree, hf_winsock_operation, tvb, it->value + 14, 2, ENC_BIG_ENDIAN);
    shown.time = proto_tree_add_time(it->tree, hf_winsock_time, tvb, it->value, 8, &time);
    proto_item_set_generated(
        proto_tree_add_time(it->tree, hf_winsock_age, tvb, it->value, 8, &age));
    return shown;
}

/* Time, code, code space and operation. */
static void read_fixed_part(const item *it, winsock_failure *failure)
{
    tvbuff_t *tvb = it->in->tvb;
    packet_info *pinfo = it->in->pinfo;
    guint64 sent = it->in->sender.sent_time;

    failure->time = tvb_get_ntoh64(tvb, it->value);
    failure->code = tvb_get_ntohl(tvb, it->value + 8);
    failure->space = tvb_read_uint8(tvb, it->value + 12);
    failure->operation = tvb_get_ntohs(tvb, it->value + 14);
    failure->entry = catalogue_find(failure->space, failure->code, (code_naming)naming_preference);
    user_codes_apply(failure);
    failure->age = failure->time > sent ? 0 : sent - failure->time;

    fixed_items shown = show_fixed_part(it, failure);
    if (!try_val_to_str(failure->space, code_space_names))
        expert_add_info_format(pinfo, owner(it->in, shown.space), &ei_winsock_space_unknown,
                               "Code space %u is not known here", failure->space);
    else if (failure->entry.origin == ORIGIN_UNKNOWN)
        expert_add_info_format(pinfo, owner(it->in, shown.code), &ei_winsock_code_unknown,
                               "The code has no name in this code space%s",
                               failure->entry.listing_name ? " but the reference listing's" : "");
    if (failure->operation && !operation_name(failure->operation))
        expert_add_info(pinfo, owner(it->in, shown.operation), &ei_winsock_operation_unknown);
    if (failure->time > sent)
        expert_add_info(pinfo, owner(it->in, shown.time), &ei_winsock_time_after_sent);
}

/* One expert item for each failure, so that Expert Information lists them all. */
static void add_failed(const item *it, proto_item *shown, const winsock_failure *failure)
{
    const datagram *in = it->in;
    const winsock_error *error = failure->entry.error;
    error_category category = error ? error->category : CATEGORY_NONE;
    const char *what = "";

    if (in->quoted)
        return;
    if (in->sender.flags & WINSOCK_FLAG_TEST)
        what = "Test: ";
    else if (failure->entry.origin == ORIGIN_NO_ERROR)
        what = "No failure: ";
    else if (category == CATEGORY_PENDING)
        what = "Pending: ";
    if (*what)
        category = CATEGORY_PENDING;
    else if (it->tree)
        proto_item_set_hidden(
            proto_tree_add_item(it->tree, hf_winsock_failed, in->tvb, it->start, 0, ENC_NA));
    if (in->first.frame)
        what = "Copy: ";
    if (in->expert_is_read)
        expert_add_info_format(in->pinfo, owner(in, shown), &ei_winsock_failed[category], "%s%s",
                               what, summary_of_kind(in->pinfo->pool, failure));
    else
        expert_add_info(in->pinfo, owner(in, shown), &ei_winsock_failed[category]);
}

proto_item *read_failure(const item *it)
{
    datagram *in = it->in;
    int end = it->value + it->length;
    int captured = (int)tvb_captured_length(in->tvb);
    shown_failure read = {.said = {.repeat = 1}};
    item inside = *it;

    if (it->tree) {
        read.shown = proto_tree_add_item(it->tree, hf_winsock_failure, in->tvb, it->start,
                                         MIN(end, captured) - it->start, ENC_NA);
        read.tree = proto_item_add_subtree(read.shown, ett_winsock_failure);
    }
    inside.tree = read.tree;
    read_fixed_part(&inside, &read.said);
    read_items(in, read.tree, it->value + FAILURE_FIXED, end, &read.said, failure_readers);
    if (has_text(read.shown))
        proto_item_append_text(read.shown, ": %s", summary_of_failure(in->pinfo->pool, &read.said));
    add_failed(&inside, read.shown, &read.said);
    wmem_array_append_one(in->failures, read);
    return read.shown;
}

void register_naming_preference(module_t *preferences)
{
    static const enum_val_t namings[] = {
        {"winsock", "Microsoft's, the reference listing's for numbers without one", NAMING_WINSOCK},
        {"winsock_only", "Microsoft's alone", NAMING_WINSOCK_ONLY},
        {"listing", "The reference listing's first", NAMING_LISTING},
        {NULL, NULL, 0}};

    prefs_register_enum_preference(preferences, "naming", "Names of Winsock codes",
                                   "Whose names the numbers of the Winsock code space get",
                                   &naming_preference, namings, FALSE);
}

void register_failure(int proto)
{
    static hf_register_info hf[] = {
        {&hf_winsock_failed,
         {"Failed", "winsock.failed", FT_NONE, BASE_NONE, NULL, 0, "A call that really failed",
          HFILL}},
        {&hf_winsock_failure,
         {"Failure", "winsock.failure", FT_NONE, BASE_NONE, NULL, 0, "One failed call", HFILL}},
        {&hf_winsock_code,
         {"Code", "winsock.code", FT_UINT32, BASE_DEC_HEX, NULL, 0, "The number as carried",
          HFILL}},
        {&hf_winsock_space,
         {"Code space", "winsock.space", FT_UINT8, BASE_DEC, VALS(code_space_names), 0,
          "What the number is a number of", HFILL}},
        {&hf_winsock_error,
         {"Error", "winsock.error", FT_UINT32, BASE_DEC | BASE_EXT_STRING, &error_names, 0,
          "The Winsock code of the failure, however its program numbers it", HFILL}},
        {&hf_winsock_name,
         {"Name", "winsock.name", FT_STRING, BASE_NONE, NULL, 0,
          "The symbolic name, whatever the code space", HFILL}},
        {&hf_winsock_description,
         {"Description", "winsock.description", FT_STRING, BASE_NONE, NULL, 0, "What happened",
          HFILL}},
        {&hf_winsock_advice,
         {"Advice", "winsock.advice", FT_STRING, BASE_NONE, NULL, 0,
          "The usual cause, and what to look at next", HFILL}},
        {&hf_winsock_category,
         {"Category", "winsock.category", FT_UINT8, BASE_DEC, VALS(category_names), 0, NULL,
          HFILL}},
        {&hf_winsock_listing,
         {"Reference listing", "winsock.listing", FT_STRING, BASE_NONE, NULL, 0,
          "The reference listing's name for this number, where it is not Microsoft's", HFILL}},
        {&hf_winsock_operation,
         {"Operation", "winsock.operation", FT_UINT16, BASE_DEC | BASE_EXT_STRING, &operation_names,
          0, "The call that failed", HFILL}},
        {&hf_winsock_time,
         {"Time", "winsock.time", FT_ABSOLUTE_TIME, ABSOLUTE_TIME_LOCAL, NULL, 0,
          "When the call returned, by the sender's clock", HFILL}},
        {&hf_winsock_age,
         {"Age", "winsock.age", FT_RELATIVE_TIME, BASE_NONE, NULL, 0,
          "How old the failure was when it was reported", HFILL}},
        {&hf_winsock_thread_id,
         {"Thread ID", "winsock.thread.id", FT_UINT32, BASE_DEC, NULL, 0, NULL, HFILL}},
        {&hf_winsock_socket,
         {"Socket", "winsock.socket", FT_UINT64, BASE_HEX_DEC, NULL, 0, "The SOCKET handle",
          HFILL}},
        {&hf_winsock_family,
         {"Address family", "winsock.family", FT_UINT16, BASE_DEC, VALS(family_names), 0, NULL,
          HFILL}},
        {&hf_winsock_type,
         {"Type", "winsock.type", FT_UINT16, BASE_DEC, VALS(type_names), 0, NULL, HFILL}},
        {&hf_winsock_protocol,
         {"Protocol", "winsock.protocol", FT_UINT16, BASE_DEC, VALS(protocol_names), 0, NULL,
          HFILL}},
        {&hf_winsock_local_ip,
         {"Local address", "winsock.local.ip", FT_IPv4, BASE_NONE, NULL, 0, NULL, HFILL}},
        {&hf_winsock_local_ipv6,
         {"Local address", "winsock.local.ipv6", FT_IPv6, BASE_NONE, NULL, 0, NULL, HFILL}},
        {&hf_winsock_local_port,
         {"Local port", "winsock.local.port", FT_UINT16, BASE_DEC, NULL, 0, NULL, HFILL}},
        {&hf_winsock_local_scope,
         {"Local scope ID", "winsock.local.scope", FT_UINT32, BASE_DEC, NULL, 0,
          "The interface that a link-local address belongs to", HFILL}},
        {&hf_winsock_remote_ip,
         {"Remote address", "winsock.remote.ip", FT_IPv4, BASE_NONE, NULL, 0, NULL, HFILL}},
        {&hf_winsock_remote_ipv6,
         {"Remote address", "winsock.remote.ipv6", FT_IPv6, BASE_NONE, NULL, 0, NULL, HFILL}},
        {&hf_winsock_remote_port,
         {"Remote port", "winsock.remote.port", FT_UINT16, BASE_DEC, NULL, 0, NULL, HFILL}},
        {&hf_winsock_remote_scope,
         {"Remote scope ID", "winsock.remote.scope", FT_UINT32, BASE_DEC, NULL, 0,
          "The interface that a link-local address belongs to", HFILL}},
        {&hf_winsock_node,
         {"Node name", "winsock.node", FT_STRING, BASE_NONE, NULL, 0, "The name looked up", HFILL}},
        {&hf_winsock_service,
         {"Service name", "winsock.service", FT_STRING, BASE_NONE, NULL, 0, NULL, HFILL}},
        {&hf_winsock_duration,
         {"Duration", "winsock.duration", FT_RELATIVE_TIME, BASE_NONE, NULL, 0,
          "How long the call took", HFILL}},
        {&hf_winsock_bytes,
         {"Bytes", "winsock.bytes", FT_UINT64, BASE_DEC, NULL, 0,
          "Size of the buffer handed to the call", HFILL}},
        {&hf_winsock_repeat,
         {"Repeat", "winsock.repeat", FT_UINT32, BASE_DEC, NULL, 0,
          "Equal failures in a row that this record stands for", HFILL}},
        {&hf_winsock_first_time,
         {"First time", "winsock.first_time", FT_ABSOLUTE_TIME, ABSOLUTE_TIME_LOCAL, NULL, 0,
          "When the first of them returned, by the sender's clock", HFILL}},
        {&hf_winsock_message,
         {"Message", "winsock.message", FT_STRING, BASE_NONE, NULL, 0,
          "What the program says of it", HFILL}},
        {&hf_winsock_source,
         {"Source", "winsock.source", FT_STRING, BASE_NONE, NULL, 0, "Where in the program",
          HFILL}},
        {&hf_winsock_trace_id,
         {"Trace ID", "winsock.trace_id", FT_BYTES, BASE_NONE, NULL, 0, "W3C trace context",
          HFILL}},
        {&hf_winsock_span_id,
         {"Span ID", "winsock.span_id", FT_BYTES, BASE_NONE, NULL, 0, "W3C trace context", HFILL}},
        {&hf_winsock_trace_flags,
         {"Trace flags", "winsock.trace_flags", FT_UINT8, BASE_HEX, NULL, 0, "W3C trace context",
          HFILL}},
    };
    static int *ett[] = {&ett_winsock_failure, &ett_winsock_kind, &ett_winsock_endpoint,
                         &ett_winsock_trace};
    static ei_register_info ei[] = {
        {&ei_winsock_code_unknown,
         {"winsock.code.unknown", PI_UNDECODED, PI_NOTE, "Code not known", EXPFILL}},
        {&ei_winsock_space_unknown,
         {"winsock.space.unknown", PI_UNDECODED, PI_NOTE, "Code space not known", EXPFILL}},
        {&ei_winsock_operation_unknown,
         {"winsock.operation.unknown", PI_UNDECODED, PI_NOTE, "Operation not known", EXPFILL}},
        {&ei_winsock_time_after_sent,
         {"winsock.time.after_sent", PI_PROTOCOL, PI_NOTE,
          "The failure's time is later than the datagram's", EXPFILL}},
    };
    static ei_register_info ei_failed[CATEGORIES] = {
        {&ei_winsock_failed[CATEGORY_NONE],
         {"winsock.failed.other", PI_RESPONSE_CODE, PI_NOTE, "A Winsock call failed: other",
          EXPFILL}},
#define X_CATEGORY(number, identifier, name)                                                       \
    {&ei_winsock_failed[number],                                                                   \
     {"winsock.failed." name, PI_RESPONSE_CODE, PI_NOTE, "A Winsock call failed: " name,           \
      EXPFILL}},
#include "fields/enums.def"
    };

    proto_register_field_array(proto, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
    ei_failed[CATEGORY_PENDING].eiinfo.severity = PI_CHAT;
    ei_failed[CATEGORY_PENDING].eiinfo.summary = "Reported, but no failure: pending or a test";
    expert_module_t *expert = expert_register_protocol(proto);
    expert_register_field_array(expert, ei, array_length(ei));
    expert_register_field_array(expert, ei_failed, array_length(ei_failed));
}
