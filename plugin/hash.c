/* hash.c: hashes that nobody outside can foresee.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hash.h"

#include <string.h>

guint hash_bytes(gconstpointer data, gsize size)
{
    static guint64 secret; /* odd, so that multiplying by it loses nothing */
    const guint8 *bytes = data;
    guint64 hash = 0;

    if (G_UNLIKELY(secret == 0))
        secret = (guint64)g_random_int() << 32 | g_random_int() | 1;
    for (gsize i = 0; i < size; i += sizeof hash) {
        guint64 word = 0;
        if (G_LIKELY(size - i >= sizeof word)) /* a size that the compiler knows is one load */
            memcpy(&word, bytes + i, sizeof word);
        else
            memcpy(&word, bytes + i, size - i);
        hash ^= word;
        hash = (hash ^ hash >> 32) * secret;
    }
    return (guint)(hash >> 32);
}

guint hash_text(gconstpointer text)
{
    return hash_bytes(text, strlen(text));
}

guint hash_number(gconstpointer number)
{
    return hash_bytes(&number, sizeof number);
}
