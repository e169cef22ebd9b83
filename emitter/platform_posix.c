/* platform_posix.c: what the emitter asks of Linux, macOS and the BSDs, and what their error
 * numbers are called by Winsock.
 *
 * SPDX-License-Identifier: MIT
 */
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/time.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

/* What the flushing thread sleeps on. */
static pthread_cond_t wake_up;

/* Written once, by the first wsft_platform_prepare, under the lock. */
static pthread_mutex_t prepare_lock = PTHREAD_MUTEX_INITIALIZER;
static int prepared;
static void (*before_fork)(void), (*in_parent)(void), (*in_child)(void);

/* The thread that forks, while it does, else 0. Written under the emitter's locks. */
static wsft_word forking;

#ifdef __GLIBC__
/* The thread's number, once asked for: asking is a system call. In the static part of the thread's
 * storage, for the other is allocated when a thread first comes to it; others than glibc do not
 * load a library that asks for that part. */
static _Thread_local uint32_t thread_id __attribute__((tls_model("initial-exec")));
#endif

void wsft_lock_take(wsft_lock *lock)
{
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_mutex_lock(&lock->mutex);
    lock->cancel_state = state;
}

void wsft_lock_release(wsft_lock *lock)
{
    int state = lock->cancel_state;
    pthread_mutex_unlock(&lock->mutex);
    pthread_setcancelstate(state, NULL);
}

wsft_error wsft_error_save(void)
{
    return errno;
}

void wsft_error_restore(wsft_error error)
{
    errno = error;
}

int wsft_error_last(void)
{
    return errno;
}

static void make_wake_up(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#ifndef __APPLE__
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    pthread_cond_init(&wake_up, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void prepare_fork(void)
{
    before_fork();
    wsft_word_store(&forking, (wsft_word)pthread_self());
}

static void parent(void)
{
    wsft_word_store(&forking, 0);
    in_parent();
}

static void child(void)
{
    /* The parent's other threads are not here to wake up, or to give a lock back. */
    int error = errno;
    make_wake_up();
    pthread_mutex_init(&prepare_lock, NULL);
#ifdef __GLIBC__
    thread_id = 0; /* that of the thread that forked */
#endif
    wsft_word_store(&forking, 0);
    in_child();
    errno = error;
}

void wsft_platform_prepare(void (*before)(void), void (*after)(void), void (*after_in_child)(void))
{
    pthread_mutex_lock(&prepare_lock);
    if (!prepared) {
        prepared = 1;
        before_fork = before;
        in_parent = after;
        in_child = after_in_child;
        make_wake_up();
        pthread_atfork(prepare_fork, parent, child);
    }
    pthread_mutex_unlock(&prepare_lock);
}

int wsft_must_not_lock(void)
{
    wsft_word thread = wsft_word_load(&forking);
    return thread != 0 && thread == (wsft_word)pthread_self();
}

static uint64_t clock_now(clockid_t clock)
{
    struct timespec t;
    int error = errno; /* wsft_begin comes here with the program's own */
    if (clock_gettime(clock, &t) != 0) {
        errno = error;
        return 0;
    }
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t wsft_wall_clock(void)
{
    return clock_now(CLOCK_REALTIME);
}

uint64_t wsft_monotonic_clock(void)
{
    return clock_now(CLOCK_MONOTONIC);
}

uint32_t wsft_random(void)
{
    uint32_t value = 0;
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, &value, sizeof value) != (ssize_t)sizeof value)
            value = 0;
        close(file);
    }
    /* Where there is no such file (a bare chroot), these still tell two runs apart. */
    uint64_t mix = wsft_wall_clock() ^ (wsft_monotonic_clock() << 20) ^ ((uint64_t)getpid() << 32);
    mix *= 0x9E3779B97F4A7C15u;
    return value ^ (uint32_t)(mix >> 32);
}

uint32_t wsft_process_id(void)
{
    return (uint32_t)getpid();
}

static uint32_t ask_thread_id(void)
{
#ifdef __linux__
    return (uint32_t)syscall(SYS_gettid);
#elif defined(__APPLE__)
    uint64_t id = 0;
    pthread_threadid_np(NULL, &id);
    return (uint32_t)id;
#else
    return (uint32_t)(uintptr_t)pthread_self();
#endif
}

uint32_t wsft_thread_id(void)
{
#ifdef __GLIBC__
    if (thread_id == 0)
        thread_id = ask_thread_id();
    return thread_id;
#else
    return ask_thread_id();
#endif
}

uint8_t wsft_platform_number(void)
{
    return WSFT_POSIX;
}

static void copy_text(char *target, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size)
        length = size - 1;
    memcpy(target, text, length);
    target[length] = '\0';
}

