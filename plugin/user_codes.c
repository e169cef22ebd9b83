/* user_codes.c: the user's own error codes, a table (UAT) in the preferences.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "user_codes.h"

#include "compat.h"

#include <epan/packet.h>
#include <epan/uat.h>

#include <errno.h>
#include <string.h>

/* A row of the table. Owned by the table. */
typedef struct {
    guint32 space, code;
    char *name, *description;
} user_code;

const value_string code_space_names[] = {
#define X_SPACE(number, identifier, name) {number, name},
#include "fields/enums.def"
    {0, NULL}};

static user_code *rows;
static guint row_count;
/* row_key -> user_code of rows; NULL: not made since the rows changed. Wireshark does not tell of
 * rows that it has loaded where another one was bad. */
static GHashTable *index_by_code;

static gint64 row_key(guint32 space, guint32 code)
{
    return ((gint64)space << 32) | code;
}

/* Reads a number as C writes it, decimal or 0x hexadecimal. */
static gboolean parse_code(const char *text, unsigned length, guint32 *code)
{
    char *copy = g_strndup(text, length);
    char *digits = g_strstrip(copy);
    char *end = NULL;

    errno = 0;
    guint64 value = g_ascii_strtoull(digits, &end, g_str_has_prefix(digits, "0x") ? 16 : 10);
    gboolean good =
        g_ascii_isdigit(digits[0]) && *end == '\0' && errno == 0 && value <= G_MAXUINT32;
    *code = (guint32)value;
    g_free(copy);
    return good;
}

static table_bool code_check(void *record _U_, const char *text, unsigned length,
                             const void *chk_data _U_, const void *fld_data _U_, char **error)
{
    guint32 code;

    if (parse_code(text, length, &code))
        return TRUE;
    *error = g_strdup("The number must be decimal, or hexadecimal with 0x before it, "
                      "and not above 0xffffffff.");
    return FALSE;
}

static void winsock_codes_code_set_cb(void *record, const char *text, guint length,
                                      const void *data1 _U_, const void *data2 _U_)
{
    parse_code(text, length, &((user_code *)record)->code);
}

static void winsock_codes_code_tostr_cb(void *record, char **out, unsigned *length,
                                        const void *data1 _U_, const void *data2 _U_)
{
    const user_code *row = record;
    gboolean decimal = row->space == SPACE_WINSOCK || row->space == SPACE_LISTING;

    *out = g_strdup_printf(decimal ? "%u" : "0x%08x", row->code);
    *length = (unsigned)strlen(*out);
}

UAT_VS_DEF(winsock_codes, space, user_code, guint32, SPACE_WINSOCK, "Winsock")
UAT_CSTRING_CB_DEF(winsock_codes, name, user_code)
UAT_CSTRING_CB_DEF(winsock_codes, description, user_code)

static void *row_copy(void *to, const void *from, size_t size _U_)
{
    const user_code *source = from;
    user_code *copy = to;

    copy->space = source->space;
    copy->code = source->code;
    copy->name = g_strdup(source->name);
    copy->description = g_strdup(source->description);
    return to;
}

static void row_free(void *record)
{
    user_code *row = record;
    g_free(row->name);
    g_free(row->description);
}

/* What is wrong with a row, to be freed; NULL: nothing. */
static char *fault_of(const user_code *row)
{
    catalogue_entry known = catalogue_find((guint8)row->space, row->code, NAMING_WINSOCK_ONLY);

    if (!row->name || !*row->name)
        return g_strdup("A code needs a name.");
    if (known.origin != ORIGIN_UNKNOWN)
        return g_strdup_printf("%u (0x%08x) is %s already; the table names only numbers that have "
                               "no name yet.",
                               row->code, row->code, known.name);
    return NULL;
}

static table_bool row_update(void *record, char **error)
{
    *error = fault_of(record);
    return *error == NULL;
}

static void index_drop(void)
{
    if (index_by_code)
        g_hash_table_destroy(index_by_code);
    index_by_code = NULL;
}

/* A row that was refused is among the rows. */
static void index_build(void)
{
    index_by_code = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    for (guint i = row_count; i-- > 0;) { /* backwards: of two equal rows the first counts */
        char *fault = fault_of(&rows[i]);
        g_free(fault);
        if (fault)
            continue;
        gint64 *key = g_new(gint64, 1);
        *key = row_key(rows[i].space, rows[i].code);
        g_hash_table_insert(index_by_code, key, &rows[i]);
    }
}

void user_codes_register(module_t *preferences)
{
    static uat_field_t fields[] = {
        UAT_FLD_VS(winsock_codes, space, "Code space", code_space_names,
                   "What the number is a number of"),
        {"code",
         "Number",
         PT_TXTMOD_STRING,
         {code_check, winsock_codes_code_set_cb, winsock_codes_code_tostr_cb},
         {0, 0, 0},
         0,
         "The code, decimal or hexadecimal with 0x before it",
         FLDFILL},
        UAT_FLD_CSTRING(winsock_codes, name, "Name", "The symbolic name"),
        UAT_FLD_CSTRING(winsock_codes, description, "Description", "What it means"),
        UAT_END_FIELDS};
    uat_t *table = uat_new("Winsock User Codes", sizeof(user_code), "winsock_user_codes", TRUE,
                           &rows, &row_count, UAT_AFFECTS_DISSECTION, NULL, row_copy, row_update,
                           row_free, index_drop, index_drop, fields);

    prefs_register_uat_preference(preferences, "user_codes", "User codes",
                                  "Names and descriptions of error codes of your own", table);
}

void user_codes_apply(winsock_failure *failure)
{
    gint64 key = row_key(failure->space, failure->code);

    if (row_count == 0)
        return;
    if (!index_by_code)
        index_build();
    const user_code *row = g_hash_table_lookup(index_by_code, &key);
    if (!row)
        return;
    failure->entry.name = row->name;
    failure->entry.title = failure->entry.description =
        row->description && *row->description ? row->description : NULL;
    failure->entry.error = NULL;
    failure->entry.origin = ORIGIN_USER;
}
