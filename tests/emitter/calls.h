/* calls.h: every public function of the emitter, on its way to success and to failure. Each leaves
 * nothing behind, so that any thread may run any of them at any time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_EMITTER_CALLS_H
#define TESTS_EMITTER_CALLS_H

#include <stddef.h>

enum { LAST_ERROR = 1234 }; /* what errno is before each */

typedef struct call_case {
    const char *name;
    const char *own; /* the program's own call, where the emitter makes that one as well */
    int (*run)(void);
    int error; /* what run returns, errno: LAST_ERROR, or what the program's own call leaves */
} call_case;

/* Not 0 while this thread is in the call at hand, and not in what a case does around it. */
extern _Thread_local int in_emitter;

extern const call_case call_cases[];
extern const size_t call_case_count;

#endif
