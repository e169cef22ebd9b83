/* session.h: libwireshark inside a fuzzer: the plugin compiled in, the protocols it listens to
 * enabled, and nothing read from outside.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_FUZZ_SESSION_H
#define WINSOCK_FUZZ_SESSION_H

#include <epan/epan_dissect.h>
#include <epan/stats_tree.h>

/* What libFuzzer calls. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);
size_t LLVMFuzzerMutate(guint8 *data, size_t size, size_t max_size); /* is libFuzzer's own */
size_t LLVMFuzzerCustomMutator(guint8 *data, size_t size, size_t max_size, unsigned seed);

/* One packet of a session. Owned by its harness until session_renew. */
typedef struct {
    guint8 *bytes;              /* of its own allocation, so that one byte too far is seen */
    guint32 captured, reported; /* lengths */
    int encapsulation;          /* WTAP_ENCAP_... */
    nstime_t time;
    frame_data fd;
} session_frame;

/* Once, before anything else. */
void session_start(void);

/* Ends the capture file that is open, and opens the next. */
void session_renew(void);

/* A first visit numbers the frame. The result is good until the next one. */
epan_dissect_t *session_dissect(session_frame *frame, gboolean tree, gboolean visible);

/* What Wireshark does with a dissected packet: draws the tree as text, offers filters. */
void session_print(epan_dissect_t *dissected);

/* Statistics -> Winsock, from here on. */
stats_tree *session_count(void);

/* Draws it and the report, and ends it. */
void session_draw_statistics(stats_tree *counts);

#endif
