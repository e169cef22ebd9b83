/* packet-winsock.c: Winsock Failure Telemetry (fields/PROTOCOL.md), from bytes to tree, columns and
 * expert items.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "packet-winsock.h"

#include "compat.h"
#include "annotate.h"
#include "correlate.h"
#include "dissect_failure.h"
#include "hash.h"
#include "observe.h"
#include "report.h"
#include "statistics.h"
#include "sequence.h"
#include "summary.h"
#include "user_codes.h"

#include <epan/expert.h>
#include <epan/packet.h>
#include <epan/prefs.h>
#include <epan/proto_data.h>
#include <epan/tap.h>

#include <string.h>

#define WINSOCK_PORTS   "10054"
#define WINSOCK_MAGIC   0x57534654U /* "WSFT" */
#define WINSOCK_VERSION 1
#define HEADER_LENGTH   28

/* A column is for a glance; the tree has every failure. */
#define MAX_FAILURES_IN_INFO 8

static int proto_winsock = -1;
/* Wireshark's own, registered after the plugins. */
static int proto_expert_info = -1, expert_tap;

static int hf_winsock_magic = -1;
static int hf_winsock_version = -1;
static int hf_winsock_header_length = -1;
static int hf_winsock_flags = -1;
static int hf_winsock_flags_test = -1;
static int hf_winsock_sender = -1;
static int hf_winsock_seq = -1;
static int hf_winsock_seq_missing = -1;
static int hf_winsock_seq_duplicate = -1;
static int hf_winsock_dropped = -1;
static int hf_winsock_sent_time = -1;
static int hf_winsock_clock_offset = -1;
static int hf_winsock_header_extension = -1;
static int hf_winsock_host = -1;
static int hf_winsock_process_name = -1;
static int hf_winsock_process_id = -1;
static int hf_winsock_library = -1;
static int hf_winsock_platform = -1;
static int hf_winsock_failure_count = -1;

static int ett_winsock = -1;
static int ett_winsock_flags = -1;

static expert_field ei_winsock_version_unknown = EI_INIT;
static expert_field ei_winsock_seq_gap = EI_INIT;
static expert_field ei_winsock_seq_out_of_order = EI_INIT;
static expert_field ei_winsock_failures_dropped = EI_INIT;

static dissector_handle_t winsock_handle;
static sequence_tracker *senders; /* of the file that is open */

static const value_string platform_names[] = {
#define X_PLATFORM(number, identifier, name) {number, name},
#include "fields/enums.def"
    {0, NULL}};

/* The items of a datagram */

static proto_item *read_host_name(const item *it)
{
    return add_string(it, hf_winsock_host, &it->sender->host);
}

static proto_item *read_process_name(const item *it)
{
    return add_string(it, hf_winsock_process_name, &it->sender->process);
}

static proto_item *read_process_id(const item *it)
{
    it->sender->has_process_id = TRUE;
    it->sender->process_id = tvb_get_ntohl(it->in->tvb, it->value);
    return add_number(it, hf_winsock_process_id);
}

static proto_item *read_library(const item *it)
{
    return add_string(it, hf_winsock_library, NULL);
}

static proto_item *read_platform(const item *it)
{
    it->sender->platform = tvb_read_uint8(it->in->tvb, it->value);
    return add_number(it, hf_winsock_platform);
}

static const item_reader datagram_readers[ITEM_TYPES] = {
    [ITEM_HOST_NAME] = read_host_name,   [ITEM_PROCESS_NAME] = read_process_name,
    [ITEM_PROCESS_ID] = read_process_id, [ITEM_FAILURE] = read_failure,
    [ITEM_LIBRARY] = read_library,       [ITEM_PLATFORM] = read_platform,
};

/* The header */

static void add_clock_offset(proto_tree *tree, const datagram *in)
{
    nstime_t offset, sent = to_nstime(in->sender.sent_time);

    if (!tree || !(in->pinfo->presence_flags & PINFO_HAS_TS))
        return;
    nstime_delta(&offset, &in->pinfo->abs_ts, &sent);
    proto_item_set_generated(
        proto_tree_add_time(tree, hf_winsock_clock_offset, in->tvb, 20, 8, &offset));
}

