/* correlate.c: joins failures and packets, in both directions: the verdict in the failure's tree,
 * and in the tree of each packet that decides it the program that it broke.
 *
 * On the first visit of a failure it is judged by the packets before it. When packets are visited
 * again (the second pass of tshark -2, and in the window) all failures are judged anew by the whole
 * trace, once, so that every packet shows the same answers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "correlate.h"

#include "compat.h"
#include "observe.h"
#include "summary.h"

#include <epan/expert.h>
#include <epan/proto_data.h>

#include <string.h>

static int proto_winsock = -1;

static int hf_winsock_verdict = -1;
static int hf_winsock_reason = -1;
static int hf_winsock_evidence = -1;
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

/* Handles are used again: an echo comes within a minute of its root. */
#define ECHO_TIME (60 * G_GINT64_CONSTANT(1000000000))

static GPtrArray *reports;      /* of report, owned */
static GHashTable *broken_by;   /* frame -> GPtrArray of the reports that it decides */
static guint64 judged_at_count; /* of noted packets, when all reports were judged */
static guint judged_reports;    /* how many those were */

static GHashTable *last_of_socket; /* set of report, the last of each socket and flow */

static guint socket_hash(gconstpointer data)
{
    const report *r = data;
    return g_int64_hash(&r->socket) ^ (r->facts.local.port * 31U) ^ r->facts.remote.port;
}

static gboolean socket_equal(gconstpointer a, gconstpointer b)
{
    const verdict_case *one = &((const report *)a)->facts, *other = &((const report *)b)->facts;

    return ((const report *)a)->socket == ((const report *)b)->socket &&
           memcmp(&one->host, &other->host, sizeof one->host) == 0 &&
           memcmp(&one->local, &other->local, sizeof one->local) == 0 &&
           memcmp(&one->remote, &other->remote, sizeof one->remote) == 0;
}

static void report_free(gpointer data)
{
    g_free(((report *)data)->who);
    g_free(((report *)data)->node);
    g_free(data);
}

void correlate_start_file(void)
{
    observe_start_file();
    reports = g_ptr_array_new_with_free_func(report_free);
    broken_by = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
    last_of_socket = g_hash_table_new(socket_hash, socket_equal);
    judged_at_count = 0;
    judged_reports = 0;
}

void correlate_end_file(void)
{
    observe_end_file();
    if (reports)
        g_ptr_array_unref(reports);
    if (broken_by)
        g_hash_table_destroy(broken_by);
    if (last_of_socket)
        g_hash_table_destroy(last_of_socket);
    reports = NULL;
    broken_by = NULL;
    last_of_socket = NULL;
}

/* Judges a report, and links it to the packets that decide it. */
static void judge(report *r)
{
    r->judged = verdict_judge(observe_facts(), &r->facts);
    for (guint i = 0; i < r->judged.evidence_count; i++) {
        gpointer frame = GUINT_TO_POINTER(r->judged.evidence[i].frame);
        GPtrArray *there = g_hash_table_lookup(broken_by, frame);
        if (!there) {
            there = g_ptr_array_new();
            g_hash_table_insert(broken_by, frame, there);
        }
        g_ptr_array_add(there, r);
    }
}

/* Judges all reports by the whole trace, where there is something new since the last time. */
static void judge_all(void)
{
    if (judged_at_count == observe_count() && judged_reports == reports->len)
        return;
    judged_at_count = observe_count();
    judged_reports = reports->len;
    g_hash_table_remove_all(broken_by);
    for (guint i = 0; i < reports->len; i++)
        judge(reports->pdata[i]);
}

const GPtrArray *correlate_reports(void)
{
    if (reports)
        judge_all();
    return reports;
}

gboolean correlate_is_reported(guint32 frame)
{
    return broken_by && g_hash_table_contains(broken_by, GUINT_TO_POINTER(frame));
}

const char *correlate_verdict_name(verdict_kind kind)
{
    return val_to_str_const(kind, verdict_names, "-");
}

static trace_end end_of(const winsock_endpoint *endpoint)
{
    return observe_end(endpoint->address, endpoint->length, endpoint->port);
}

