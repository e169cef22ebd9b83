/* text.c: text of the wire, made fit to be shown.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "text.h"

#include <string.h>

/* Whether a character can be seen, and leaves those beside it as they are. */
static gboolean is_plain(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return g_unichar_isprint(c) && type != G_UNICODE_LINE_SEPARATOR &&
           type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

char *text_plain(const char *bytes, gsize length)
{
    char *valid = g_utf8_make_valid(bytes, (gssize)length);
    GString *plain = g_string_sized_new(length + 1);

    for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);
        if (is_plain(character))
            g_string_append_unichar(plain, character);
        else
            g_string_append_printf(plain, "\\u{%x}", character);
    }
    g_free(valid);
    return g_string_free(plain, FALSE);
}

/* How many bytes of a name are shown: all, or whole characters. */
static size_t shown_length(const char *name)
{
    size_t length = strlen(name);

    if (length > TEXT_NAME_SHOWN)
        length = (size_t)(g_utf8_find_prev_char(name, name + TEXT_NAME_SHOWN + 1) - name);
    return length;
}

static gboolean is_one_word(const char *name, size_t length)
{
    for (const char *c = name; c < name + length; c = g_utf8_next_char(c)) {
        if (!g_unichar_isalnum(g_utf8_get_char(c)) && !strchr(".-_:%@/", *c))
            return FALSE;
    }
    return TRUE;
}

/* Writes a name so that quotes around it end where it ends. White space, of whatever width, is one
 * space: two begin another column. */
static char *write_quoted(char *out, const char *name, size_t length)
{
    gboolean spaced = FALSE;

    for (const char *c = name; c < name + length; c = g_utf8_next_char(c)) {
        gboolean space = g_unichar_isspace(g_utf8_get_char(c));
        if (*c == '"' || *c == '\\')
            *out++ = '\\';
        if (space && !spaced)
            *out++ = ' ';
        for (const char *byte = c; !space && byte < g_utf8_next_char(c); byte++)
            *out++ = *byte;
        spaced = space;
    }
    return out;
}

text_name text_of_name(const char *name)
{
    size_t length = shown_length(name);
    text_name result = {.text = ""};
    char *out = result.text;

    if (is_one_word(name, length)) {
        memcpy(out, name, length);
        out += length;
    } else {
        *out++ = '"';
        out = write_quoted(out, name, length);
        *out++ = '"';
    }
    g_strlcpy(out, name[length] ? "..." : "", 4);
    return result;
}
