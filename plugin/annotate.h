/* annotate.h: shows what the packets prove, in both directions: the verdict in the failure's tree,
 * and in the tree of each packet that decides it the program that reports it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_ANNOTATE_H
#define WINSOCK_ANNOTATE_H

#include "items.h"
#include "verdict.h"

#include <epan/prefs.h>

/* Judges the failures of a datagram that has been read, and adds what the packets prove to their
 * trees, and their verdicts to the failures. */
void annotate_failures(const datagram *in);

const char *verdict_name(verdict_kind kind);

void register_annotations(int proto);
void register_annotation_preference(module_t *preferences);
void annotate_apply_preference(void);

/* Once, after every other protocol has handed off. */
void annotate_handoff(void);

#endif
