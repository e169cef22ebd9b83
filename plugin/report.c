/* report.c: tshark -z winsock,report[,filter]: every failure with what the packets prove, the
 * totals, the senders, and the troubles in the trace that no program reported.
 *
 * Columns are separated by two spaces or more and never empty ("-"), so that scripts can split
 * them. It is worked out when it is drawn, so that one pass too has seen the whole trace.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "report.h"

#include "compat.h"
#include "annotate.h"
#include "correlate.h"
#include "hash.h"
#include "observe.h"
#include "summary.h"
#include "text.h"

#include <epan/stat_groups.h>
#include <epan/stat_tap_ui.h>
#include <epan/tap.h>
#include <epan/to_str.h>

#include <stdio.h>
#include <string.h>

#define COMMAND "winsock,report"

static int winsock_tap = -1;

/* One sender while the report is gathered. Owned by the table of senders. */
typedef struct {
    char *who, *where;
    guint32 datagrams, tests, copies, missing, dropped;
    gboolean has_offset;
    double clock_offset; /* seconds, of its latest datagram with a time */
} sender_row;

/* What is gathered for one report. Lives as long as Wireshark. */
typedef struct {
    GHashTable *senders; /* of sender_row */
    GHashTable *passed;  /* set of the frames that pass the filter; NULL: there is none */
} gathering;

static void sender_row_free(gpointer data)
{
    sender_row *row = data;
    g_free(row->who);
    g_free(row->where);
    g_free(row);
}

void report_sender(const datagram *in)
{
    /* Listeners are called after the dissection. */
    if (have_tap_listener(winsock_tap))
        tap_queue_packet(winsock_tap, in->pinfo, wmem_memdup(in->pinfo->pool, in, sizeof *in));
}

static sender_row *find_sender(GHashTable *senders, const datagram *in)
{
    packet_info *pinfo = in->pinfo;
    char *where = address_to_str(NULL, &pinfo->src);
    char *key = g_strdup_printf("%s/%08x", where, in->sender.sender);
    sender_row *row = g_hash_table_lookup(senders, key);

    if (!row) {
        row = g_new0(sender_row, 1);
        row->who = g_strdup(summary_of_sender(pinfo->pool, &in->sender));
        row->where = g_strdup(where);
        g_hash_table_insert(senders, g_strdup(key), row);
    }
    g_free(key);
    wmem_free(NULL, where);
    return row;
}

static tap_packet_status gather(void *tapdata, packet_info *pinfo, epan_dissect_t *edt _U_,
                                const void *data, tap_flags_t flags _U_)
{
    const gathering *all = tapdata;
    const datagram *in = data;
    sender_row *row = find_sender(all->senders, in);

    if (all->passed)
        g_hash_table_add(all->passed, GUINT_TO_POINTER(pinfo->num));
    row->datagrams++;
    row->copies += in->first.frame != 0;
    row->tests += (in->sender.flags & WINSOCK_FLAG_TEST) != 0;
    row->missing += in->missing;
    row->dropped = MAX(row->dropped, in->sender.dropped);
    if (pinfo->presence_flags & PINFO_HAS_TS) {
        row->has_offset = TRUE;
        row->clock_offset = (double)pinfo->abs_ts.secs + pinfo->abs_ts.nsecs / 1e9 -
                            (double)in->sender.sent_time / 1e9;
    }
    return TAP_PACKET_REDRAW;
}

static void reset(void *tapdata)
{
    const gathering *all = tapdata;

    g_hash_table_remove_all(all->senders);
    if (all->passed)
        g_hash_table_remove_all(all->passed);
}

/* "192.0.2.1:443", or "-". The result is to be freed. */
static char *text_of_end(const trace_end *end)
{
    if (end->length == 0)
        return g_strdup("-");
    char *host = observe_address_text(NULL, end);
    char *text = g_strdup_printf(end->length == 4 ? "%s:%u" : "[%s]:%u", host, end->port);
    wmem_free(NULL, host);
    return text;
}

static char *text_of_flow(const trace_end *from, const trace_end *to)
{
    char *a = text_of_end(from), *b = text_of_end(to);
    char *text = g_strdup_printf("%s -> %s", a, b);

    g_free(a);
    g_free(b);
    return text;
}

/* The number of a packet, or "-". */
static const char *frame_text(char *buffer, size_t size, guint32 frame, gboolean has_frame)
{
    if (has_frame)
        snprintf(buffer, size, "%u", frame);
    return has_frame ? buffer : "-";
}

static const char *column(const char *text)
{
    return *text ? text : "-";
}

