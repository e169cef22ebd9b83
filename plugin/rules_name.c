/* rules_name.c: what look-ups of names say. A hosts file or a cached answer can hide all of them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "rules.h"

#include "failure.h"
#include "text.h"

/* Where the report does not say how long its call took: a look-up takes no longer. */
#define LOOKUP_TIME (60 * RULE_SECOND)

/* An answer so soon after the first question is prompt: Windows asks again after a second, others
 * later, and until then nobody has given up. What comes after can come to a call that listens to
 * another server by then, or not any more. */
#define PROMPT_TIME RULE_SECOND

enum { NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED };

/* How much an answer says about the failure. */
typedef enum { UNANSWERED, OTHER, LATE, FITTING, FOUND } answer_rank;

/* The look-up that says most, while they are gone through. */
typedef struct {
    const view *v;
    trace_end host; /* who asked */
    gboolean newest_only;
    gboolean is_found;
    gboolean is_anybodys; /* the host's own addresses are not known */
    gboolean is_unclear;  /* several asked, and got different answers */
    lookup best;
    int which; /* of its questions */
    answer_rank rank;
} name_search;

/* Whether an answer with this rcode and no records is what the error says. */
static gboolean rcode_fits(guint32 error, guint8 rcode)
{
    switch (error) {
    case 11001:
        return rcode == NXDOMAIN;
    case 11002:
        return rcode == SERVFAIL;
    case 11003:
        return rcode == FORMERR || rcode == NOTIMP || rcode == REFUSED;
    case 11004:
        return rcode == NOERROR;
    default: /* 10112 */
        return rcode == REFUSED;
    }
}

static const char *rcode_name(guint8 rcode)
{
    static const char *const names[] = {
        "no error and no record", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    return rcode < G_N_ELEMENTS(names) ? names[rcode]
           : rcode == LOOKUP_CUT       ? "more than the packet has"
                                       : "an error";
}

gboolean is_about_a_name(const verdict_case *failure)
{
    gboolean code = (failure->error >= 11001 && failure->error <= 11004) || failure->error == 10112;
    return code && failure->node; /* a deferred WSAAccept is 11002 too, and no name */
}

/* Whether the call asked for this kind of address. */
static gboolean is_wanted(const verdict_case *failure, int which)
{
    return failure->family == WINSOCK_AF_INET    ? which == LOOKUP_A
           : failure->family == WINSOCK_AF_INET6 ? which == LOOKUP_AAAA
                                                 : TRUE;
}

static answer_rank rank_of(const view *v, const lookup_question *question)
{
    if (!question->answer.frame || question->answer.time > v->failure->moment)
        return UNANSWERED;
    if (question->has_records)
        return v->failure->error == 11002 &&
                       question->answer.time - question->first_query.time > PROMPT_TIME
                   ? LATE
                   : FOUND;
    return rcode_fits(v->failure->error, question->rcode) ? FITTING : OTHER;
}

static void weigh(const lookup *found, void *data)
{
    name_search *search = data;
    gboolean newer = search->is_found && found->first.time > search->best.first.time;

    if (search->newest_only && search->is_found && !newer)
        return;
    gboolean replaces = search->newest_only;
    for (int i = 0; i < LOOKUP_QUESTIONS; i++) {
        const lookup_question *question = &found->questions[i];
        answer_rank rank = rank_of(search->v, question);
        if (!question->queries || !is_wanted(search->v->failure, i))
            continue;
        gboolean later = search->is_found &&
                         question->answer.time > search->best.questions[search->which].answer.time;
        if (!search->is_found || replaces || rank > search->rank ||
            (rank == search->rank && later)) {
            replaces = FALSE;
            search->is_found = TRUE;
            search->best = *found;
            search->which = i;
            search->rank = rank;
        }
    }
}

/* Queries without an answer. */
static verdict judge_unanswered(const view *v, const name_search *search)
{
    const lookup *found = &search->best;
    gint64 moment = v->failure->moment;
    trace_packet last = {0};
    guint32 queries = 0;
    gboolean is_answered = FALSE, by_multicast = FALSE;

    for (int i = 0; i < LOOKUP_QUESTIONS; i++) {
        const lookup_question *question = &found->questions[i];
        queries += question->queries;
        is_answered |= question->answer.frame != 0;
        by_multicast |= question->by_multicast;
        if (question->queries && question->last_query.time > last.time)
            last = question->last_query;
    }
    if (v->failure->error != 11002 || is_answered || moment - found->first.time < RULE_SECOND)
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "The look-up of %s was not answered before the failure",
                                    text_of_name(found->name).text),
                             last);
    if (by_multicast) /* and a capture elsewhere on the link has the question alone */
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "The look-up of %s went out by multicast, which nobody needs "
                                    "to answer",
                                    text_of_name(found->name).text),
                             last);
    if (!trace_has_heard(v->facts, &search->host))
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The look-up of %s was not answered, but the trace has no packet to this "
                      "host at all",
                      text_of_name(found->name).text);
    return with_evidence(v,
                         answer(v, VERDICT_CONFIRMED,
                                "No name server answered: %u quer%s for %s over %.1f s", queries,
                                queries == 1 ? "y" : "ies", text_of_name(found->name).text,
                                (double)(moment - found->first.time) / (double)RULE_SECOND),
                         last);
}

