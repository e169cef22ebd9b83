/* winsock_telemetry.h: report failed Winsock calls to a capture, as Winsock Failure Telemetry.
 *
 * SPDX-License-Identifier: MIT
 *
 *     #include "winsock_telemetry.h"
 *
 *     wsft_open(NULL);                                  // collector: WSFT_COLLECTOR or 127.0.0.1
 *     n = wsft_recv(s, buffer, size, 0);                // recv(), and a report where it fails
 *     wsft_close();
 *
 * What holds for every function here, the wrappers' own call aside: it never blocks, never
 * allocates after wsft_open, and leaves WSAGetLastError, GetLastError and errno as they were. Any
 * thread may call any of them at any time; before wsft_open and after wsft_close they do nothing.
 * The exceptions: none of them from a signal handler, and wsft_open not from DllMain.
 */
#ifndef WINSOCK_TELEMETRY_H
#define WINSOCK_TELEMETRY_H

#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
typedef SOCKET wsft_handle;
typedef int wsft_length;  /* of a buffer, as send and recv take it */
typedef int wsft_result;  /* of send and recv */
typedef int wsft_socklen; /* of an address */
#else
#include <netdb.h>
struct addrinfo; /* which strict C hides */
#include <sys/socket.h>
#include <sys/types.h>
typedef int wsft_handle;
typedef size_t wsft_length;
typedef ssize_t wsft_result;
typedef socklen_t wsft_socklen;
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32) && defined(WSFT_BUILDING_DLL)
#define WSFT_API __declspec(dllexport)
#elif defined(_WIN32) && defined(WSFT_USING_DLL)
#define WSFT_API __declspec(dllimport)
#elif defined(__GNUC__) && !defined(_WIN32)
#define WSFT_API __attribute__((visibility("default")))
#else
#define WSFT_API
#endif

#define WSFT_LIBRARY_VERSION "0.1.0"
#define WSFT_DEFAULT_PORT    10054
#define WSFT_MAX_DATAGRAM    1232 /* bytes of UDP payload that are never fragmented */
#define WSFT_MAX_STRING      1024 /* bytes of one string */

/* What a failure's number is a number of. */
enum { WSFT_WINSOCK = 0, WSFT_HRESULT = 1, WSFT_NTSTATUS = 2, WSFT_LISTING = 3 };

/* What the sender runs on. */
enum { WSFT_WINDOWS = 1, WSFT_WINE = 2, WSFT_POSIX = 3 };

/* The call that failed. */
enum {
    WSFT_OP_UNKNOWN = 0,
    WSFT_OP_SOCKET = 1,
    WSFT_OP_BIND = 2,
    WSFT_OP_LISTEN = 3,
    WSFT_OP_ACCEPT = 4,
    WSFT_OP_CONNECT = 5,
    WSFT_OP_SEND = 6,
    WSFT_OP_SENDTO = 7,
    WSFT_OP_RECV = 8,
    WSFT_OP_RECVFROM = 9,
    WSFT_OP_SHUTDOWN = 10,
    WSFT_OP_CLOSESOCKET = 11,
    WSFT_OP_SELECT = 12,
    WSFT_OP_IOCTLSOCKET = 13,
    WSFT_OP_GETSOCKOPT = 14,
    WSFT_OP_SETSOCKOPT = 15,
    WSFT_OP_GETSOCKNAME = 16,
    WSFT_OP_GETPEERNAME = 17,
    WSFT_OP_GETADDRINFO = 18,
    WSFT_OP_GETNAMEINFO = 19,
    WSFT_OP_GETHOSTBYNAME = 20,
    WSFT_OP_GETHOSTNAME = 21,
    WSFT_OP_WSASTARTUP = 32,
    WSFT_OP_WSASOCKET = 33,
    WSFT_OP_WSACONNECT = 34,
    WSFT_OP_WSACONNECTBYNAME = 35,
    WSFT_OP_WSAACCEPT = 36,
    WSFT_OP_WSASEND = 37,
    WSFT_OP_WSASENDTO = 38,
    WSFT_OP_WSASENDMSG = 39,
    WSFT_OP_WSARECV = 40,
    WSFT_OP_WSARECVFROM = 41,
    WSFT_OP_WSARECVMSG = 42,
    WSFT_OP_WSAIOCTL = 43,
    WSFT_OP_WSAPOLL = 44,
    WSFT_OP_WSAEVENTSELECT = 45,
    WSFT_OP_WSAASYNCSELECT = 46,
    WSFT_OP_WSAENUMNETWORKEVENTS = 47,
    WSFT_OP_WSAGETOVERLAPPEDRESULT = 48,
    WSFT_OP_WSADUPLICATESOCKET = 49,
    WSFT_OP_WSAJOINLEAF = 50,
    WSFT_OP_WSALOOKUPSERVICEBEGIN = 51,
    WSFT_OP_WSALOOKUPSERVICENEXT = 52,
    WSFT_OP_WSASTRINGTOADDRESS = 53,
    WSFT_OP_WSAADDRESSTOSTRING = 54,
    WSFT_OP_CONNECTEX = 64,
    WSFT_OP_ACCEPTEX = 65,
    WSFT_OP_DISCONNECTEX = 66,
    WSFT_OP_TRANSMITFILE = 67,
    WSFT_OP_TRANSMITPACKETS = 68,
    WSFT_OP_GETADDRINFOEX = 69,
    WSFT_OP_GETQUEUEDCOMPLETIONSTATUS = 70
};

