/* wire.c: see wire.h. Anything that the specification does not allow fails the test at hand.
 *
 * SPDX-License-Identifier: MIT
 */
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static uint64_t number(const uint8_t *bytes, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void text(char *target, const uint8_t *bytes, size_t length)
{
    assert_true(length <= 1024);
    memcpy(target, bytes, length);
    target[length] = '\0';
}

static void endpoint(wsft_endpoint *end, const uint8_t *bytes, size_t length)
{
    assert_true(length == 6 || length == 18 || length == 22);
    memset(end, 0, sizeof *end);
    end->length = length == 6 ? 4 : 16;
    memcpy(end->address, bytes, end->length);
    end->port = (uint16_t)number(bytes + end->length, 2);
    if (length == 22)
        end->scope = (uint32_t)number(bytes + 18, 4);
}

static void read_failure_item(failure *f, unsigned type, const uint8_t *value, size_t length)
{
    switch (type) {
    case 16:
        f->has_thread = 1;
        f->thread_id = (uint32_t)number(value, 4);
        break;
    case 17:
        f->has_socket = 1;
        f->socket = number(value, 8);
        break;
    case 18:
        f->has_kind = 1;
        f->family = (unsigned)number(value, 2);
        f->type = (unsigned)number(value + 2, 2);
        f->protocol = (unsigned)number(value + 4, 2);
        break;
    case 19:
        endpoint(&f->local, value, length);
        break;
    case 20:
        endpoint(&f->remote, value, length);
        break;
    case 21:
        text(f->node, value, length);
        break;
    case 22:
        text(f->service, value, length);
        break;
    case 23:
        f->has_duration = 1;
        f->duration = number(value, 8);
        break;
    case 24:
        f->has_bytes = 1;
        f->bytes = number(value, 8);
        break;
    case 25:
        f->has_repeat = 1;
        f->repeat = (uint32_t)number(value, 4);
        break;
    case 26:
        f->has_first_time = 1;
        f->first_time = number(value, 8);
        break;
    case 27:
        text(f->message, value, length);
        break;
    case 28:
        text(f->source, value, length);
        break;
    case 29:
        f->has_trace = 1;
        break;
    default:
        fail_msg("item %u in a failure", type);
    }
}

static void read_failure(datagram *d, const uint8_t *value, size_t length)
{
    assert_true(d->count < MAX_FAILURES && length >= 16);
    failure *f = &d->failures[d->count++];
    memset(f, 0, sizeof *f);
    f->repeat = 1;
    f->time = number(value, 8);
    f->code = (uint32_t)number(value + 8, 4);
    f->space = value[12];
    f->operation = (unsigned)number(value + 14, 2);
    for (size_t at = 16; at < length;) {
        size_t item = (size_t)number(value + at + 2, 2);
        assert_true(at + 4 + item <= length);
        read_failure_item(f, (unsigned)number(value + at, 2), value + at + 4, item);
        at += 4 + item;
    }
}

static void read_item(datagram *d, unsigned type, const uint8_t *value, size_t length)
{
    if (type == 1)
        text(d->host, value, length);
    else if (type == 2)
        text(d->process, value, length);
    else if (type == 3)
        d->process_id = (uint32_t)number(value, 4);
    else if (type == 4)
        read_failure(d, value, length);
    else if (type == 5)
        text(d->library, value, length);
    else if (type == 6)
        d->platform = value[0];
    else
        fail_msg("item %u in a datagram", type);
}

void read_datagram(datagram *d, const uint8_t *bytes, size_t size)
{
    assert_true(size >= 28 && size <= WSFT_MAX_DATAGRAM);
    assert_memory_equal(bytes, "WSFT\x01\x1c", 6);
    memset(d, 0, offsetof(datagram, failures));
    d->flags = (unsigned)number(bytes + 6, 2);
    d->sender = (uint32_t)number(bytes + 8, 4);
    d->sequence = (uint32_t)number(bytes + 12, 4);
    d->dropped = (uint32_t)number(bytes + 16, 4);
    d->sent_time = number(bytes + 20, 8);
    for (size_t at = 28; at < size;) {
        size_t item = (size_t)number(bytes + at + 2, 2);
        assert_true(at + 4 + item <= size);
        read_item(d, (unsigned)number(bytes + at, 2), bytes + at + 4, item);
        at += 4 + item;
    }
}
