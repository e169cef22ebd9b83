/* faults.h: makes one of the system calls that the emitter makes fail. For programs linked with the
 * --wrap options of CMakeLists.txt.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_EMITTER_FAULTS_H
#define TESTS_EMITTER_FAULTS_H

enum { FAULT_ERROR = 1235 }; /* what errno is after it */

/* The nth call from now on fails, of those that this thread makes while in_emitter; 0: none. */
void faults_arm(unsigned nth);

/* The function that failed, or NULL where there were fewer calls; first: it was the first of its
 * name. */
const char *faults_hit(int *first);

#endif
