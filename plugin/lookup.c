/* lookup.c: notes what the packets say about look-ups of names.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "lookup.h"

#include "hash.h"

#include <string.h>

/* How many look-ups of one name, and names with the same first label, are looked at for one report.
 */
#define MAX_STEPS 1024

/* How many hosts an answer by multicast answers: one link has no more that ask for the same name,
 * and a message can have many answers. */
#define MAX_ASKERS 64

/* A question that went unanswered for so long belongs to a look-up that is over. */
#define SAME_LOOKUP (60 * G_GINT64_CONSTANT(1000000000))

/* A name that a host asks for. */
typedef struct {
    trace_end host; /* port 0 */
    char *name;
    lookup *latest; /* the head of its look-ups, owned */
} asked_name;

struct lookups {
    GHashTable *asked;     /* set of asked_name, found by host and name */
    GHashTable *by_suffix; /* host and first label -> GPtrArray of asked_name */
    GHashTable *by_name;   /* name of mDNS, of any host -> the same */
    guint64 changes;
    guint count; /* of look-ups */
};

static guint asked_hash(gconstpointer data)
{
    const asked_name *asked = data;

    return hash_text(asked->name) ^ 3 * hash_bytes(asked->host.address, sizeof asked->host.address);
}

static gboolean asked_equal(gconstpointer a, gconstpointer b)
{
    const asked_name *one = a, *other = b;
    return strcmp(one->name, other->name) == 0 &&
           memcmp(one->host.address, other->host.address, sizeof one->host.address) == 0;
}

static void asked_free(gpointer data)
{
    asked_name *asked = data;

    for (lookup *found = asked->latest, *earlier; found; found = earlier) {
        earlier = found->earlier;
        g_free(found);
    }
    g_free(asked->name);
    g_free(asked);
}

static void release(gpointer array)
{
    g_ptr_array_unref(array);
}

lookups *lookups_new(void)
{
    lookups *names = g_new0(lookups, 1);

    names->asked = g_hash_table_new_full(asked_hash, asked_equal, asked_free, NULL);
    names->by_suffix = g_hash_table_new_full(asked_hash, asked_equal, asked_free, release);
    names->by_name = g_hash_table_new_full(asked_hash, asked_equal, asked_free, release);
    return names;
}

void lookups_free(lookups *names)
{
    if (!names)
        return;
    g_hash_table_destroy(names->by_suffix);
    g_hash_table_destroy(names->by_name);
    g_hash_table_destroy(names->asked);
    g_free(names);
}

guint64 lookups_changes(const lookups *names)
{
    return names->changes;
}

gboolean lookups_are_full(const lookups *names)
{
    return names->count >= LOOKUPS_MAX;
}

static char *first_label(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? g_strndup(name, (gsize)(dot - name)) : g_strdup(name);
}

/* What the table has for a host (NULL: any) and a text. Takes the text. */
static gpointer find(GHashTable *table, const trace_end *host, char *text)
{
    asked_name key = {.name = text};

    if (host)
        key.host = *host;
    gpointer found = g_hash_table_lookup(table, &key);
    g_free(text);
    return found;
}

static void index_under(GHashTable *index, const trace_end *host, char *text, asked_name *asked)
{
    GPtrArray *same = find(index, host, g_strdup(text));

    if (!same) {
        asked_name *key = g_new0(asked_name, 1);
        if (host)
            key->host = *host;
        key->name = g_strdup(text);
        same = g_ptr_array_new();
        g_hash_table_insert(index, key, same);
    }
    g_ptr_array_add(same, asked);
    g_free(text);
}

static asked_name *ask(lookups *names, const trace_end *host, const char *name)
{
    asked_name *asked = find(names->asked, host, g_strdup(name));

    if (!asked) {
        asked = g_new0(asked_name, 1);
        asked->host = *host;
        asked->name = g_strdup(name);
        g_hash_table_add(names->asked, asked);
        index_under(names->by_suffix, host, first_label(name), asked);
        if (g_str_has_suffix(name, ".local"))
            index_under(names->by_name, NULL, g_strdup(name), asked);
    }
    return asked;
}