/* Which optional items of a failure are set: wsft_failure.has. Strings are set when not NULL. */
enum {
    WSFT_HAS_THREAD_ID = 1u << 0,
    WSFT_HAS_SOCKET = 1u << 1,
    WSFT_HAS_KIND = 1u << 2,
    WSFT_HAS_DURATION = 1u << 3,
    WSFT_HAS_BYTES = 1u << 4,
    WSFT_HAS_REPEAT = 1u << 5,
    WSFT_HAS_FIRST_TIME = 1u << 6,
    WSFT_HAS_TRACE = 1u << 7
};

/* One end of a socket. length is 0 (absent), 4 (IPv4) or 16 (IPv6); the address is in network
 * order, port and scope id in the host's. A scope id of 0 is not sent. */
typedef struct wsft_endpoint {
    uint8_t length;
    uint8_t address[16];
    uint16_t port;
    uint32_t scope;
} wsft_endpoint;

/* One failed call. Times are nanoseconds since 1970-01-01 UTC, durations nanoseconds.
 * All zero is a valid failure, so that {0} and then the fields that are known is enough. */
typedef struct wsft_failure {
    uint64_t time;      /* when the call returned; 0: wsft_report puts the time of its own call */
    uint32_t code;      /* the error, in its space */
    uint8_t space;      /* WSFT_WINSOCK and so on */
    uint16_t operation; /* WSFT_OP_... */
    uint32_t has;       /* WSFT_HAS_... */
    uint32_t thread_id;
    uint64_t socket;
    uint16_t family, type, protocol; /* Winsock's numbers: AF_INET6 is 23 */
    wsft_endpoint local, remote;
    uint64_t duration;
    uint64_t bytes; /* the size of the buffer handed to the call */
    uint32_t repeat;
    uint64_t first_time;
    uint8_t trace_id[16], span_id[8], trace_flags; /* W3C trace context */
    const char *node, *service, *message, *source; /* UTF-8 */
} wsft_failure;

/* One datagram: who speaks, and the failures. Strings that are NULL are not sent. */
typedef struct wsft_datagram {
    uint16_t flags; /* WSFT_TEST */
    uint32_t sender, sequence, dropped;
    uint64_t sent_time;
    const char *host, *process, *library; /* UTF-8 */
    uint32_t process_id;                  /* 0: not sent */
    uint8_t platform;                     /* WSFT_WINDOWS and so on; 0: not sent */
    const wsft_failure *failures;
    size_t failure_count;
} wsft_datagram;

enum { WSFT_TEST = 0x0001 }; /* wsft_datagram.flags: not a real failure */

/* Writes a datagram into the caller's buffer. Pure: no system call, no allocation, no state.
 * A string over WSFT_MAX_STRING bytes is cut at a character.
 * Returns the bytes written, or 0 when they do not fit into size. */
WSFT_API size_t wsft_encode(void *buffer, size_t size, const wsft_datagram *datagram);

