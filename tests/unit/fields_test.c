/* fields_test.c: the tables of fields/ say what the reference files say, row for row.
 *
 * The reference is in tests/data; WINSOCK_REFERENCE may name a directory with another copy of it,
 * which then has to agree as well.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_CELLS = 8,
    MAX_LINE = 1024,
    MAX_ROWS = 300,
    MAX_DESCRIPTION = 200,
    MAX_ADVICE = 220,
    MIN_SENTENCE = 20,
};

struct error_row {
    unsigned long number;
    const char *name, *aliases, *title, *category, *description, *advice;
};

struct listing_row {
    unsigned long number;
    const char *name, *description;
};

struct ntstatus_row {
    unsigned long value;
    const char *name;
    unsigned long code;
};

struct named_row {
    unsigned long number;
    const char *identifier, *name;
};

struct item_row {
    struct named_row named;
    const char *holder, *length;
};

static const struct named_row categories[] = {
#define X_CATEGORY(number, identifier, name) {number, #identifier, name},
#include "fields/enums.def"
};

static const struct named_row spaces[] = {
#define X_SPACE(number, identifier, name) {number, #identifier, name},
#include "fields/enums.def"
};

static const struct named_row platforms[] = {
#define X_PLATFORM(number, identifier, name) {number, #identifier, name},
#include "fields/enums.def"
};

static const struct error_row errors[] = {
#define X(number, name, aliases, title, category, description, advice)                             \
    {number, name, aliases, title, #category, description, advice},
#include "fields/errors.def"
#undef X
};

static const struct listing_row listing[] = {
#define X(number, name, description) {number, name, description},
#include "fields/listing.def"
#undef X
};

static const struct ntstatus_row ntstatus[] = {
#define X(value, name, code) {value, name, code},
#include "fields/ntstatus.def"
#undef X
};

static const struct named_row operations[] = {
#define X(number, identifier, name) {number, #identifier, name},
#include "fields/operations.def"
#undef X
};

static const struct item_row items[] = {
#define X(type, identifier, name, holder, length) {{type, #identifier, name}, #holder, #length},
#include "fields/items.def"
#undef X
};

/* One file of the reference without its heading. Static: read anew by each test. */
struct sheet {
    char path[MAX_LINE];
    size_t count;
    struct {
        char text[MAX_LINE];
        char *cell[MAX_CELLS];
    } row[MAX_ROWS];
};

static struct sheet sheet;

static void split_row(size_t index)
{
    char *at = sheet.row[index].text;

    at[strcspn(at, "\r\n")] = '\0';
    for (size_t i = 0; i < MAX_CELLS; i++) {
        sheet.row[index].cell[i] = at;
        at += strcspn(at, "\t");
        if (*at == '\t')
            *at++ = '\0';
    }
}

static void read_sheet(const char *directory, const char *file)
{
    char heading[MAX_LINE];

    snprintf(sheet.path, sizeof(sheet.path), "%s/%s", directory, file);
    sheet.count = 0;
    FILE *stream = fopen(sheet.path, "r");
    if (stream == NULL)
        fail_msg("%s: cannot be opened", sheet.path);
    if (fgets(heading, sizeof(heading), stream) == NULL)
        fail_msg("%s: is empty", sheet.path);
    while (sheet.count < MAX_ROWS && fgets(sheet.row[sheet.count].text, MAX_LINE, stream) != NULL) {
        if (strchr(sheet.row[sheet.count].text, '\n') == NULL)
            fail_msg("%s: row %zu is cut off", sheet.path, sheet.count + 1);
        split_row(sheet.count++);
    }
    fclose(stream);
}

/* Runs a comparison against the reference in the tree, and against the one outside it where given.
 */
static void with_each_reference(const char *file, void (*compare)(void))
{
    const char *outside = getenv("WINSOCK_REFERENCE");

    read_sheet(TEST_DATA, file);
    compare();
    if (outside != NULL && *outside != '\0') {
        read_sheet(outside, file);
        compare();
    }
}

static void same_count(const char *table, size_t got, size_t promised)
{
    if (got != promised)
        fail_msg("%s: %zu rows, not %zu", table, got, promised);
    if (got != sheet.count)
        fail_msg("%s: %zu rows, %s has %zu", table, got, sheet.path, sheet.count);
}

static void same_text(const char *table, size_t row, const char *what, const char *got,
                      const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        fail_msg("%s, row %zu (%s): %s is \"%s\", not \"%s\"", table, row + 1,
                 sheet.row[row].cell[0], what, got, wanted);
}

