/* encode_fuzz.c: libFuzzer over the emitter's encoder. A datagram made from the input is written,
 * and read back by the plugin in libwireshark: every field must be what was given. A buffer that is
 * too small must give 0, and no byte be written past it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "session.h"

#include "emitter/winsock_telemetry.h"
#include "plugin/text.h"

#include <epan/proto.h>

#include <stdlib.h>
#include <string.h>

enum { MAX_FAILURES = 3, HEADERS = 28, MAX_TEXT = 1100 };

/* The input, while a datagram is made from it. */
static const guint8 *input;
static size_t input_left;

static guint64 take(unsigned bytes)
{
    guint64 value = 0;

    for (; bytes > 0 && input_left > 0; bytes--, input_left--)
        value = value << 8 | *input++;
    return value;
}

/* A string, or NULL: a few bytes of the input over and over, so that long ones are cheap. It lies
 * at the end of its allocation. */
static const char *take_text(GPtrArray *owner)
{
    guint8 kind = (guint8)take(1);
    size_t length = kind & 0x40 ? (size_t)take(2) % MAX_TEXT : kind & 0xf;
    size_t period = MIN((size_t)(kind & 0xf) + 1, input_left);

    if (!(kind & 0x80))
        return NULL;
    char *text = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = period ? (char)input[i % period] : 'x';
    text[length] = '\0';
    input += period;
    input_left -= period;
    g_ptr_array_add(owner, text);
    return text;
}

static void take_bytes(guint8 *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (guint8)take(1);
}

static wsft_endpoint take_endpoint(void)
{
    wsft_endpoint end = {.length = (guint8)take(1)};

    if (end.length > 0x40)
        end.length = end.length & 1 ? 4 : 16;
    take_bytes(end.address, sizeof end.address);
    end.port = (guint16)take(2);
    end.scope = (guint32)take(4);
    return end;
}

static wsft_failure take_failure(GPtrArray *owner)
{
    wsft_failure f = {.time = take(8),
                      .code = (guint32)take(4),
                      .space = (guint8)take(1),
                      .operation = (guint16)take(2),
                      .has = (guint32)take(1),
                      .thread_id = (guint32)take(4),
                      .socket = take(8),
                      .family = (guint16)take(2),
                      .type = (guint16)take(2),
                      .protocol = (guint16)take(2)};

    f.local = take_endpoint();
    f.remote = take_endpoint();
    f.duration = take(8);
    f.bytes = take(8);
    f.repeat = (guint32)take(4);
    f.first_time = take(8);
    take_bytes(f.trace_id, sizeof f.trace_id);
    take_bytes(f.span_id, sizeof f.span_id);
    f.trace_flags = (guint8)take(1);
    f.node = take_text(owner);
    f.service = take_text(owner);
    f.message = take_text(owner);
    f.source = take_text(owner);
    return f;
}

static wsft_datagram take_datagram(wsft_failure *failures, GPtrArray *owner)
{
    wsft_datagram d = {.flags = (guint16)take(2),
                       .sender = (guint32)take(4),
                       .sequence = (guint32)take(4),
                       .dropped = (guint32)take(4),
                       .sent_time = take(8),
                       .process_id = (guint32)take(4),
                       .platform = (guint8)take(1),
                       .failures = failures,
                       .failure_count = (size_t)take(1) % (MAX_FAILURES + 1)};

    d.host = take_text(owner);
    d.process = take_text(owner);
    d.library = take_text(owner);
    for (size_t i = 0; i < d.failure_count; i++)
        failures[i] = take_failure(owner);
    return d;
}

/* What is carried, as lines "failure field=value", the datagram's own under 0. One of these makes
 * the lines from what was given, the other from what was read. */

static void expect_number(GPtrArray *lines, unsigned of, const char *field, guint64 value)
{
    g_ptr_array_add(lines, g_strdup_printf("%u %s=%" G_GUINT64_FORMAT, of, field, value));
}

static void expect_bytes(GPtrArray *lines, unsigned of, const char *field, const guint8 *bytes,
                         size_t count)
{
    GString *line = g_string_new(NULL);

    g_string_printf(line, "%u %s=", of, field);
    for (size_t i = 0; i < count; i++)
        g_string_append_printf(line, "%02x", bytes[i]);
    g_ptr_array_add(lines, g_string_free(line, FALSE));
}

