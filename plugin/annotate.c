/* annotate.c: shows what the packets prove, in the failure's tree and in the tree of each packet
 * that decides it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "annotate.h"

#include "compat.h"
#include "correlate.h"
#include "observe.h"
#include "summary.h"

#include <epan/conversation_filter.h>
#include <epan/expert.h>
#include <epan/proto_data.h>
#include <wsutil/str_util.h>

#include <string.h>

static int proto_winsock = -1;

static int hf_winsock_verdict = -1;
static int hf_winsock_reason = -1;
static int hf_winsock_evidence = -1;
static int hf_winsock_stream = -1;
static int hf_winsock_cause_delay = -1;
static int hf_winsock_attempts = -1;
static int hf_winsock_root = -1;
static int hf_winsock_filter = -1;
static int hf_winsock_reported_in = -1;
static int hf_winsock_reported_error = -1;

static int ett_winsock_reported = -1;

static expert_field ei_winsock_failed_contradicted = EI_INIT;

static callback_bool correlate_preference = TRUE; /* as preferences want it */

static const value_string verdict_names[] = {{VERDICT_CONFIRMED, "confirmed"},
                                             {VERDICT_CONTRADICTED, "contradicted"},
                                             {VERDICT_LOCAL, "local"},
                                             {VERDICT_UNSEEN, "unseen"},
                                             {VERDICT_INCONCLUSIVE, "inconclusive"},
                                             {0, NULL}};

/* A packet that decides more failures than this shows so many of them, and the number of the rest.
 */
#define MAX_REPORTS_SHOWN 20

const char *verdict_name(verdict_kind kind)
{
    return val_to_str_const(kind, verdict_names, "-");
}

static void append_end(wmem_strbuf_t *filter, const trace_end *end, const char *transport)
{
    static const guint8 any[16] = {0};
    char *text = observe_address_text(NULL, end);

    if (memcmp(end->address, any, sizeof any) != 0)
        wmem_strbuf_append_printf(filter, " && %s.addr == %s", end->length == 4 ? "ip" : "ipv6",
                                  text);
    if (end->port)
        wmem_strbuf_append_printf(filter, " && %s.port == %u", transport, end->port);
    wmem_free(NULL, text);
}

/* The sender's reports of the flow: "(winsock.sender == 0x2a && winsock.remote.ip == ...)" */
static void append_reports(wmem_strbuf_t *filter, const report *r)
{
    const trace_end *remote = &r->facts.remote;

    wmem_strbuf_append_printf(filter, "(winsock.sender == 0x%08x", r->sender);
    if (remote->length) {
        char *text = observe_address_text(NULL, remote);
        wmem_strbuf_append_printf(filter, " && winsock.remote.%s%s && winsock.remote.port == %u",
                                  r->is_mapped          ? "ipv6 == ::ffff:"
                                  : remote->length == 4 ? "ip == "
                                                        : "ipv6 == ",
                                  text, remote->port);
        wmem_free(NULL, text);
    }
    if (r->facts.local.port)
        wmem_strbuf_append_printf(filter, " && winsock.local.port == %u", r->facts.local.port);
    wmem_strbuf_append_c(filter, ')');
}

/* As the query has the name: without the dot at its end, and in whatever case. */
static const char *filter_of_name(wmem_allocator_t *pool, const report *r)
{
    const char *node = r->facts.node;
    size_t length = strlen(node);
    char *asked = wmem_ascii_strdown(pool, node, -1);

    if (length > 1 && asked[length - 1] == '.')
        asked[length - 1] = '\0';
    return wmem_strdup_printf(pool,
                              "lower(dns.qry.name) contains %s || (winsock.sender == 0x%08x && "
                              "winsock.node == %s)",
                              ws_escape_string(pool, asked, TRUE), r->sender,
                              ws_escape_string(pool, node, TRUE));
}

/* Whether a failure has a flow, or a name. */
static gboolean has_filter_of(const report *r)
{
    return correlate_is_of_name(r) || r->facts.remote.length != 0 || r->facts.local.port != 0;
}

/* A display filter for the failed flow, or the look-up, and this sender's reports of it; NULL where
 * the failure has neither. */
static const char *filter_of(wmem_allocator_t *pool, const report *r)
{
    const verdict_case *facts = &r->facts;
    guint8 protocol = r->judged.protocol ? r->judged.protocol : facts->protocol;
    const char *transport = protocol == TRACE_UDP ? "udp" : "tcp";

    if (!has_filter_of(r))
        return NULL;
    if (correlate_is_of_name(r))
        return filter_of_name(pool, r);
    wmem_strbuf_t *filter = wmem_strbuf_new(pool, "(");
    wmem_strbuf_append(filter, transport);
    if (facts->remote.length)
        append_end(filter, &facts->remote, transport);
    if (facts->local.length)
        append_end(filter, &facts->local, transport);
    wmem_strbuf_append(filter, ") || ");
    append_reports(filter, r);
    return wmem_strbuf_get_str(filter);
}