void lookups_note_query(lookups *names, const trace_end *host, const char *name, int which,
                        trace_packet packet)
{
    if (lookups_are_full(names))
        return;
    asked_name *asked = ask(names, host, name);
    const lookup_question *last = asked->latest ? &asked->latest->questions[which] : NULL;
    if (!last || last->answer.frame ||
        (last->queries && packet.time - last->last_query.time > SAME_LOOKUP)) {
        lookup *begun = g_new0(lookup, 1);
        begun->earlier = asked->latest;
        begun->name = asked->name;
        begun->first = packet;
        asked->latest = begun;
        names->count++;
    }
    lookup_question *question = &asked->latest->questions[which];
    if (question->last_query.frame == packet.frame && question->last_query.time == packet.time)
        return; /* dissected twice */
    if (!question->queries++)
        question->first_query = packet;
    question->last_query = packet;
    names->changes++;
}

static void answer(lookups *names, asked_name *asked, int which, guint8 rcode, gboolean has_records,
                   trace_packet packet)
{
    lookup_question *question = asked ? &asked->latest->questions[which] : NULL;

    /* Of several servers' answers the one that has the address counts, and then one that is whole.
     */
    if (!question || !question->queries ||
        (question->answer.frame &&
         (question->has_records || (!has_records && question->rcode != LOOKUP_CUT))))
        return;
    question->answer = packet;
    question->rcode = rcode;
    question->has_records = has_records;
    names->changes++;
}

void lookups_note_answer(lookups *names, const trace_end *host, const char *name, int which,
                         guint8 rcode, gboolean has_records, trace_packet packet)
{
    if (host) {
        answer(names, find(names->asked, host, g_strdup(name)), which, rcode, has_records, packet);
        return;
    }
    const GPtrArray *same = find(names->by_name, NULL, g_strdup(name));
    for (guint i = 0; same && i < MIN(same->len, MAX_ASKERS); i++)
        answer(names, same->pdata[same->len - 1 - i], which, rcode, has_records, packet);
}

/* Whether a name that was asked for is the wanted one and a suffix. */
static gboolean stands_for(const char *asked, const char *wanted)
{
    size_t length = strlen(wanted);
    return strncmp(asked, wanted, length) == 0 && asked[length] == '.';
}

/* Visits the latest look-up of a name that had begun by a time, if it did so after another. */
static void visit_latest(const asked_name *asked, gint64 after, gint64 before, guint *steps,
                         lookup_visitor visit, void *data)
{
    const lookup *latest = asked->latest;

    for (; latest && latest->first.time > before && *steps < MAX_STEPS; (*steps)++)
        latest = latest->earlier;
    if (latest && latest->first.time >= after && latest->first.time <= before)
        visit(latest, data);
}

void lookups_visit(const lookups *names, const trace_end *host, const char *name, gint64 after,
                   gint64 before, lookup_visitor visit, void *data)
{
    char *wanted = g_ascii_strdown(name, -1);

    if (g_str_has_suffix(wanted, "."))
        wanted[strlen(wanted) - 1] = '\0';
    const asked_name *exact = find(names->asked, host, g_strdup(wanted));
    const GPtrArray *same = find(names->by_suffix, host, first_label(wanted));
    guint steps = 0; /* of all names together */
    if (exact)
        visit_latest(exact, after, before, &steps, visit, data);
    for (guint i = 0; same && i < MIN(same->len, MAX_STEPS); i++) {
        const asked_name *asked = same->pdata[same->len - 1 - i];
        if (stands_for(asked->name, wanted))
            visit_latest(asked, after, before, &steps, visit, data);
    }
    g_free(wanted);
}
