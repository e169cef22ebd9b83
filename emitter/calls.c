/* calls.c: the wrapped calls. Where one fails it is described, socket, endpoints and duration, and
 * reported; where it succeeds it costs a reading of the clock.
 *
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

/* After a reset the system no longer knows a socket's peer, so the endpoints are kept from the time
 * of its connect or accept, or else of its first send or receive. A table of SETS rows of WAYS
 * sockets: key is the handle + 1, 0 a free place. Written under the lock, looked up without. */
enum { SET_BITS = 8, SETS = 1 << SET_BITS, WAYS = 4 };
typedef struct ends {
    wsft_socket_id id;
    wsft_endpoint local, remote;
} ends;
static wsft_lock lock = WSFT_LOCK_INIT;
static wsft_word keys[SETS][WAYS];
static ends known[SETS][WAYS];
static unsigned turn; /* which way gives its place up next */

/* What a wrapper knows beside the socket; zero where it does not. */
typedef struct details {
    const struct sockaddr *local, *remote; /* the address handed to the call */
    wsft_socklen local_length, remote_length;
    int has_bytes, has_kind;
    uint64_t bytes;
    uint16_t family, type, protocol;
    const char *node, *service;
    const ends *kept; /* all that is known of a socket that is gone */
} details;

void wsft_endpoints_lock(void)
{
    wsft_lock_take(&lock);
}

void wsft_endpoints_unlock(void)
{
    wsft_lock_release(&lock);
}

void wsft_endpoints_forget(void)
{
    wsft_lock_take(&lock);
    for (unsigned i = 0; i < SETS; i++)
        for (unsigned j = 0; j < WAYS; j++)
            wsft_word_store(&keys[i][j], 0);
    wsft_lock_release(&lock);
}

static wsft_word key_of(wsft_handle s)
{
    return (wsft_word)s + 1;
}

static unsigned set_of(wsft_handle s)
{
    return (unsigned)(((uint32_t)s * 0x9E3779B9u) >> (32 - SET_BITS));
}

/* The way that holds the key, or -1. */
static int find_way(unsigned set, wsft_word key)
{
    for (int i = 0; i < WAYS; i++)
        if (wsft_word_load(&keys[set][i]) == key)
            return i;
    return -1;
}

static void remember(wsft_handle s, const ends *e, int may_evict)
{
    unsigned set = set_of(s);
    wsft_lock_take(&lock);
    int way = find_way(set, key_of(s));
    if (way < 0)
        way = find_way(set, 0);
    if (way < 0 && may_evict)
        way = (int)(turn++ % WAYS);
    if (way >= 0) {
        known[set][way] = *e;
        wsft_word_store(&keys[set][way], key_of(s));
    }
    wsft_lock_release(&lock);
}

/* Returns 0 where nothing is known. */
static int recall(wsft_handle s, ends *e)
{
    unsigned set = set_of(s);
    wsft_lock_take(&lock);
    int way = find_way(set, key_of(s));
    if (way >= 0)
        *e = known[set][way];
    wsft_lock_release(&lock);
    return way >= 0;
}

static void forget(wsft_handle s)
{
    unsigned set = set_of(s);
    if (find_way(set, key_of(s)) < 0)
        return;
    wsft_lock_take(&lock);
    int way = find_way(set, key_of(s));
    if (way >= 0)
        wsft_word_store(&keys[set][way], 0);
    wsft_lock_release(&lock);
}

static void set_endpoint(wsft_endpoint *end, const void *address, size_t length)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr any;
    memset(end, 0, sizeof *end);
    if (address == NULL || length < sizeof in || length > sizeof(struct sockaddr_storage))
        return;
    memcpy(&any, address, sizeof any);
    if (any.sa_family == AF_INET) {
        memcpy(&in, address, sizeof in);
        end->length = 4;
        memcpy(end->address, &in.sin_addr, 4);
        end->port = ntohs(in.sin_port);
    } else if (any.sa_family == AF_INET6 && length >= sizeof in6) {
        memcpy(&in6, address, sizeof in6);
        end->length = 16;
        memcpy(end->address, &in6.sin6_addr, 16);
        end->port = ntohs(in6.sin6_port);
        end->scope = in6.sin6_scope_id;
    }
}

/* Both return 0 where the system does not say; a socket without a port has no name yet. */
static int local_of(wsft_handle s, wsft_endpoint *end)
{
    struct sockaddr_storage name;
    wsft_socklen length = sizeof name;
    memset(&name, 0, sizeof name);
    memset(end, 0, sizeof *end);
    if (getsockname(s, (struct sockaddr *)&name, &length) != 0)
        return 0;
    set_endpoint(end, &name, (size_t)length);
    if (end->port == 0)
        memset(end, 0, sizeof *end);
    return 1;
}