/* A hash of all that was captured of a datagram. */
static guint32 content_of(tvbuff_t *tvb)
{
    guint length = tvb_captured_length(tvb);

    return hash_bytes(tvb_get_ptr(tvb, 0, (gint)length), length);
}

/* What the sender's count says of this datagram. It is worked out once, when the packet is first
 * seen, for later visits come in any order; the frame keeps what is worth telling. */
static sequence_note find_sequence_note(const datagram *in)
{
    packet_info *pinfo = in->pinfo;
    guint32 key = pinfo->curr_layer_num; /* tunnels can put several datagrams into a frame */
    const winsock_sender *sender = &in->sender;
    sequence_note note = {0}, *kept;

    if (in->quoted)
        return note;
    if (PINFO_FD_VISITED(pinfo)) {
        kept = p_get_proto_data(wmem_file_scope(), pinfo, proto_winsock, key);
        return kept ? *kept : note;
    }
    sequence_datagram seen = {.address = pinfo->src.data,
                              .length = pinfo->src.len > 0 ? (gsize)pinfo->src.len : 0,
                              .sender = sender->sender,
                              .sequence = sender->sequence,
                              .dropped = sender->dropped,
                              .content = content_of(in->tvb),
                              .packet = observe_packet(pinfo)};
    note = sequence_see(senders, &seen);
    if (note.missing || note.late || note.duplicate_of.frame || note.dropped) {
        kept = wmem_new(wmem_file_scope(), sequence_note);
        *kept = note;
        p_add_proto_data(wmem_file_scope(), pinfo, proto_winsock, key, kept);
    }
    return note;
}

/* Whether there is a packet to lead to: a read filter can have left it out, and given its number to
 * another, as to the one that repeats it. */
static gboolean has_number(const packet_info *pinfo, trace_packet packet)
{
    return packet.frame && packet.frame != pinfo->num && trace_has_frame(observe_facts(), packet);
}

static void add_sequence(proto_tree *tree, datagram *in)
{
    tvbuff_t *tvb = in->tvb;
    packet_info *pinfo = in->pinfo;
    sequence_note note = find_sequence_note(in);
    gboolean repeats = has_number(pinfo, note.duplicate_of);
    proto_item *seq = NULL, *shown = NULL;

    in->missing = note.missing;
    if (note.is_copy && repeats)
        in->first = note.duplicate_of;
    if (tree)
        seq = proto_tree_add_item(tree, hf_winsock_seq, tvb, 12, 4, ENC_BIG_ENDIAN);
    if (note.missing) {
        shown = proto_tree_add_uint(tree, hf_winsock_seq_missing, tvb, 12, 4, note.missing);
        proto_item_set_generated(shown);
        expert_add_info(pinfo, owner(in, shown), &ei_winsock_seq_gap);
    }
    if (repeats)
        proto_item_set_generated(proto_tree_add_uint(tree, hf_winsock_seq_duplicate, tvb, 12, 4,
                                                     note.duplicate_of.frame));
    if (note.late)
        expert_add_info(pinfo, owner(in, seq), &ei_winsock_seq_out_of_order);
    if (tree)
        shown = proto_tree_add_item(tree, hf_winsock_dropped, tvb, 16, 4, ENC_BIG_ENDIAN);
    if (note.dropped) {
        proto_item_append_text(shown, ", %u of them just before this datagram", note.dropped);
        expert_add_info(pinfo, owner(in, shown), &ei_winsock_failures_dropped);
    }
}

/* Everything of version 1's header after its length. */
static void read_header(datagram *in, proto_tree *tree, int header_length)
{
    static int *const flags[] = {&hf_winsock_flags_test, NULL};
    tvbuff_t *tvb = in->tvb;
    winsock_sender *sender = &in->sender;

    sender->flags = tvb_get_ntohs(tvb, 6);
    sender->sender = tvb_get_ntohl(tvb, 8);
    sender->sequence = tvb_get_ntohl(tvb, 12);
    sender->dropped = tvb_get_ntohl(tvb, 16);
    if (tree) {
        proto_tree_add_bitmask(tree, tvb, 6, hf_winsock_flags, ett_winsock_flags, flags,
                               ENC_BIG_ENDIAN);
        proto_tree_add_item(tree, hf_winsock_sender, tvb, 8, 4, ENC_BIG_ENDIAN);
    }
    add_sequence(tree, in);
    add_time(tree, hf_winsock_sent_time, tvb, 20, &sender->sent_time);
    add_clock_offset(tree, in);
    if (header_length > HEADER_LENGTH)
        proto_tree_add_item(tree, hf_winsock_header_extension, tvb, HEADER_LENGTH,
                            header_length - HEADER_LENGTH, ENC_NA);
}

