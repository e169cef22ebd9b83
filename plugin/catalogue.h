/* catalogue.h: (code space, code) -> what it is called and what it means. Nothing of epan here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_CATALOGUE_H
#define WINSOCK_CATALOGUE_H

#include <glib.h>

typedef enum {
#define X_SPACE(number, identifier, name) SPACE_##identifier = number,
#include "fields/enums.def"
} code_space;

typedef enum {
    CATEGORY_NONE = 0,
#define X_CATEGORY(number, identifier, name) CATEGORY_##identifier = number,
#include "fields/enums.def"
    CATEGORIES
} error_category;

/* Whose names the numbers of code space 0 get: the preference winsock.naming. */
typedef enum {
    NAMING_WINSOCK, /* Microsoft's, and the reference listing's for numbers it never assigned */
    NAMING_WINSOCK_ONLY, /* Microsoft's alone */
    NAMING_LISTING       /* the reference listing's first */
} code_naming;

/* One Winsock code, a row of fields/errors.def. Static. */
typedef struct {
    guint32 code;
    const char *name;
    const char *aliases; /* other spellings, separated by a space */
    const char *title;   /* a few words, as Microsoft heads it */
    error_category category;
    const char *description; /* one sentence: what happened */
    const char *advice;      /* one sentence: the usual cause, and what to look at next */
} winsock_error;

/* Where a name comes from. */
typedef enum {
    ORIGIN_UNKNOWN,  /* nobody names this number */
    ORIGIN_NO_ERROR, /* the number that means success in its space */
    ORIGIN_WINSOCK,  /* Microsoft's Winsock code, carried or wrapped in an HRESULT */
    ORIGIN_NTSTATUS, /* an NTSTATUS that Winsock turns into one of its codes */
    ORIGIN_LISTING,  /* the reference listing */
    ORIGIN_USER      /* the user's own table */
} code_origin;

/* What is known of one number. The strings are static, or the user table's. */
typedef struct {
    const char *name;           /* never NULL: "Unknown" where nobody names it */
    const char *title;          /* a few words for a summary line, or NULL */
    const char *description;    /* or NULL */
    const winsock_error *error; /* the Winsock code it stands for, or NULL where there is none */
    const char *listing_name;   /* the reference listing's name for the number where it is not
                                   Microsoft's, or NULL */
    const char *listing_description;
    code_origin origin;
} catalogue_entry;

/* Names a number.
 * Parameters: space as carried (any value), code in that space, whose names to use.
 * Result: by value; an unknown number gives name "Unknown" and ORIGIN_UNKNOWN. */
catalogue_entry catalogue_find(guint8 space, guint32 code, code_naming naming);

/* Whether a call that is said to end with it has failed: neither success nor pending is. */
gboolean catalogue_is_failure(const catalogue_entry *entry);

/* The Winsock code of a number, or NULL where Microsoft never assigned it. */
const winsock_error *catalogue_error(guint32 code);

#endif