static int remote_of(wsft_handle s, wsft_endpoint *end)
{
    struct sockaddr_storage name;
    wsft_socklen length = sizeof name;
    memset(&name, 0, sizeof name);
    memset(end, 0, sizeof *end);
    if (getpeername(s, (struct sockaddr *)&name, &length) != 0)
        return 0;
    set_endpoint(end, &name, (size_t)length);
    return 1;
}

/* A socket that is connected, or on its way to to. */
static void remember_connected(wsft_handle s, const struct sockaddr *to, wsft_socklen length)
{
    ends e;
    wsft_socket_identify(s, &e.id);
    local_of(s, &e.local);
    if (!remote_of(s, &e.remote))
        set_endpoint(&e.remote, to, (size_t)length);
    remember(s, &e, 1);
}

/* The first send or receive on a socket that no wrapper connected. Never takes another's place, so
 * that two sockets of one row cannot make every call ask the system. */
static void remember_used(wsft_handle s)
{
    ends e;
    unsigned set = set_of(s);
    if (find_way(set, key_of(s)) >= 0 || find_way(set, 0) < 0)
        return;
    wsft_error error = wsft_error_save();
    if (wsft_socket_identify(s, &e.id) == 0 && local_of(s, &e.local)) {
        remote_of(s, &e.remote);
        remember(s, &e, 0);
    }
    wsft_error_restore(error);
}

static int is_wildcard(const wsft_endpoint *end)
{
    static const uint8_t zero[16] = {0};
    return memcmp(end->address, zero, sizeof zero) == 0;
}

/* A handle that was closed and came back is another socket: the system says so, or it has another
 * port. One that is closed is still the one that it was. */
static int is_same_socket(wsft_handle s, const wsft_endpoint *local, const ends *then)
{
    wsft_socket_id id;
    if (wsft_socket_identify(s, &id) == 0 && !wsft_socket_is_same(&id, &then->id))
        return 0;
    return local->port == 0 || then->local.port == 0 || local->port == then->local.port;
}

/* The codes of a call that has not read the address it was given: to read it here could crash a
 * program that its system only told so. */
static int is_address_unread(uint32_t code)
{
    enum { FAULT = 10014, NOT_A_SOCKET = 10038, NOT_INITIALISED = 10093 };
    return code == FAULT || code == NOT_A_SOCKET || code == NOT_INITIALISED;
}

static void describe_endpoints(wsft_failure *f, wsft_handle s, const details *d)
{
    ends then;
    int has_then = 0;
    memset(&then, 0, sizeof then);
    if (d->kept != NULL) {
        then = *d->kept;
        has_then = 1;
    } else if (s != WSFT_NO_HANDLE) {
        local_of(s, &f->local);
        remote_of(s, &f->remote);
        has_then = recall(s, &then) && is_same_socket(s, &f->local, &then);
    }
    int readable = !is_address_unread(f->code);
    if (d->local != NULL && readable)
        set_endpoint(&f->local, d->local, (size_t)d->local_length);
    else if (has_then && then.local.length != 0 && is_wildcard(&f->local))
        f->local = then.local;
    if (d->remote != NULL && readable)
        set_endpoint(&f->remote, d->remote, (size_t)d->remote_length);
    else if (has_then && f->remote.length == 0)
        f->remote = then.remote;
}

static void describe_kind(wsft_failure *f, wsft_handle s, const details *d)
{
    f->family = d->family;
    f->type = d->type;
    f->protocol = d->protocol;
    if (d->has_kind || (s != WSFT_NO_HANDLE && d->kept == NULL &&
                        wsft_socket_kind(s, &f->family, &f->type, &f->protocol) == 0))
        f->has |= WSFT_HAS_KIND;
}

/* "file:line function", without the folders of the machine that compiled it. */
static void describe_place(char *text, const wsft_place *place)
{
    const char *file = place->file_line != NULL ? place->file_line : "";
    for (const char *c = file; *c != '\0'; c++)
        if (*c == '/' || *c == '\\')
            file = c + 1;
    wsft_text_copy(text, file, WSFT_SOURCE_BYTES);
    size_t used = strlen(text);
    if (place->function == NULL || used + 2 > WSFT_SOURCE_BYTES)
        return;
    text[used++] = ' ';
    wsft_text_copy(text + used, place->function, WSFT_SOURCE_BYTES - used);
}

/* Reports a failed call. error: as the system numbers it, errno or the last error still set.
 * Returns Winsock's code of it, or 0 where the emitter is not open. */