/* Shows the rest of a datagram that cannot be read as bytes. */
static int leave_unread(const datagram *in, proto_item *top, int offset, const char *why)
{
    col_add_str(in->pinfo->cinfo, COL_INFO, why);
    proto_item_append_text(top, ": %s", why);
    call_data_dissector(tvb_new_subset_remaining(in->tvb, offset), in->pinfo, in->own);
    return (int)tvb_captured_length(in->tvb);
}

/* The lines that a reader sees first */

/* What to say of a datagram in which no failure was read. */
static const char *nothing_read(const datagram *in)
{
    return in->cut || in->incomplete ? "Not readable to its end" : "No failure";
}

static void set_info(const datagram *in)
{
    column_info *cinfo = in->pinfo->cinfo;
    wmem_allocator_t *pool = in->pinfo->pool;
    guint count = failure_count(in);

    if (!col_get_writable(cinfo, COL_INFO))
        return;
    col_clear(cinfo, COL_INFO);
    for (guint i = 0; i < MIN(count, MAX_FAILURES_IN_INFO); i++)
        col_append_sep_str(cinfo, COL_INFO, " | ",
                           summary_of_failure(pool, &failure_at(in, i)->said));
    if (count > MAX_FAILURES_IN_INFO)
        col_append_fstr(cinfo, COL_INFO, " | and %u more", count - MAX_FAILURES_IN_INFO);
    if (count == 0) {
        const char *who = summary_of_sender(pool, &in->sender);
        col_append_fstr(cinfo, COL_INFO, "%s%s%s", nothing_read(in), *who ? ", " : "", who);
        if (in->sender.dropped)
            col_append_fstr(cinfo, COL_INFO, ", %u dropped", in->sender.dropped);
    }
    if (in->sender.flags & WINSOCK_FLAG_TEST)
        col_append_str(cinfo, COL_INFO, " [test]");
}

static void add_failure_count(proto_tree *tree, const datagram *in)
{
    guint64 total = 0;

    for (guint i = 0; i < failure_count(in); i++)
        total += failure_at(in, i)->said.repeat;
    proto_item_set_generated(
        proto_tree_add_uint64(tree, hf_winsock_failure_count, in->tvb, 0, 0, total));
}

static void set_top_line(const datagram *in, proto_item *top)
{
    wmem_allocator_t *pool = in->pinfo->pool;
    guint count = failure_count(in);

    if (!has_text(top))
        return;
    const char *who = summary_of_sender(pool, &in->sender);
    if (*who)
        proto_item_append_text(top, ", %s", who);
    if (count > 0)
        proto_item_append_text(top, ": %s", summary_in_short(pool, &failure_at(in, 0)->said));
    else
        proto_item_append_text(top, ": %s", nothing_read(in));
    if (count > 1)
        proto_item_append_text(top, " and %u more", count - 1);
    if (in->sender.flags & WINSOCK_FLAG_TEST)
        proto_item_append_text(top, " [test]");
}

/* The datagram */

static gboolean is_winsock(tvbuff_t *tvb)
{
    return tvb_reported_length(tvb) >= HEADER_LENGTH && tvb_captured_length(tvb) >= 4 &&
           tvb_get_ntohl(tvb, 0) == WINSOCK_MAGIC;
}

