/* faults.c: see faults.h.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "faults.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

enum { MOST = 256 };
static unsigned due, made;
static const char *names[MOST], *failed;
static int failed_first;

void faults_arm(unsigned nth)
{
    due = nth;
    made = 0;
    failed = NULL;
}

const char *faults_hit(int *first)
{
    *first = failed_first;
    return failed;
}

static int fails(const char *name)
{
    if (!in_emitter || due == 0 || made >= MOST)
        return 0;
    names[made++] = name;
    if (made != due)
        return 0;
    failed = name;
    failed_first = 1;
    for (unsigned i = 0; i + 1 < made; i++)
        if (strcmp(names[i], name) == 0)
            failed_first = 0;
    errno = FAULT_ERROR;
    return 1;
}

/* Each function that the emitter calls, by its result where it fails. */
#define WRAP(type, name, parameters, arguments, failure)                                           \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails(#name) ? (failure) : __real_##name arguments;                                 \
    }
WRAP(int, clock_gettime, (clockid_t clock, struct timespec *t), (clock, t), -1)
WRAP(int, fcntl, (int file, int command, long argument), (file, command, argument), -1)
WRAP(int, fstat, (int file, struct stat *status), (file, status), -1)
WRAP(int, getaddrinfo,
     (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list),
     (node, service, hints, list), EAI_SYSTEM)
WRAP(int, gethostname, (char *name, size_t size), (name, size), -1)
WRAP(int, getpeername, (int s, struct sockaddr *name, socklen_t *length), (s, name, length), -1)
WRAP(int, getsockname, (int s, struct sockaddr *name, socklen_t *length), (s, name, length), -1)
WRAP(int, getsockopt, (int s, int level, int option, void *value, socklen_t *length),
     (s, level, option, value, length), -1)
WRAP(int, open, (const char *path, int flags), (path, flags), -1)
WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument),
     (thread, attributes, run, argument), EAGAIN)
WRAP(ssize_t, read, (int file, void *bytes, size_t size), (file, bytes, size), -1)
WRAP(ssize_t, readlink, (const char *path, char *target, size_t size), (path, target, size), -1)
WRAP(ssize_t, sendto,
     (int s, const void *bytes, size_t size, int flags, const struct sockaddr *to,
      socklen_t length),
     (s, bytes, size, flags, to, length), -1)
WRAP(int, socket, (int family, int type, int protocol), (family, type, protocol), -1)

/* A close that fails has closed all the same. */
int __real_close(int file);
int __wrap_close(int file);
int __wrap_close(int file)
{
    int result = __real_close(file);
    return fails("close") ? -1 : result;
}
