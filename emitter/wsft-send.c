/* wsft-send.c: sends one report, made up from the command line: a first packet to look at, and
 * every field of the protocol for a test.
 *
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_SENT = 0, EXIT_NOT_SENT = 1, EXIT_USAGE = 2 };

/* What the command line says. Lives as long as the program. */
typedef struct command {
    const char *collector, *code;
    int has_space, hex;
    uint64_t age, first_age;
    uint32_t count;
    char host[WSFT_HOST_BYTES + 1];
    wsft_failure failure;
    wsft_datagram datagram;
} command;

typedef struct name {
    uint32_t number;
    const char *name, *aliases;
} name;

static const name winsock_names[] = {
#define X(number, name, aliases, title, category, description, advice) {number, name, aliases},
#include "../fields/errors.def"
#undef X
};
static const char *const winsock_titles[] = {
#define X(number, name, aliases, title, category, description, advice) title,
#include "../fields/errors.def"
#undef X
};
static const name ntstatus_names[] = {
#define X(value, name, winsock) {value, name, ""},
#include "../fields/ntstatus.def"
#undef X
};
static const name listing_names[] = {
#define X(number, name, description) {number, name, ""},
#include "../fields/listing.def"
#undef X
};
static const name operation_names[] = {
    {0, "unknown", ""},
#define X(number, identifier, name) {number, name, ""},
#include "../fields/operations.def"
#undef X
};
static const name space_names[] = {
#define X_SPACE(number, identifier, name) {number, #identifier, ""},
#include "../fields/enums.def"
};
static const name platform_names[] = {
#define X_PLATFORM(number, identifier, name) {number, name, ""},
#include "../fields/enums.def"
};
static const name family_names[] = {{2, "AF_INET", "inet ipv4"}, {23, "AF_INET6", "inet6 ipv6"}};
static const name type_names[] = {{1, "SOCK_STREAM", "stream"}, {2, "SOCK_DGRAM", "dgram"}};
static const name protocol_names[] = {{6, "IPPROTO_TCP", "tcp"}, {17, "IPPROTO_UDP", "udp"}};

#define COUNT(array)           (sizeof(array) / sizeof *(array))
#define FIND(table, text, out) find_name(table, COUNT(table), text, strlen(text), out)

static const char usage[] =
    "Usage: wsft-send [OPTION]...\n"
    "Sends a report of a failed Winsock call, as an instrumented program would.\n"
    "\n"
    "Where to\n"
    "  --collector HOST[:PORT]   default $WSFT_COLLECTOR, else 127.0.0.1:10054\n"
    "  --hex                     print the bytes of the datagram instead of sending it\n"
    "  --count N                 send N datagrams, the sequence number rising\n"
    "The failure\n"
    "  --code CODE               number or name, default WSAECONNRESET\n"
    "  --space SPACE             winsock, hresult, ntstatus or listing\n"
    "  --operation NAME          the call, name or number, default recv\n"
    "  --age TIME                it happened so long ago (1.5s, 20ms, 300us), default 0\n"
    "  --duration TIME           the call took so long\n"
    "  --repeat N                it stands for N equal ones\n"
    "  --first-age TIME          the first of them happened so long ago\n"
    "  --bytes N                 size of the buffer handed to the call\n"
    "  --message TEXT  --source TEXT\n"
    "  --trace TRACEPARENT       W3C trace context, 00-<trace id>-<span id>-<flags>\n"
    "The socket\n"
    "  --socket HANDLE           decimal or 0x...\n"
    "  --kind FAMILY,TYPE,PROTOCOL   names or numbers: inet,stream,tcp\n"
    "  --local ADDRESS:PORT  --remote ADDRESS:PORT   IPv6 as [fe80::1%3]:80\n"
    "  --node NAME  --service NAME   what was looked up\n"
    "The sender (an empty TEXT, or 0, leaves the item out)\n"
    "  --host TEXT  --process TEXT  --pid N  --thread N  --library TEXT\n"
    "  --platform NAME           windows, wine or posix\n"
    "  --sender N  --sequence N  --dropped N\n"
    "  --test                    mark the datagram as a test\n"
    "\n"
    "  --list-codes              the Winsock codes, names and titles\n"
    "  --help  --version\n"
    "\n"
    "Exit status: 0 sent, 1 not sent, 2 a mistake on the command line.\n";

static _Noreturn void fail(const char *option, const char *value, const char *why)
{
    fprintf(stderr, "wsft-send: %s %s: %s\n", option, value, why);
    exit(EXIT_USAGE);
}