static uint32_t report_call(const wsft_call *call, int error, const details *d)
{
    char source[WSFT_SOURCE_BYTES + 1], note[WSFT_NOTE_BYTES];
    if (!wsft_is_open())
        return 0;
    uint64_t now = wsft_monotonic_clock();
    int is_timed = call->start != 0 && now >= call->start;
    uint64_t duration = is_timed ? now - call->start : 0;
    uint32_t code = wsft_winsock_code(call->operation, call->socket, error, duration, note);
    if (!wsft_is_wanted(WSFT_WINSOCK, code))
        return code;
    describe_place(source, &call->place);

    wsft_failure f = {.time = wsft_wall_clock(), .code = code, .operation = call->operation};
    if (is_timed) {
        f.has |= WSFT_HAS_DURATION;
        f.duration = duration;
    }
    if (call->socket != WSFT_NO_HANDLE) {
        f.has |= WSFT_HAS_SOCKET;
        f.socket = (uint64_t)call->socket;
    }
    if (d->has_bytes) {
        f.has |= WSFT_HAS_BYTES;
        f.bytes = d->bytes;
    }
    describe_kind(&f, call->socket, d);
    describe_endpoints(&f, call->socket, d);
    f.node = d->node;
    f.service = d->service;
    f.source = source[0] != '\0' ? source : NULL;
    f.message = note[0] != '\0' ? note : NULL;
    wsft_report(&f);
    return code;
}

wsft_call wsft_begin(uint16_t operation, wsft_handle s, wsft_place place)
{
    wsft_call call = {.place = place, .socket = s, .operation = operation};
    if (!wsft_is_open())
        return call;
    if (s != WSFT_NO_HANDLE) {
        switch (operation) {
        case WSFT_OP_SEND:
        case WSFT_OP_SENDTO:
        case WSFT_OP_RECV:
        case WSFT_OP_RECVFROM:
        case WSFT_OP_SHUTDOWN:
        case WSFT_OP_WSASEND:
        case WSFT_OP_WSASENDTO:
        case WSFT_OP_WSASENDMSG:
        case WSFT_OP_WSARECV:
        case WSFT_OP_WSARECVFROM:
        case WSFT_OP_WSARECVMSG:
        case WSFT_OP_DISCONNECTEX:
        case WSFT_OP_TRANSMITFILE:
        case WSFT_OP_TRANSMITPACKETS:
            remember_used(s);
            break;
        case WSFT_OP_CONNECT:
        case WSFT_OP_CLOSESOCKET:
        case WSFT_OP_WSACONNECT:
        case WSFT_OP_WSACONNECTBYNAME:
        case WSFT_OP_CONNECTEX:
        case WSFT_OP_WSAJOINLEAF:
            forget(s);
            break;
        default:
            break;
        }
    }
    call.start = wsft_monotonic_clock();
    return call;
}

void wsft_failed(const wsft_call *call, int error)
{
    static const details none = {0};
    wsft_error saved = wsft_error_save();
    report_call(call, error, &none);
    wsft_error_restore(saved);
}

void wsft_failed_to(const wsft_call *call, int error, const struct sockaddr *remote,
                    wsft_socklen length)
{
    const details d = {.remote = remote, .remote_length = length};
    wsft_error saved = wsft_error_save();
    report_call(call, error, &d);
    wsft_error_restore(saved);
}

/* Reports what a wrapper's call left in the last error. */
static void report_last(const wsft_call *call, const details *d)
{
    wsft_error saved = wsft_error_save();
    report_call(call, wsft_error_last(), d);
    wsft_error_restore(saved);
}

wsft_handle wsft_socket_at(int family, int type, int protocol, wsft_place place)
{
    wsft_call call = wsft_begin(WSFT_OP_SOCKET, WSFT_NO_HANDLE, place);
    wsft_handle s = socket(family, type, protocol);
    if (s == WSFT_NO_HANDLE) {
        const details d = {.has_kind = 1,
                           .family = wsft_winsock_family(family),
                           .type = wsft_winsock_type(type),
                           .protocol = (uint16_t)protocol};
        report_last(&call, &d);
    } else if (wsft_is_open()) {
        forget(s); /* a handle that the program closed without the wrapper, come back */
    }
    return s;
}

int wsft_bind_at(wsft_handle s, const struct sockaddr *name, wsft_socklen length, wsft_place place)
{
    wsft_call call = wsft_begin(WSFT_OP_BIND, s, place);
    int result = bind(s, name, length);
    if (result != 0) {
        const details d = {.local = name, .local_length = length};
        report_last(&call, &d);
    }
    return result;
}

int wsft_listen_at(wsft_handle s, int backlog, wsft_place place)
{
    static const details none = {0};
    wsft_call call = wsft_begin(WSFT_OP_LISTEN, s, place);
    int result = listen(s, backlog);
    if (result != 0)
        report_last(&call, &none);
    return result;
}

