/* calls_test.c: the wrapped calls, each made to fail by a real socket, and what the report of it
 * says.
 *
 * SPDX-License-Identifier: MIT
 */
#include "emitting.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static int closed_port(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(s, (struct sockaddr *)address, length), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)address, &length), 0);
    close(s);
    return ntohs(address->sin_port);
}

static void test_connect_refused(void **state)
{
    (void)state;
    struct sockaddr_in to;
    int port = closed_port(&to);
    open_plain();
    int s = wsft_socket(AF_INET, SOCK_STREAM, 0);
    errno = 0;
    assert_int_equal(wsft_connect(s, (struct sockaddr *)&to, sizeof to), -1);
    assert_int_equal(errno, ECONNREFUSED);
    const failure *f = expect_one(10061);
    assert_int_equal(f->operation, WSFT_OP_CONNECT);
    assert_true(f->has_socket && f->socket == (uint64_t)s);
    assert_true(f->has_kind && f->family == 2 && f->type == 1 && f->protocol == 6);
    assert_int_equal(f->remote.length, 4);
    assert_memory_equal(f->remote.address, "\x7f\0\0\1", 4);
    assert_int_equal(f->remote.port, port);
    assert_true(f->local.port != 0);
    assert_true(f->has_duration && f->duration > 0 && f->duration < 5000000000u);
    assert_non_null(strstr(f->source, "calls_test.c:"));
    assert_non_null(strstr(f->source, " test_connect_refused"));
    assert_null(strchr(f->source, '/'));
    assert_int_equal(wsft_closesocket(s), 0);
}

static void test_non_blocking_connect(void **state)
{
    (void)state;
    struct sockaddr_in to;
    int port = closed_port(&to), error = 0;
    socklen_t length = sizeof error;
    open_plain();
    int s = wsft_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(wsft_connect(s, (struct sockaddr *)&to, sizeof to), -1);
    assert_int_equal(errno, EINPROGRESS);
    expect_nothing(); /* WSAEWOULDBLOCK, and so pending */
    wsft_call call = wsft_begin(WSFT_OP_GETSOCKOPT, s, WSFT_HERE);
    getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &length);
    assert_int_equal(error, ECONNREFUSED);
    wsft_failed(&call, error);
    const failure *f = expect_one(10061);
    assert_int_equal(f->remote.port, port);
    assert_memory_equal(f->local.address, "\x7f\0\0\1", 4);
    wsft_closesocket(s);
    wsft_close();

    next_sequence = 0;
    open_with((wsft_options){.report_pending = 1});
    s = wsft_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    wsft_connect(s, (struct sockaddr *)&to, sizeof to);
    assert_int_equal(expect_one(10035)->remote.port, port);
    wsft_closesocket(s);
}

/* A connection over the loopback; wrapped: by the emitter's functions. */
typedef struct pair {
    int listening, client, server;
    uint16_t client_port, server_port;
} pair;

static int connect_to(uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    in.sin_port = htons(port);
    assert_int_equal(connect(s, (struct sockaddr *)&in, sizeof in), 0);
    return s;
}

static pair connect_pair(int wrapped)
{
    pair p;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof in;
    p.listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(wsft_bind(p.listening, (struct sockaddr *)&in, length), 0);
    assert_int_equal(wsft_listen(p.listening, 4), 0);
    getsockname(p.listening, (struct sockaddr *)&in, &length);
    p.server_port = ntohs(in.sin_port);
    p.client = wrapped ? wsft_socket(AF_INET, SOCK_STREAM, 0) : socket(AF_INET, SOCK_STREAM, 0);
    errno = 77;
    assert_int_equal(wrapped ? wsft_connect(p.client, (struct sockaddr *)&in, length)
                             : connect(p.client, (struct sockaddr *)&in, length),
                     0);
    assert_int_equal(errno, 77);
    getsockname(p.client, (struct sockaddr *)&in, &length);
    p.client_port = ntohs(in.sin_port);
    p.server = wrapped ? wsft_accept(p.listening, NULL, NULL) : accept(p.listening, NULL, NULL);
    assert_int_equal(errno, 77);
    assert_true(p.server >= 0);
    return p;
}

static void reset(int s)
{
    struct linger now = {1, 0};
    setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    wsft_closesocket(s);
}

