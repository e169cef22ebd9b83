/* correlate.c: holds the failures of a file against its packets.
 *
 * On the first visit of a failure it is judged by the packets before it. When packets are visited
 * again (the second pass of tshark -2, and in the window) all failures are judged anew by the whole
 * trace, once, so that every packet shows the same answers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "correlate.h"

#include "hash.h"
#include "observe.h"
#include "summary.h"

#include <string.h>

/* Handles are used again: an echo comes within a minute of its root. */
#define ECHO_TIME (60 * G_GINT64_CONSTANT(1000000000))

static GPtrArray *reports;         /* of report, owned, as their packets came */
static GHashTable *broken_by;      /* frame -> GArray of the reports that it decides */
static GHashTable *texts;          /* set of names of processes and look-ups, owned */
static GHashTable *last_of_socket; /* set of report, the last of each socket */

/* While packets still come, all reports are judged anew no more often than takes this share of the
 * time: each visit of a packet would judge as many as there are. */
#define JUDGING_SHARE 10

/* What the judgement of all reports was made of, and when: ended is the capture's time of the last
 * packet, done and took are microseconds. */
static struct {
    guint64 changes;
    guint count;
    gint64 ended, done, took;
} judged;

static guint socket_hash(gconstpointer data)
{
    const report *r = data;
    const guint64 key[] = {r->socket, r->sender};
    return hash_bytes(key, sizeof key);
}

static gboolean socket_equal(gconstpointer a, gconstpointer b)
{
    const report *one = a, *other = b;

    return one->socket == other->socket && one->sender == other->sender &&
           memcmp(&one->facts.host, &other->facts.host, sizeof one->facts.host) == 0;
}

static void report_free(gpointer data)
{
    g_free(((report *)data)->reason);
    g_free(data);
}

void correlate_start_file(void)
{
    observe_start_file();
    reports = g_ptr_array_new_with_free_func(report_free);
    broken_by = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
    texts = g_hash_table_new_full(hash_text, g_str_equal, g_free, NULL);
    last_of_socket = g_hash_table_new(socket_hash, socket_equal);
    memset(&judged, 0, sizeof judged);
}

void correlate_end_file(void)
{
    observe_end_file();
    if (reports) {
        g_hash_table_destroy(last_of_socket);
        g_hash_table_destroy(broken_by);
        g_ptr_array_unref(reports);
        g_hash_table_destroy(texts);
    }
    reports = NULL;
    broken_by = NULL;
    texts = NULL;
    last_of_socket = NULL;
}

static gboolean rests_on(const verdict *v, guint32 frame)
{
    guint i = 0;

    while (i < v->evidence_count && v->evidence[i].frame != frame)
        i++;
    return i < v->evidence_count;
}

static void link_to(report *r, guint32 frame)
{
    GArray *there = g_hash_table_lookup(broken_by, GUINT_TO_POINTER(frame));

    if (!there) { /* of one mostly, for which a GPtrArray would make room for 16 */
        there = g_array_new(FALSE, FALSE, sizeof(report *));
        g_hash_table_insert(broken_by, GUINT_TO_POINTER(frame), there);
    }
    g_array_append_val(there, r);
}

/* Judges a report, and links it to the packets that decide it and have not before. */
static void judge(report *r, gboolean is_new, gboolean with_reason)
{
    verdict before = r->judged;
    char reason[VERDICT_MAX_REASON];

    r->judged = verdict_judge(observe_facts(), observe_names(), &r->facts, is_new,
                              with_reason ? reason : NULL);
    g_free(r->reason);
    r->reason = with_reason ? g_strdup(reason) : NULL;
    for (guint i = 0; i < r->judged.evidence_count; i++) {
        if (!rests_on(&before, r->judged.evidence[i].frame))
            link_to(r, r->judged.evidence[i].frame);
    }
}

