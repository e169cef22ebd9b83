/* encode_test.c: the encoder against bytes written down by hand from the specification.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "emitter/winsock_telemetry.h"

enum { HEADER = 28, BEFORE_ITEMS = HEADER + 4 + 16 };

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t count = 0;
    unsigned high = 0;
    int half = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ')
            continue;
        unsigned digit = (unsigned)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
        if (half)
            bytes[count++] = (uint8_t)(high << 4 | digit);
        high = digit;
        half = !half;
    }
    assert_false(half);
    return count;
}

static void expect_bytes(const wsft_datagram *d, const char *hex)
{
    uint8_t expected[8192], actual[8192];
    size_t size = from_hex(hex, expected);
    assert_int_equal(wsft_encode(actual, sizeof actual, d), size);
    assert_memory_equal(actual, expected, size);
}

/* Every size that is too small gives 0 and leaves what lies behind it alone; the exact one fits. */
static void expect_bounded(const wsft_datagram *d)
{
    uint8_t bytes[WSFT_MAX_DATAGRAM];
    size_t whole = wsft_encode(bytes, sizeof bytes, d);
    assert_true(whole >= HEADER);
    for (size_t size = 0; size < whole; size++) {
        uint8_t *exact = malloc(size + 16);
        assert_non_null(exact);
        memset(exact, 0xA5, size + 16);
        assert_int_equal(wsft_encode(exact, size, d), 0);
        for (size_t i = size; i < size + 16; i++)
            assert_int_equal(exact[i], 0xA5);
        free(exact);
    }
    assert_int_equal(wsft_encode(NULL, 0, d), 0);
    assert_int_equal(wsft_encode(bytes, whole, d), whole);
}

/* The items of one failure, all else being the smallest useful datagram. */
static void expect_items(const wsft_failure *failure, const char *hex)
{
    uint8_t expected[8192], actual[8192];
    wsft_datagram d = {.failures = failure, .failure_count = 1};
    size_t size = from_hex(hex, expected);
    size_t used = wsft_encode(actual, sizeof actual, &d);
    assert_int_equal(used, BEFORE_ITEMS + size);
    assert_int_equal(actual[HEADER + 2] << 8 | actual[HEADER + 3], 16 + size);
    assert_memory_equal(actual + BEFORE_ITEMS, expected, size);
    expect_bounded(&d);
}

static void test_smallest(void **state)
{
    (void)state;
    const wsft_failure failure = {
        .time = 0x18a1b2c3d4e5f000, .code = 10054, .operation = WSFT_OP_RECV};
    const wsft_datagram d = {
        .sender = 42, .sent_time = 0x18a1b2c3d4e5f607, .failures = &failure, .failure_count = 1};
    expect_bytes(&d, "57534654 01 1c 0000 0000002a 00000000 00000000 18a1b2c3d4e5f607"
                     "0004 0010 18a1b2c3d4e5f000 00002746 00 00 0008");
    expect_bounded(&d);
}

static void test_header(void **state)
{
    (void)state;
    const wsft_datagram d = {.flags = WSFT_TEST,
                             .sender = 0x01020304,
                             .sequence = 0x05060708,
                             .dropped = 0x090a0b0c,
                             .sent_time = 0x0d0e0f1011121314};
    expect_bytes(&d, "57534654 01 1c 0001 01020304 05060708 090a0b0c 0d0e0f1011121314");
    expect_bounded(&d);
}

static void test_sender_items(void **state)
{
    (void)state;
    const wsft_datagram d = {.host = "PC",
                             .process = "app.exe",
                             .library = "x 1",
                             .process_id = 0x01020304,
                             .platform = WSFT_WINE};
    expect_bytes(&d, "57534654 01 1c 0000 00000000 00000000 00000000 0000000000000000"
                     "0001 0002 5043"
                     "0002 0007 6170702e657865"
                     "0003 0004 01020304"
                     "0005 0003 782031"
                     "0006 0001 02");
    expect_bounded(&d);
}

static void test_fixed_part(void **state)
{
    (void)state;
    const wsft_failure failure = {.time = 0x0102030405060708,
                                  .code = 0xc0000236,
                                  .space = WSFT_NTSTATUS,
                                  .operation = WSFT_OP_GETQUEUEDCOMPLETIONSTATUS};
    const wsft_datagram d = {.failures = &failure, .failure_count = 1};
    expect_bytes(&d, "57534654 01 1c 0000 00000000 00000000 00000000 0000000000000000"
                     "0004 0010 0102030405060708 c0000236 02 00 0046");
}