static void generated(proto_item *shown)
{
    proto_item_set_generated(shown);
}

static void add_delay(proto_tree *tree, tvbuff_t *tvb, gint64 nanoseconds)
{
    nstime_t delay;

    delay.secs = (time_t)(nanoseconds / 1000000000);
    delay.nsecs = (int)(nanoseconds % 1000000000);
    generated(proto_tree_add_time(tree, hf_winsock_cause_delay, tvb, 0, 0, &delay));
}

static void add_verdict(const datagram *in, proto_tree *tree, const report *r)
{
    tvbuff_t *tvb = in->tvb;
    const verdict *v = &r->judged;
    const char *filter =
        proto_field_is_referenced(tree, hf_winsock_filter) ? filter_of(in->pinfo->pool, r) : NULL;

    if (v->kind != VERDICT_NONE) {
        generated(proto_tree_add_uint(tree, hf_winsock_verdict, tvb, 0, 0, v->kind));
        generated(
            proto_tree_add_string(tree, hf_winsock_reason, tvb, 0, 0, r->reason ? r->reason : ""));
    }
    for (guint i = 0; i < v->evidence_count; i++)
        generated(proto_tree_add_uint(tree, hf_winsock_evidence, tvb, 0, 0, v->evidence[i].frame));
    if (v->has_stream)
        generated(proto_tree_add_uint(tree, hf_winsock_stream, tvb, 0, 0, v->stream));
    if (v->evidence_count > 0)
        add_delay(tree, tvb, r->facts.moment - v->evidence[0].time);
    if (v->attempts > 0)
        generated(proto_tree_add_uint(tree, hf_winsock_attempts, tvb, 0, 0, v->attempts));
    if (r->root && correlate_has_frame(r->root))
        generated(proto_tree_add_uint(tree, hf_winsock_root, tvb, 0, 0, r->root->packet.frame));
    if (filter)
        generated(proto_tree_add_string(tree, hf_winsock_filter, tvb, 0, 0, filter));
}

static void annotate_failure(const datagram *in, guint place)
{
    packet_info *pinfo = in->pinfo;
    shown_failure *failure = failure_at(in, place);

    if (failure->said.entry.origin == ORIGIN_NO_ERROR)
        return;
    const report *r =
        correlate_failure(in, place, proto_field_is_referenced(failure->tree, hf_winsock_reason));
    if (!r) {
        if (correlate_is_full())
            mark_limit(in, failure->shown, "Not judged: the file has a million failures before it");
        return;
    }
    failure->said.verdict = (guint8)r->judged.kind;
    if (failure->tree)
        add_verdict(in, failure->tree, r);
    if (r->judged.kind == VERDICT_CONTRADICTED)
        expert_add_info_format(pinfo, owner(in, failure->shown), &ei_winsock_failed_contradicted,
                               "%sThe trace contradicts %s", in->first.frame ? "Copy: " : "",
                               summary_of_kind(pinfo->pool, &failure->said));
    /* For the window's menu, which is of a packet that is visited again. */
    if (PINFO_FD_VISITED(pinfo) && has_filter_of(r) &&
        !p_get_proto_data(pinfo->pool, pinfo, proto_winsock, 0))
        p_add_proto_data(pinfo->pool, pinfo, proto_winsock, 0, (void *)r);
}

void annotate_failures(const datagram *in)
{
    if (!correlate_preference || in->quoted)
        return;
    observe_telemetry(in->pinfo);
    if (PINFO_FD_VISITED(in->pinfo))
        observe_frame(in->pinfo); /* before anything is judged anew */
    if (in->sender.flags & WINSOCK_FLAG_TEST)
        return;
    for (guint i = 0; i < failure_count(in); i++)
        annotate_failure(in, i);
}

/* The Conversation Filter menu offers the flow of a packet's first failure that has one. */
static filter_bool has_filter(packet_info *pinfo FILTER_DATA)
{
    return p_get_proto_data(pinfo->pool, pinfo, proto_winsock, 0) != NULL;
}

static char *make_filter(packet_info *pinfo FILTER_DATA)
{
    const report *r = p_get_proto_data(pinfo->pool, pinfo, proto_winsock, 0);
    return r ? g_strdup(filter_of(pinfo->pool, r)) : NULL;
}

static void show_report(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, const report *r)
{
    const char *who = tree ? correlate_who(pinfo->pool, r) : "";
    const winsock_error *error = catalogue_error(r->facts.error);
    proto_item *shown;
    proto_tree *reported = proto_tree_add_subtree_format(
        tree, tvb, 0, 0, ett_winsock_reported, &shown, "Winsock: reported as %s%s%s",
        error ? error->name : "Unknown", *who ? " by " : "", who);

    generated(shown);
    if (correlate_has_frame(r)) {
        proto_item_append_text(shown, " in frame %u", r->packet.frame);
        generated(
            proto_tree_add_uint(reported, hf_winsock_reported_in, tvb, 0, 0, r->packet.frame));
    }
    /* Evidence can speak against a failure too, or leave it open. */
    if (r->judged.kind == VERDICT_CONTRADICTED)
        proto_item_append_text(shown, ", which this packet contradicts");
    else if (r->judged.kind != VERDICT_CONFIRMED)
        proto_item_append_text(shown, ", verdict %s", verdict_name(r->judged.kind));
    generated(proto_tree_add_uint(reported, hf_winsock_reported_error, tvb, 0, 0, r->facts.error));
}