void wsft_host_name(char *name, size_t size)
{
    if (gethostname(name, size) != 0)
        name[0] = '\0';
    name[size - 1] = '\0';
}

void wsft_process_name(char *name, size_t size)
{
    const char *image = "";
#ifdef __linux__
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        const char *slash = strrchr(path, '/');
        image = slash != NULL ? slash + 1 : path;
    } else {
        image = program_invocation_short_name;
    }
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
    image = getprogname();
#endif
    copy_text(name, size, image);
}

int wsft_environment(const char *variable, char *value, size_t size)
{
    const char *text = getenv(variable);
    value[0] = '\0';
    if (text == NULL || strlen(text) >= size)
        return text == NULL ? 0 : -1;
    copy_text(value, size, text);
    return 1;
}

int wsft_sockets_start(void)
{
    return 0;
}

int wsft_socket_identify(wsft_handle s, wsft_socket_id *id)
{
    struct stat status;
    memset(id, 0, sizeof *id);
    if (fstat(s, &status) != 0)
        return -1;
    id->device = status.st_dev;
    id->inode = status.st_ino;
    return 0;
}

int wsft_socket_is_same(const wsft_socket_id *a, const wsft_socket_id *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/* A daemon may close every descriptor it did not open, and a file or connection of its own then
 * takes the number. So the emitter marks its socket, and asks for the mark before each report. On
 * Linux that is the signal of input that nobody has asked for, which no other file has unless it
 * was given the last of all signals; elsewhere the fewest bytes to wait for, an odd number of them,
 * of a socket that never receives. (Linux has that too, and takes three times as long to tell it.)
 */
#if defined(__linux__) && defined(F_SETSIG)
static int mark(int socket)
{
    return fcntl(socket, F_SETSIG, SIGRTMAX);
}

int wsft_udp_is_ours(wsft_handle s)
{
    return fcntl(s, F_GETSIG) == SIGRTMAX;
}
#else
enum { MARK = 1005 };

static int mark(int socket)
{
    const int bytes = MARK;
    return setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

int wsft_udp_is_ours(wsft_handle s)
{
    int bytes = 0;
    socklen_t length = sizeof bytes;
    return getsockopt(s, SOL_SOCKET, SO_RCVLOWAT, &bytes, &length) == 0 && bytes == MARK;
}
#endif

wsft_handle wsft_udp_socket(int family)
{
#ifdef SOCK_CLOEXEC
    int s = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
    int s = socket(family, SOCK_DGRAM, 0);
    if (s >= 0) {
        fcntl(s, F_SETFD, FD_CLOEXEC);
        fcntl(s, F_SETFL, O_NONBLOCK);
    }
#endif
    if (s >= 0 && mark(s) != 0) {
        close(s);
        s = -1;
    }
    return s;
}

/* The flags are for a descriptor that another thread replaces after it was asked. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

int wsft_udp_send(wsft_handle s, const void *bytes, size_t size, const void *address,
                  wsft_socklen length)
{
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return sendto(s, bytes, size, flags, (const struct sockaddr *)address, length) < 0 ? -1 : 0;
}

int wsft_socket_close(wsft_handle s)
{
    return close(s);
}

uint16_t wsft_winsock_family(int family)
{
    return family == AF_INET6 ? 23 : family == AF_INET ? 2 : (uint16_t)family;
}

uint16_t wsft_winsock_type(int type)
{
#ifdef SOCK_CLOEXEC
    type &= ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
#endif
    return type == SOCK_STREAM      ? 1
           : type == SOCK_DGRAM     ? 2
           : type == SOCK_RAW       ? 3
           : type == SOCK_RDM       ? 4
           : type == SOCK_SEQPACKET ? 5
                                    : (uint16_t)type;
}

int wsft_socket_kind(wsft_handle s, uint16_t *family, uint16_t *type, uint16_t *protocol)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    int number = 0;
    memset(&name, 0, sizeof name);
    if (getsockname(s, (struct sockaddr *)&name, &length) != 0)
        return -1;
    length = sizeof number;
    if (getsockopt(s, SOL_SOCKET, SO_TYPE, &number, &length) != 0)
        return -1;
    *family = wsft_winsock_family(name.ss_family);
    *type = wsft_winsock_type(number);
    int inet = name.ss_family == AF_INET || name.ss_family == AF_INET6;
    number = !inet ? 0 : *type == 1 ? IPPROTO_TCP : *type == 2 ? IPPROTO_UDP : 0;
#ifdef SO_PROTOCOL
    length = sizeof number;
    getsockopt(s, SOL_SOCKET, SO_PROTOCOL, &number, &length);
#endif
    *protocol = (uint16_t)number;
    return 0;
}

typedef struct pair {
    int here;
    uint32_t winsock;
} pair;

/* Every errno that Winsock has a name for. A signal or a full table of files is no network matter,
 * but Winsock numbers it all the same. */
static const pair errno_pairs[] = {
    {EINTR, 10004},
    {EBADF, 10038}, /* a closed descriptor: Winsock's calls say WSAENOTSOCK */
    {EACCES, 10013},
    {EPERM, 10013}, /* Linux: a local firewall rule */
    {EFAULT, 10014},
    {EINVAL, 10022},
    {EMFILE, 10024},
    {ENFILE, 10024},
    {EINPROGRESS, 10036},
    {EALREADY, 10037},
    {ENOTSOCK, 10038},
    {EDESTADDRREQ, 10039},
    {EMSGSIZE, 10040},
    {EPROTOTYPE, 10041},
    {ENOPROTOOPT, 10042},
    {EPROTONOSUPPORT, 10043},
    {ESOCKTNOSUPPORT, 10044},
    {EOPNOTSUPP, 10045},
    {ENOTSUP, 10045},
    {EPFNOSUPPORT, 10046},
    {EAFNOSUPPORT, 10047},
    {EADDRINUSE, 10048},
    {EADDRNOTAVAIL, 10049},
    {ENETDOWN, 10050},
    {ENETUNREACH, 10051},
    {ENETRESET, 10052},
    {ECONNABORTED, 10053},
    {ECONNRESET, 10054},
    {ENOBUFS, 10055},
    {ENOMEM, 10055},
    {EISCONN, 10056},
    {ENOTCONN, 10057},
    {ESHUTDOWN, 10058},
    {ETOOMANYREFS, 10059},
    {ETIMEDOUT, 10060},
    {ECONNREFUSED, 10061},
    {ELOOP, 10062},
    {ENAMETOOLONG, 10063},
    {EHOSTDOWN, 10064},
    {EHOSTUNREACH, 10065},
#ifdef ENONET
    {ENONET, 10065}, /* Linux, of an ICMP "source host isolated" */
#endif
    {ENOTEMPTY, 10066},
    {EUSERS, 10068},
    {EDQUOT, 10069},
    {ESTALE, 10070},
    {EREMOTE, 10071},
    {ECANCELED, 995}, /* WSA_OPERATION_ABORTED, what a cancelled overlapped call ends with */
};

static const pair resolver_pairs[] = {
    {EAI_AGAIN, 11002},      {EAI_BADFLAGS, 10022}, {EAI_FAIL, 11003},    {EAI_FAMILY, 10047},
    {EAI_MEMORY, 8},         {EAI_NONAME, 11001},   {EAI_SERVICE, 10109}, {EAI_SOCKTYPE, 10044},
#ifdef EAI_NODATA
    {EAI_NODATA, 11004},
#endif
#ifdef EAI_ADDRFAMILY
    {EAI_ADDRFAMILY, 11004}, /* the name exists, without an address of the family asked for */
#endif
#ifdef EAI_OVERFLOW
    {EAI_OVERFLOW, 10014}, /* getnameinfo: Winsock says WSAEFAULT of a small buffer */
#endif
#ifdef EAI_CANCELED
    {EAI_CANCELED, 10103},
#endif
};

/* Of gethostbyname: h_errno. Its NETDB_INTERNAL is -1, and errno then says more. */
static const pair h_errno_pairs[] = {
    {HOST_NOT_FOUND, 11001},
    {TRY_AGAIN, 11002},
    {NO_RECOVERY, 11003},
    {NO_DATA, 11004},
};

static uint32_t find_pair(const pair *pairs, size_t count, int here, uint32_t otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (pairs[i].here == here)
            return pairs[i].winsock;
    return otherwise;
}

/* EPIPE says "no more sending" for three reasons that Winsock tells apart. */
static uint32_t broken_pipe(int s)
{
    struct sockaddr_storage name;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    socklen_t length = sizeof name;
    memset(&name, 0, sizeof name);
    if (getpeername(s, (struct sockaddr *)&name, &length) == 0)
        return 10058; /* still connected: this side has shut sending down */
    length = sizeof name;
    if (getsockname(s, (struct sockaddr *)&name, &length) != 0)
        return 10058;
    memcpy(&in, &name, sizeof in);
    memcpy(&in6, &name, sizeof in6);
    if ((name.ss_family == AF_INET && in.sin_port == 0) ||
        (name.ss_family == AF_INET6 && in6.sin6_port == 0))
        return 10057; /* never connected: a socket that was keeps its port */
    return 10054;
}

/* An errno that Winsock does not have must not pass for a Windows number: WSASYSCALLFAILURE, and
 * the errno in words. */
static uint32_t system_call_failure(int error, char *note)
{
    snprintf(note, WSFT_NOTE_BYTES, "errno %d", error);
    return 10107;
}

static int is_sending(uint16_t operation)
{
    return operation == WSFT_OP_CONNECT || operation == WSFT_OP_SEND ||
           operation == WSFT_OP_SENDTO || operation == WSFT_OP_WSASENDMSG;
}

static int is_receiving(uint16_t operation)
{
    return operation == WSFT_OP_ACCEPT || operation == WSFT_OP_RECV ||
           operation == WSFT_OP_RECVFROM || operation == WSFT_OP_WSARECVMSG;
}

/* Whether a call that says "not yet" has waited as long as its socket is told to, which Winsock
 * calls WSAETIMEDOUT. Half of that time is enough, for the system counts in ticks of its own: a
 * call that was not to wait takes microseconds, and so asks the system nothing here. */
static int has_timed_out(uint16_t operation, int s, uint64_t duration)
{
    const uint64_t shortest_wait = 500000;
    struct timeval limit = {0, 0};
    socklen_t length = sizeof limit;
    if (duration < shortest_wait || !(is_sending(operation) || is_receiving(operation)))
        return 0;
    int flags = fcntl(s, F_GETFL);
    if (flags == -1 || (flags & O_NONBLOCK) != 0 ||
        getsockopt(s, SOL_SOCKET, is_sending(operation) ? SO_SNDTIMEO : SO_RCVTIMEO, &limit,
                   &length) != 0)
        return 0;
    uint64_t nanoseconds = (uint64_t)limit.tv_sec * 1000000000u + (uint64_t)limit.tv_usec * 1000u;
    return nanoseconds != 0 && duration >= nanoseconds / 2;
}

uint32_t wsft_winsock_code(uint16_t operation, wsft_handle s, int error, uint64_t duration,
                           char *note)
{
    const uint32_t no_recovery = 11003, would_block = 10035, timed_out = 10060;
    note[0] = '\0';
    int naming = operation == WSFT_OP_GETADDRINFO || operation == WSFT_OP_GETNAMEINFO ||
                 operation == WSFT_OP_GETADDRINFOEX;
    int connecting = operation == WSFT_OP_CONNECT || operation == WSFT_OP_WSACONNECT;

    if (operation == WSFT_OP_GETHOSTBYNAME && error > 0)
        return find_pair(h_errno_pairs, sizeof h_errno_pairs / sizeof *h_errno_pairs, error,
                         no_recovery);
    if ((naming && error == EAI_SYSTEM) || operation == WSFT_OP_GETHOSTBYNAME)
        error = errno;
    else if (naming)
        return find_pair(resolver_pairs, sizeof resolver_pairs / sizeof *resolver_pairs, error,
                         no_recovery);
    /* A connect on its way is EINPROGRESS here and WSAEWOULDBLOCK there; WSAEINPROGRESS is another
     * thing, a blocking call of Winsock 1.1 that is still running. */
    if (error == EAGAIN || error == EWOULDBLOCK || (connecting && error == EINPROGRESS))
        return has_timed_out(operation, s, duration) ? timed_out : would_block;
    if (error == EPIPE && s != WSFT_NO_HANDLE)
        return broken_pipe(s);
    if (error == EPIPE)
        return 10058;
    uint32_t code = find_pair(errno_pairs, sizeof errno_pairs / sizeof *errno_pairs, error, 0);
    return code != 0 ? code : system_call_failure(error, note);
}

/* The one function that a thread of the emitter ever runs. */
static void (*thread_run)(wsft_word);

static void *thread_main(void *argument)
{
    thread_run((wsft_word)argument);
    return NULL;
}

int wsft_thread_start(wsft_thread *thread, void (*run)(wsft_word), wsft_word argument)
{
    sigset_t all, before;
    sigfillset(&all);
    if (thread_run != run) /* an earlier thread may be reading it */
        thread_run = run;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, thread_main, (void *)argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? -1 : 0;
}

void wsft_thread_end(wsft_thread thread)
{
    pthread_join(thread, NULL);
}

void wsft_wait(wsft_lock *lock, uint32_t milliseconds)
{
    struct timespec until;
#ifdef __APPLE__
    clock_gettime(CLOCK_REALTIME, &until);
#else
    clock_gettime(CLOCK_MONOTONIC, &until);
#endif
    uint64_t nanoseconds = (uint64_t)until.tv_nsec + (uint64_t)(milliseconds % 1000) * 1000000u;
    until.tv_sec += (time_t)(milliseconds / 1000 + nanoseconds / 1000000000u);
    until.tv_nsec = (long)(nanoseconds % 1000000000u);
    int state = lock->cancel_state;
    pthread_cond_timedwait(&wake_up, &lock->mutex, &until);
    lock->cancel_state = state;
}

void wsft_wake(void)
{
    pthread_cond_broadcast(&wake_up);
}
