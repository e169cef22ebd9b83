/* dissect_fuzz.c: libFuzzer over the plugin in libwireshark. An input is a small capture: telemetry
 * among the packets that it is held against, read in two passes, then the statistics.
 *
 *   input   options (1 byte), records
 *   record  kind (1 byte), time since the one before (3 bytes, in 64 microseconds), length (2
 *           bytes), bytes
 *
 * The kind says what the bytes are, how much of the packet the capture lacks, and whether time went
 * back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* memmem */
#include "session.h"

#include <stdlib.h>
#include <string.h>

/* Of an input: whether the tree of the last pass is visible, whether it is printed, whether there
 * are statistics, whether there is one pass alone, and whether the first of two has a tree. */
enum {
    OPTION_VISIBLE = 1,
    OPTION_PRINT = 2,
    OPTION_STATISTICS = 4,
    OPTION_ONE_PASS = 8,
    OPTION_FIRST_TREE = 16,
    OPTIONS = 5
};
enum { KIND_TELEMETRY, KIND_ETHERNET, KIND_IP, KIND_IP_TOO, KINDS };
enum { KIND_LACKS_SHIFT = 2, KIND_LACKS = 0xf, KIND_BACKWARDS = 0x40 };
enum { HEADER = 6, MAX_FRAMES = 12, MAX_PAYLOAD = 1500 };

static const gint64 start_time = G_GINT64_CONSTANT(1790000000000000000);

typedef struct {
    guint8 kind;
    gint64 since; /* nanoseconds */
    size_t length;
    const guint8 *bytes;
} record;

/* Reads the record at *offset and goes after it; what runs past the end is cut. */
static gboolean next_record(const guint8 *data, size_t size, size_t *offset, record *r)
{
    if (size - *offset < HEADER)
        return FALSE;
    const guint8 *at = data + *offset;
    gint64 since = (gint64)(at[1] << 16 | at[2] << 8 | at[3]) * 64000;
    size_t length = (size_t)at[4] << 8 | at[5];
    *r = (record){at[0], at[0] & KIND_BACKWARDS ? -since : since,
                  MIN(length, size - *offset - HEADER), at + HEADER};
    *offset += HEADER + r->length;
    return TRUE;
}

/* The frame's bytes: telemetry gets headers whose lengths fit it. */
static guint8 *bytes_of(const record *r, size_t *length)
{
    static const guint8 headers[28] = {0x45, 0, 0, 0,  0,   0, 0, 0,  64,   17,   0x3a, 0xc8,
                                       192,  0, 2, 10, 192, 0, 2, 99, 0xc3, 0x50, 0x27, 0x46};
    size_t before = r->kind % KINDS == KIND_TELEMETRY ? sizeof headers : 0;

    *length = before + MIN(r->length, MAX_PAYLOAD);
    guint8 *bytes = g_malloc(*length + (*length == 0));
    memcpy(bytes + before, r->bytes, *length - before);
    if (before) {
        memcpy(bytes, headers, before);
        bytes[2] = (guint8)(*length >> 8);
        bytes[3] = (guint8)*length;
        bytes[24] = (guint8)((*length - 20) >> 8);
        bytes[25] = (guint8)(*length - 20);
    }
    return bytes;
}

static size_t read_frames(const guint8 *data, size_t size, session_frame *frames)
{
    static const int encapsulations[KINDS] = {WTAP_ENCAP_RAW_IP, WTAP_ENCAP_ETHERNET,
                                              WTAP_ENCAP_RAW_IP, WTAP_ENCAP_RAW_IP};
    gint64 now = start_time;
    size_t count = 0;
    record r;

    for (size_t offset = 0; count < MAX_FRAMES && next_record(data, size, &offset, &r); count++) {
        session_frame *frame = &frames[count];
        size_t length;
        now += r.since;
        memset(frame, 0, sizeof *frame);
        frame->bytes = bytes_of(&r, &length);
        frame->captured = (guint32)length;
        frame->reported = frame->captured + 128U * (r.kind >> KIND_LACKS_SHIFT & KIND_LACKS);
        frame->encapsulation = encapsulations[r.kind % KINDS];
        frame->time = (nstime_t){(time_t)(now / 1000000000), (int)(now % 1000000000)};
    }
    return count;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    session_start();
    return 0;
}