/* Cut at a character, and what is not UTF-8 replaced. */
static void expect_text(GPtrArray *lines, unsigned of, const char *field, const char *text)
{
    if (!text)
        return;
    size_t length = strlen(text);
    if (length > WSFT_MAX_STRING) {
        length = WSFT_MAX_STRING;
        while (length > WSFT_MAX_STRING - 3 && ((guint8)text[length] & 0xc0) == 0x80)
            length--;
        if (((guint8)text[length] & 0xc0) == 0x80)
            length = WSFT_MAX_STRING;
    }
    char *plain = text_plain(text, length);
    g_ptr_array_add(lines, g_strdup_printf("%u %s=%s", of, field, plain));
    g_free(plain);
}

static void expect_endpoint(GPtrArray *lines, unsigned of, const char *name,
                            const wsft_endpoint *end)
{
    char field[64];

    if (end->length != 4 && end->length != 16)
        return;
    snprintf(field, sizeof field, "winsock.%s.%s", name, end->length == 4 ? "ip" : "ipv6");
    expect_bytes(lines, of, field, end->address, end->length);
    snprintf(field, sizeof field, "winsock.%s.port", name);
    expect_number(lines, of, field, end->port);
    snprintf(field, sizeof field, "winsock.%s.scope", name);
    if (end->length == 16 && end->scope != 0)
        expect_number(lines, of, field, end->scope);
}

static void expect_failure(GPtrArray *lines, unsigned of, const wsft_failure *f)
{
    expect_number(lines, of, "winsock.time", f->time);
    expect_number(lines, of, "winsock.code", f->code);
    expect_number(lines, of, "winsock.space", f->space);
    expect_number(lines, of, "winsock.operation", f->operation);
    if (f->has & WSFT_HAS_THREAD_ID)
        expect_number(lines, of, "winsock.thread.id", f->thread_id);
    if (f->has & WSFT_HAS_SOCKET)
        expect_number(lines, of, "winsock.socket", f->socket);
    if (f->has & WSFT_HAS_KIND) {
        expect_number(lines, of, "winsock.family", f->family);
        expect_number(lines, of, "winsock.type", f->type);
        expect_number(lines, of, "winsock.protocol", f->protocol);
    }
    expect_endpoint(lines, of, "local", &f->local);
    expect_endpoint(lines, of, "remote", &f->remote);
    expect_text(lines, of, "winsock.node", f->node);
    expect_text(lines, of, "winsock.service", f->service);
    if (f->has & WSFT_HAS_DURATION)
        expect_number(lines, of, "winsock.duration", f->duration);
    if (f->has & WSFT_HAS_BYTES)
        expect_number(lines, of, "winsock.bytes", f->bytes);
    if (f->has & WSFT_HAS_REPEAT)
        expect_number(lines, of, "winsock.repeat", f->repeat);
    if (f->has & WSFT_HAS_FIRST_TIME)
        expect_number(lines, of, "winsock.first_time", f->first_time);
    expect_text(lines, of, "winsock.message", f->message);
    expect_text(lines, of, "winsock.source", f->source);
    if (f->has & WSFT_HAS_TRACE) {
        expect_bytes(lines, of, "winsock.trace_id", f->trace_id, sizeof f->trace_id);
        expect_bytes(lines, of, "winsock.span_id", f->span_id, sizeof f->span_id);
        expect_number(lines, of, "winsock.trace_flags", f->trace_flags);
    }
}

static GPtrArray *expected(const wsft_datagram *d)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

    expect_text(lines, 0, "winsock.magic", "WSFT");
    expect_number(lines, 0, "winsock.version", 1);
    expect_number(lines, 0, "winsock.header_length", 28);
    expect_number(lines, 0, "winsock.flags", d->flags);
    expect_number(lines, 0, "winsock.flags.test", d->flags & WSFT_TEST);
    expect_number(lines, 0, "winsock.sender", d->sender);
    expect_number(lines, 0, "winsock.seq", d->sequence);
    expect_number(lines, 0, "winsock.dropped", d->dropped);
    expect_number(lines, 0, "winsock.sent_time", d->sent_time);
    expect_text(lines, 0, "winsock.host", d->host);
    expect_text(lines, 0, "winsock.process.name", d->process);
    if (d->process_id)
        expect_number(lines, 0, "winsock.process.id", d->process_id);
    expect_text(lines, 0, "winsock.library", d->library);
    if (d->platform)
        expect_number(lines, 0, "winsock.platform", d->platform);
    for (size_t i = 0; i < d->failure_count; i++)
        expect_failure(lines, (unsigned)i + 1, &d->failures[i]);
    return lines;
}