static int dissect_winsock(tvbuff_t *tvb, packet_info *pinfo, proto_tree *parent, void *data _U_)
{
    datagram in = {.tvb = tvb, .pinfo = pinfo, .quoted = pinfo->flags.in_error_pkt};
    guint32 version, header_length;

    if (!is_winsock(tvb))
        return 0;
    in.failures = wmem_array_sized_new(pinfo->pool, sizeof(shown_failure), 1);
    col_set_str(pinfo->cinfo, COL_PROTOCOL, "Winsock");
    col_set_str(pinfo->cinfo, COL_INFO, "Winsock Failure Telemetry");

    proto_item *top = proto_tree_add_item(parent, proto_winsock, tvb, 0, -1, ENC_NA);
    in.own = proto_item_add_subtree(top, ett_winsock);
    /* Nobody looks where nothing is shown, and no filter or column asks for one of our fields. */
    proto_tree *tree = proto_field_is_referenced(parent, proto_winsock) ? in.own : NULL;
    in.expert_is_read = tree || proto_field_is_referenced(parent, proto_expert_info) ||
                        have_tap_listener(expert_tap);
    if (tree)
        proto_tree_add_item(tree, hf_winsock_magic, tvb, 0, 4, ENC_ASCII);
    proto_item *version_item =
        proto_tree_add_item_ret_uint(tree, hf_winsock_version, tvb, 4, 1, ENC_BIG_ENDIAN, &version);
    if (version != WINSOCK_VERSION) {
        expert_add_info_format(pinfo, owner(&in, version_item), &ei_winsock_version_unknown,
                               "Version %u is not known here", version);
        return leave_unread(&in, top, 5, "Unknown version");
    }
    proto_item *length_item = proto_tree_add_item_ret_uint(tree, hf_winsock_header_length, tvb, 5,
                                                           1, ENC_BIG_ENDIAN, &header_length);
    if (header_length < HEADER_LENGTH || (header_length > tvb_reported_length(tvb) && !in.quoted)) {
        mark_malformed(&in, length_item,
                       "The header is shorter than 28 bytes, or longer than the datagram");
        return leave_unread(&in, top, 6, "Malformed header");
    }
    read_header(&in, tree, (int)header_length);
    read_items(&in, tree, (int)header_length, (int)tvb_reported_length(tvb), NULL,
               datagram_readers);
    annotate_failures(&in);
    add_failure_count(tree, &in);
    set_top_line(&in, top);
    set_info(&in);
    if (!in.quoted)
        report_sender(&in);
    if (in.cut) /* says so as every protocol does, now that all that is there has been read */
        tvb_ensure_bytes_exist(tvb, 0, (int)tvb_reported_length(tvb));
    return (int)tvb_captured_length(tvb);
}

static callback_bool dissect_winsock_heuristic(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree,
                                               void *data)
{
    return dissect_winsock(tvb, pinfo, tree, data) != 0;
}

static void start_file(void)
{
    proto_expert_info = proto_get_id_by_filter_name("_ws.expert");
    expert_tap = find_tap_id("expert");
    senders = sequence_new();
    correlate_start_file();
}

static void end_file(void)
{
    sequence_free(senders);
    senders = NULL;
    correlate_end_file();
}

