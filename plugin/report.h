/* report.h: tshark -z winsock,report.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef WINSOCK_REPORT_H
#define WINSOCK_REPORT_H

#include "items.h"

/* Hands a datagram that has been read to the report, where one is asked for. */
void report_sender(const datagram *in);

void register_report(void);

#endif
