/* statistics.c: Statistics → Winsock, and tshark -z winsock,tree: how many failures of each kind.
 *
 * A failure that stands for several counts as so many. Rates and bursts are Wireshark's own.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "statistics.h"

#include "annotate.h"
#include "summary.h"
#include "text.h"

#include <epan/stats_tree.h>
#include <epan/to_str.h>

/* What failures are counted by. */
typedef enum {
    BY_ERROR,
    BY_VERDICT,
    BY_CATEGORY,
    BY_PROCESS,
    BY_HOST,
    BY_OPERATION,
    BY_REMOTE,
    GROUPINGS
} grouping;

static const char *const grouping_names[GROUPINGS] = {
    [BY_ERROR] = "By error",     [BY_VERDICT] = "By verdict", [BY_CATEGORY] = "By category",
    [BY_PROCESS] = "By process", [BY_HOST] = "By host",       [BY_OPERATION] = "By call",
    [BY_REMOTE] = "By other end"};

/* What has been counted: the tree's numbers hold no more than an int, and anyone can report four
 * thousand million failures in a datagram. */
static int counted;

static int root_node;
static int grouping_nodes[GROUPINGS];

static void init_tree(stats_tree *st)
{
    counted = 0;
    root_node = stats_tree_create_node(st, "Winsock failures", 0, STAT_DT_INT, TRUE);
    for (int by = 0; by < GROUPINGS; by++)
        grouping_nodes[by] =
            stats_tree_create_node(st, grouping_names[by], root_node, STAT_DT_INT, TRUE);
}

static const char *name_group(wmem_allocator_t *pool, const char *name)
{
    return name ? wmem_strdup(pool, text_of_name(name).text) : NULL;
}

/* What a failure is counted under, or NULL where it says nothing of the kind. */
static const char *group_of(grouping by, const datagram *in, const winsock_failure *failure)
{
    wmem_allocator_t *pool = in->pinfo->pool;
    const winsock_error *error = failure->entry.error;

    switch (by) {
    case BY_ERROR:
        return failure->entry.origin == ORIGIN_UNKNOWN
                   ? wmem_strdup_printf(pool, "Unknown (%u)", failure->code)
                   : failure->entry.name;
    case BY_VERDICT:
        return failure->verdict ? verdict_name((verdict_kind)failure->verdict) : NULL;
    case BY_CATEGORY:
        return error ? try_val_to_str((guint32)error->category, category_names) : NULL;
    case BY_PROCESS:
        return name_group(pool, in->sender.process);
    case BY_HOST:
        return in->sender.host ? name_group(pool, in->sender.host)
                               : address_to_str(pool, &in->pinfo->src);
    case BY_OPERATION:
        return operation_name(failure->operation);
    case BY_REMOTE:
        return failure->remote.length
                   ? summary_of_endpoint(pool, &failure->remote, failure->protocol)
                   : name_group(pool, failure->node);
    default:
        return NULL;
    }
}

/* Pending is not failed. */
static gboolean is_failure(const winsock_failure *failure)
{
    return failure->entry.origin != ORIGIN_NO_ERROR &&
           !(failure->entry.error && failure->entry.error->category == CATEGORY_PENDING);
}

static tap_packet_status count_failures(stats_tree *st, packet_info *pinfo _U_,
                                        epan_dissect_t *edt _U_, const void *data,
                                        tap_flags_t flags _U_)
{
    const datagram *in = data;
    guint count = wmem_array_get_count(in->failures);

    if (in->sender.flags & WINSOCK_FLAG_TEST)
        return TAP_PACKET_DONT_REDRAW;
    for (guint i = 0; i < count; i++) {
        const winsock_failure *failure = wmem_array_index(in->failures, i);
        int repeat = (int)MIN(failure->repeat, (guint32)(G_MAXINT - counted));
        if (!is_failure(failure))
            continue;
        counted += repeat;
        increase_stat_node(st, "Winsock failures", 0, TRUE, repeat);
        for (int by = 0; by < GROUPINGS; by++) {
            const char *group = group_of((grouping)by, in, failure);
            if (!group)
                continue;
            increase_stat_node(st, grouping_names[by], root_node, TRUE, repeat);
            increase_stat_node(st, group, grouping_nodes[by], FALSE, repeat);
        }
    }
    return TAP_PACKET_REDRAW;
}

void register_statistics(void)
{
    stats_tree_register_plugin("winsock", "winsock", "Winsock", 0, count_failures, init_tree, NULL);
}