static int same_letters(const char *a, size_t a_length, const char *b, size_t b_length)
{
    for (size_t i = 0; a_length == b_length && i < a_length; i++) {
        int x = a[i] >= 'A' && a[i] <= 'Z' ? a[i] - 'A' + 'a' : a[i];
        int y = b[i] >= 'A' && b[i] <= 'Z' ? b[i] - 'A' + 'a' : b[i];
        if (x != y)
            return 0;
    }
    return a_length == b_length;
}

/* Is text one of the words of list? */
static int in_list(const char *text, size_t length, const char *list)
{
    while (*list != '\0') {
        size_t word = strcspn(list, " ");
        if (same_letters(text, length, list, word))
            return 1;
        list += word;
        list += strspn(list, " ");
    }
    return 0;
}

static int find_name(const name *names, size_t count, const char *text, size_t length,
                     uint32_t *number)
{
    for (size_t i = 0; i < count; i++) {
        if (same_letters(text, length, names[i].name, strlen(names[i].name)) ||
            in_list(text, length, names[i].aliases)) {
            *number = names[i].number;
            return 1;
        }
    }
    return 0;
}

/* A whole number, decimal or 0x..., at most max. */
static int parse_number(const char *text, uint64_t max, uint64_t *number)
{
    unsigned base = 10;
    uint64_t value = 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (*text == '\0')
        return 0;
    for (; *text != '\0'; text++) {
        unsigned digit = *text >= '0' && *text <= '9'   ? (unsigned)(*text - '0')
                         : *text >= 'a' && *text <= 'f' ? (unsigned)(*text - 'a' + 10)
                         : *text >= 'A' && *text <= 'F' ? (unsigned)(*text - 'A' + 10)
                                                        : 16;
        if (digit >= base || value > (UINT64_MAX - digit) / base)
            return 0;
        value = value * base + digit;
    }
    *number = value;
    return value <= max;
}

static uint64_t get_number(const char *option, const char *value, uint64_t max)
{
    uint64_t number = 0;
    if (!parse_number(value, max, &number)) {
        char why[80];
        snprintf(why, sizeof why, "not a whole number from 0 to %llu", (unsigned long long)max);
        fail(option, value, why);
    }
    return number;
}

static uint32_t get_u32(const char *option, const char *value)
{
    return (uint32_t)get_number(option, value, UINT32_MAX);
}

/* "1.5s", "20ms", "300us", "7ns"; without a unit seconds. In nanoseconds. */
static uint64_t get_time(const char *option, const char *value)
{
    static const struct {
        const char *unit;
        double nanoseconds;
    } units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};
    char *end;
    double number = strtod(value, &end);
    for (size_t i = 0; i < COUNT(units); i++) {
        double nanoseconds = number * units[i].nanoseconds;
        if (strcmp(end, units[i].unit) == 0 && end != value && nanoseconds >= 0 &&
            nanoseconds < 9e18)
            return (uint64_t)(nanoseconds + 0.5);
    }
    fail(option, value, "not a time such as 1.5s, 20ms or 300us");
}

static void copy_address(wsft_endpoint *end, const struct addrinfo *found)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (found->ai_family == AF_INET) {
        memcpy(&in, found->ai_addr, sizeof in);
        end->length = 4;
        memcpy(end->address, &in.sin_addr, 4);
    } else { /* numeric addresses are of no third family */
        memcpy(&in6, found->ai_addr, sizeof in6);
        end->length = 16;
        memcpy(end->address, &in6.sin6_addr, 16);
        end->scope = in6.sin6_scope_id;
    }
}

/* "192.0.2.1:80" or "[fe80::1%3]:80". The scope is taken as a number by hand, since a system knows
 * only its own interfaces. */
static void get_endpoint(const char *option, const char *value, wsft_endpoint *end)
{
    static const char why[] = "not a numeric address and port, such as 192.0.2.1:80 or [::1]:80";
    char host[128];
    struct addrinfo hints, *found = NULL;
    uint64_t port = 0, scope = 0;
    const char *colon = strrchr(value, ':');
    if (colon == NULL || colon == value || !parse_number(colon + 1, 65535, &port))
        fail(option, value, why);
    int bracketed = value[0] == '[' && colon[-1] == ']';
    const char *begin = bracketed ? value + 1 : value;
    const char *last = bracketed ? colon - 1 : colon;
    size_t length = (size_t)(last - begin);
    if (length >= sizeof host)
        fail(option, value, why);
    memcpy(host, begin, length);
    host[length] = '\0';
    char *percent = bracketed ? strchr(host, '%') : NULL;
    if (percent != NULL && parse_number(percent + 1, UINT32_MAX, &scope))
        *percent = '\0';
    memset(&hints, 0, sizeof hints);
    hints.ai_family = bracketed ? AF_INET6 : AF_INET; /* where else would an IPv6 address end? */
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_DGRAM;
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        fail(option, value, why);
    memset(end, 0, sizeof *end);
    copy_address(end, found);
    freeaddrinfo(found);
    end->port = (uint16_t)port;
    if (scope != 0)
        end->scope = (uint32_t)scope;
}

