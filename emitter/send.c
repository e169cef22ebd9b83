/* send.c: open, report, flush, close. Folds equal failures, limits the rate, counts what it drops,
 * and never keeps the program waiting.
 *
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

enum {
    SLOTS = 16,
    DEFAULT_RATE = 1000,
    DEFAULT_BURST = 100,
    DEFAULT_FOLD_MS = 1000,
    SECOND = 1000000000,
    MILLISECOND = 1000000
};
#define DEFAULT_COLLECTOR  "127.0.0.1"
#define COLLECTOR_VARIABLE "WSFT_COLLECTOR"
#define WITHHOLD_VARIABLE  "WSFT_WITHHOLD"

/* One failure with every item and the longest strings fits into a datagram. */
_Static_assert(28 + (4 + WSFT_HOST_BYTES) + (4 + WSFT_PROCESS_BYTES) + (4 + 4) +
                       (4 + WSFT_LIBRARY_BYTES) + (4 + 1) + (4 + 16) + (4 + 4) + (4 + 8) + (4 + 6) +
                       2 * (4 + 22) + (4 + WSFT_NODE_BYTES) + (4 + WSFT_SERVICE_BYTES) + (4 + 8) +
                       (4 + 8) + (4 + 4) + (4 + 8) + (4 + WSFT_MESSAGE_BYTES) +
                       (4 + WSFT_SOURCE_BYTES) + (4 + 25) <=
                   WSFT_MAX_DATAGRAM,
               "one failure always fits");
_Static_assert(sizeof WSFT_LIBRARY_NAME - 1 <= WSFT_LIBRARY_BYTES, "the library's own name");

/* A failure seen lately, and the equal ones since that have not been sent. Owned by the emitter,
 * lives until it is sent and its time is over, or another failure needs the place. */
typedef struct slot {
    int used;
    uint64_t opened;      /* monotonic: equal failures fold from here for fold_ns */
    uint32_t waiting;     /* failures that have not been sent */
    uint64_t first_time;  /* of those */
    wsft_failure failure; /* the last of them; its strings are these: */
    char node[WSFT_NODE_BYTES + 1], service[WSFT_SERVICE_BYTES + 1];
    char message[WSFT_MESSAGE_BYTES + 1], source[WSFT_SOURCE_BYTES + 1];
} slot;

/* The emitter. One for the process, all of it under the lock but for the two words, which are read
 * without. */
static wsft_lock lock = WSFT_LOCK_INIT;
static wsft_word is_open, report_pending;
static struct emitter {
    wsft_collector collector;
    char host[WSFT_HOST_BYTES + 1], process[WSFT_PROCESS_BYTES + 1];
    uint16_t flags;
    unsigned withhold;
    uint32_t process_id;
    uint32_t sender, sequence, dropped;
    uint32_t told_dropped; /* the number in the last datagram */
    uint64_t fold_ns;
    uint64_t interval_ns, burst_ns, full_at; /* the bucket: see take_token */
    uint32_t flush_ms;
    wsft_word generation; /* changes when the flushing thread is to end */
    int has_thread;
    wsft_thread thread;
    slot slots[SLOTS + 1];
    slot *incoming; /* the unused one that takes the next report */
} e;

/* Failures on their way out, and the slots that they come from. Their strings are the slots', so a
 * batch goes before a slot changes. */
typedef struct batch {
    size_t count;
    wsft_failure failures[SLOTS + 1];
    slot *from[SLOTS + 1];
} batch;