/* What the emitter is to hold back: wsft_options.withhold. The items are then absent, and failures
 * that differ in nothing else are equal ones. WSFT_WITHHOLD in the environment names more of them,
 * as "host,process,node,service,message,source,trace" or "all"; a word that it does not know holds
 * back all of them. */
enum {
    WSFT_WITHHOLD_HOST = 1u << 0,
    WSFT_WITHHOLD_PROCESS = 1u << 1, /* its name */
    WSFT_WITHHOLD_NODE = 1u << 2,    /* the name that was looked up */
    WSFT_WITHHOLD_SERVICE = 1u << 3,
    WSFT_WITHHOLD_MESSAGE = 1u << 4,
    WSFT_WITHHOLD_SOURCE = 1u << 5, /* the place in the program */
    WSFT_WITHHOLD_TRACE = 1u << 6,  /* the trace context */
    WSFT_WITHHOLD_ALL = (1u << 7) - 1
};

/* How the emitter works. Zero in a number means the default. */
typedef struct wsft_options {
    const char *collector;    /* "host", "host:port", "[v6]:port"; NULL: the environment variable
                                 WSFT_COLLECTOR, else 127.0.0.1:10054 */
    const char *process_name; /* NULL: the image's base name; cut to 127 bytes */
    unsigned rate;            /* datagrams a second; default 1000 */
    unsigned burst;           /* datagrams at once above that; default 100 */
    unsigned fold_ms;         /* how long equal failures fold into one record; default 1000 */
    unsigned flush_ms;        /* not 0: a thread of the emitter's own sends what is due so often */
    int report_pending;       /* also WSAEWOULDBLOCK, WSA_IO_PENDING and their like */
    int test;                 /* mark every datagram as a test */
    unsigned withhold;        /* WSFT_WITHHOLD_...: items that are never sent */
} wsft_options;

/* Starts reporting. Resolves the collector's name, once, and so may take as long as a name look-up
 * does; on Windows it also calls WSAStartup, for good. A second open before a close changes
 * nothing. The child of a fork goes on as a sender of its own, without the flushing thread.
 * Parameters: options, or NULL for the defaults.
 * Returns 0, or -1 where no socket could be opened or the collector's name is not known: the
 * program runs on as without telemetry. */
WSFT_API int wsft_open(const wsft_options *options);

/* Sends what is folded, and stops. A library that is to be unloaded closes first. (On macOS it
 * stays: there the next fork would run what pthread_atfork was given, and that is gone.) */
WSFT_API void wsft_close(void);

/* Sends what is folded and due now; the next report does the same. */
WSFT_API void wsft_flush(void);

/* Reports a failure that the program describes itself. What it leaves out (time, thread) is filled
 * in. Copies what it needs: the strings may go afterwards.
 * Strings are cut to 255 (node, message), 127 (source) or 31 (service) bytes. */
WSFT_API void wsft_report(const wsft_failure *failure);

/* Where in the program a call stands, as "file:line function". */
#define WSFT_STRING_(x) #x
#define WSFT_STRING(x)  WSFT_STRING_(x)
typedef struct wsft_place {
    const char *file_line, *function;
} wsft_place;
#ifdef __cplusplus
#define WSFT_HERE (wsft_place{__FILE__ ":" WSFT_STRING(__LINE__), __func__})
#else
#define WSFT_HERE ((wsft_place){__FILE__ ":" WSFT_STRING(__LINE__), __func__})
#endif

/* A call of any kind, timed and reported:
 *
 *     wsft_call call = wsft_begin(WSFT_OP_WSARECV, s, WSFT_HERE);
 *     if (WSARecv(s, ...) == SOCKET_ERROR)
 *         wsft_failed(&call, WSAGetLastError());
 */
typedef struct wsft_call {
    wsft_place place;
    wsft_handle socket;
    uint64_t start; /* the monotonic clock, nanoseconds */
    uint16_t operation;
} wsft_call;

/* Notes the start of a call. socket: the call's, or (wsft_handle)-1 where it has none. */
WSFT_API wsft_call wsft_begin(uint16_t operation, wsft_handle socket, wsft_place place);

