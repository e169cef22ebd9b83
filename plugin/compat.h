/* compat.h: every difference between the Wireshark releases that this plugin builds for (4.0 and
 * later), and nowhere else.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_COMPAT_H
#define WINSOCK_COMPAT_H

#include <glib.h>
#include <stdbool.h>

#include <ws_version.h>

#define WIRESHARK_SERIES (WIRESHARK_VERSION_MAJOR * 100 + WIRESHARK_VERSION_MINOR)

/* Callbacks answered with GLib's gboolean, an int, before 4.4; those of conversation filters and of
 * tables of the user's before 4.2. */
#if WIRESHARK_SERIES >= 404
typedef bool callback_bool;
#define tvb_read_uint8 tvb_get_uint8
#else
typedef gboolean callback_bool;
#define tvb_read_uint8 tvb_get_guint8
#endif
#if WIRESHARK_SERIES >= 402
typedef bool filter_bool;
typedef bool table_bool;
#else
typedef gboolean filter_bool;
typedef gboolean table_bool;
#endif

/* What a statistic's start answers: nothing before 4.6, whether it could start since. */
#if WIRESHARK_SERIES >= 406
typedef bool stat_started;
#define STAT_STARTED(started) return (started)
#else
typedef void stat_started;
#define STAT_STARTED(started) (void)(started)
#endif

/* The value's name, or text made by the format, in the memory of a pool. */
#if WIRESHARK_SERIES >= 406
#define value_name val_to_str
#else
#define value_name val_to_str_wmem
#endif

/* A text with room for so many bytes at first. */
#if WIRESHARK_SERIES >= 402
#define strbuf_with_room wmem_strbuf_new_sized
#else
#define strbuf_with_room(pool, room) wmem_strbuf_sized_new(pool, room, 0)
#endif

/* Conversation filters have data of their own since 4.2. */
#if WIRESHARK_SERIES >= 402
#define FILTER_DATA    , void *data _U_
#define NO_FILTER_DATA , NULL
#else
#define FILTER_DATA
#define NO_FILTER_DATA
#endif

#endif