static void test_numbers(void **state)
{
    (void)state;
    const struct {
        wsft_failure failure;
        const char *hex;
    } rows[] = {
        {{.has = WSFT_HAS_THREAD_ID, .thread_id = 0x01020304}, "0010 0004 01020304"},
        {{.has = WSFT_HAS_SOCKET, .socket = 0x0102030405060708}, "0011 0008 0102030405060708"},
        {{.has = WSFT_HAS_KIND, .family = 23, .type = 1, .protocol = 6},
         "0012 0006 0017 0001 0006"},
        {{.has = WSFT_HAS_DURATION, .duration = UINT64_MAX}, "0017 0008 ffffffffffffffff"},
        {{.has = WSFT_HAS_BYTES, .bytes = 0}, "0018 0008 0000000000000000"},
        {{.has = WSFT_HAS_REPEAT, .repeat = 7}, "0019 0004 00000007"},
        {{.has = WSFT_HAS_FIRST_TIME, .first_time = 0x18a1b2c3d4e5f000},
         "001a 0008 18a1b2c3d4e5f000"},
        {{.has = 0, .thread_id = 1, .socket = 2, .family = 2, .duration = 3, .repeat = 4}, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_items(&rows[i].failure, rows[i].hex);
}

static void test_endpoints(void **state)
{
    (void)state;
    wsft_failure f = {.local = {.length = 4, .address = {192, 0, 2, 1}, .port = 80}};
    expect_items(&f, "0013 0006 c0000201 0050");

    f.local.scope = 9; /* an IPv4 address has none */
    expect_items(&f, "0013 0006 c0000201 0050");

    f = (wsft_failure){
        .remote = {.length = 16, .address = {0x20, 1, 0x0d, 0xb8, [15] = 1}, .port = 443}};
    expect_items(&f, "0014 0012 20010db8000000000000000000000001 01bb");

    f.remote.scope = 0x01020304;
    expect_items(&f, "0014 0016 20010db8000000000000000000000001 01bb 01020304");

    f.remote.length = 5; /* no address has this length */
    expect_items(&f, "");
}

static void test_strings(void **state)
{
    (void)state;
    const wsft_failure f = {.node = "db", .service = "80", .message = "", .source = "a.c:1 f"};
    expect_items(&f, "0015 0002 6462"
                     "0016 0002 3830"
                     "001b 0000"
                     "001c 0007 612e633a312066");
}

static void test_trace(void **state)
{
    (void)state;
    wsft_failure f = {.has = WSFT_HAS_TRACE, .trace_flags = 1};
    memset(f.trace_id, 0x11, sizeof f.trace_id);
    memset(f.span_id, 0x22, sizeof f.span_id);
    expect_items(&f, "001d 0019 11111111111111111111111111111111 2222222222222222 01");
}

static void test_every_item(void **state)
{
    (void)state;
    const wsft_endpoint end = {.length = 16, .address = {0xfe, 0x80}, .port = 1, .scope = 2};
    const wsft_failure f[2] = {{.has = 0xff,
                                .local = end,
                                .remote = end,
                                .node = "n",
                                .service = "s",
                                .message = "m",
                                .source = "c"},
                               {.code = 10061}};
    const wsft_datagram d = {.host = "h",
                             .process = "p",
                             .library = "l",
                             .process_id = 1,
                             .platform = 1,
                             .failures = f,
                             .failure_count = 2};
    expect_bounded(&d);
}

/* How many bytes of a message arrive. */
static size_t length_of_message(const char *message)
{
    uint8_t bytes[4096];
    const wsft_failure f = {.message = message};
    const wsft_datagram d = {.failures = &f, .failure_count = 1};
    size_t size = wsft_encode(bytes, sizeof bytes, &d);
    assert_true(size >= BEFORE_ITEMS + 4);
    size_t length = (size_t)bytes[BEFORE_ITEMS + 2] << 8 | bytes[BEFORE_ITEMS + 3];
    assert_int_equal(size, BEFORE_ITEMS + 4 + length);
    assert_memory_equal(bytes + BEFORE_ITEMS + 4, message, length);
    return length;
}

static void test_long_strings(void **state)
{
    (void)state;
    /* Characters of one to four bytes, each placed so that the cut falls before it, after it and at
     * every byte within. */
    static const char *const characters[] = {"x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t c = 0; c < sizeof characters / sizeof *characters; c++) {
        size_t width = strlen(characters[c]);
        for (size_t before = WSFT_MAX_STRING - width; before <= WSFT_MAX_STRING; before++) {
            char text[WSFT_MAX_STRING + 16];
            memset(text, 'a', before);
            memcpy(text + before, characters[c], width);
            memcpy(text + before + width, "zz", sizeof "zz");
            size_t expected = before + width <= WSFT_MAX_STRING ? before + width : before;
            if (before + width < WSFT_MAX_STRING)
                expected = WSFT_MAX_STRING;
            assert_int_equal(length_of_message(text), expected);
        }
    }
}

static void test_strings_at_the_limit(void **state)
{
    (void)state;
    char text[WSFT_MAX_STRING + 2];
    memset(text, 'a', sizeof text);
    text[WSFT_MAX_STRING + 1] = '\0';
    assert_int_equal(length_of_message(text), WSFT_MAX_STRING);
    text[WSFT_MAX_STRING] = '\0';
    assert_int_equal(length_of_message(text), WSFT_MAX_STRING);
    text[WSFT_MAX_STRING - 1] = '\0';
    assert_int_equal(length_of_message(text), WSFT_MAX_STRING - 1);
    /* Not UTF-8: nothing but continuation bytes. Cut all the same. */
    memset(text, 0x80, sizeof text - 1);
    text[WSFT_MAX_STRING + 1] = '\0';
    assert_int_equal(length_of_message(text), WSFT_MAX_STRING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_sender_items),
        cmocka_unit_test(test_fixed_part),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_every_item),
        cmocka_unit_test(test_long_strings),
        cmocka_unit_test(test_strings_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
