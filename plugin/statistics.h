/* statistics.h: Statistics → Winsock, and tshark -z winsock,tree.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_STATISTICS_H
#define WINSOCK_STATISTICS_H

void register_statistics(void);

#endif