static void same_number(const char *table, size_t row, const char *what, unsigned long got,
                        const char *wanted)
{
    char *end;

    if (got != strtoul(wanted, &end, 0) || end == wanted || *end != '\0')
        fail_msg("%s, row %zu (%s): %s is %lu (0x%08lx), not %s", table, row + 1,
                 sheet.row[row].cell[0], what, got, got, wanted);
}

static void check_ascends(const char *table, const char *name, unsigned long before,
                          unsigned long number)
{
    if (number <= before)
        fail_msg("%s: %lu %s stands after %lu", table, number, name, before);
}

/* Numbers that ascend are unique too. */
static void check_named(const char *table, const struct named_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (*rows[i].identifier == '\0' || *rows[i].name == '\0')
            fail_msg("%s: %lu has no name", table, rows[i].number);
        if (i > 0)
            check_ascends(table, rows[i].name, rows[i - 1].number, rows[i].number);
        for (size_t j = 0; j < i; j++)
            if (strcmp(rows[i].identifier, rows[j].identifier) == 0 ||
                strcmp(rows[i].name, rows[j].name) == 0)
                fail_msg("%s: %lu and %lu are both %s", table, rows[j].number, rows[i].number,
                         rows[i].name);
    }
}

/* "A;B (where);C" becomes "A B C". */
static void plain_aliases(const char *cell, char *into, size_t size)
{
    size_t used = 0;
    bool aside = false;

    for (; *cell != '\0' && used + 1 < size; cell++) {
        if (*cell == '(')
            aside = true;
        else if (*cell == ')')
            aside = false;
        else if (!aside && *cell != ' ')
            into[used++] = *cell == ';' ? ' ' : *cell;
    }
    into[used] = '\0';
}

static void without_full_stop(const char *cell, char *into, size_t size)
{
    snprintf(into, size, "%s", cell);
    size_t length = strlen(into);
    if (length > 0 && into[length - 1] == '.')
        into[length - 1] = '\0';
}

static const char *category_name(const char *identifier)
{
    for (size_t i = 0; i < COUNT(categories); i++)
        if (strcmp(categories[i].identifier, identifier) == 0)
            return categories[i].name;
    return "(none of enums.def)";
}

static void compare_errors(void)
{
    const char *table = "errors.def";
    char wanted[MAX_LINE];

    same_count(table, COUNT(errors), 97);
    for (size_t i = 0; i < COUNT(errors); i++) {
        char **cell = sheet.row[i].cell;

        same_number(table, i, "the number", errors[i].number, cell[0]);
        same_text(table, i, "the name", errors[i].name, cell[1]);
        plain_aliases(cell[2], wanted, sizeof(wanted));
        same_text(table, i, "the list of aliases", errors[i].aliases, wanted);
        without_full_stop(cell[3], wanted, sizeof(wanted));
        same_text(table, i, "the title", errors[i].title, wanted);
        same_text(table, i, "the category", category_name(errors[i].category), cell[4]);
    }
}

static void errors_are_the_reference(void **state)
{
    (void)state;
    with_each_reference("winsock-codes.tsv", compare_errors);
}

static void errors_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        if (i > 0)
            check_ascends("errors.def", errors[i].name, errors[i - 1].number, errors[i].number);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(errors[i].name, errors[j].name) == 0)
                fail_msg("errors.def: %lu and %lu are both %s", errors[j].number, errors[i].number,
                         errors[i].name);
            if (strcmp(errors[i].description, errors[j].description) == 0)
                fail_msg("errors.def: %s and %s have one description", errors[j].name,
                         errors[i].name);
            if (strcmp(errors[i].advice, errors[j].advice) == 0)
                fail_msg("errors.def: %s and %s have one advice", errors[j].name, errors[i].name);
        }
    }
}

/* One sentence: a capital or a digit first, one full stop and that at the end, single spaces. */
static void check_sentence(const char *name, const char *what, const char *text, size_t limit)
{
    size_t length = strlen(text);

    if (length < MIN_SENTENCE || length > limit)
        fail_msg("errors.def: %s: its %s has %zu characters, not %d to %zu", name, what, length,
                 MIN_SENTENCE, limit);
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            fail_msg("errors.def: %s: its %s is not plain ASCII at %zu", name, what, i);
    if (!isupper((unsigned char)text[0]) && !isdigit((unsigned char)text[0]))
        fail_msg("errors.def: %s: its %s begins in lower case", name, what);
    if (text[length - 1] != '.' || text[length - 2] == '.')
        fail_msg("errors.def: %s: its %s does not end with one full stop", name, what);
    if (strstr(text, ". ") != NULL || strstr(text, "  ") != NULL)
        fail_msg("errors.def: %s: its %s is not one sentence of single spaces", name, what);
}

