/* hash.c: hashes that nobody outside can foresee.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hash.h"

#include <string.h>

/* Both halves of the product in one, so that each bit of it hangs on the secret, the highest of the
 * bytes' bits as well: by the lower half alone they would change nothing but themselves, and keys
 * could be made that are alike whatever the secret. */
static inline guint64 fold(guint64 a, guint64 b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 product;
    product both = (product)a * b;
    return (guint64)both ^ (guint64)(both >> 64);
#else
    const guint64 low = 0xffffffff;
    guint64 middle = (a >> 32) * (b & low) + ((a & low) * (b & low) >> 32);
    guint64 other = (a & low) * (b >> 32) + (middle & low);
    return (a * b) ^ ((a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32));
#endif
}

guint hash_bytes(gconstpointer data, gsize size)
{
    static guint64 secret, start;
    const guint8 *bytes = data;
    guint64 word = 0;

    if (G_UNLIKELY(secret == 0)) {
        secret = (guint64)g_random_int() << 32 | g_random_int() | 1;
        start = (guint64)g_random_int() << 32 | g_random_int();
    }
    guint64 hash = start ^ size;
    for (; size >= sizeof word; bytes += sizeof word, size -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = fold(hash ^ word, secret);
    }
    if (size > 0) {
        word = 0;
        memcpy(&word, bytes, size);
        hash = fold(hash ^ word, secret);
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
