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

#define ROOT "Winsock failures"

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

/* Groups of one grouping; failures of all further ones are counted together. Names are the sender's
 * to choose, and Wireshark walks all of a node's children to add one: 40,000 take ten seconds. */
#define MAX_GROUPS 5000
#define FURTHER    "Further ones"

/* Of one tree: there are several where windows with several filters are open. */
typedef struct {
    int root, nodes[GROUPINGS];
    GHashTable *groups[GROUPINGS]; /* sets of their names */
    int counted; /* the tree's numbers hold no more than an int, and anyone can report four thousand
                  * million failures in a datagram */
} tally;

static GHashTable *tallies; /* stats_tree -> tally */

static void free_tally(gpointer data)
{
    tally *sums = data;

    for (int by = 0; by < GROUPINGS; by++)
        g_hash_table_destroy(sums->groups[by]);
    g_free(sums);
}

/* Called once more where the file is read again. */
static void init_tree(stats_tree *st)
{
    tally *sums = g_new0(tally, 1);

    sums->root = stats_tree_create_node(st, ROOT, 0, STAT_DT_INT, TRUE);
    for (int by = 0; by < GROUPINGS; by++) {
        sums->nodes[by] =
            stats_tree_create_node(st, grouping_names[by], sums->root, STAT_DT_INT, TRUE);
        sums->groups[by] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    }
    g_hash_table_insert(tallies, st, sums);
}

/* Called for trees too that were never begun, as by a filter that is wrong. */
static void clean_up_tree(stats_tree *st)
{
    if (tallies)
        g_hash_table_remove(tallies, st);
}

/* Counts a group; one too many goes under the further ones. */
static void count_group(stats_tree *st, tally *sums, grouping by, const char *group, int repeat)
{
    GHashTable *groups = sums->groups[by];

    if (g_hash_table_size(groups) < MAX_GROUPS)
        g_hash_table_add(groups, g_strdup(group));
    else if (!g_hash_table_contains(groups, group))
        group = FURTHER;
    increase_stat_node(st, grouping_names[by], sums->root, TRUE, repeat);
    increase_stat_node(st, group, sums->nodes[by], FALSE, repeat);
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
        return summary_of_error(pool, failure);
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

static tap_packet_status count_failures(stats_tree *st, packet_info *pinfo _U_,
                                        epan_dissect_t *edt _U_, const void *data,
                                        tap_flags_t flags _U_)
{
    const datagram *in = data;
    tally *sums = g_hash_table_lookup(tallies, st);

    if (!sums || in->first.frame || in->sender.flags & WINSOCK_FLAG_TEST)
        return TAP_PACKET_DONT_REDRAW;
    for (guint i = 0; i < failure_count(in); i++) {
        const winsock_failure *failure = &failure_at(in, i)->said;
        int repeat = (int)MIN(failure->repeat, (guint32)(G_MAXINT - sums->counted));
        if (!catalogue_is_failure(&failure->entry))
            continue;
        sums->counted += repeat;
        increase_stat_node(st, ROOT, 0, TRUE, repeat);
        for (int by = 0; by < GROUPINGS; by++) {
            const char *group = group_of((grouping)by, in, failure);
            if (group)
                count_group(st, sums, (grouping)by, group, repeat);
        }
    }
    return TAP_PACKET_REDRAW;
}

/* tshark leaves its trees as they are. */
static void shut_down(void)
{
    g_hash_table_destroy(tallies);
    tallies = NULL;
}

void register_statistics(void)
{
    tallies = g_hash_table_new_full(NULL, NULL, NULL, free_tally);
    stats_tree_register_plugin("winsock", "winsock", "Winsock", 0, count_failures, init_tree,
                               clean_up_tree);
    register_shutdown_routine(shut_down);
}