static uint16_t get_kind_part(const char *value, const char *part, size_t length, const name *names,
                              size_t count)
{
    char copy[32];
    uint32_t known;
    uint64_t number = 0;
    if (find_name(names, count, part, length, &known))
        return (uint16_t)known;
    if (length >= sizeof copy)
        fail("--kind", value, "not FAMILY,TYPE,PROTOCOL");
    memcpy(copy, part, length);
    copy[length] = '\0';
    if (!parse_number(copy, UINT16_MAX, &number))
        fail("--kind", value, "not FAMILY,TYPE,PROTOCOL, such as inet,stream,tcp or 2,1,6");
    return (uint16_t)number;
}

static void get_kind(const char *value, wsft_failure *f)
{
    const char *type = strchr(value, ',');
    const char *protocol = type != NULL ? strchr(type + 1, ',') : NULL;
    if (protocol == NULL)
        fail("--kind", value, "not FAMILY,TYPE,PROTOCOL, such as inet,stream,tcp or 2,1,6");
    f->has |= WSFT_HAS_KIND;
    f->family =
        get_kind_part(value, value, (size_t)(type - value), family_names, COUNT(family_names));
    f->type = get_kind_part(value, type + 1, (size_t)(protocol - type - 1), type_names,
                            COUNT(type_names));
    f->protocol = get_kind_part(value, protocol + 1, strlen(protocol + 1), protocol_names,
                                COUNT(protocol_names));
}

/* text: at least twice count characters. */
static int parse_hex(const char *text, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char pair[5] = {'0', 'x', text[2 * i], text[2 * i + 1], '\0'};
        uint64_t value = 0;
        if (!parse_number(pair, 255, &value))
            return 0;
        bytes[i] = (uint8_t)value;
    }
    return 1;
}

