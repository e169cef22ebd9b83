/* platform.h: the little that the emitter asks of a system, the same for Windows and POSIX.
 * Whatever differs between them lives in platform_windows.c and platform_posix.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef WSFT_PLATFORM_H
#define WSFT_PLATFORM_H

#ifdef _MSC_VER
#pragma warning(disable : 4204 4221) /* level 4 objects to C99's initialisers */
#endif
#ifdef _WIN32
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0600 /* Vista */
#endif
#else
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SOCK_CLOEXEC and SO_DOMAIN also where the compiler is told -std=c11 */
#endif
#include <netinet/in.h>
#include <pthread.h>
#include <sys/stat.h>
#endif

#include "winsock_telemetry.h"

#ifdef _WIN32
#include <windows.h>
typedef SRWLOCK wsft_lock;
#define WSFT_LOCK_INIT SRWLOCK_INIT
typedef struct wsft_error {
    DWORD last;
    int winsock;
} wsft_error;
typedef struct wsft_thread {
    int unused; /* nothing waits for the thread: see wsft_thread_start */
} wsft_thread;
typedef struct wsft_socket_id {
    int unused; /* nothing tells a SOCKET from an earlier one of its number */
} wsft_socket_id;
#else
typedef struct wsft_lock {
    pthread_mutex_t mutex;
    int cancel_state; /* the holder's before: cancelled with the lock, it would never give it back
                       */
} wsft_lock;
#define WSFT_LOCK_INIT                                                                             \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, 0                                                               \
    }
typedef int wsft_error;
typedef pthread_t wsft_thread;
typedef struct wsft_socket_id {
    dev_t device; /* both 0 of every Internet socket on the BSDs and macOS */
    ino_t inode;
} wsft_socket_id;
#endif

#define WSFT_NO_HANDLE ((wsft_handle)-1)

void wsft_lock_take(wsft_lock *lock);
void wsft_lock_release(wsft_lock *lock);

/* A word that is read without the lock; its writers hold one. */
typedef uintptr_t wsft_word;

static inline wsft_word wsft_word_load(const wsft_word *word)
{
#ifdef _MSC_VER
    return (wsft_word)ReadPointerAcquire((PVOID const volatile *)word);
#else
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
#endif
}

static inline void wsft_word_store(wsft_word *word, wsft_word value)
{
#ifdef _MSC_VER
    WritePointerRelease((PVOID volatile *)word, (PVOID)value);
#else
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
#endif
}

/* errno; on Windows WSAGetLastError and GetLastError. */
wsft_error wsft_error_save(void);
void wsft_error_restore(wsft_error error);
int wsft_error_last(void); /* what a failed socket call left */

/* Looks up what the system may lack and prepares for fork; before any of the functions below.
 * The callbacks run around a fork, the last of them in the child, where the second does not. */
void wsft_platform_prepare(void (*before)(void), void (*after)(void), void (*after_in_child)(void));

/* Not 0 where a lock may never be given back: while a process ends whose other threads are already
 * gone, and in a thread that forks, which holds them itself while the program's own handlers run.
 */
int wsft_must_not_lock(void);

uint64_t wsft_wall_clock(void);      /* nanoseconds since 1970-01-01 UTC */
uint64_t wsft_monotonic_clock(void); /* nanoseconds, from anywhere */
uint32_t wsft_random(void);
uint32_t wsft_process_id(void);
uint32_t wsft_thread_id(void);
uint8_t wsft_platform_number(void);

/* UTF-8, cut to what fits; empty where unknown. */
void wsft_host_name(char *name, size_t size);
void wsft_process_name(char *name, size_t size);

/* Returns 0 where the variable is not set, -1 where it does not fit; value is then empty. */
int wsft_environment(const char *variable, char *value, size_t size);

int wsft_sockets_start(void); /* for good, however often; 0, or -1 */

/* A UDP socket that does not block, is not inherited, and does not mind that nobody listens. */
wsft_handle wsft_udp_socket(int family);
int wsft_udp_is_ours(wsft_handle socket); /* not 0 for what wsft_udp_socket made */
int wsft_udp_send(wsft_handle socket, const void *bytes, size_t size, const void *address,
                  wsft_socklen length); /* 0, or -1 */
int wsft_socket_close(wsft_handle socket);

/* What tells a socket from a later one of the same number, as far as the system does. Returns 0, or
 * -1 where the handle is of no open file. */
int wsft_socket_identify(wsft_handle socket, wsft_socket_id *id);
int wsft_socket_is_same(const wsft_socket_id *a, const wsft_socket_id *b);

/* Winsock's numbers for this system's. */
uint16_t wsft_winsock_family(int family);
uint16_t wsft_winsock_type(int type);

/* Winsock's code of an error. duration: of the call, nanoseconds, 0 where unknown.
 * note: WSFT_NOTE_BYTES, filled where the code alone does not tell all, else made empty. */
enum { WSFT_NOTE_BYTES = 24 };
uint32_t wsft_winsock_code(uint16_t operation, wsft_handle socket, int error, uint64_t duration,
                           char *note);

/* Winsock's numbers for a socket. Returns 0, or -1 where the system does not say. */
int wsft_socket_kind(wsft_handle socket, uint16_t *family, uint16_t *type, uint16_t *protocol);

/* Runs run(argument) in a thread that takes no signals. Returns 0, or -1. */
int wsft_thread_start(wsft_thread *thread, void (*run)(wsft_word), wsft_word argument);

/* Waits for a thread that has been told to end, where that is needed before its code may go. */
void wsft_thread_end(wsft_thread thread);

/* Gives the lock away and sleeps until woken, at most that long; may wake early. */
void wsft_wait(wsft_lock *lock, uint32_t milliseconds);
void wsft_wake(void);

#endif