/* The numbers, by the type that the plugin gives the field. */
static void add_field(GPtrArray *lines, unsigned of, field_info *field)
{
    const char *name = field->hfinfo->abbrev;
    const nstime_t *time;

    switch (field->hfinfo->type) {
    case FT_STRING:
        g_ptr_array_add(lines,
                        g_strdup_printf("%u %s=%s", of, name, fvalue_get_string(&field->value)));
        return;
    case FT_BYTES:
    case FT_IPv6:
        expect_bytes(lines, of, name, fvalue_get_bytes(&field->value), (size_t)field->length);
        return;
    case FT_IPv4: {
        guint32 address = fvalue_get_uinteger(&field->value); /* in network order */
        expect_bytes(lines, of, name, (const guint8 *)&address, sizeof address);
        return;
    }
    case FT_ABSOLUTE_TIME:
    case FT_RELATIVE_TIME:
        time = fvalue_get_time(&field->value);
        expect_number(lines, of, name, (guint64)time->secs * 1000000000 + (guint64)time->nsecs);
        return;
    case FT_UINT64:
    case FT_BOOLEAN:
        expect_number(lines, of, name, fvalue_get_uinteger64(&field->value));
        return;
    default:
        expect_number(lines, of, name, fvalue_get_uinteger(&field->value));
    }
}

/* Everything of the plugin's that it did not work out itself. */
static GPtrArray *read_back(epan_dissect_t *edt)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    GPtrArray *fields = proto_all_finfos(edt->tree);
    unsigned of = 0;

    for (guint i = 0; i < fields->len; i++) {
        field_info *field = fields->pdata[i];
        const char *name = field->hfinfo->abbrev;
        if (!g_str_has_prefix(name, "winsock.") || field->flags & FI_GENERATED)
            continue;
        if (strcmp(name, "winsock.failure") == 0)
            of++;
        else if (field->hfinfo->type != FT_NONE && strcmp(name, "winsock.error") != 0)
            add_field(lines, of, field);
    }
    g_ptr_array_free(fields, TRUE);
    return lines;
}

static gint compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void compare(GPtrArray *given, GPtrArray *read)
{
    g_ptr_array_sort(given, compare_lines);
    g_ptr_array_sort(read, compare_lines);
    for (guint i = 0; i < MAX(given->len, read->len); i++) {
        const char *wanted = i < given->len ? given->pdata[i] : "nothing";
        const char *found = i < read->len ? read->pdata[i] : "nothing";
        if (strcmp(wanted, found) != 0)
            g_error("given %s, read back as %s", wanted, found);
    }
    g_ptr_array_unref(given);
    g_ptr_array_unref(read);
}

/* In a packet to the telemetry's port. size 0: does not fit, and nothing of it is kept. */
static size_t encode(const wsft_datagram *d, size_t size, session_frame *frame)
{
    static const guint8 headers[HEADERS] = {0x45, 0, 0, 0,  0,   0, 0, 0,  64,   17,   0,    0,
                                            192,  0, 2, 10, 192, 0, 2, 99, 0xc3, 0x50, 0x27, 0x46};
    size_t whole = HEADERS + size;

    *frame = (session_frame){.bytes = malloc(whole),
                             .captured = (guint32)whole,
                             .reported = (guint32)whole,
                             .encapsulation = WTAP_ENCAP_RAW_IP,
                             .time = {1790000000, 0}};
    memcpy(frame->bytes, headers, HEADERS);
    frame->bytes[2] = (guint8)(whole >> 8);
    frame->bytes[3] = (guint8)whole;
    frame->bytes[24] = (guint8)((whole - 20) >> 8);
    frame->bytes[25] = (guint8)(whole - 20);
    return wsft_encode(frame->bytes + HEADERS, size, d);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    session_start();
    return 0;
}

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    static guint8 room[65536 - HEADERS];
    wsft_failure failures[MAX_FAILURES];
    GPtrArray *texts = g_ptr_array_new_with_free_func(free);
    session_frame frame;

    input = data;
    input_left = size;
    size_t part = (size_t)take(2);
    wsft_datagram d = take_datagram(failures, texts);
    size_t whole = wsft_encode(room, sizeof room, &d);
    g_assert_cmpuint(whole, >, 0);
    size_t too_little = encode(&d, part % whole, &frame);
    g_assert_cmpuint(too_little, ==, 0);
    free(frame.bytes);
    size_t all = encode(&d, whole, &frame);
    g_assert_cmpuint(all, ==, whole);
    compare(expected(&d), read_back(session_dissect(&frame, TRUE, TRUE)));
    session_renew();
    frame_data_destroy(&frame.fd);
    free(frame.bytes);
    g_ptr_array_unref(texts);
    return 0;
}