static void errors_explain_themselves(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        check_sentence(errors[i].name, "description", errors[i].description, MAX_DESCRIPTION);
        check_sentence(errors[i].name, "advice", errors[i].advice, MAX_ADVICE);
        if (strcmp(errors[i].description, errors[i].advice) == 0)
            fail_msg("errors.def: %s: the description is its advice too", errors[i].name);
    }
}

static void compare_listing(void)
{
    const char *table = "listing.def";

    same_count(table, COUNT(listing), 255);
    for (size_t i = 0; i < COUNT(listing); i++) {
        char **cell = sheet.row[i].cell;

        same_number(table, i, "the number", listing[i].number, cell[0]);
        same_text(table, i, "the name", listing[i].name, cell[1]);
        same_text(table, i, "the description", listing[i].description, cell[2]);
        if (listing[i].number != 10001 + i)
            fail_msg("%s, row %zu: %lu leaves a gap", table, i + 1, listing[i].number);
    }
}

static void listing_is_verbatim(void **state)
{
    (void)state;
    with_each_reference("listing.tsv", compare_listing);
}

static void compare_ntstatus(void)
{
    const char *table = "ntstatus.def";

    same_count(table, COUNT(ntstatus), 60);
    for (size_t i = 0; i < COUNT(ntstatus); i++) {
        char **cell = sheet.row[i].cell;

        same_text(table, i, "the name", ntstatus[i].name, cell[0]);
        same_number(table, i, "the value", ntstatus[i].value, cell[1]);
        same_number(table, i, "the code", ntstatus[i].code, cell[3]);
        if (i > 0)
            check_ascends(table, ntstatus[i].name, ntstatus[i - 1].value, ntstatus[i].value);
    }
}

static void ntstatus_is_the_reference(void **state)
{
    (void)state;
    with_each_reference("ntstatus.tsv", compare_ntstatus);
}

static void ntstatus_leads_to_known_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ntstatus); i++) {
        bool known = ntstatus[i].code == 0;

        for (size_t j = 0; j < COUNT(errors) && !known; j++)
            known = errors[j].number == ntstatus[i].code;
        if (!known)
            fail_msg("ntstatus.def: %s: %lu is not in errors.def", ntstatus[i].name,
                     ntstatus[i].code);
    }
}

static void operations_ascend(void **state)
{
    (void)state;
    check_named("operations.def", operations, COUNT(operations));
}

static void items_ascend(void **state)
{
    struct named_row named[COUNT(items)];

    (void)state;
    for (size_t i = 0; i < COUNT(items); i++) {
        bool in_failure = strcmp(items[i].holder, "FAILURE") == 0;

        named[i] = items[i].named;
        if (in_failure != (items[i].named.number >= 16))
            fail_msg("items.def: %lu %s: %s does not hold this range of types",
                     items[i].named.number, items[i].named.name, items[i].holder);
        if (strcmp(items[i].length, "0") == 0)
            fail_msg("items.def: %s has no length", items[i].named.name);
    }
    check_named("items.def", named, COUNT(named));
}

static void enums_ascend(void **state)
{
    (void)state;
    check_named("enums.def, X_SPACE", spaces, COUNT(spaces));
    check_named("enums.def, X_PLATFORM", platforms, COUNT(platforms));
    check_named("enums.def, X_CATEGORY", categories, COUNT(categories));
}

static void compare_categories(void)
{
    bool used[COUNT(categories)] = {false};

    for (size_t row = 0; row < sheet.count; row++) {
        bool found = false;

        for (size_t i = 0; i < COUNT(categories) && !found; i++) {
            found = strcmp(sheet.row[row].cell[4], categories[i].name) == 0;
            used[i] |= found;
        }
        if (!found)
            fail_msg("enums.def: no category \"%s\", which %s has", sheet.row[row].cell[4],
                     sheet.row[row].cell[1]);
    }
    for (size_t i = 0; i < COUNT(categories); i++)
        if (!used[i])
            fail_msg("enums.def: the category \"%s\" is not in %s", categories[i].name, sheet.path);
}

static void categories_are_the_reference(void **state)
{
    (void)state;
    with_each_reference("winsock-codes.tsv", compare_categories);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_the_reference),
        cmocka_unit_test(errors_are_unique),
        cmocka_unit_test(errors_explain_themselves),
        cmocka_unit_test(listing_is_verbatim),
        cmocka_unit_test(ntstatus_is_the_reference),
        cmocka_unit_test(ntstatus_leads_to_known_codes),
        cmocka_unit_test(operations_ascend),
        cmocka_unit_test(items_ascend),
        cmocka_unit_test(enums_ascend),
        cmocka_unit_test(categories_are_the_reference),
    };

    return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