static uint32_t add_saturating(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

#define X_CATEGORY(number, identifier, name) CATEGORY_##identifier = number,
enum {
#include "../fields/enums.def"
    CATEGORY_NONE = 0
};

static int winsock_is_pending(uint32_t code)
{
    switch (code) {
#define X(number, name, aliases, title, category, description, advice)                             \
    case number:                                                                                   \
        return CATEGORY_##category == CATEGORY_PENDING;
#include "../fields/errors.def"
#undef X
    default:
        return 0;
    }
}

static uint32_t winsock_of_ntstatus(uint32_t status)
{
    switch (status) {
#define X(value, name, winsock)                                                                    \
    case value:                                                                                    \
        return winsock;
#include "../fields/ntstatus.def"
#undef X
    default:
        return 0;
    }
}

int wsft_is_pending(uint8_t space, uint32_t code)
{
    const uint32_t win32 = 0x80070000, nt_bit = 0x10000000;
    if (space == WSFT_WINSOCK)
        return winsock_is_pending(code);
    if (space == WSFT_NTSTATUS)
        return winsock_is_pending(winsock_of_ntstatus(code));
    if (space != WSFT_HRESULT)
        return 0; /* the reference listing's numbers: whoever reports by them means it */
    if ((code & 0xFFFF0000) == win32)
        return winsock_is_pending(code & 0xFFFF);
    return (code & nt_bit) != 0 && winsock_is_pending(winsock_of_ntstatus(code & ~nt_bit));
}

int wsft_is_open(void)
{
    return wsft_word_load(&is_open) != 0 && !wsft_must_not_lock();
}

int wsft_is_wanted(uint8_t space, uint32_t code)
{
    return wsft_is_open() &&
           (wsft_word_load(&report_pending) != 0 || !wsft_is_pending(space, code));
}

/* Takes the lock. Returns 0, without the lock, where the emitter is not open. */
static int enter(void)
{
    if (!wsft_is_open())
        return 0;
    wsft_lock_take(&lock);
    if (wsft_word_load(&is_open) != 0)
        return 1;
    wsft_lock_release(&lock);
    return 0;
}

/* The bucket is a clock of its own: full_at is when it will be full again, and each datagram moves
 * that one interval on. Nothing here overflows: burst_ns is at most 2^32 seconds. */
static int has_token(uint64_t now)
{
    if (e.full_at < now)
        e.full_at = now;
    if (e.full_at - now > e.burst_ns)
        e.full_at = now + e.burst_ns; /* the clock has gone backwards */
    return e.full_at - now + e.interval_ns <= e.burst_ns;
}

static int take_token(uint64_t now)
{
    if (!has_token(now))
        return 0;
    e.full_at += e.interval_ns;
    return 1;
}

static uint32_t count_of(const wsft_failure *f)
{
    return (f->has & WSFT_HAS_REPEAT) && f->repeat > 0 ? f->repeat : 1;
}

static void drop(const wsft_failure *failures, size_t count)
{
    for (size_t i = 0; failures != NULL && i < count; i++)
        e.dropped = add_saturating(e.dropped, count_of(&failures[i]));
}

/* The socket that was opened; another one where the program has closed it behind our back, as a
 * daemon does that closes every descriptor. */
static int have_socket(void)
{
    if (wsft_udp_is_ours(e.collector.socket))
        return 1;
    e.collector.socket = wsft_udp_socket(e.collector.address.ss_family);
    return e.collector.socket != WSFT_NO_HANDLE;
}

/* Sends as many of the failures as one datagram holds. Returns how many are done with. */
static size_t send_some(const wsft_failure *failures, size_t count)
{
    uint8_t bytes[WSFT_MAX_DATAGRAM];
    wsft_datagram d = {.flags = e.flags,
                       .sender = e.sender,
                       .sequence = e.sequence,
                       .dropped = e.dropped,
                       .sent_time = wsft_wall_clock(),
                       .host = e.host[0] != '\0' ? e.host : NULL,
                       .process = e.process[0] != '\0' ? e.process : NULL,
                       .library = WSFT_LIBRARY_NAME,
                       .process_id = e.process_id,
                       .platform = wsft_platform_number(),
                       .failures = failures,
                       .failure_count = count};
    size_t size = wsft_encode(bytes, sizeof bytes, &d);
    while (size == 0 && d.failure_count > 1) {
        d.failure_count--;
        size = wsft_encode(bytes, sizeof bytes, &d);
    }
    if (size == 0 || !have_socket() ||
        wsft_udp_send(e.collector.socket, bytes, size, &e.collector.address, e.collector.length) !=
            0) {
        drop(failures, d.failure_count);
        return d.failure_count;
    }
    e.sequence++;
    e.told_dropped = d.dropped;
    return d.failure_count;
}

/* Sends while there are tokens. What is left waits on in its slot, but for the slot that another
 * failure takes: place, or NULL. The incoming failure is left to the caller.
 * Returns how many failures are done with. */
static size_t send_batch(const batch *b, uint64_t now, int unlimited, const slot *place)
{
    size_t done = 0;
    while (done < b->count && (unlimited || take_token(now)))
        done += send_some(b->failures + done, b->count - done);
    for (size_t i = done; i < b->count; i++) {
        slot *s = b->from[i];
        if (s == place) {
            drop(&b->failures[i], 1);
        } else if (s != e.incoming) {
            s->used = 1;
            s->waiting = count_of(&b->failures[i]);
        }
    }
    return done;
}

/* The waiting failures of a slot as one record; the slot has none afterwards. */
static void take_waiting(batch *b, slot *s)
{
    wsft_failure *f = &b->failures[b->count];
    b->from[b->count++] = s;
    *f = s->failure;
    if (s->waiting > 1) {
        f->has |= WSFT_HAS_REPEAT | WSFT_HAS_FIRST_TIME;
        f->repeat = s->waiting;
        f->first_time = s->first_time;
    }
    s->waiting = 0;
}

/* Also where the clock has gone backwards: the difference is then a huge one. */
static int is_due(const slot *s, uint64_t now)
{
    return s->used && now - s->opened >= e.fold_ns;
}

/* Frees the slots whose time is over, and puts what waits in them on its way. */
static void take_due(batch *b, uint64_t now)
{
    for (slot *s = e.slots; s <= e.slots + SLOTS; s++) {
        if (!is_due(s, now))
            continue;
        if (s->waiting > 0)
            take_waiting(b, s);
        s->used = 0;
    }
}

static void send_due(uint64_t now)
{
    batch b;
    b.count = 0;
    if (!has_token(now))
        return; /* what waits may wait on, and go with a later datagram */
    take_due(&b, now);
    send_batch(&b, now, 0, NULL);
    if (b.count == 0 && e.dropped != e.told_dropped && take_token(now))
        send_some(NULL, 0);
}

static int same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int same_endpoint(const wsft_endpoint *a, const wsft_endpoint *b)
{
    return a->length == b->length && a->port == b->port && a->scope == b->scope &&
           memcmp(a->address, b->address, sizeof a->address) == 0;
}

static int same_failure(const wsft_failure *a, const wsft_failure *b)
{
    const uint32_t compared = WSFT_HAS_SOCKET | WSFT_HAS_KIND;
    return a->socket == b->socket && a->code == b->code && a->operation == b->operation &&
           a->space == b->space && (a->has & compared) == (b->has & compared) &&
           a->family == b->family && a->type == b->type && a->protocol == b->protocol &&
           same_endpoint(&a->local, &b->local) && same_endpoint(&a->remote, &b->remote) &&
           same_text(a->node, b->node) && same_text(a->service, b->service) &&
           same_text(a->message, b->message) && same_text(a->source, b->source);
}

static slot *find_equal(const wsft_failure *f)
{
    for (slot *s = e.slots; s <= e.slots + SLOTS; s++)
        if (s->used && same_failure(&s->failure, f))
            return s;
    return NULL;
}

/* The slot that gives its place up has the least: a free one; else the oldest of those that nothing
 * waits in; else the oldest. */
static uint64_t worth(const slot *s)
{
    const uint64_t waits = 1ull << 63; /* no clock gets there */
    return !s->used ? 0 : s->waiting > 0 ? s->opened | waits : s->opened;
}

static slot *choose_slot(void)
{
    slot *best = NULL;
    uint64_t least = UINT64_MAX;
    for (slot *s = e.slots; s <= e.slots + SLOTS && least > 0; s++) {
        if (s != e.incoming && worth(s) < least) {
            best = s;
            least = worth(s);
        }
    }
    return best;
}

/* Points the strings of a slot's failure at the slot's own. */
static void own_texts(slot *s)
{
    wsft_failure *f = &s->failure;
    f->node = f->node != NULL ? s->node : NULL;
    f->service = f->service != NULL ? s->service : NULL;
    f->message = f->message != NULL ? s->message : NULL;
    f->source = f->source != NULL ? s->source : NULL;
}

static void clean_endpoint(wsft_endpoint *end)
{
    if (end->length != 4 && end->length != 16)
        memset(end, 0, sizeof *end);
    if (end->length == 4)
        memset(end->address + 4, 0, sizeof end->address - 4);
}

/* Takes out of a failure what the emitter does not tell. */
static void withhold(wsft_failure *f)
{
    if (e.withhold & WSFT_WITHHOLD_NODE)
        f->node = NULL;
    if (e.withhold & WSFT_WITHHOLD_SERVICE)
        f->service = NULL;
    if (e.withhold & WSFT_WITHHOLD_MESSAGE)
        f->message = NULL;
    if (e.withhold & WSFT_WITHHOLD_SOURCE)
        f->source = NULL;
    if (e.withhold & WSFT_WITHHOLD_TRACE)
        f->has &= ~(uint32_t)WSFT_HAS_TRACE;
}

/* Makes the program's failure the incoming one: complete, cut, and in memory of our own. */
static void take_incoming(const wsft_failure *failure)
{
    slot *s = e.incoming;
    const wsft_failure *f = &s->failure;
    s->failure = *failure;
    withhold(&s->failure);
    if (f->time == 0)
        s->failure.time = wsft_wall_clock();
    if (!(f->has & WSFT_HAS_THREAD_ID)) {
        s->failure.has |= WSFT_HAS_THREAD_ID;
        s->failure.thread_id = wsft_thread_id();
    }
    clean_endpoint(&s->failure.local);
    clean_endpoint(&s->failure.remote);
    wsft_text_copy(s->node, f->node, WSFT_NODE_BYTES);
    wsft_text_copy(s->service, f->service, WSFT_SERVICE_BYTES);
    wsft_text_copy(s->message, f->message, WSFT_MESSAGE_BYTES);
    wsft_text_copy(s->source, f->source, WSFT_SOURCE_BYTES);
    own_texts(s);
}

/* Adds a failure to those that wait in a slot of its equals. */
static void fold(slot *s, const wsft_failure *f)
{
    uint64_t first = (f->has & WSFT_HAS_FIRST_TIME) ? f->first_time : f->time;
    if (s->waiting == 0 || first < s->first_time)
        s->first_time = first;
    int later = s->waiting == 0 || f->time >= s->failure.time;
    s->waiting = add_saturating(s->waiting, count_of(f));
    if (!later)
        return;
    s->failure = *f;
    s->failure.has &= ~(uint32_t)(WSFT_HAS_REPEAT | WSFT_HAS_FIRST_TIME);
    own_texts(s);
}

/* Keeps the incoming failure, with nothing waiting yet; the next one comes into the other slot. */
static slot *settle(slot *other, uint64_t now)
{
    slot *s = e.incoming;
    s->used = 1;
    s->opened = now;
    s->waiting = 0;
    other->used = 0;
    e.incoming = other;
    return s;
}

static void report(const wsft_failure *failure)
{
    uint64_t now = wsft_monotonic_clock();
    batch b;
    b.count = 0;
    take_incoming(failure);

    slot *s = find_equal(&e.incoming->failure);
    if (s != NULL && (!is_due(s, now) || !has_token(now))) {
        fold(s, &e.incoming->failure);
        send_due(now);
        return;
    }
    if (has_token(now))
        take_due(&b, now);
    s = choose_slot();
    if (s->used && s->waiting > 0)
        take_waiting(&b, s);
    b.failures[b.count] = e.incoming->failure;
    b.from[b.count++] = e.incoming;
    int sent = send_batch(&b, now, 0, s) == b.count;
    s = settle(s, now);
    if (!sent)
        fold(s, &s->failure); /* it waits in its slot for a later datagram */
}

void wsft_report(const wsft_failure *failure)
{
    wsft_error error = wsft_error_save();
    if (failure != NULL && wsft_is_wanted(failure->space, failure->code) && enter()) {
        report(failure);
        wsft_lock_release(&lock);
    }
    wsft_error_restore(error);
}

void wsft_flush(void)
{
    wsft_error error = wsft_error_save();
    if (enter()) {
        send_due(wsft_monotonic_clock());
        wsft_lock_release(&lock);
    }
    wsft_error_restore(error);
}

/* The flushing thread. It ends when the emitter's generation is no longer its own. */
static void flush_regularly(wsft_word generation)
{
    wsft_lock_take(&lock);
    while (e.generation == generation) {
        wsft_wait(&lock, e.flush_ms);
        if (e.generation == generation)
            send_due(wsft_monotonic_clock());
    }
    wsft_lock_release(&lock);
}

static void before_fork(void)
{
    wsft_endpoints_lock();
    wsft_lock_take(&lock);
}

static void after_fork(void)
{
    wsft_lock_release(&lock);
    wsft_endpoints_unlock();
}

/* The child is a sender of its own: its datagrams count from 0 under another number, and what waits
 * is the parent's to send. It has no flushing thread, for a fork copies none. */
static void in_child(void)
{
    if (wsft_word_load(&is_open) != 0) {
        e.sender = wsft_random();
        e.process_id = wsft_process_id();
        e.sequence = e.dropped = e.told_dropped = 0;
        e.full_at = 0;
        e.generation++;
        e.has_thread = 0;
        for (slot *s = e.slots; s <= e.slots + SLOTS; s++)
            s->used = 0;
    }
    wsft_lock_release(&lock);
    wsft_endpoints_unlock();
}

static int resolve(const wsft_options *options, wsft_collector *collector)
{
    char text[320];
    if (options->collector != NULL)
        return wsft_collector_open(options->collector, collector);
    if (wsft_environment(COLLECTOR_VARIABLE, text, sizeof text) < 0)
        return -1; /* rather nowhere than to another collector */
    return wsft_collector_open(text[0] != '\0' ? text : DEFAULT_COLLECTOR, collector);
}

static unsigned withhold_word(const char *word, size_t length)
{
    static const char *const words[] = {"host",    "process", "node", "service",
                                        "message", "source",  "trace"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0)
            return 1u << i;
    return WSFT_WITHHOLD_ALL; /* "all", or a word misspelt: rather too little than a secret */
}

/* What the environment holds back. */
static unsigned withheld(void)
{
    char text[128];
    unsigned all = 0;
    if (wsft_environment(WITHHOLD_VARIABLE, text, sizeof text) < 0)
        return WSFT_WITHHOLD_ALL;
    for (const char *word = text; *word != '\0';) {
        size_t length = strcspn(word, ", ");
        if (length > 0)
            all |= withhold_word(word, length);
        word += length + (word[length] != '\0');
    }
    return all;
}

static unsigned or_default(unsigned value, unsigned otherwise)
{
    return value != 0 ? value : otherwise;
}

static void start(const wsft_options *options, const wsft_collector *collector, uint32_t sender)
{
    wsft_word generation = e.generation + 1;
    unsigned rate = or_default(options->rate, DEFAULT_RATE);
    memset(&e, 0, sizeof e);
    e.generation = generation;
    e.incoming = &e.slots[SLOTS];
    e.collector = *collector;
    e.flags = options->test ? WSFT_TEST : 0;
    e.withhold = options->withhold | withheld();
    e.sender = sender;
    e.process_id = wsft_process_id();
    e.fold_ns = (uint64_t)or_default(options->fold_ms, DEFAULT_FOLD_MS) * MILLISECOND;
    e.interval_ns = rate < SECOND ? SECOND / rate : 1;
    e.burst_ns = e.interval_ns * or_default(options->burst, DEFAULT_BURST);
    e.flush_ms = options->flush_ms;
    wsft_host_name(e.host, sizeof e.host);
    if (options->process_name != NULL)
        wsft_text_copy(e.process, options->process_name, WSFT_PROCESS_BYTES);
    else
        wsft_process_name(e.process, sizeof e.process);
    if (e.withhold & WSFT_WITHHOLD_HOST)
        e.host[0] = '\0';
    if (e.withhold & WSFT_WITHHOLD_PROCESS)
        e.process[0] = '\0';
    if (e.flush_ms != 0)
        e.has_thread = wsft_thread_start(&e.thread, flush_regularly, generation) == 0;
    wsft_word_store(&report_pending, options->report_pending != 0);
    wsft_word_store(&is_open, 1);
}

static int open_emitter(const wsft_options *options)
{
    wsft_collector collector;
    wsft_platform_prepare(before_fork, after_fork, in_child);
    if (wsft_sockets_start() != 0)
        return -1;
    if (resolve(options, &collector) != 0)
        return -1;
    uint32_t sender = wsft_random();
    wsft_endpoints_forget();
    wsft_lock_take(&lock);
    int too_late = wsft_word_load(&is_open) != 0; /* another thread has opened meanwhile */
    if (!too_late)
        start(options, &collector, sender);
    wsft_lock_release(&lock);
    if (too_late)
        wsft_socket_close(collector.socket);
    return 0;
}

int wsft_open(const wsft_options *options)
{
    static const wsft_options defaults = {0};
    wsft_error error = wsft_error_save();
    int result = 0;
    if (wsft_word_load(&is_open) == 0)
        result = wsft_must_not_lock() ? -1 : open_emitter(options != NULL ? options : &defaults);
    wsft_error_restore(error);
    return result;
}

/* Sends all that waits, whatever the rate, and what has been dropped if nobody knows of it yet. */
static void send_rest(void)
{
    batch b;
    b.count = 0;
    for (slot *s = e.slots; s <= e.slots + SLOTS; s++)
        if (s->used && s->waiting > 0)
            take_waiting(&b, s);
    send_batch(&b, 0, 1, NULL);
    if (e.dropped != e.told_dropped)
        send_some(NULL, 0);
}

void wsft_close(void)
{
    wsft_error error = wsft_error_save();
    if (enter()) {
        send_rest();
        wsft_word_store(&is_open, 0);
        e.generation++;
        wsft_wake();
        int has_thread = e.has_thread;
        wsft_thread thread = e.thread;
        if (wsft_udp_is_ours(e.collector.socket))
            wsft_socket_close(e.collector.socket);
        wsft_lock_release(&lock);
        if (has_thread)
            wsft_thread_end(thread);
    }
    wsft_error_restore(error);
}