/* 00-<32 hex>-<16 hex>-<2 hex> */
static void get_trace(const char *value, wsft_failure *f)
{
    uint8_t version;
    if (strlen(value) != 55 || value[2] != '-' || value[35] != '-' || value[52] != '-' ||
        !parse_hex(value, &version, 1) || !parse_hex(value + 3, f->trace_id, 16) ||
        !parse_hex(value + 36, f->span_id, 8) || !parse_hex(value + 53, &f->trace_flags, 1))
        fail("--trace", value,
             "not a traceparent such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    f->has |= WSFT_HAS_TRACE;
}

/* The number of a code, by the names of its space. */
static void get_code(command *c)
{
    const uint32_t win32 = 0x80070000;
    wsft_failure *f = &c->failure;
    uint64_t number = 0;
    uint32_t named = 0;
    if (parse_number(c->code, UINT32_MAX, &number)) {
        f->code = (uint32_t)number;
        return;
    }
    int known = 0;
    if (!c->has_space || f->space == WSFT_NTSTATUS)
        known = FIND(ntstatus_names, c->code, &named);
    if (known)
        f->space = WSFT_NTSTATUS;
    else if (f->space == WSFT_LISTING)
        known = FIND(listing_names, c->code, &named);
    else if (f->space != WSFT_NTSTATUS)
        known = FIND(winsock_names, c->code, &named);
    if (!known)
        fail("--code", c->code, "no such code; --list-codes lists the Winsock ones");
    if (f->space == WSFT_HRESULT)
        named |= win32;
    f->code = named;
}

static uint32_t get_name(const char *option, const char *value, const name *names, size_t count,
                         uint32_t max)
{
    uint32_t named = 0;
    uint64_t number = 0;
    if (find_name(names, count, value, strlen(value), &named))
        return named;
    if (!parse_number(value, max, &number))
        fail(option, value, "no such name");
    return (uint32_t)number;
}

static const char *or_none(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* One function for each group of options; each says whether the option was one of its own. */
static int sender_option(command *c, const char *option, const char *value)
{
    wsft_datagram *d = &c->datagram;
    if (strcmp(option, "--host") == 0)
        d->host = or_none(value);
    else if (strcmp(option, "--process") == 0)
        d->process = or_none(value);
    else if (strcmp(option, "--library") == 0)
        d->library = or_none(value);
    else if (strcmp(option, "--pid") == 0)
        d->process_id = get_u32(option, value);
    else if (strcmp(option, "--platform") == 0)
        d->platform =
            (uint8_t)get_name(option, value, platform_names, COUNT(platform_names), UINT8_MAX);
    else if (strcmp(option, "--sender") == 0)
        d->sender = get_u32(option, value);
    else if (strcmp(option, "--sequence") == 0)
        d->sequence = get_u32(option, value);
    else if (strcmp(option, "--dropped") == 0)
        d->dropped = get_u32(option, value);
    else if (strcmp(option, "--collector") == 0)
        c->collector = value;
    else if (strcmp(option, "--count") == 0)
        c->count = get_u32(option, value);
    else
        return 0;
    return 1;
}

static int failure_option(command *c, const char *option, const char *value)
{
    wsft_failure *f = &c->failure;
    if (strcmp(option, "--code") == 0) {
        c->code = value;
    } else if (strcmp(option, "--space") == 0) {
        c->has_space = 1;
        f->space = (uint8_t)get_name(option, value, space_names, COUNT(space_names), UINT8_MAX);
    } else if (strcmp(option, "--operation") == 0) {
        f->operation =
            (uint16_t)get_name(option, value, operation_names, COUNT(operation_names), UINT16_MAX);
    } else if (strcmp(option, "--age") == 0) {
        c->age = get_time(option, value);
    } else if (strcmp(option, "--duration") == 0) {
        f->has |= WSFT_HAS_DURATION;
        f->duration = get_time(option, value);
    } else if (strcmp(option, "--repeat") == 0) {
        f->has |= WSFT_HAS_REPEAT;
        f->repeat = get_u32(option, value);
    } else if (strcmp(option, "--first-age") == 0) {
        f->has |= WSFT_HAS_FIRST_TIME;
        c->first_age = get_time(option, value);
    } else if (strcmp(option, "--bytes") == 0) {
        f->has |= WSFT_HAS_BYTES;
        f->bytes = get_number(option, value, UINT64_MAX);
    } else if (strcmp(option, "--message") == 0) {
        f->message = or_none(value);
    } else if (strcmp(option, "--source") == 0) {
        f->source = or_none(value);
    } else if (strcmp(option, "--trace") == 0) {
        get_trace(value, f);
    } else {
        return 0;
    }
    return 1;
}

static int socket_option(command *c, const char *option, const char *value)
{
    wsft_failure *f = &c->failure;
    if (strcmp(option, "--thread") == 0) {
        f->thread_id = get_u32(option, value);
        if (f->thread_id != 0)
            f->has |= WSFT_HAS_THREAD_ID;
    } else if (strcmp(option, "--socket") == 0) {
        f->has |= WSFT_HAS_SOCKET;
        f->socket = get_number(option, value, UINT64_MAX);
    } else if (strcmp(option, "--kind") == 0) {
        get_kind(value, f);
    } else if (strcmp(option, "--local") == 0) {
        get_endpoint(option, value, &f->local);
    } else if (strcmp(option, "--remote") == 0) {
        get_endpoint(option, value, &f->remote);
    } else if (strcmp(option, "--node") == 0) {
        f->node = or_none(value);
    } else if (strcmp(option, "--service") == 0) {
        f->service = or_none(value);
    } else {
        return 0;
    }
    return 1;
}

static void list_codes(void)
{
    for (size_t i = 0; i < COUNT(winsock_names); i++)
        printf("%5lu  %-27s  %s\n", (unsigned long)winsock_names[i].number, winsock_names[i].name,
               winsock_titles[i]);
}

/* The options without a value. */
static int plain_option(command *c, const char *option)
{
    if (strcmp(option, "--hex") == 0) {
        c->hex = 1;
    } else if (strcmp(option, "--test") == 0) {
        c->datagram.flags = WSFT_TEST;
    } else if (strcmp(option, "--help") == 0) {
        fputs(usage, stdout);
        exit(EXIT_SENT);
    } else if (strcmp(option, "--version") == 0) {
        puts("wsft-send " WSFT_LIBRARY_VERSION);
        exit(EXIT_SENT);
    } else if (strcmp(option, "--list-codes") == 0) {
        list_codes();
        exit(EXIT_SENT);
    } else {
        return 0;
    }
    return 1;
}

/* Both "--option value" and "--option=value". */
static void parse(command *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char option[32];
        const char *equals = strchr(argv[i], '='), *value;
        if (plain_option(c, argv[i]))
            continue;
        size_t length = equals != NULL ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        if (length >= sizeof option)
            fail("option", argv[i], "no such option; --help lists them");
        memcpy(option, argv[i], length);
        option[length] = '\0';
        value = equals != NULL ? equals + 1 : i + 1 < argc ? argv[i + 1] : "";
        int known = sender_option(c, option, value) || failure_option(c, option, value) ||
                    socket_option(c, option, value);
        if (!known)
            fail("option", argv[i], "no such option; --help lists them");
        if (equals == NULL && ++i >= argc)
            fail("option", option, "wants a value");
    }
    get_code(c);
}

/* Encodes the datagram as it is sent now. */
static size_t encode(command *c, uint8_t *bytes, size_t size)
{
    c->datagram.sent_time = wsft_wall_clock();
    c->failure.time = c->datagram.sent_time - c->age;
    c->failure.first_time = c->datagram.sent_time - c->first_age;
    return wsft_encode(bytes, size, &c->datagram);
}

static int print_hex(command *c)
{
    uint8_t bytes[16 * WSFT_MAX_STRING];
    for (uint32_t i = 0; i < c->count; i++, c->datagram.sequence++) {
        size_t size = encode(c, bytes, sizeof bytes);
        for (size_t j = 0; j < size; j++)
            printf("%02x", bytes[j]);
        putchar('\n');
    }
    return EXIT_SENT;
}

static int not_sent(const char *why)
{
    fprintf(stderr, "wsft-send: %s\n", why);
    return EXIT_NOT_SENT;
}

static int send_all(command *c)
{
    uint8_t bytes[WSFT_MAX_DATAGRAM];
    char variable[320];
    wsft_collector to;
    const char *collector = c->collector;
    char host[256], port[6];
    if (collector == NULL) {
        int found = wsft_environment("WSFT_COLLECTOR", variable, sizeof variable);
        collector = found < 0 || variable[0] != '\0' ? variable : "127.0.0.1";
    }
    if (wsft_collector_parse(collector, host, sizeof host, port) != 0)
        fail("--collector", collector, "not HOST, HOST:PORT or [IPV6]:PORT");
    if (wsft_collector_open(collector, &to) != 0)
        return not_sent("the collector's name is not known, or no socket could be opened");
    for (uint32_t i = 0; i < c->count; i++, c->datagram.sequence++) {
        size_t size = encode(c, bytes, sizeof bytes);
        if (size == 0)
            return not_sent("the report is longer than a datagram may be, 1232 bytes");
        if (wsft_udp_send(to.socket, bytes, size, &to.address, to.length) != 0)
            return not_sent("the system would not send the datagram");
    }
    wsft_socket_close(to.socket);
    return EXIT_SENT;
}

static void set_defaults(command *c)
{
    c->code = "WSAECONNRESET";
    c->count = 1;
    c->failure.operation = WSFT_OP_RECV;
    c->datagram.failures = &c->failure;
    c->datagram.failure_count = 1;
    c->datagram.sender = wsft_random();
    c->datagram.process = "wsft-send";
    c->datagram.process_id = wsft_process_id();
    c->datagram.library = "wsft-send " WSFT_LIBRARY_VERSION;
    c->datagram.platform = wsft_platform_number();
    wsft_host_name(c->host, sizeof c->host);
    c->datagram.host = or_none(c->host);
}

/* The command has one thread and never forks. */
static void nothing(void)
{
}

static int run(int argc, char **argv)
{
    static command c;
    wsft_platform_prepare(nothing, nothing, nothing);
    if (wsft_sockets_start() != 0)
        return not_sent("the system has no sockets");
    set_defaults(&c);
    parse(&c, argc, argv);
    return c.hex ? print_hex(&c) : send_all(&c);
}

#ifdef _WIN32
static char *to_utf8(const wchar_t *text)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *utf8 = malloc((size_t)size + 1);
    if (utf8 == NULL)
        exit(not_sent("no memory"));
    utf8[WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, size, NULL, NULL)] = '\0';
    return utf8;
}

/* What main gets is in a code page of the system's; the protocol speaks UTF-8. */
int wmain(int argc, wchar_t **wide);
int wmain(int argc, wchar_t **wide)
{
    char **argv = calloc((size_t)argc + 1, sizeof *argv);
    if (argv == NULL)
        return not_sent("no memory");
    for (int i = 0; i < argc; i++)
        argv[i] = to_utf8(wide[i]);
    return run(argc, argv);
}
#else
int main(int argc, char **argv)
{
    return run(argc, argv);
}
#endif