wsft_handle wsft_accept_at(wsft_handle s, struct sockaddr *name, wsft_socklen *length,
                           wsft_place place)
{
    static const details none = {0};
    wsft_call call = wsft_begin(WSFT_OP_ACCEPT, s, place);
    wsft_socklen room = name != NULL && length != NULL ? *length : 0;
    wsft_handle accepted = accept(s, name, length);
    if (accepted == WSFT_NO_HANDLE) {
        report_last(&call, &none);
    } else if (wsft_is_open()) {
        wsft_error saved = wsft_error_save();
        /* A client may be gone already, and only the call itself has said who it was. */
        remember_connected(accepted, name, room != 0 && *length < room ? *length : room);
        wsft_error_restore(saved);
    }
    return accepted;
}

int wsft_connect_at(wsft_handle s, const struct sockaddr *name, wsft_socklen length,
                    wsft_place place)
{
    enum { IS_CONNECTED = 10056 }; /* a second connect, to ask how the first has gone */
    wsft_call call = wsft_begin(WSFT_OP_CONNECT, s, place);
    int result = connect(s, name, length);
    if (!wsft_is_open())
        return result;
    wsft_error saved = wsft_error_save();
    const details d = {.remote = name, .remote_length = length};
    uint32_t code = result != 0 ? report_call(&call, wsft_error_last(), &d) : IS_CONNECTED;
    if (code == IS_CONNECTED || wsft_is_pending(WSFT_WINSOCK, code))
        remember_connected(s, name, length);
    wsft_error_restore(saved);
    return result;
}

wsft_result wsft_send_at(wsft_handle s, const void *buffer, wsft_length length, int flags,
                         wsft_place place)
{
    wsft_call call = wsft_begin(WSFT_OP_SEND, s, place);
    wsft_result result = send(s, buffer, length, flags);
    if (result < 0) {
        const details d = {.has_bytes = 1, .bytes = (uint64_t)length};
        report_last(&call, &d);
    }
    return result;
}

wsft_result wsft_sendto_at(wsft_handle s, const void *buffer, wsft_length length, int flags,
                           const struct sockaddr *to, wsft_socklen to_length, wsft_place place)
{
    wsft_call call = wsft_begin(WSFT_OP_SENDTO, s, place);
    wsft_result result = sendto(s, buffer, length, flags, to, to_length);
    if (result < 0) {
        const details d = {
            .has_bytes = 1, .bytes = (uint64_t)length, .remote = to, .remote_length = to_length};
        report_last(&call, &d);
    }
    return result;
}

wsft_result wsft_recv_at(wsft_handle s, void *buffer, wsft_length length, int flags,
                         wsft_place place)
{
    wsft_call call = wsft_begin(WSFT_OP_RECV, s, place);
    wsft_result result = recv(s, buffer, length, flags);
    if (result < 0) {
        const details d = {.has_bytes = 1, .bytes = (uint64_t)length};
        report_last(&call, &d);
    }
    return result;
}

wsft_result wsft_recvfrom_at(wsft_handle s, void *buffer, wsft_length length, int flags,
                             struct sockaddr *from, wsft_socklen *from_length, wsft_place place)
{
    wsft_call call = wsft_begin(WSFT_OP_RECVFROM, s, place);
    wsft_result result = recvfrom(s, buffer, length, flags, from, from_length);
    if (result < 0) {
        const details d = {.has_bytes = 1, .bytes = (uint64_t)length};
        report_last(&call, &d);
    }
    return result;
}

int wsft_shutdown_at(wsft_handle s, int how, wsft_place place)
{
    static const details none = {0};
    wsft_call call = wsft_begin(WSFT_OP_SHUTDOWN, s, place);
    int result = shutdown(s, how);
    if (result != 0)
        report_last(&call, &none);
    return result;
}

int wsft_closesocket_at(wsft_handle s, wsft_place place)
{
    /* Asked before the call, for after it the handle may be another thread's new socket. */
    ends kept;
    memset(&kept, 0, sizeof kept);
    if (wsft_is_open() && s != WSFT_NO_HANDLE)
        recall(s, &kept);
    wsft_call call = wsft_begin(WSFT_OP_CLOSESOCKET, s, place);
    int result = wsft_socket_close(s);
    if (result != 0) {
        const details d = {.kept = &kept};
        report_last(&call, &d);
    }
    return result;
}

int wsft_getaddrinfo_at(const char *node, const char *service, const struct addrinfo *hints,
                        struct addrinfo **result, wsft_place place)
{
    wsft_call call = wsft_begin(WSFT_OP_GETADDRINFO, WSFT_NO_HANDLE, place);
    int error = getaddrinfo(node, service, hints, result);
    if (error != 0) {
        const details d = {.node = node, .service = service};
        wsft_error saved = wsft_error_save();
        report_call(&call, error, &d);
        wsft_error_restore(saved);
    }
    return error;
}