static guint8 protocol_of(const winsock_failure *failure)
{
    if (failure->protocol == WINSOCK_IPPROTO_TCP || failure->protocol == WINSOCK_IPPROTO_UDP)
        return (guint8)failure->protocol;
    return failure->type == WINSOCK_SOCK_STREAM  ? WINSOCK_IPPROTO_TCP
           : failure->type == WINSOCK_SOCK_DGRAM ? WINSOCK_IPPROTO_UDP
                                                 : 0;
}

/* A failure soon after another one of the same socket on the same flow is its echo. */
static void find_root(report *r, error_category category)
{
    const verdict_case *facts = &r->facts;

    if (r->socket == 0 || facts->local.length == 0 || facts->remote.length == 0 ||
        category == CATEGORY_PENDING)
        return;
    const report *before = g_hash_table_lookup(last_of_socket, r);
    if (before && facts->moment >= before->facts.moment &&
        facts->moment - before->facts.moment <= ECHO_TIME)
        r->root = before->root ? before->root : before->frame;
    g_hash_table_replace(last_of_socket, r, r);
}

static report *add_report(const datagram *in, const winsock_failure *failure)
{
    const packet_info *pinfo = in->pinfo;
    report *r = g_new0(report, 1);
    gboolean ip = pinfo->src.type == AT_IPv4 || pinfo->src.type == AT_IPv6;
    winsock_sender named = in->sender;

    named.host = NULL;
    r->frame = pinfo->num;
    r->repeat = failure->repeat;
    r->who = g_strdup(summary_of_sender(pinfo->pool, &named));
    r->facts.node = r->node = g_strdup(failure->node);
    r->facts.moment = observe_packet(pinfo).time - (gint64)MIN(failure->age, G_MAXINT64 / 2);
    r->facts.error = failure->entry.error->code;
    r->facts.operation = failure->operation;
    r->facts.protocol = protocol_of(failure);
    r->facts.platform = in->sender.platform;
    r->facts.host = observe_end(pinfo->src.data, ip ? pinfo->src.len : 0, 0);
    r->facts.local = end_of(&failure->local);
    r->facts.remote = end_of(&failure->remote);
    r->socket = failure->socket;
    find_root(r, failure->entry.error->category);
    g_ptr_array_add(reports, r);
    judge(r);
    return r;
}

/* The failure's report: made on the first visit, found again later by its place in the frame. */
static const report *find_report(const datagram *in, const winsock_failure *failure)
{
    packet_info *pinfo = in->pinfo;
    guint32 place = wmem_array_get_count(in->failures); /* under 2^16 in any datagram */
    guint32 key = 0x10000U + ((guint32)pinfo->curr_layer_num << 17) + place;

    if (PINFO_FD_VISITED(pinfo)) {
        judge_all();
        return p_get_proto_data(wmem_file_scope(), pinfo, proto_winsock, key);
    }
    report *r = add_report(in, failure);
    p_add_proto_data(wmem_file_scope(), pinfo, proto_winsock, key, r);
    return r;
}

/* "(ip.addr == 192.0.2.1 && ...) || winsock.sender == 0x0000002a" */
static const char *filter_of(const datagram *in, const report *r)
{
    wmem_allocator_t *pool = in->pinfo->pool;
    const trace_end *remote = &r->facts.remote, *local = &r->facts.local;
    const char *ip = remote->length == 4 ? "ip" : "ipv6";
    const char *transport = r->facts.protocol == WINSOCK_IPPROTO_UDP ? "udp" : "tcp";
    wmem_strbuf_t *filter = wmem_strbuf_new(pool, "");

    if (remote->length == 0)
        return NULL;
    wmem_strbuf_append_printf(filter, "(%s.addr == %s && %s.port == %u", ip,
                              observe_address_text(pool, remote), transport, remote->port);
    if (local->length == remote->length && local->port)
        wmem_strbuf_append_printf(filter, " && %s.port == %u", transport, local->port);
    wmem_strbuf_append_printf(filter, ") || winsock.sender == 0x%08x", in->sender.sender);
    return wmem_strbuf_get_str(filter);
}

static void generated(proto_item *shown)
{
    proto_item_set_generated(shown);
}