static void print_failure(const report *r)
{
    const verdict *v = &r->judged;
    const char *operation = operation_name(r->facts.operation);
    char *flow = correlate_is_of_name(r) ? g_strdup(text_of_name(r->facts.node).text)
                                         : text_of_flow(&r->facts.local, &r->facts.remote);
    char *who = correlate_who(NULL, r);
    char frame[16], evidence[16], root[16];

    printf("%-7s  %-24s  %-20s  %-12s  %-5u  %-44s  %-12s  %-8s  %-7s  %s\n",
           frame_text(frame, sizeof frame, r->packet.frame, correlate_has_frame(r)), column(who),
           r->error, operation ? operation : "-", r->repeat, column(flow), verdict_name(v->kind),
           frame_text(evidence, sizeof evidence, v->evidence[0].frame, v->evidence_count > 0),
           frame_text(root, sizeof root, r->root ? r->root->packet.frame : 0,
                      r->root && correlate_has_frame(r->root)),
           column(r->reason));
    g_free(flow);
    wmem_free(NULL, who);
}

/* Failures of one name. */
typedef struct {
    const char *name;
    guint32 code; /* the Winsock code, or 0 */
    guint64 count;
} total;

/* By code, and then those that have none. */
static gint compare_totals(gconstpointer a, gconstpointer b)
{
    const total *one = a, *other = b;

    if (one->code == other->code)
        return strcmp(one->name, other->name);
    return one->code != 0 && (other->code == 0 || one->code < other->code) ? -1 : 1;
}

static void count_error(GHashTable *by_error, const report *r)
{
    total *of_name = g_hash_table_lookup(by_error, r->error);

    if (!of_name) {
        of_name = g_new0(total, 1);
        of_name->name = r->error;
        g_hash_table_insert(by_error, (gpointer)r->error, of_name);
    }
    of_name->code = MAX(of_name->code, r->facts.error);
    of_name->count += r->repeat;
}

static void print_by_error(GHashTable *by_error)
{
    GList *totals = g_list_sort(g_hash_table_get_values(by_error), compare_totals);

    printf("\nBy error\n");
    for (const GList *each = totals; each; each = each->next) {
        const total *of_name = each->data;
        printf("%-20s  %" G_GUINT64_FORMAT "\n", of_name->name, of_name->count);
    }
    g_list_free(totals);
}

static void print_totals(const GPtrArray *reports)
{
    guint64 by_verdict[VERDICT_INCONCLUSIVE + 1] = {0};
    GHashTable *by_error = g_hash_table_new_full(hash_text, g_str_equal, NULL, g_free);

    for (guint i = 0; i < reports->len; i++) {
        const report *r = reports->pdata[i];
        if (r->is_pending)
            continue;
        count_error(by_error, r);
        by_verdict[r->judged.kind] += r->repeat;
    }
    print_by_error(by_error);
    g_hash_table_destroy(by_error);
    printf("\nBy verdict\n");
    for (verdict_kind kind = VERDICT_NONE; kind <= VERDICT_INCONCLUSIVE; kind++) {
        if (by_verdict[kind])
            printf("%-20s  %" G_GUINT64_FORMAT "\n",
                   kind == VERDICT_NONE ? "no rule" : verdict_name(kind), by_verdict[kind]);
    }
}

static void print_senders(GHashTable *senders)
{
    GList *keys = g_list_sort(g_hash_table_get_keys(senders), (GCompareFunc)strcmp);

    printf("\nSenders\n%-40s  %-20s  %-9s  %-7s  %-7s  %-16s  %-7s  %s\n", "Sender", "Address",
           "Datagrams", "Missing", "Dropped", "Clock offset (s)", "Tests", "Copies");
    for (const GList *key = keys; key; key = key->next) {
        const sender_row *row = g_hash_table_lookup(senders, key->data);
        char offset[32] = "-";
        if (row->has_offset)
            snprintf(offset, sizeof offset, "%.6f", row->clock_offset);
        printf("%-40s  %-20s  %-9u  %-7u  %-7u  %-16s  %-7u  %u\n", column(row->who), row->where,
               row->datagrams, row->missing, row->dropped, offset, row->tests, row->copies);
    }
    g_list_free(keys);
}

/* One packet that ended or denied a flow, and that no program reported. */
typedef struct {
    guint32 frame;
    char *line;
} trouble;

static void trouble_free(gpointer data)
{
    g_free(((trouble *)data)->line);
    g_free(data);
}