/* Judges all reports by the whole trace, where there is something new since the last time. */
static void judge_all(gboolean with_reasons)
{
    gint64 begun = g_get_monotonic_time();

    if (judged.changes == observe_changes() && judged.count == reports->len)
        return;
    judged.changes = observe_changes();
    judged.count = reports->len;
    g_hash_table_remove_all(broken_by);
    for (guint i = 0; i < reports->len; i++) {
        report *r = reports->pdata[i];
        r->judged.evidence_count = 0; /* its links are gone */
        judge(r, FALSE, with_reasons);
    }
    judged.ended = trace_ended(observe_facts());
    judged.done = g_get_monotonic_time();
    judged.took = judged.done - begun;
}

/* For a packet that is visited again. Of a file that has been read this judges once. */
static void judge_again(void)
{
    gboolean grows = trace_ended(observe_facts()) != judged.ended;

    if (!grows || g_get_monotonic_time() - judged.done >= JUDGING_SHARE * judged.took)
        judge_all(FALSE);
}

/* In a capture that grows the verdict is made anew with its sentence, so that both are of one
 * moment. */
static void ensure_reason(report *r)
{
    if (!r->reason)
        judge(r, FALSE, TRUE);
}

const GPtrArray *correlate_reports(void)
{
    if (reports)
        judge_all(TRUE);
    for (guint i = 0; reports && i < reports->len; i++)
        ensure_reason(reports->pdata[i]);
    return reports;
}

const GArray *correlate_broken_by(const packet_info *pinfo)
{
    if (!reports || reports->len == 0)
        return NULL;
    if (PINFO_FD_VISITED(pinfo))
        judge_again();
    return g_hash_table_lookup(broken_by, GUINT_TO_POINTER(pinfo->num));
}

gboolean correlate_is_of_name(const report *r)
{
    const verdict_case *facts = &r->facts;

    return facts->node && *facts->node &&
           (is_about_a_name(facts) || (facts->remote.length == 0 && facts->local.port == 0));
}

char *correlate_who(wmem_allocator_t *scope, const report *r)
{
    winsock_sender who = {
        .process = r->process, .process_id = r->process_id, .has_process_id = r->has_process_id};
    return summary_of_sender(scope, &who);
}

gboolean correlate_is_reported(guint32 frame)
{
    return broken_by && g_hash_table_contains(broken_by, GUINT_TO_POINTER(frame));
}

gboolean correlate_has_frame(const report *r)
{
    return trace_has_frame(observe_facts(), r->packet);
}