/* What a host asked for the name during the call; or right after it, where it asked nothing: the
 * report can have overtaken the query, which says less. */
static name_search search_of(const view *v, const trace_end *host)
{
    const verdict_case *failure = v->failure;
    gint64 duration = failure->duration ? failure->duration + RULE_TOLERANCE : LOOKUP_TIME;
    gint64 began = failure->moment - duration;
    name_search search = {.v = v, .host = *host, .newest_only = failure->duration == 0};

    search.host.port = 0;
    lookups_visit(v->names, host, failure->node, began, failure->moment, weigh, &search);
    if (!search.is_found)
        lookups_visit(v->names, host, failure->node, began, failure->moment + RULE_TOLERANCE, weigh,
                      &search);
    return search;
}

/* What the host asked for; or where its addresses are not known, whoever asked a server. */
static name_search search_names(const view *v)
{
    name_search search = search_of(v, &v->own);
    gboolean is_unclear = FALSE;
    guint count;
    const trace_end *askers = lookups_askers(v->names, &count);

    if (search.is_found || !v->is_any_address)
        return search;
    search.is_unclear = count == LOOKUPS_MAX_ASKERS; /* there can be more */
    if (search.is_unclear)
        return search;
    for (guint i = 0; i < count; i++) {
        name_search other = search_of(v, &askers[i]);
        is_unclear |= search.is_found && other.is_found && other.rank != search.rank;
        if (other.is_found && (!search.is_found || other.best.first.time > search.best.first.time))
            search = other;
    }
    search.is_unclear = is_unclear;
    search.is_anybodys = TRUE;
    return search;
}

verdict judge_name(const view *v)
{
    const verdict_case *failure = v->failure;
    name_search search = search_names(v);

    if (search.is_unclear)
        return answer(v, VERDICT_INCONCLUSIVE,
                      "The report does not name its own address, and more than one host's look-up "
                      "of %s could be meant",
                      text_of_name(failure->node).text);
    if (!search.is_found && lookups_are_full(v->names))
        return answer(v, VERDICT_INCONCLUSIVE, "The trace has more look-ups than are kept");
    if (!search.is_found)
        return answer(v, VERDICT_UNSEEN, "The trace has no look-up of %s by this host",
                      text_of_name(failure->node).text);
    text_name name = text_of_name(search.best.name);
    const lookup_question *question = &search.best.questions[search.which];
    trace_packet reply = question->answer;
    switch (search.rank) {
    case UNANSWERED:
        return judge_unanswered(v, &search);
    case LATE:
        return with_evidence(v,
                             answer(v, VERDICT_INCONCLUSIVE,
                                    "The name server gave an address for %s %s, but not within a "
                                    "second of the first query",
                                    name.text, in_frame(v, reply).text),
                             reply);
    case FOUND:
        return with_evidence(
            v,
            answer(v, search.is_anybodys ? VERDICT_INCONCLUSIVE : VERDICT_CONTRADICTED,
                   "The name server gave an address for %s %s", name.text, in_frame(v, reply).text),
            reply);
    default:
        return with_evidence(
            v,
            answer(v, search.rank == FITTING ? VERDICT_CONFIRMED : VERDICT_INCONCLUSIVE,
                   "The name server answered %s for %s %s, %s", rcode_name(question->rcode),
                   name.text, in_frame(v, reply).text, how_long_before(v, reply).text),
            reply);
    }
}
