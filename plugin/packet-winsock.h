/* packet-winsock.h: the dissector's entry points.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef PACKET_WINSOCK_H
#define PACKET_WINSOCK_H

void proto_register_winsock(void);
void proto_reg_handoff_winsock(void);

#endif
