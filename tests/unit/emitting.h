/* emitting.h: the emitter as a program sees it, and a collector on the loopback that it reports to.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_EMITTING_H
#define TESTS_UNIT_EMITTING_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { SOON_MS = 2000, NEVER_MS = 60, FOLD_MS = 80, A_CODE = 10054 };

/* The collector of the test at hand. */
extern int listener;
extern char collector[64];
extern uint32_t next_sequence; /* what the next datagram has to say */
extern datagram got;           /* the last one; it is large, and so shared */

/* cmocka's fixture: opens the collector; closes the emitter and it. */
int set_up_collector(void **state);
int tear_down_collector(void **state);
void listen_on(int family); /* instead: AF_INET or AF_INET6, another port */
int has_ipv6(void);         /* containers often have none */

/* Returns 0 where nothing comes within that time. */
int receive(datagram *d, int milliseconds);

/* These fail the test; what came is in got. */
void expect_datagram(void);
void expect_nothing(void);
const failure *expect_one(uint32_t code);

void open_with(wsft_options options); /* collector and fold_ms are the test's own */
void open_plain(void);
void report_code(uint32_t code);
void sleep_ms(long milliseconds);

#define WIRED(test) cmocka_unit_test_setup_teardown(test, set_up_collector, tear_down_collector)

#endif
