/* text.h: text of the wire, made fit to be shown. Anyone can send it. Nothing of epan here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_TEXT_H
#define WINSOCK_TEXT_H

#include <glib.h>

/* Bytes of the wire as UTF-8 that shows what it is: each character that a terminal would obey, that
 * turns the direction of what follows, ends the line or has no shape is written as "\u{202e}", and
 * what is not UTF-8 as replacement characters. The field's value is this text too, so that no way
 * of printing it can differ. Result: to be freed with g_free. */
char *text_plain(const char *bytes, gsize length);

/* Of a name so many bytes stand in a sentence: most names of hosts and programs are shorter, and a
 * line has room for the rest. */
#define TEXT_NAME_SHOWN 100

/* By value, for an argument's sake. */
typedef struct {
    char text[2 * TEXT_NAME_SHOWN + 6]; /* each byte escaped, quotes, dots */
} text_name;

/* A name, plain already, for a sentence or a line with other words: in quotes unless it is one word
 * of letters, digits and .-_:%@/ so that no name can go on with the sentence. */
text_name text_of_name(const char *name);

#endif
