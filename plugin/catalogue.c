/* catalogue.c: (code space, code) -> what it is called and what it means, from fields/.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "catalogue.h"

#include <stdlib.h>
#include <string.h>

/* An HRESULT of facility 7 (Win32) is 0x8007 and the Win32 code. */
#define HRESULT_WIN32      0x80070000U
#define HRESULT_WIN32_MASK 0xFFFF0000U
#define HRESULT_CODE_MASK  0x0000FFFFU

static const char unknown_name[] = "Unknown";

static const winsock_error errors[] = {
#define X(number, name, aliases, title, category, description, advice)                             \
    {number, name, aliases, title, CATEGORY_##category, description, advice},
#include "fields/errors.def"
#undef X
};

typedef struct {
    const char *name, *description;
} listing_row;

/* The listing's numbers have no gap: a number's row is its distance from the first. */
#define LISTING_FIRST 10001U
static const listing_row listing[] = {
#define X(number, name, description) [number - LISTING_FIRST] = {name, description},
#include "fields/listing.def"
#undef X
};

typedef struct {
    guint32 status, code;
    const char *name;
} ntstatus_row;

static const ntstatus_row ntstatus[] = {
#define X(value, name, code) {value, code, name},
#include "fields/ntstatus.def"
#undef X
};

static int compare_error(const void *key, const void *row)
{
    guint32 code = *(const guint32 *)key;
    guint32 other = ((const winsock_error *)row)->code;
    return (code > other) - (code < other);
}

static int compare_ntstatus(const void *key, const void *row)
{
    guint32 status = *(const guint32 *)key;
    guint32 other = ((const ntstatus_row *)row)->status;
    return (status > other) - (status < other);
}

const winsock_error *catalogue_error(guint32 code)
{
    return (const winsock_error *)bsearch(&code, errors, G_N_ELEMENTS(errors), sizeof errors[0],
                                          compare_error);
}

static const listing_row *listing_find(guint32 code)
{
    guint32 row = code - LISTING_FIRST; /* a smaller code wraps, and is out of range as well */
    return row < G_N_ELEMENTS(listing) ? &listing[row] : NULL;
}

/* None of the listing's names is an alias of a code's. */
static gboolean is_named(const winsock_error *error, const char *name)
{
    return strcmp(error->name, name) == 0;
}

/* The real code of each row of the listing, worked out once from the names. */
static const winsock_error *listing_error(const listing_row *row)
{
    static const winsock_error *real[G_N_ELEMENTS(listing)];
    static gboolean known[G_N_ELEMENTS(listing)];
    size_t i = (size_t)(row - listing);

    for (size_t e = 0; !known[i] && e < G_N_ELEMENTS(errors) && !real[i]; e++) {
        if (is_named(&errors[e], row->name))
            real[i] = &errors[e];
    }
    known[i] = TRUE;
    return real[i];
}

static catalogue_entry unknown(void)
{
    return (catalogue_entry){.name = unknown_name, .origin = ORIGIN_UNKNOWN};
}

static catalogue_entry no_error(const char *name)
{
    return (catalogue_entry){.name = name,
                             .title = "No error",
                             .description = "The call did not fail.",
                             .origin = ORIGIN_NO_ERROR};
}

static catalogue_entry from_error(const winsock_error *error)
{
    return (catalogue_entry){.name = error->name,
                             .title = error->title,
                             .description = error->description,
                             .error = error,
                             .origin = ORIGIN_WINSOCK};
}

static catalogue_entry from_listing(const listing_row *row)
{
    return (catalogue_entry){.name = row->name,
                             .title = row->description,
                             .description = row->description,
                             .error = listing_error(row),
                             .origin = ORIGIN_LISTING};
}

static catalogue_entry find_winsock(guint32 code, code_naming naming)
{
    const winsock_error *error = catalogue_error(code);
    const listing_row *row = listing_find(code);
    catalogue_entry entry = unknown();

    if (code == 0)
        return no_error("NO_ERROR");
    if (row && (naming == NAMING_LISTING || (!error && naming == NAMING_WINSOCK)))
        entry = from_listing(row);
    else if (error)
        entry = from_error(error);
    if (row && !(error && is_named(error, row->name))) {
        entry.listing_name = row->name;
        entry.listing_description = row->description;
    }
    return entry;
}

static catalogue_entry find_hresult(guint32 code)
{
    const winsock_error *error = NULL;

    if (code == 0)
        return no_error("S_OK");
    if ((code & HRESULT_WIN32_MASK) == HRESULT_WIN32)
        error = catalogue_error(code & HRESULT_CODE_MASK);
    return error ? from_error(error) : unknown();
}

static catalogue_entry find_ntstatus(guint32 code)
{
    const ntstatus_row *row = (const ntstatus_row *)bsearch(&code, ntstatus, G_N_ELEMENTS(ntstatus),
                                                            sizeof ntstatus[0], compare_ntstatus);

    if (!row)
        return unknown();
    if (row->code == 0)
        return no_error(row->name);
    catalogue_entry entry = from_error(catalogue_error(row->code));
    entry.name = row->name;
    entry.origin = ORIGIN_NTSTATUS;
    return entry;
}

static catalogue_entry find_listing(guint32 code)
{
    const listing_row *row = listing_find(code);
    const winsock_error *microsoft = catalogue_error(code);

    if (!row)
        return unknown();
    catalogue_entry entry = from_listing(row);
    if (!(microsoft && is_named(microsoft, row->name))) {
        entry.listing_name = row->name;
        entry.listing_description = row->description;
    }
    return entry;
}

catalogue_entry catalogue_find(guint8 space, guint32 code, code_naming naming)
{
    switch (space) {
    case SPACE_WINSOCK:
        return find_winsock(code, naming);
    case SPACE_HRESULT:
        return find_hresult(code);
    case SPACE_NTSTATUS:
        return find_ntstatus(code);
    case SPACE_LISTING:
        return find_listing(code);
    default:
        return unknown();
    }
}

gboolean catalogue_is_failure(const catalogue_entry *entry)
{
    return entry->origin != ORIGIN_NO_ERROR &&
           !(entry->error && entry->error->category == CATEGORY_PENDING);
}
