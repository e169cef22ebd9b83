/* text_test.c: text that anyone can send, made fit to be shown.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void expect_plain(const char *bytes, const char *wanted)
{
    char *plain = text_plain(bytes, strlen(bytes));
    assert_string_equal(plain, wanted);
    g_free(plain);
}

static void what_can_be_seen_stays(void **state)
{
    (void)state;
    expect_plain("", "");
    expect_plain("C:\\shop 2\\\"a\".exe", "C:\\shop 2\\\"a\".exe");
    expect_plain("b\xc3\xbc"
                 "cher \xd7\xa9\xd7\x9c \xe5\xba\x97 \xf0\x9f\x9b\x92",
                 "b\xc3\xbc"
                 "cher \xd7\xa9\xd7\x9c \xe5\xba\x97 \xf0\x9f\x9b\x92");
}

static void what_cannot_be_seen_is_escaped(void **state)
{
    static const gunichar hidden[] = {
        0x01,   0x07,   0x08,   0x09,   0x0a,   0x0d,   0x1b,   0x7f,    0x80,
        0x85,   0x9b,   0xad,   0x61c,  0x180e, 0x200b, 0x200c, 0x200d,  0x200e,
        0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e,  0x2060,
        0x2066, 0x2067, 0x2068, 0x2069, 0xfeff, 0xfff9, 0xfffb, 0xe0001, 0xe0041};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++) {
        char bytes[16] = "a", wanted[32];
        bytes[1 + g_unichar_to_utf8(hidden[i], bytes + 1)] = 'b';
        g_snprintf(wanted, sizeof wanted, "a\\u{%x}b", hidden[i]);
        expect_plain(bytes, wanted);
    }
}

static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    expect_plain("a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd");
    char *plain = text_plain("a\0b", 3);
    assert_string_equal(plain, "a\xef\xbf\xbd"
                               "b");
    g_free(plain);
}

static void a_name_of_one_word_stands_alone(void **state)
{
    (void)state;
    assert_string_equal(text_of_name("shop-2.exe").text, "shop-2.exe");
    assert_string_equal(text_of_name("fe80::1%eth0").text, "fe80::1%eth0");
    assert_string_equal(text_of_name("b\xc3\xbc"
                                     "cher")
                            .text,
                        "b\xc3\xbc"
                        "cher");
}

static void other_names_are_quoted(void **state)
{
    (void)state;
    assert_string_equal(text_of_name("").text, "");
    assert_string_equal(text_of_name("x (confirmed by RST in frame 3)").text,
                        "\"x (confirmed by RST in frame 3)\"");
    assert_string_equal(text_of_name("x\" in frame 3").text, "\"x\\\" in frame 3\"");
    assert_string_equal(text_of_name("x\\\"").text, "\"x\\\\\\\"\"");
    assert_string_equal(text_of_name("a|b").text, "\"a|b\"");
    /* two spaces are the next column, and an em space looks like it */
    assert_string_equal(text_of_name("a  \xe2\x80\x83  b").text, "\"a b\"");
}

static void a_long_name_is_cut_between_characters(void **state)
{
    char name[4 * TEXT_NAME_SHOWN + 1], *end = name;

    (void)state;
    memset(name, '\\', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    text_name all = text_of_name(name);
    assert_int_equal(strlen(all.text), 2 * TEXT_NAME_SHOWN + 5);
    for (int i = 0; i < TEXT_NAME_SHOWN; i++) /* three bytes each, 100 is not a multiple of it */
        end += g_unichar_to_utf8(0x5e97, end);
    *end = '\0';
    all = text_of_name(name);
    assert_true(g_utf8_validate(all.text, -1, NULL));
    assert_int_equal(strlen(all.text), TEXT_NAME_SHOWN - 1 + 3);
    assert_true(g_str_has_suffix(all.text, "..."));
    memset(name, 'a', TEXT_NAME_SHOWN);
    name[TEXT_NAME_SHOWN] = '\0';
    assert_string_equal(text_of_name(name).text, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_seen_stays),
        cmocka_unit_test(what_cannot_be_seen_is_escaped),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(a_name_of_one_word_stands_alone),
        cmocka_unit_test(other_names_are_quoted),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