/* Reports that a call failed, with duration, socket kind and both endpoints.
 * error: WSAGetLastError(), on POSIX errno; of getaddrinfo and getnameinfo what they returned, of
 * gethostbyname h_errno, of GetQueuedCompletionStatus GetLastError(), whose number becomes
 * Winsock's. A wait that the socket's own SO_RCVTIMEO or SO_SNDTIMEO has ended (EAGAIN) is
 * WSAETIMEDOUT. */
WSFT_API void wsft_failed(const wsft_call *call, int error);

/* The same for a call that was given the address of the other side: WSAConnect, ConnectEx,
 * WSASendTo and their like. Without it the report of a refused connection cannot name the peer. */
WSFT_API void wsft_failed_to(const wsft_call *call, int error, const struct sockaddr *remote,
                             wsft_socklen length);

/* The common calls, wrapped: each calls the function of its name, reports a failure, and returns
 * what the function returned with the last error as the function left it. */
WSFT_API wsft_handle wsft_socket_at(int family, int type, int protocol, wsft_place place);
WSFT_API int wsft_bind_at(wsft_handle s, const struct sockaddr *name, wsft_socklen length,
                          wsft_place place);
WSFT_API int wsft_listen_at(wsft_handle s, int backlog, wsft_place place);
WSFT_API wsft_handle wsft_accept_at(wsft_handle s, struct sockaddr *name, wsft_socklen *length,
                                    wsft_place place);
WSFT_API int wsft_connect_at(wsft_handle s, const struct sockaddr *name, wsft_socklen length,
                             wsft_place place);
WSFT_API wsft_result wsft_send_at(wsft_handle s, const void *buffer, wsft_length length, int flags,
                                  wsft_place place);
WSFT_API wsft_result wsft_sendto_at(wsft_handle s, const void *buffer, wsft_length length,
                                    int flags, const struct sockaddr *to, wsft_socklen to_length,
                                    wsft_place place);
WSFT_API wsft_result wsft_recv_at(wsft_handle s, void *buffer, wsft_length length, int flags,
                                  wsft_place place);
WSFT_API wsft_result wsft_recvfrom_at(wsft_handle s, void *buffer, wsft_length length, int flags,
                                      struct sockaddr *from, wsft_socklen *from_length,
                                      wsft_place place);
WSFT_API int wsft_shutdown_at(wsft_handle s, int how, wsft_place place);
WSFT_API int wsft_closesocket_at(wsft_handle s, wsft_place place);
WSFT_API int wsft_getaddrinfo_at(const char *node, const char *service,
                                 const struct addrinfo *hints, struct addrinfo **result,
                                 wsft_place place);

#define wsft_socket(family, type, protocol) wsft_socket_at((family), (type), (protocol), WSFT_HERE)
#define wsft_bind(s, name, length)          wsft_bind_at((s), (name), (length), WSFT_HERE)
#define wsft_listen(s, backlog)             wsft_listen_at((s), (backlog), WSFT_HERE)
#define wsft_accept(s, name, length)        wsft_accept_at((s), (name), (length), WSFT_HERE)
#define wsft_connect(s, name, length)       wsft_connect_at((s), (name), (length), WSFT_HERE)
#define wsft_send(s, buffer, length, flags)                                                        \
    wsft_send_at((s), (buffer), (length), (flags), WSFT_HERE)
#define wsft_sendto(s, buffer, length, flags, to, to_length)                                       \
    wsft_sendto_at((s), (buffer), (length), (flags), (to), (to_length), WSFT_HERE)
#define wsft_recv(s, buffer, length, flags)                                                        \
    wsft_recv_at((s), (buffer), (length), (flags), WSFT_HERE)
#define wsft_recvfrom(s, buffer, length, flags, from, from_length)                                 \
    wsft_recvfrom_at((s), (buffer), (length), (flags), (from), (from_length), WSFT_HERE)
#define wsft_shutdown(s, how) wsft_shutdown_at((s), (how), WSFT_HERE)
#define wsft_closesocket(s)   wsft_closesocket_at((s), WSFT_HERE)
#define wsft_getaddrinfo(node, service, hints, result)                                             \
    wsft_getaddrinfo_at((node), (service), (hints), (result), WSFT_HERE)

#ifdef __cplusplus
}
#endif

#endif