/* The way back: on a packet that decides failures, whose they are. */
static int show_reports(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    observe_frame(pinfo);
    if (!correlate_preference)
        return 0;
    const GArray *here = correlate_broken_by(pinfo);
    guint count = here ? here->len : 0;
    for (guint i = 0; i < MIN(count, MAX_REPORTS_SHOWN); i++)
        show_report(tvb, pinfo, tree, g_array_index(here, const report *, i));
    if (count > MAX_REPORTS_SHOWN)
        generated(proto_tree_add_subtree_format(tree, tvb, 0, 0, ett_winsock_reported, NULL,
                                                "Winsock: and %u more reports",
                                                count - MAX_REPORTS_SHOWN));
    return (int)tvb_captured_length(tvb);
}

void annotate_apply_preference(void)
{
    observe_turn(correlate_preference);
}

void annotate_handoff(void)
{
    observe_register();
    observe_turn(correlate_preference);
    /* Wireshark calls postdissectors only where one of them has a protocol that is enabled. By name
     * only: the packets that it marks are not of this protocol. */
    int reports = proto_register_protocol_in_name_only("Winsock failures that a packet caused",
                                                       "Winsock reports", "winsock.reports",
                                                       proto_winsock, FT_PROTOCOL);
    register_postdissector(create_dissector_handle_with_name_and_description(
        show_reports, reports, "winsock_reports", "Winsock failures that a packet caused"));
    register_conversation_filter("winsock", "Winsock failure", has_filter,
                                 make_filter NO_FILTER_DATA);
}

void register_annotation_preference(module_t *preferences)
{
    prefs_register_bool_preference(
        preferences, "correlate", "Hold failures against the packets",
        "Reads the packets around each failure for a verdict, and links "
        "the two; turned off, the packets of other protocols are not looked at",
        &correlate_preference);
}

void register_annotations(int proto)
{
    static hf_register_info hf[] = {
        {&hf_winsock_verdict,
         {"Verdict", "winsock.verdict", FT_UINT8, BASE_DEC, VALS(verdict_names), 0,
          "What the packets say about the failure", HFILL}},
        {&hf_winsock_reason,
         {"Reason", "winsock.reason", FT_STRING, BASE_NONE, NULL, 0, "What the packets show",
          HFILL}},
        {&hf_winsock_evidence,
         {"Evidence in frame", "winsock.evidence", FT_FRAMENUM, BASE_NONE,
          FRAMENUM_TYPE(FT_FRAMENUM_REQUEST), 0, "A packet that decides the verdict", HFILL}},
        {&hf_winsock_stream,
         {"Stream", "winsock.stream", FT_UINT32, BASE_DEC, NULL, 0,
          "Number of the failed flow: tcp.stream or udp.stream", HFILL}},
        {&hf_winsock_cause_delay,
         {"Delay from cause", "winsock.cause_delay", FT_RELATIVE_TIME, BASE_NONE, NULL, 0,
          "From the deciding packet to the failure, by the capture's clock", HFILL}},
        {&hf_winsock_attempts,
         {"Attempts", "winsock.attempts", FT_UINT32, BASE_DEC, NULL, 0,
          "Connection attempts that this failure stands for", HFILL}},
        {&hf_winsock_root,
         {"Echo of the failure in frame", "winsock.root", FT_FRAMENUM, BASE_NONE, NULL, 0,
          "An earlier failure of the same socket that brought this one with it", HFILL}},
        {&hf_winsock_filter,
         {"Filter", "winsock.filter", FT_STRING, BASE_NONE, NULL, 0,
          "A display filter for the failed flow and this sender's reports", HFILL}},
        {&hf_winsock_reported_in,
         {"Reported in frame", "winsock.reported_in", FT_FRAMENUM, BASE_NONE,
          FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE), 0,
          "The datagram that reports a failure which this packet decides", HFILL}},
        {&hf_winsock_reported_error,
         {"Reported error", "winsock.reported_error", FT_UINT32, BASE_DEC | BASE_EXT_STRING,
          &error_names, 0, "The Winsock code reported", HFILL}},
    };
    static int *ett[] = {&ett_winsock_reported};
    static ei_register_info ei[] = {
        {&ei_winsock_failed_contradicted,
         {"winsock.failed.contradicted", PI_RESPONSE_CODE, PI_WARN,
          "The trace contradicts the failure", EXPFILL}},
    };

    proto_winsock = proto;
    proto_register_field_array(proto, hf, array_length(hf));
    proto_register_subtree_array(ett, array_length(ett));
    expert_register_field_array(expert_register_protocol(proto), ei, array_length(ei));
}
