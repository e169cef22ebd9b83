/* observe.h: reads the packets of other protocols for the trace.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_OBSERVE_H
#define WINSOCK_OBSERVE_H

#include "lookup.h"
#include "trace.h"

#include <epan/packet.h>

/* Makes the wrappers. Once, after every other protocol has handed off. */
void observe_register(void);

/* Puts the wrappers around the other dissectors, or takes them away. */
void observe_turn(gboolean on);

/* The file's facts begin and end. */
void observe_start_file(void);
void observe_end_file(void);

/* The facts of the open file, or NULL. */
trace *observe_facts(void);
const lookups *observe_names(void);

/* Marks the packet's flow as one of reports. */
void observe_telemetry(const packet_info *pinfo);

/* Notes a packet of whatever kind, after all else of it. */
void observe_frame(const packet_info *pinfo);

/* Counts what was noted: where it has not changed, no verdict has. */
guint64 observe_changes(void);

/* An address as an end of a flow. An IPv4-mapped IPv6 address becomes the IPv4 one.
 * Result: an end with length 0 for an address that is neither. */
trace_end observe_end(const void *bytes, int length, guint16 port);

/* The address of an end as text, in the memory of scope. */
char *observe_address_text(wmem_allocator_t *scope, const trace_end *end);

trace_packet observe_packet(const packet_info *pinfo);

#endif