static gint compare_troubles(gconstpointer a, gconstpointer b)
{
    const trouble *one = *(const trouble *const *)a, *other = *(const trouble *const *)b;
    return one->frame != other->frame ? (one->frame > other->frame ? 1 : -1)
                                      : strcmp(one->line, other->line);
}

static const char *what_happened(const trace_event *event)
{
    if (event->kind == EVENT_ICMP)
        return "ICMP error";
    return event->value & RST_ANSWERS_SYN ? "refused" : "reset";
}

/* A flow's trouble is shown by its first packet, where none of its packets is reported. */
static void find_trouble(const trace_flow *flow, guint8 protocol, int side,
                         const trace_event *events, guint count, void *data)
{
    const trace_event *first = NULL;

    for (guint i = count; i > 0; i--) {
        const trace_event *event = &events[i - 1];
        if (correlate_is_reported(event->frame))
            return;
        if (trace_has_frame(observe_facts(), (trace_packet){event->frame, event->time}))
            first = event;
    }
    if (!first)
        return;
    trouble *found = g_new(trouble, 1);
    trace_end from = trace_end_of(flow, side), to = trace_end_of(flow, !side);
    char *ends = text_of_flow(&from, &to);
    found->frame = first->frame;
    found->line = g_strdup_printf("%-7u  %-10s  %-4s  %s", first->frame, what_happened(first),
                                  protocol == TRACE_UDP ? "UDP" : "TCP", ends);
    g_free(ends);
    g_ptr_array_add(data, found);
}

static void print_unreported(void)
{
    GPtrArray *troubles = g_ptr_array_new_with_free_func(trouble_free);

    if (observe_facts())
        trace_visit_troubles(observe_facts(), find_trouble, troubles);
    g_ptr_array_sort(troubles, compare_troubles);
    printf("\nIn the trace, but reported by no program\n%-7s  %-10s  %-4s  %s\n", "Frame", "What",
           "Over", "Flow");
    for (guint i = 0; i < troubles->len; i++)
        printf("%s\n", ((const trouble *)troubles->pdata[i])->line);
    g_ptr_array_unref(troubles);
}

/* The failures that the report is about. reports: NULL without a file. */
static GPtrArray *chosen_reports(const gathering *all, const GPtrArray *reports)
{
    GPtrArray *chosen = g_ptr_array_new();

    for (guint i = 0; reports && i < reports->len; i++) {
        report *r = reports->pdata[i];
        if (!all->passed || (correlate_has_frame(r) &&
                             g_hash_table_contains(all->passed, GUINT_TO_POINTER(r->packet.frame))))
            g_ptr_array_add(chosen, r);
    }
    return chosen;
}

static void print_failures(const GPtrArray *reports)
{
    printf("Winsock failures\n%-7s  %-24s  %-20s  %-12s  %-5s  %-44s  %-12s  %-8s  %-7s  %s\n",
           "Frame", "Program", "Error", "Call", "Times", "Flow", "Verdict", "Evidence", "Echo of",
           "Reason");
    for (guint i = 0; i < reports->len; i++)
        print_failure(reports->pdata[i]);
    if (correlate_is_full())
        printf("More than a million failures: the rest is not judged, and not counted\n");
}

static void draw(void *tapdata)
{
    const gathering *all = tapdata;
    GPtrArray *chosen = chosen_reports(all, correlate_reports());

    print_failures(chosen);
    print_totals(chosen);
    g_ptr_array_unref(chosen);
    print_senders(all->senders);
    print_unreported();
}

/* argument: "winsock,report", and a filter after another comma. */
static stat_started start(const char *argument, void *data _U_)
{
    const char *filter = argument + strlen(COMMAND);
    gathering *all = g_new0(gathering, 1);

    filter = *filter == ',' && filter[1] ? filter + 1 : NULL;
    all->senders = g_hash_table_new_full(hash_text, g_str_equal, g_free, sender_row_free);
    all->passed = filter ? g_hash_table_new(hash_number, NULL) : NULL;
    GString *error = register_tap_listener("winsock", all, filter, 0, reset, gather, draw, NULL);
    if (error) {
        fprintf(stderr, "tshark: " COMMAND ": %s\n", error->str);
        g_string_free(error, TRUE);
        g_hash_table_destroy(all->senders);
        if (all->passed)
            g_hash_table_destroy(all->passed);
        g_free(all);
    }
    STAT_STARTED(error == NULL);
}

void register_report(void)
{
    static stat_tap_ui ui = {
        REGISTER_STAT_GROUP_GENERIC, "Winsock failures", COMMAND, start, 0, NULL};

    winsock_tap = register_tap("winsock");
    register_stat_tap_ui(&ui, NULL);
}
