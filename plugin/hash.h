/* hash.h: hashes that nobody outside can foresee. Nothing of epan here.
 *
 * Whoever sends packets chooses what the tables are found by. With a hash that is known they could
 * choose keys of one hash, and each look-up would go through all of them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_HASH_H
#define WINSOCK_HASH_H

#include <glib.h>

/* A hash of so many bytes, another one in each run of the program. */
guint hash_bytes(gconstpointer data, gsize size);

/* For a GHashTable of texts, and of numbers kept as pointers. */
guint hash_text(gconstpointer text);
guint hash_number(gconstpointer number);

#endif
