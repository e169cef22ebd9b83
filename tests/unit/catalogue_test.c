/* catalogue_test.c: which name each number gets, in each code space and under each naming.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HRESULT_FROM_WIN32(code) (0x80070000U | (code))

static void expect_names(catalogue_entry entry, const char *name, guint32 error,
                         const char *listing)
{
    assert_string_equal(entry.name, name);
    if (error)
        assert_non_null(entry.error);
    assert_int_equal(entry.error ? entry.error->code : 0, error);
    if (listing)
        assert_non_null(entry.listing_name);
    assert_string_equal(entry.listing_name ? entry.listing_name : "", listing ? listing : "");
}

static void names_microsofts_number_and_keeps_the_listings(void **state)
{
    (void)state;
    catalogue_entry entry = catalogue_find(SPACE_WINSOCK, 10054, NAMING_WINSOCK);

    expect_names(entry, "WSAECONNRESET", 10054, "WSAEALREADY");
    assert_string_equal(entry.title, "Connection reset by peer");
    assert_int_equal(entry.error->category, CATEGORY_CONNECTION);
    assert_int_equal(entry.origin, ORIGIN_WINSOCK);
}

static void names_an_unassigned_number_by_the_listing(void **state)
{
    (void)state;
    expect_names(catalogue_find(SPACE_WINSOCK, 10029, NAMING_WINSOCK), "WSAECONNREFUSED", 10061,
                 "WSAECONNREFUSED");
    assert_int_equal(catalogue_find(SPACE_WINSOCK, 10029, NAMING_WINSOCK).origin, ORIGIN_LISTING);
    /* A name that Winsock does not have stands for no Winsock code. */
    expect_names(catalogue_find(SPACE_WINSOCK, 10010, NAMING_WINSOCK), "WSAEMSGSZ", 0, "WSAEMSGSZ");
}

static void naming_decides(void **state)
{
    (void)state;
    expect_names(catalogue_find(SPACE_WINSOCK, 10029, NAMING_WINSOCK_ONLY), "Unknown", 0,
                 "WSAECONNREFUSED");
    expect_names(catalogue_find(SPACE_WINSOCK, 10054, NAMING_WINSOCK_ONLY), "WSAECONNRESET", 10054,
                 "WSAEALREADY");
    expect_names(catalogue_find(SPACE_WINSOCK, 10054, NAMING_LISTING), "WSAEALREADY", 10037,
                 "WSAEALREADY");
    expect_names(catalogue_find(SPACE_WINSOCK, 11001, NAMING_LISTING), "WSAHOST_NOT_FOUND", 11001,
                 NULL);
}

static void one_error_in_several_spellings(void **state)
{
    (void)state;
    expect_names(catalogue_find(SPACE_HRESULT, 0x80072746, NAMING_WINSOCK), "WSAECONNRESET", 10054,
                 NULL);
    expect_names(catalogue_find(SPACE_NTSTATUS, 0xC000020D, NAMING_WINSOCK),
                 "STATUS_CONNECTION_RESET", 10054, NULL);
    expect_names(catalogue_find(SPACE_LISTING, 10029, NAMING_WINSOCK), "WSAECONNREFUSED", 10061,
                 "WSAECONNREFUSED");
}

static void every_code_is_found_in_every_spelling(void **state)
{
    (void)state;
#define X(number, row_name, aliases, title, category, description, advice)                         \
    assert_string_equal(catalogue_find(SPACE_WINSOCK, number, NAMING_WINSOCK).name, row_name);     \
    assert_string_equal(                                                                           \
        catalogue_find(SPACE_HRESULT, HRESULT_FROM_WIN32(number), NAMING_WINSOCK).name, row_name); \
    assert_int_equal(                                                                              \
        catalogue_find(SPACE_HRESULT, HRESULT_FROM_WIN32(number), NAMING_WINSOCK).error->code,     \
        number);
#include "fields/errors.def"
#undef X
}

static void every_status_has_its_code(void **state)
{
    (void)state;
#define X(value, row_name, row_code)                                                               \
    expect_names(catalogue_find(SPACE_NTSTATUS, value, NAMING_WINSOCK), row_name, row_code, NULL);
#include "fields/ntstatus.def"
#undef X
}

static void every_listing_row_is_verbatim(void **state)
{
    (void)state;
    int agreeing = 0;
    catalogue_entry entry;

#define X(number, row_name, row_description)                                                       \
    entry = catalogue_find(SPACE_LISTING, number, NAMING_WINSOCK);                                 \
    assert_string_equal(entry.name, row_name);                                                     \
    assert_string_equal(entry.description, row_description);                                       \
    agreeing += entry.listing_name == NULL;
#include "fields/listing.def"
#undef X
    assert_int_equal(agreeing, 8); /* of 255 */
}

static void no_listing_name_is_an_alias(void **state)
{
    (void)state;
    static const char *const aliases[] = {
#define X(number, name, row_aliases, title, category, description, advice) " " row_aliases " ",
#include "fields/errors.def"
#undef X
    };
    static const char *const listed[] = {
#define X(number, row_name, row_description) " " row_name " ",
#include "fields/listing.def"
#undef X
    };

    for (size_t row = 0; row < G_N_ELEMENTS(listed); row++) {
        for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
            assert_null(strstr(aliases[i], listed[row]));
    }
}

static void unknown_numbers_stay_unknown(void **state)
{
    (void)state;
    static const guint32 codes[] = {1, 9999, 10000, 10256, 65535, 0xFFFFFFFF};

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        for (guint8 space = 0; space < 6; space++) {
            catalogue_entry entry = catalogue_find(space, codes[i], NAMING_WINSOCK);
            expect_names(entry, "Unknown", 0, NULL);
            assert_int_equal(entry.origin, ORIGIN_UNKNOWN);
        }
    }
    /* Another facility's HRESULT, and the failure bit not set, are not Winsock's. */
    expect_names(catalogue_find(SPACE_HRESULT, 0x80042746, NAMING_WINSOCK), "Unknown", 0, NULL);
    expect_names(catalogue_find(SPACE_HRESULT, 0x00072746, NAMING_WINSOCK), "Unknown", 0, NULL);
}

static void zero_is_no_error(void **state)
{
    (void)state;
    expect_names(catalogue_find(SPACE_WINSOCK, 0, NAMING_LISTING), "NO_ERROR", 0, NULL);
    expect_names(catalogue_find(SPACE_HRESULT, 0, NAMING_WINSOCK), "S_OK", 0, NULL);
    expect_names(catalogue_find(SPACE_NTSTATUS, 0, NAMING_WINSOCK), "STATUS_SUCCESS", 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_microsofts_number_and_keeps_the_listings),
        cmocka_unit_test(names_an_unassigned_number_by_the_listing),
        cmocka_unit_test(naming_decides),
        cmocka_unit_test(one_error_in_several_spellings),
        cmocka_unit_test(every_code_is_found_in_every_spelling),
        cmocka_unit_test(every_status_has_its_code),
        cmocka_unit_test(every_listing_row_is_verbatim),
        cmocka_unit_test(no_listing_name_is_an_alias),
        cmocka_unit_test(unknown_numbers_stay_unknown),
        cmocka_unit_test(zero_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