static void add_verdict(const datagram *in, proto_tree *tree, proto_item *shown, const report *r)
{
    tvbuff_t *tvb = in->tvb;
    const verdict *v = &r->judged;
    const char *filter = filter_of(in, r);

    if (v->kind != VERDICT_NONE) {
        generated(proto_tree_add_uint(tree, hf_winsock_verdict, tvb, 0, 0, v->kind));
        generated(proto_tree_add_string(tree, hf_winsock_reason, tvb, 0, 0, v->reason));
    }
    for (guint i = 0; i < v->evidence_count; i++)
        generated(proto_tree_add_uint(tree, hf_winsock_evidence, tvb, 0, 0, v->evidence[i].frame));
    if (v->evidence_count > 0) {
        nstime_t delay;
        gint64 nanoseconds = r->facts.moment - v->evidence[0].time;
        delay.secs = (time_t)(nanoseconds / 1000000000);
        delay.nsecs = (int)(nanoseconds % 1000000000);
        generated(proto_tree_add_time(tree, hf_winsock_cause_delay, tvb, 0, 0, &delay));
    }
    if (v->attempts > 0)
        generated(proto_tree_add_uint(tree, hf_winsock_attempts, tvb, 0, 0, v->attempts));
    if (r->root)
        generated(proto_tree_add_uint(tree, hf_winsock_root, tvb, 0, 0, r->root));
    if (filter)
        generated(proto_tree_add_string(tree, hf_winsock_filter, tvb, 0, 0, filter));
    if (v->kind == VERDICT_CONTRADICTED)
        expert_add_info_format(in->pinfo, shown, &ei_winsock_failed_contradicted,
                               "The trace contradicts it: %s", v->reason);
}

void correlate_failure(datagram *in, proto_tree *tree, proto_item *shown,
                       const winsock_failure *failure)
{
    if (!correlate_preference || in->quoted || !failure->entry.error ||
        (in->sender.flags & WINSOCK_FLAG_TEST) || !(in->pinfo->presence_flags & PINFO_HAS_TS))
        return;
    const report *r = find_report(in, failure);
    if (r)
        add_verdict(in, tree, shown, r);
}

/* The way back: on a packet that decides failures, who was broken by it. */
static int show_reports(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    if (!correlate_preference || !reports || reports->len == 0)
        return 0;
    if (PINFO_FD_VISITED(pinfo))
        judge_all();
    const GPtrArray *here = g_hash_table_lookup(broken_by, GUINT_TO_POINTER(pinfo->num));
    for (guint i = 0; here && i < here->len; i++) {
        const report *r = here->pdata[i];
        const winsock_error *error = catalogue_error(r->facts.error);
        proto_item *shown;
        proto_tree *reported = proto_tree_add_subtree_format(
            tree, tvb, 0, 0, ett_winsock_reported, &shown,
            "Winsock: reported as %s%s%s in frame %u", error ? error->name : "Unknown",
            *r->who ? " by " : "", r->who, r->frame);
        generated(shown);
        generated(proto_tree_add_uint(reported, hf_winsock_reported_in, tvb, 0, 0, r->frame));
        generated(
            proto_tree_add_uint(reported, hf_winsock_reported_error, tvb, 0, 0, r->facts.error));
    }
    return (int)tvb_captured_length(tvb);
}

void correlate_apply_preference(void)
{
    observe_turn(correlate_preference);
}

void correlate_handoff(void)
{
    observe_register();
    observe_turn(correlate_preference);
    register_postdissector(create_dissector_handle_with_name_and_description(
        show_reports, -1, "winsock_reports", "Winsock failures that a packet caused"));
}

void register_correlate_preference(module_t *preferences)
{
    prefs_register_bool_preference(
        preferences, "correlate", "Hold failures against the packets",
        "Reads the packets around each failure for a verdict, and links "
        "the two; turned off, the packets of other protocols are not looked at",
        &correlate_preference);
}

void register_correlate(int proto)
{
    static hf_register_info hf[] = {
        {&hf_winsock_verdict,
         {"Verdict", "winsock.verdict", FT_UINT8, BASE_DEC, VALS(verdict_names), 0,
          "What the packets say about the failure", HFILL}},
        {&hf_winsock_reason,
         {"Reason", "winsock.reason", FT_STRING, BASE_NONE, NULL, 0, "What the packets show",
          HFILL}},
        {&hf_winsock_evidence,
         {"Evidence in frame", "winsock.evidence", FT_FRAMENUM, BASE_NONE, NULL, 0,
          "A packet that decides the verdict", HFILL}},
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
         {"Reported in frame", "winsock.reported_in", FT_FRAMENUM, BASE_NONE, NULL, 0,
          "The datagram that reports what this packet caused", HFILL}},
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