static void dissect(session_frame *frames, size_t count, guint8 options, gboolean last)
{
    for (size_t i = 0; i < count; i++) {
        epan_dissect_t *edt = session_dissect(&frames[i], last || options & OPTION_FIRST_TREE,
                                              last && options & OPTION_VISIBLE);
        if (last && options & OPTION_PRINT)
            session_print(edt);
    }
}

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    session_frame frames[MAX_FRAMES];

    if (size == 0)
        return 0;
    guint8 options = data[0];
    size_t count = read_frames(data + 1, size - 1, frames);
    stats_tree *counts = options & OPTION_STATISTICS ? session_count() : NULL;
    if (!(options & OPTION_ONE_PASS))
        dissect(frames, count, options, FALSE);
    dissect(frames, count, options, TRUE);
    if (counts)
        session_draw_statistics(counts);
    session_renew();
    for (size_t i = 0; i < count; i++) {
        frame_data_destroy(&frames[i].fd);
        g_free(frames[i].bytes);
    }
    return 0;
}

/* Mutations that keep the records whole. Others come from libFuzzer's own on the whole input. */

static size_t copy_record(guint8 *data, size_t size, size_t max_size, const record *from,
                          size_t *to)
{
    size_t length = from->length + HEADER;
    guint8 copy[HEADER + G_MAXUINT16];

    if (size + length > max_size)
        return size;
    memcpy(copy, from->bytes - HEADER, length);
    memmove(data + *to + length, data + *to, size - *to);
    memcpy(data + *to, copy, length);
    return size + length;
}

static size_t mutate_record(guint8 *data, size_t size, size_t max_size, const record *r)
{
    size_t start = (size_t)(r->bytes - data), after = start + r->length;
    size_t room = MIN(max_size - size + r->length, G_MAXUINT16);
    guint8 bytes[G_MAXUINT16];

    memcpy(bytes, r->bytes, r->length);
    if (room == 0)
        return size;
    size_t length = LLVMFuzzerMutate(bytes, r->length, room);
    memmove(data + start + length, data + after, size - after);
    memcpy(data + start, bytes, length);
    data[start - 2] = (guint8)(length >> 8);
    data[start - 1] = (guint8)length;
    return size - r->length + length;
}

static const guint16 operations[] = {
#define X(number, identifier, name) number,
#include "fields/operations.def"
#undef X
};

static const guint32 codes[] = {
#define X(number, name, aliases, title, category, description, advice) number,
#include "fields/errors.def"
#undef X
};

/* Gives the first failure of a report another call or another code, of those that are known: the
 * rules differ by them, and chance would seldom put one where it counts. */
static void change_failure(guint8 *data, const record *r, unsigned seed)
{
    enum { HEADER_LENGTH = 28, FAILURE = 4, CODE = 12, OPERATION = 18, FIXED = 20 };
    guint8 *report = memmem(data + (r->bytes - data), r->length, "WSFT", 4);
    guint8 *end = data + (r->bytes - data) + r->length;

    if (!report || end - report < HEADER_LENGTH)
        return;
    guint8 *item = report + HEADER_LENGTH;
    while (end - item >= FIXED && (item[0] << 8 | item[1]) != FAILURE)
        item += MIN(4 + (item[2] << 8 | item[3]), end - item);
    if (end - item < FIXED)
        return;
    guint16 operation = operations[(seed >> 1) % G_N_ELEMENTS(operations)];
    guint32 code = GUINT32_TO_BE(codes[(seed >> 1) % G_N_ELEMENTS(codes)]);
    if (seed & 1)
        memcpy(item + CODE, &code, sizeof code);
    else
        memcpy(item + OPERATION, &(guint16){GUINT16_TO_BE(operation)}, sizeof operation);
}

size_t LLVMFuzzerCustomMutator(guint8 *data, size_t size, size_t max_size, unsigned seed)
{
    size_t starts[MAX_FRAMES + 1], count = 0;
    record records[MAX_FRAMES];
    size_t offset = 1;

    if (size > 1) {
        starts[0] = offset;
        while (count < MAX_FRAMES && next_record(data, size, &offset, &records[count]))
            starts[++count] = offset;
    }
    if (count == 0 || seed % 4 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    if (seed % 32 == 3) {
        data[0] ^= (guint8)(1 << (seed >> 8) % OPTIONS);
        return size;
    }
    const record *r = &records[(seed >> 8) % count];
    if (seed % 8 == 5) {
        change_failure(data, r, seed >> 8);
        return size;
    }
    size_t *to = &starts[(seed >> 16) % (count + 1)];
    if (seed % 16 == 1)
        return copy_record(data, size, max_size, r, to);
    if (seed % 16 == 2) { /* without it */
        size_t after = starts[r - records + 1], start = starts[r - records];
        memmove(data + start, data + after, size - after);
        return size - (after - start);
    }
    return mutate_record(data, size, max_size, r);
}
