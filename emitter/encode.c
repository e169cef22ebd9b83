/* encode.c: a datagram of Winsock Failure Telemetry as bytes. Pure: it writes into the caller's
 * buffer and touches nothing else.
 *
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

/* The public numbers are the tables' own. */
#define X(number, identifier, name)                                                                \
    _Static_assert(WSFT_OP_##identifier == number, "operations.def and WSFT_OP_" #identifier);
#include "../fields/operations.def"
#undef X
#define X_SPACE(number, identifier, name)                                                          \
    _Static_assert(WSFT_##identifier == number, "enums.def and WSFT_" #identifier);
#define X_PLATFORM(number, identifier, name)                                                       \
    _Static_assert(WSFT_##identifier == number, "enums.def and WSFT_" #identifier);
#include "../fields/enums.def"

#define X(number, identifier, name, holder, length) ITEM_##identifier = number,
enum {
#include "../fields/items.def"
    ITEM_END
};
#undef X

enum { VERSION = 1, HEADER_BYTES = 28 };

/* Where the bytes go. full is set, and stays so, once something did not fit. */
typedef struct writer {
    uint8_t *bytes;
    size_t size, used;
    int full;
} writer;

size_t wsft_text_length(const char *text, size_t max)
{
    const char *end = memchr(text, '\0', max);
    size_t length = end != NULL ? (size_t)(end - text) : max;
    if (length < max || text[length] == '\0')
        return length;
    /* A character has at most three continuation bytes: more are not UTF-8, and cut as they are. */
    for (size_t back = 0; back <= 3 && back < length; back++)
        if (((uint8_t)text[length - back] & 0xC0) != 0x80)
            return length - back;
    return length;
}

void wsft_text_copy(char *target, const char *text, size_t max)
{
    size_t length = text == NULL ? 0 : wsft_text_length(text, max);
    if (length > 0)
        memcpy(target, text, length);
    target[length] = '\0';
}

/* Where the next bytes go, or NULL where they do not fit. */
static inline uint8_t *take(writer *w, size_t count)
{
    if (w->full || count > w->size - w->used) {
        w->full = 1;
        return NULL;
    }
    uint8_t *at = w->bytes + w->used;
    w->used += count;
    return at;
}

static void put_bytes(writer *w, const void *bytes, size_t count)
{
    uint8_t *at = take(w, count);
    if (at != NULL && count > 0)
        memcpy(at, bytes, count);
}

/* Written out, so that a compiler makes one swap and one store of it. */
static inline void put_number(writer *w, uint64_t value, unsigned width)
{
    const uint8_t bytes[8] = {(uint8_t)(value >> 56), (uint8_t)(value >> 48),
                              (uint8_t)(value >> 40), (uint8_t)(value >> 32),
                              (uint8_t)(value >> 24), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 8),  (uint8_t)value};
    uint8_t *at = take(w, width);
    if (at != NULL)
        memcpy(at, bytes + sizeof bytes - width, width);
}

static inline void put_item(writer *w, unsigned type, size_t length)
{
    put_number(w, (uint64_t)type << 16 | length, 4);
}

static inline void put_number_item(writer *w, unsigned type, uint64_t value, unsigned width)
{
    put_item(w, type, width);
    put_number(w, value, width);
}

static void put_text_item(writer *w, unsigned type, const char *text)
{
    if (text == NULL)
        return;
    size_t length = wsft_text_length(text, WSFT_MAX_STRING);
    put_item(w, type, length);
    put_bytes(w, text, length);
}

static void put_endpoint_item(writer *w, unsigned type, const wsft_endpoint *end)
{
    if (end->length != 4 && end->length != 16)
        return;
    int scoped = end->length == 16 && end->scope != 0;
    put_item(w, type, end->length + (scoped ? 6u : 2u));
    put_bytes(w, end->address, end->length);
    put_number(w, end->port, 2);
    if (scoped)
        put_number(w, end->scope, 4);
}

static void put_failure_items(writer *w, const wsft_failure *f)
{
    if (f->has & WSFT_HAS_THREAD_ID)
        put_number_item(w, ITEM_THREAD_ID, f->thread_id, 4);
    if (f->has & WSFT_HAS_SOCKET)
        put_number_item(w, ITEM_SOCKET, f->socket, 8);
    if (f->has & WSFT_HAS_KIND) {
        put_item(w, ITEM_SOCKET_KIND, 6);
        put_number(w, f->family, 2);
        put_number(w, f->type, 2);
        put_number(w, f->protocol, 2);
    }
    put_endpoint_item(w, ITEM_LOCAL_ENDPOINT, &f->local);
    put_endpoint_item(w, ITEM_REMOTE_ENDPOINT, &f->remote);
    put_text_item(w, ITEM_NODE_NAME, f->node);
    put_text_item(w, ITEM_SERVICE_NAME, f->service);
    if (f->has & WSFT_HAS_DURATION)
        put_number_item(w, ITEM_DURATION, f->duration, 8);
    if (f->has & WSFT_HAS_BYTES)
        put_number_item(w, ITEM_BYTES, f->bytes, 8);
    if (f->has & WSFT_HAS_REPEAT)
        put_number_item(w, ITEM_REPEAT, f->repeat, 4);
    if (f->has & WSFT_HAS_FIRST_TIME)
        put_number_item(w, ITEM_FIRST_TIME, f->first_time, 8);
    put_text_item(w, ITEM_MESSAGE, f->message);
    put_text_item(w, ITEM_SOURCE, f->source);
    if (f->has & WSFT_HAS_TRACE) {
        put_item(w, ITEM_TRACE_CONTEXT, sizeof f->trace_id + sizeof f->span_id + 1);
        put_bytes(w, f->trace_id, sizeof f->trace_id);
        put_bytes(w, f->span_id, sizeof f->span_id);
        put_number(w, f->trace_flags, 1);
    }
}

static void put_failure(writer *w, const wsft_failure *f)
{
    size_t item = w->used;
    put_item(w, ITEM_FAILURE, 0);
    size_t start = w->used;
    put_number(w, f->time, 8);
    put_number(w, f->code, 4);
    put_number(w, f->space, 1);
    put_number(w, 0, 1);
    put_number(w, f->operation, 2);
    put_failure_items(w, f);
    if (w->full)
        return;
    size_t length = w->used - start;
    w->bytes[item + 2] = (uint8_t)(length >> 8);
    w->bytes[item + 3] = (uint8_t)length;
}

static void put_header(writer *w, const wsft_datagram *d)
{
    put_bytes(w, "WSFT", 4);
    put_number(w, VERSION, 1);
    put_number(w, HEADER_BYTES, 1);
    put_number(w, d->flags, 2);
    put_number(w, d->sender, 4);
    put_number(w, d->sequence, 4);
    put_number(w, d->dropped, 4);
    put_number(w, d->sent_time, 8);
}

size_t wsft_encode(void *buffer, size_t size, const wsft_datagram *d)
{
    writer w = {.bytes = buffer, .size = size};
    put_header(&w, d);
    put_text_item(&w, ITEM_HOST_NAME, d->host);
    put_text_item(&w, ITEM_PROCESS_NAME, d->process);
    if (d->process_id != 0)
        put_number_item(&w, ITEM_PROCESS_ID, d->process_id, 4);
    put_text_item(&w, ITEM_LIBRARY, d->library);
    if (d->platform != 0)
        put_number_item(&w, ITEM_PLATFORM, d->platform, 1);
    for (size_t i = 0; i < d->failure_count && !w.full; i++)
        put_failure(&w, &d->failures[i]);
    return w.full ? 0 : w.used;
}