void proto_register_winsock(void)
{
    static hf_register_info hf[] = {
        {&hf_winsock_magic, {"Magic", "winsock.magic", FT_STRING, BASE_NONE, NULL, 0, NULL, HFILL}},
        {&hf_winsock_version,
         {"Version", "winsock.version", FT_UINT8, BASE_DEC, NULL, 0, NULL, HFILL}},
        {&hf_winsock_header_length,
         {"Header length", "winsock.header_length", FT_UINT8, BASE_DEC, NULL, 0,
          "Bytes up to the first item", HFILL}},
        {&hf_winsock_flags, {"Flags", "winsock.flags", FT_UINT16, BASE_HEX, NULL, 0, NULL, HFILL}},
        {&hf_winsock_flags_test,
         {"Test", "winsock.flags.test", FT_BOOLEAN, 16, NULL, WINSOCK_FLAG_TEST,
          "A test datagram, not a real failure", HFILL}},
        {&hf_winsock_sender,
         {"Sender", "winsock.sender", FT_UINT32, BASE_HEX, NULL, 0,
          "With the source address it names one run of one process", HFILL}},
        {&hf_winsock_seq,
         {"Sequence number", "winsock.seq", FT_UINT32, BASE_DEC, NULL, 0,
          "Datagrams sent before this one by this sender", HFILL}},
        {&hf_winsock_seq_missing,
         {"Missing before this one", "winsock.seq.missing", FT_UINT32, BASE_DEC, NULL, 0,
          "Datagrams of this sender that the capture does not have", HFILL}},
        {&hf_winsock_seq_duplicate,
         {"Repeats the datagram in frame", "winsock.seq.duplicate", FT_FRAMENUM, BASE_NONE,
          FRAMENUM_TYPE(FT_FRAMENUM_RETRANS_PREV), 0, NULL, HFILL}},
        {&hf_winsock_dropped,
         {"Dropped failures", "winsock.dropped", FT_UINT32, BASE_DEC, NULL, 0,
          "Failures that the sender has thrown away since it opened", HFILL}},
        {&hf_winsock_sent_time,
         {"Sent time", "winsock.sent_time", FT_ABSOLUTE_TIME, ABSOLUTE_TIME_LOCAL, NULL, 0,
          "When the datagram was sent, by the sender's clock", HFILL}},
        {&hf_winsock_clock_offset,
         {"Clock offset", "winsock.clock_offset", FT_RELATIVE_TIME, BASE_NONE, NULL, 0,
          "The capture's clock less the sender's, the way between them included", HFILL}},
        {&hf_winsock_header_extension,
         {"Header extension", "winsock.header.extension", FT_BYTES, BASE_NONE, NULL, 0,
          "What a later version added to the header", HFILL}},
        {&hf_winsock_host,
         {"Host name", "winsock.host", FT_STRING, BASE_NONE, NULL, 0, NULL, HFILL}},
        {&hf_winsock_process_name,
         {"Process name", "winsock.process.name", FT_STRING, BASE_NONE, NULL, 0, NULL, HFILL}},
        {&hf_winsock_process_id,
         {"Process ID", "winsock.process.id", FT_UINT32, BASE_DEC, NULL, 0, NULL, HFILL}},
        {&hf_winsock_library,
         {"Sender library", "winsock.library", FT_STRING, BASE_NONE, NULL, 0,
          "What wrote the datagram", HFILL}},
        {&hf_winsock_platform,
         {"Platform", "winsock.platform", FT_UINT8, BASE_DEC, VALS(platform_names), 0, NULL,
          HFILL}},
        {&hf_winsock_failure_count,
         {"Failures", "winsock.failure.count", FT_UINT64, BASE_DEC, NULL, 0,
          "Failures in this datagram, repeats counted", HFILL}},
    };
    static int *ett[] = {&ett_winsock, &ett_winsock_flags};
    static ei_register_info ei[] = {
        {&ei_winsock_version_unknown,
         {"winsock.version.unknown", PI_UNDECODED, PI_WARN, "Version not known", EXPFILL}},
        {&ei_winsock_seq_gap,
         {"winsock.seq.gap", PI_SEQUENCE, PI_WARN, "Datagrams of this sender are missing",
          EXPFILL}},
        {&ei_winsock_seq_out_of_order,
         {"winsock.seq.out_of_order", PI_SEQUENCE, PI_NOTE,
          "Out of order: a later datagram of this sender came before", EXPFILL}},
        {&ei_winsock_failures_dropped,
         {"winsock.failures_dropped", PI_SEQUENCE, PI_WARN, "The sender threw failures away",
          EXPFILL}},
    };

    proto_winsock = proto_register_protocol("Winsock Failure Telemetry", "Winsock", "winsock");
    proto_register_field_array(proto_winsock, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
    expert_register_field_array(expert_register_protocol(proto_winsock), ei, array_length(ei));
    register_items(proto_winsock);
    register_failure(proto_winsock);
    register_annotations(proto_winsock);
    register_report();
    register_statistics();

    module_t *preferences = prefs_register_protocol(proto_winsock, annotate_apply_preference);
    register_naming_preference(preferences);
    register_annotation_preference(preferences);
    user_codes_register(preferences);

    winsock_handle = register_dissector("winsock", dissect_winsock, proto_winsock);
    register_init_routine(start_file);
    register_cleanup_routine(end_file);
}

void proto_reg_handoff_winsock(void)
{
    dissector_add_uint_range_with_preference("udp.port", WINSOCK_PORTS, winsock_handle);
    heur_dissector_add("udp", dissect_winsock_heuristic, "Winsock Failure Telemetry over UDP",
                       "winsock_udp", proto_winsock, HEURISTIC_ENABLE);
    annotate_handoff();
}