gboolean correlate_is_full(void)
{
    return reports && reports->len >= CORRELATE_MAX_REPORTS;
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

/* Whether two ends do not speak against one flow. A socket that has lost its connection cannot name
 * the other end any more. */
static gboolean is_compatible(const trace_end *one, const trace_end *other)
{
    return one->length == 0 || other->length == 0 || memcmp(one, other, sizeof *one) == 0;
}

/* A failure soon after another one of the same connection is its echo; but a call that connects
 * begins anew. The datagrams of a socket have nothing to do with each other. */
static void find_root(report *r, error_category category)
{
    const verdict_case *facts = &r->facts;

    if (r->socket == 0 || facts->local.port == 0 || facts->protocol == TRACE_UDP ||
        category == CATEGORY_PENDING)
        return;
    const report *before =
        verdict_is_connect(facts) ? NULL : g_hash_table_lookup(last_of_socket, r);
    if (before && facts->moment >= before->facts.moment &&
        facts->moment - before->facts.moment <= ECHO_TIME &&
        is_compatible(&facts->local, &before->facts.local) &&
        is_compatible(&facts->remote, &before->facts.remote))
        r->root = before->root ? before->root : before;
    g_hash_table_replace(last_of_socket, r, r);
}

/* The Winsock code that packets can speak about, or 0. Without a time none is before the failure.
 */
static guint32 judged_error(const datagram *in, const winsock_failure *failure)
{
    const winsock_error *error = failure->entry.error;
    return error && in->pinfo->presence_flags & PINFO_HAS_TS ? error->code : 0;
}

static verdict_case facts_of(const datagram *in, const winsock_failure *failure)
{
    const packet_info *pinfo = in->pinfo;
    gboolean ip = pinfo->src.type == AT_IPv4 || pinfo->src.type == AT_IPv6;

    return (verdict_case){.moment = observe_packet(pinfo).time -
                                    (gint64)MIN(failure->age, G_MAXINT64 / 2),
                          .duration = (gint64)MIN(failure->duration, G_MAXINT64 / 4),
                          .bytes = failure->bytes,
                          .error = judged_error(in, failure),
                          .operation = failure->operation,
                          .family = failure->family,
                          .protocol = protocol_of(failure),
                          .platform = in->sender.platform,
                          .host = observe_end(pinfo->src.data, ip ? pinfo->src.len : 0, 0),
                          .local = end_of(&failure->local),
                          .remote = end_of(&failure->remote)};
}

/* A text as long as the file is open. Many reports have the same. */
static const char *once(const char *text)
{
    char *kept = text ? g_hash_table_lookup(texts, text) : NULL;

    if (text && !kept) {
        kept = g_strdup(text);
        g_hash_table_add(texts, kept);
    }
    return kept;
}

static report *add_report(const datagram *in, const winsock_failure *failure, guint32 place,
                          gboolean with_reason)
{
    report *r = g_new0(report, 1);

    r->packet = observe_packet(in->pinfo);
    r->place = place & 0x1fffffff;
    r->is_pending = !catalogue_is_failure(&failure->entry);
    r->repeat = failure->repeat;
    r->sender = in->sender.sender;
    r->process = once(in->sender.process);
    r->process_id = in->sender.process_id;
    r->has_process_id = in->sender.has_process_id != 0;
    r->error = failure->entry.error ? failure->entry.error->name
                                    : once(summary_of_error(in->pinfo->pool, failure));
    r->facts = facts_of(in, failure);
    r->is_mapped = failure->remote.length > r->facts.remote.length;
    r->facts.node = once(failure->node);
    r->socket = failure->socket;
    if (r->facts.error)
        find_root(r, failure->entry.error->category);
    g_ptr_array_add(reports, r);
    judge(r, TRUE, with_reason);
    return r;
}

/* A report's place: in its datagram, and above that the layer that the datagram is. */
enum { PLACE_BITS = 16, PLACE_IN_DATAGRAM = (1 << PLACE_BITS) - 1 };

/* The report of a packet and place, or NULL. of_copy: whatever layers the packet has, for a copy
 * can have been captured inside others. Reports come in the order of their packets; those that a
 * read filter leaves out have the number of a later one, and come before it. */
static report *find_report(trace_packet packet, guint32 place, gboolean of_copy)
{
    const guint32 compared = of_copy ? PLACE_IN_DATAGRAM : G_MAXUINT32;
    guint low = 0, high = reports->len;

    while (low < high) { /* most ask for a packet after all others: begin at the end */
        guint middle = high == reports->len ? high - 1 : low + (high - low) / 2;
        if (((const report *)reports->pdata[middle])->packet.frame <= packet.frame)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low > 0; low--) {
        report *r = reports->pdata[low - 1];
        if (r->packet.frame != packet.frame || r->packet.time != packet.time)
            break;
        if ((r->place & compared) == (place & compared))
            return r;
    }
    return NULL;
}

const report *correlate_failure(const datagram *in, guint place, gboolean with_reason)
{
    /* Datagrams can be tunnelled, so that a packet has more than one. */
    guint32 key = (guint32)in->pinfo->curr_layer_num << PLACE_BITS | place;
    gboolean is_copy = in->first.frame != 0;
    trace_packet packet = is_copy ? in->first : observe_packet(in->pinfo);
    report *r = reports ? find_report(packet, key, is_copy) : NULL;

    if (r && PINFO_FD_VISITED(in->pinfo))
        judge_again();
    else if (reports && !r && !is_copy && !PINFO_FD_VISITED(in->pinfo) && !correlate_is_full())
        r = add_report(in, &failure_at(in, place)->said, key, with_reason);
    if (r && with_reason)
        ensure_reason(r);
    return r;
}
