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

/* What is asked so long after the question before belongs to another look-up. */
#define SAME_LOOKUP (60 * G_GINT64_CONSTANT(1000000000))

/* The questions for one type of record, and their answer. */
typedef struct {
    trace_packet *queries; /* by their time, owned: a name that nobody answers is asked again by
                            * call after call, and each has its own */
    guint32 count;
    guint8 rcode;
    guint8 has_records : 1, by_multicast : 1; /* by_multicast: one of them at least was */
    trace_packet answer;
} kept_question;

/* A look-up as it is kept: it goes on until a question that was answered is asked again. */
typedef struct kept_lookup {
    struct kept_lookup *earlier; /* of the same name by the same host */
    kept_question questions[LOOKUP_QUESTIONS];
} kept_lookup;

/* A name that a host asks for. */
typedef struct {
    trace_end host; /* port 0 */
    char *name;
    kept_lookup *latest; /* the head of its look-ups, owned */
} asked_name;

struct lookups {
    GHashTable *asked;     /* set of asked_name, found by host and name */
    GHashTable *by_suffix; /* host and first label -> GPtrArray of asked_name */
    GHashTable *by_name;   /* name of mDNS, of any host -> the same */
    guint64 changes;
    guint count;                          /* of look-ups, and of questions asked again */
    trace_end askers[LOOKUPS_MAX_ASKERS]; /* of servers */
    guint asker_count;
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

    for (kept_lookup *found = asked->latest, *earlier; found; found = earlier) {
        earlier = found->earlier;
        for (int which = 0; which < LOOKUP_QUESTIONS; which++)
            g_free(found->questions[which].queries);
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

static gint64 last_asked(const kept_lookup *kept)
{
    gint64 last = G_MININT64;

    for (int which = 0; which < LOOKUP_QUESTIONS; which++) {
        const kept_question *question = &kept->questions[which];
        if (question->count > 0)
            last = MAX(last, question->queries[question->count - 1].time);
    }
    return last;
}

/* Whether a query begins a look-up. */
static gboolean begins_anew(const kept_lookup *latest, int which, trace_packet packet)
{
    return !latest || latest->questions[which].answer.frame ||
           packet.time - last_asked(latest) > SAME_LOOKUP;
}

static gboolean is_noted(const kept_lookup *latest, int which, trace_packet packet)
{
    const kept_question *question = latest ? &latest->questions[which] : NULL;

    if (!question || question->count == 0)
        return FALSE;
    const trace_packet *last = &question->queries[question->count - 1];
    return last->frame == packet.frame && last->time == packet.time;
}

/* Adds a query in its place: files need not be in order. */
static void add_query(kept_question *question, trace_packet packet)
{
    gboolean is_full = (question->count & (question->count - 1)) == 0; /* room is a power of two */
    guint32 place = question->count;

    if (is_full)
        question->queries = g_renew(trace_packet, question->queries, MAX(1, 2 * place));
    while (place > 0 && question->queries[place - 1].time > packet.time &&
           question->count - place < MAX_STEPS)
        place--;
    memmove(question->queries + place + 1, question->queries + place,
            (question->count - place) * sizeof *question->queries);
    question->queries[place] = packet;
    question->count++;
}

static void add_asker(lookups *names, const trace_end *host)
{
    guint i = 0;

    while (i < names->asker_count && memcmp(&names->askers[i], host, sizeof *host) != 0)
        i++;
    if (i == names->asker_count && i < LOOKUPS_MAX_ASKERS)
        names->askers[names->asker_count++] = *host;
}

const trace_end *lookups_askers(const lookups *names, guint *count)
{
    *count = names->asker_count;
    return names->askers;
}

void lookups_note_query(lookups *names, const trace_end *host, const char *name, int which,
                        gboolean by_multicast, trace_packet packet)
{
    if (lookups_are_full(names))
        return;
    asked_name *asked = ask(names, host, name);
    if (is_noted(asked->latest, which, packet))
        return; /* dissected twice */
    if (begins_anew(asked->latest, which, packet)) {
        kept_lookup *begun = g_new0(kept_lookup, 1);
        begun->earlier = asked->latest;
        asked->latest = begun;
        names->count++;
    } else if (asked->latest->questions[which].count > 0) {
        names->count++;
    }
    if (by_multicast)
        asked->latest->questions[which].by_multicast = 1;
    else
        add_asker(names, host);
    add_query(&asked->latest->questions[which], packet);
    names->changes++;
}

static void answer(lookups *names, asked_name *asked, int which, guint8 rcode, gboolean has_records,
                   trace_packet packet)
{
    kept_question *question = asked ? &asked->latest->questions[which] : NULL;

    /* Of several servers' answers the one that has the address counts, and then one that is whole.
     */
    if (!question || question->count == 0 ||
        (question->answer.frame &&
         (question->has_records || (!has_records && question->rcode != LOOKUP_CUT))))
        return;
    question->answer = packet;
    question->rcode = rcode;
    question->has_records = has_records ? 1 : 0;
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

/* How many of the queries had been sent by a time. */
static guint32 count_asked(const kept_question *question, gint64 time)
{
    guint32 low = 0, high = question->count;

    while (low < high) {
        guint32 middle = low + (high - low) / 2;
        if (question->queries[middle].time <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The queries between two times, and their answer: one that came after a later query is that one's.
 */
static lookup_question between(const kept_question *kept, gint64 after, gint64 before)
{
    guint32 from = count_asked(kept, after - 1), to = count_asked(kept, before);
    lookup_question question = {0};

    if (from >= to)
        return question;
    question.first_query = kept->queries[from];
    question.last_query = kept->queries[to - 1];
    question.queries = to - from;
    question.by_multicast = kept->by_multicast;
    if (to < kept->count && kept->queries[to].time <= kept->answer.time)
        return question;
    question.answer = kept->answer;
    question.rcode = kept->rcode;
    question.has_records = kept->has_records;
    return question;
}

static gboolean had_begun(const kept_lookup *kept, gint64 time)
{
    for (int which = 0; which < LOOKUP_QUESTIONS; which++) {
        if (count_asked(&kept->questions[which], time) > 0)
            return TRUE;
    }
    return FALSE;
}

/* Visits what was asked between two times in the latest look-up of a name that had begun by then.
 */
static void visit_latest(const asked_name *asked, gint64 after, gint64 before, guint *steps,
                         lookup_visitor visit, void *data)
{
    const kept_lookup *latest = asked->latest;
    lookup found = {.name = asked->name};

    for (; latest && !had_begun(latest, before) && *steps < MAX_STEPS; (*steps)++)
        latest = latest->earlier;
    for (int which = 0; latest && which < LOOKUP_QUESTIONS; which++) {
        lookup_question *question = &found.questions[which];
        *question = between(&latest->questions[which], after, before);
        if (question->queries &&
            (!found.first.frame || question->first_query.time < found.first.time))
            found.first = question->first_query;
    }
    if (found.first.frame)
        visit(&found, data);
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