static void close_pair(const pair *p)
{
    wsft_closesocket(p->client);
    wsft_closesocket(p->listening);
}

static void test_reset_names_both_ends(void **state)
{
    (void)state;
    char byte = 0;
    open_plain();
    pair p = connect_pair(1);
    assert_int_equal(wsft_send(p.client, "x", 1, 0), 1);
    assert_int_equal(wsft_recv(p.server, &byte, 1, 0), 1);
    reset(p.server);
    assert_int_equal(wsft_recv(p.client, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    const failure *f = expect_one(10054);
    assert_int_equal(f->operation, WSFT_OP_RECV);
    assert_int_equal(f->local.port, p.client_port);
    assert_int_equal(f->remote.port, p.server_port);
    assert_int_equal(f->bytes, 1);

    /* After a reset sending is EPIPE here and WSAECONNRESET there. */
    assert_int_equal(wsft_send(p.client, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    f = expect_one(10054);
    assert_int_equal(f->operation, WSFT_OP_SEND);
    assert_int_equal(f->remote.port, p.server_port);
    close_pair(&p);
}

static void test_accepted_socket(void **state)
{
    (void)state;
    char byte;
    open_plain();
    pair p = connect_pair(1);
    reset(p.client);
    assert_int_equal(wsft_recv(p.server, &byte, 1, 0), -1);
    const failure *f = expect_one(10054);
    assert_int_equal(f->local.port, p.server_port);
    assert_int_equal(f->remote.port, p.client_port);
    wsft_closesocket(p.server);
    wsft_closesocket(p.listening);
}

static void test_first_use_is_remembered(void **state)
{
    (void)state;
    char byte;
    open_plain();
    pair p = connect_pair(0);
    assert_int_equal(wsft_send(p.client, "x", 1, 0), 1);
    assert_int_equal(recv(p.server, &byte, 1, 0), 1);
    reset(p.server);
    assert_int_equal(wsft_recv(p.client, &byte, 1, 0), -1);
    assert_int_equal(expect_one(10054)->remote.port, p.server_port);
    close_pair(&p);
}

static void test_a_closed_socket_is_forgotten(void **state)
{
    (void)state;
    open_plain();
    pair p = connect_pair(1);
    int old = p.client;
    wsft_closesocket(p.client);
    close(p.server);
    int s = socket(AF_INET, SOCK_STREAM, 0); /* gets the lowest number, one of the two */
    assert_true(s == old || s == p.server);
    wsft_call call = wsft_begin(WSFT_OP_SEND, old, WSFT_HERE);
    wsft_failed(&call, ENOTCONN);
    const failure *f = expect_one(10057);
    assert_int_equal(f->remote.length, 0);
    assert_int_equal(f->local.length, 0);
    close(s);
    close(p.listening);
}

/* A program that closes a socket without the wrapper: its successor has another peer. */
static void test_the_peer_of_an_earlier_socket_is_not_named(void **state)
{
    (void)state;
    char byte;
    open_plain();
    pair p = connect_pair(0), later;
    assert_int_equal(send(p.client, "x", 1, 0), 1);
    assert_int_equal(wsft_recv(p.server, &byte, 1, 0), 1);
    later = p;
    later.client = connect_to(p.server_port);
    close(p.server);
    later.server = accept(p.listening, NULL, NULL);
    assert_int_equal(later.server, p.server);
    assert_int_equal(send(later.client, "x", 1, 0), 1);
    assert_int_equal(wsft_recv(later.server, &byte, 1, 0), 1);
    reset(later.client);
    assert_int_equal(wsft_recv(later.server, &byte, 1, 0), -1);
    assert_int_not_equal(expect_one(10054)->remote.port, p.client_port);
    wsft_closesocket(later.server);
    close_pair(&p);
}

static void test_a_client_that_is_gone_before_it_is_accepted(void **state)
{
    (void)state;
    char byte;
    struct sockaddr_in in;
    socklen_t length = sizeof in;
    open_plain();
    pair p = connect_pair(0);
    int client = connect_to(p.server_port);
    getsockname(client, (struct sockaddr *)&in, &length);
    uint16_t port = ntohs(in.sin_port);
    reset(client);
    length = sizeof in;
    int s = wsft_accept(p.listening, (struct sockaddr *)&in, &length);
    assert_int_equal(wsft_recv(s, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(expect_one(10054)->remote.port, port);
    wsft_closesocket(s);
    wsft_closesocket(p.server);
    close_pair(&p);
}

static void wait_at_most(int s, int option, int milliseconds)
{
    const struct timeval limit = {0, milliseconds * 1000L};
    assert_int_equal(setsockopt(s, SOL_SOCKET, option, &limit, sizeof limit), 0);
}

/* EAGAIN here, WSAETIMEDOUT there. */
static void test_a_wait_that_the_program_bounds(void **state)
{
    (void)state;
    enum { WAIT_MS = 40 };
    char byte;
    open_plain();
    pair p = connect_pair(1);
    assert_int_equal(wsft_recv(p.client, &byte, 1, MSG_DONTWAIT), -1);
    expect_nothing();
    wait_at_most(p.client, SO_RCVTIMEO, WAIT_MS);
    assert_int_equal(wsft_recv(p.client, &byte, 1, MSG_DONTWAIT), -1);
    expect_nothing(); /* it was not to wait, and did not */
    assert_int_equal(wsft_recv(p.client, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    const failure *f = expect_one(10060);
    assert_int_equal(f->remote.port, p.server_port);
    assert_true(f->duration >= WAIT_MS * 1000000ull / 2);

    wait_at_most(p.listening, SO_RCVTIMEO, WAIT_MS);
    assert_int_equal(wsft_accept(p.listening, NULL, NULL), -1);
    assert_int_equal(expect_one(10060)->operation, WSFT_OP_ACCEPT);
    fcntl(p.listening, F_SETFL, O_NONBLOCK);
    assert_int_equal(wsft_accept(p.listening, NULL, NULL), -1);
    expect_nothing();
    wsft_closesocket(p.server);
    close_pair(&p);
}

static void test_a_connect_that_the_program_bounds(void **state)
{
    (void)state;
    enum { WAIT_MS = 40, MORE_THAN_FIT = 4 };
    int waiting[MORE_THAN_FIT];
    struct sockaddr_in in;
    socklen_t length = sizeof in;
    open_plain();
    pair p = connect_pair(0);
    assert_int_equal(listen(p.listening, 0), 0);
    getsockname(p.listening, (struct sockaddr *)&in, &length);
    for (int i = 0; i < MORE_THAN_FIT; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (struct sockaddr *)&in, length); /* made, or on its way */
    }
    int s = wsft_socket(AF_INET, SOCK_STREAM, 0);
    wait_at_most(s, SO_SNDTIMEO, WAIT_MS);
    assert_int_equal(wsft_connect(s, (struct sockaddr *)&in, length), -1);
    assert_int_equal(errno, EINPROGRESS);
    assert_int_equal(expect_one(10060)->remote.port, p.server_port);
    wsft_closesocket(s);
    for (int i = 0; i < MORE_THAN_FIT; i++)
        close(waiting[i]);
    close(p.server);
    close_pair(&p);
}

/* The system only says EFAULT, and so may not the report of it crash. */
static void test_an_address_that_cannot_be_read(void **state)
{
    (void)state;
    const struct sockaddr *bad = (const struct sockaddr *)(uintptr_t)64;
    const socklen_t length = sizeof(struct sockaddr_in);
    open_plain();
    int s = wsft_socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(wsft_connect(s, bad, length), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(expect_one(10014)->remote.length, 0);
    assert_int_equal(wsft_bind(s, bad, length), -1);
    assert_int_equal(expect_one(10014)->operation, WSFT_OP_BIND);
    assert_int_equal(wsft_sendto(s, "x", 1, 0, bad, length), -1);
    assert_int_equal(expect_one(10014)->operation, WSFT_OP_SENDTO);
    wsft_closesocket(s);
    assert_int_equal(wsft_connect(s, bad, length), -1);
    assert_int_equal(errno, EBADF);
    expect_one(10038);
}

static void test_broken_pipe(void **state)
{
    (void)state;
    open_plain();
    pair p = connect_pair(1);
    assert_int_equal(wsft_shutdown(p.client, SHUT_WR), 0);
    assert_int_equal(wsft_send(p.client, "x", 1, MSG_NOSIGNAL), -1);
    expect_one(10058); /* this side's own doing */
    close(p.server);
    close_pair(&p);
    int s = wsft_socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(wsft_send(s, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    expect_one(10057); /* never connected */
    wsft_closesocket(s);
}

static void test_other_wrappers(void **state)
{
    (void)state;
    char byte;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof in;
    open_with((wsft_options){.fold_ms = 60000});

    assert_int_equal(wsft_socket(AF_INET, SOCK_RDM | SOCK_CLOEXEC, 0), -1);
    const failure *f = expect_one(10044);
    assert_true(f->has_kind && f->family == 2 && f->type == 4);
    assert_false(f->has_socket);

    pair p = connect_pair(1);
    in.sin_port = htons(p.server_port);
    int s = wsft_socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(wsft_bind(s, (struct sockaddr *)&in, length), -1);
    f = expect_one(10048);
    assert_int_equal(f->local.port, p.server_port);
    assert_int_equal(wsft_shutdown(s, SHUT_WR), -1);
    expect_one(10057);
    assert_int_equal(wsft_accept(s, NULL, NULL), -1);
    assert_int_equal(expect_one(10022)->operation, WSFT_OP_ACCEPT);
    wsft_closesocket(s);

    s = wsft_socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(wsft_listen(s, 1), -1);
    f = expect_one(10045);
    assert_true(f->type == 2 && f->protocol == 17);
    in.sin_addr.s_addr = INADDR_BROADCAST;
    assert_int_equal(wsft_sendto(s, "abc", 3, 0, (struct sockaddr *)&in, length), -1);
    f = expect_one(10013);
    assert_int_equal(f->remote.port, p.server_port);
    assert_int_equal(f->bytes, 3);
    wsft_closesocket(s);
    s = wsft_socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(wsft_recvfrom(s, &byte, 1, 0, NULL, NULL), -1);
    assert_int_equal(expect_one(10057)->operation, WSFT_OP_RECVFROM);
    wsft_closesocket(s);

    assert_int_equal(wsft_closesocket(s), -1);
    assert_int_equal(errno, EBADF);
    f = expect_one(10038);
    assert_int_equal(f->operation, WSFT_OP_CLOSESOCKET);
    assert_int_equal(f->socket, s);
    close(p.server);
    close_pair(&p);
}

static void test_ipv6_endpoint(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    struct sockaddr_in6 to = {.sin6_family = AF_INET6,
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT,
                              .sin6_port = htons(1),
                              .sin6_scope_id = 0};
    open_plain();
    int s = wsft_socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(wsft_connect(s, (struct sockaddr *)&to, sizeof to), -1);
    const failure *f = expect_one(10061);
    assert_int_equal(f->family, 23);
    assert_int_equal(f->remote.length, 16);
    assert_int_equal(f->remote.address[15], 1);
    assert_int_equal(f->remote.port, 1);
    wsft_closesocket(s);
}

static void test_failed_to(void **state)
{
    (void)state;
    struct sockaddr_in to;
    int port = closed_port(&to);
    open_plain();
    int s = socket(AF_INET, SOCK_STREAM, 0);
    wsft_call call = wsft_begin(WSFT_OP_WSACONNECT, s, WSFT_HERE);
    assert_int_equal(connect(s, (struct sockaddr *)&to, sizeof to), -1);
    wsft_failed_to(&call, errno, (struct sockaddr *)&to, sizeof to);
    const failure *f = expect_one(10061);
    assert_int_equal(f->operation, WSFT_OP_WSACONNECT);
    assert_int_equal(f->remote.port, port);
    close(s);
}

/* A place of its own for each row, so that equal codes do not fold. */
static wsft_place row_place(size_t row)
{
    static char function[32];
    snprintf(function, sizeof function, "row %u", (unsigned)row);
    return (wsft_place){"rows", function};
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        int here;
        uint32_t winsock;
    } rows[] = {
        {EAI_AGAIN, 11002},  {EAI_BADFLAGS, 10022}, {EAI_FAIL, 11003},    {EAI_FAMILY, 10047},
        {EAI_MEMORY, 8},     {EAI_NONAME, 11001},   {EAI_SERVICE, 10109}, {EAI_SOCKTYPE, 10044},
        {EAI_NODATA, 11004}, {-12345, 11003},
    };
    struct addrinfo *list = NULL, hints = {.ai_flags = AI_NUMERICHOST};
    open_plain();
    errno = 55;
    assert_int_equal(wsft_getaddrinfo("not-a-number", "80", &hints, &list), EAI_NONAME);
    const failure *f = expect_one(11001);
    assert_int_equal(f->operation, WSFT_OP_GETADDRINFO);
    assert_string_equal(f->node, "not-a-number");
    assert_string_equal(f->service, "80");
    assert_true(f->has_duration);
    assert_false(f->has_socket);

    assert_int_equal(wsft_getaddrinfo("127.0.0.1", NULL, &hints, &list), 0);
    freeaddrinfo(list);
    expect_nothing();

    for (size_t i = 0; i < COUNT(rows); i++) {
        wsft_call call = wsft_begin(WSFT_OP_GETNAMEINFO, -1, row_place(i));
        wsft_failed(&call, rows[i].here);
        expect_one(rows[i].winsock);
    }
    errno = ENETUNREACH;
    wsft_call call = wsft_begin(WSFT_OP_GETADDRINFO, -1, WSFT_HERE);
    wsft_failed(&call, EAI_SYSTEM);
    expect_one(10051);
}

static void test_an_old_look_up(void **state)
{
    (void)state;
    static const uint32_t winsock[] = {11001, 11002, 11003, 11004};
    open_plain();
    for (int i = 0; i < (int)COUNT(winsock); i++) {
        wsft_call call = wsft_begin(WSFT_OP_GETHOSTBYNAME, -1, row_place((size_t)i));
        wsft_failed(&call, HOST_NOT_FOUND + i);
        expect_one(winsock[i]);
    }
    errno = ENETUNREACH;
    wsft_call call = wsft_begin(WSFT_OP_GETHOSTBYNAME, -1, WSFT_HERE);
    wsft_failed(&call, NETDB_INTERNAL);
    expect_one(10051);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        int here;
        uint32_t winsock;
    } rows[] = {
        {EINTR, 10004},       {EBADF, 10038},         {EACCES, 10013},     {EPERM, 10013},
        {EFAULT, 10014},      {EINVAL, 10022},        {EMFILE, 10024},     {EALREADY, 10037},
        {EINPROGRESS, 10036}, {EAGAIN, 10035},        {ENOTSOCK, 10038},   {EMSGSIZE, 10040},
        {EADDRINUSE, 10048},  {EADDRNOTAVAIL, 10049}, {ENETDOWN, 10050},   {ENETUNREACH, 10051},
        {ENETRESET, 10052},   {ECONNABORTED, 10053},  {ECONNRESET, 10054}, {ENOBUFS, 10055},
        {EISCONN, 10056},     {ENOTCONN, 10057},      {ETIMEDOUT, 10060},  {ECONNREFUSED, 10061},
        {EHOSTDOWN, 10064},   {EHOSTUNREACH, 10065},  {ECANCELED, 995},    {EPIPE, 10058},
    };
    open_with((wsft_options){.report_pending = 1});
    for (size_t i = 0; i < COUNT(rows); i++) {
        wsft_call call = wsft_begin(WSFT_OP_RECV, -1, row_place(i));
        wsft_failed(&call, rows[i].here);
        const failure *f = expect_one(rows[i].winsock);
        assert_string_equal(f->message, "");
    }
    /* EIO is 5, which Windows calls ERROR_ACCESS_DENIED: it must not pass for that. */
    wsft_call call = wsft_begin(WSFT_OP_RECV, -1, WSFT_HERE);
    wsft_failed(&call, EIO);
    assert_string_equal(expect_one(10107)->message, "errno 5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRED(test_connect_refused),
        WIRED(test_non_blocking_connect),
        WIRED(test_reset_names_both_ends),
        WIRED(test_accepted_socket),
        WIRED(test_first_use_is_remembered),
        WIRED(test_a_closed_socket_is_forgotten),
        WIRED(test_the_peer_of_an_earlier_socket_is_not_named),
        WIRED(test_a_client_that_is_gone_before_it_is_accepted),
        WIRED(test_a_wait_that_the_program_bounds),
        WIRED(test_a_connect_that_the_program_bounds),
        WIRED(test_an_address_that_cannot_be_read),
        WIRED(test_broken_pipe),
        WIRED(test_other_wrappers),
        WIRED(test_ipv6_endpoint),
        WIRED(test_failed_to),
        WIRED(test_names),
        WIRED(test_an_old_look_up),
        WIRED(test_errors),
    };
    alarm(120); /* a wait that never ends is a failure too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
