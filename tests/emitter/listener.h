/* listener.h: a collector of the test's own, on the loopback.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_EMITTER_LISTENER_H
#define TESTS_EMITTER_LISTENER_H

extern int listener;       /* waits two seconds at the most */
extern char collector[32]; /* its address, for wsft_options */

/* cmocka's fixture: opens it; closes the emitter and it. Result: 0, or -1 where it cannot. */
int set_up_listener(void **state);
int tear_down_listener(void **state);

#endif
