/* windows.c: the emitter's promises on Windows, for windows_test.py: prints a line of each, "ok" or
 * "FAIL" first. The emitter is linked into it, and is the DLL that the command line names.
 *
 * SPDX-License-Identifier: MIT
 */
#include "emitter/winsock_telemetry.h"

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARK = 1234, FAULT = 1235, CALLS = 5000, THREADS = 16 };

static int failed;

static void say(int good, const char *what)
{
    printf("%s %s\n", good ? "ok" : "FAIL", what);
    fflush(stdout);
    failed |= !good;
}

/* The nth of the system's functions that the emitter calls from now on fails; see faults.c. */
static volatile LONG due, made;
static const char *hit;

static int fails(const char *name)
{
    if (due == 0 || InterlockedIncrement(&made) != due)
        return 0;
    hit = name;
    SetLastError(FAULT);
    return 1;
}

#define WRAP(type, name, parameters, arguments, failure)                                           \
    extern type(WINAPI *__real___imp_##name) parameters;                                           \
    static type WINAPI fault_##name parameters                                                     \
    {                                                                                              \
        return fails(#name) ? (failure) : __real___imp_##name arguments;                           \
    }                                                                                              \
    type(WINAPI *__wrap___imp_##name) parameters = fault_##name;
WRAP(int, WSAStartup, (WORD version, LPWSADATA data), (version, data), WSASYSNOTREADY)
WRAP(SOCKET, WSASocketW,
     (int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags),
     (family, type, protocol, info, group, flags), INVALID_SOCKET)
WRAP(int, WSAIoctl,
     (SOCKET s, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
      LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine),
     (s, code, in, in_size, out, out_size, returned, overlapped, routine), SOCKET_ERROR)
WRAP(int, ioctlsocket, (SOCKET s, long command, u_long *value), (s, command, value), SOCKET_ERROR)
WRAP(int, getaddrinfo,
     (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list),
     (node, service, hints, list), WSANO_RECOVERY)
WRAP(int, getsockname, (SOCKET s, struct sockaddr *name, int *length), (s, name, length),
     SOCKET_ERROR)
WRAP(int, getpeername, (SOCKET s, struct sockaddr *name, int *length), (s, name, length),
     SOCKET_ERROR)
WRAP(int, getsockopt, (SOCKET s, int level, int option, char *value, int *length),
     (s, level, option, value, length), SOCKET_ERROR)
WRAP(int, sendto,
     (SOCKET s, const char *bytes, int size, int flags, const struct sockaddr *to, int length),
     (s, bytes, size, flags, to, length), SOCKET_ERROR)
WRAP(WINBOOL, SetHandleInformation, (HANDLE object, DWORD mask, DWORD flags), (object, mask, flags),
     FALSE)
WRAP(WINBOOL, GetComputerNameExW, (COMPUTER_NAME_FORMAT format, LPWSTR name, LPDWORD size),
     (format, name, size), FALSE)
WRAP(DWORD, GetModuleFileNameW, (HMODULE module, LPWSTR name, DWORD size), (module, name, size), 0)
WRAP(HMODULE, LoadLibraryA, (LPCSTR name), (name), NULL)
WRAP(WINBOOL, GetModuleHandleExW, (DWORD flags, LPCWSTR name, HMODULE *module),
     (flags, name, module), FALSE)
WRAP(HANDLE, CreateThread,
     (LPSECURITY_ATTRIBUTES attributes, SIZE_T stack, LPTHREAD_START_ROUTINE run, LPVOID argument,
      DWORD flags, LPDWORD id),
     (attributes, stack, run, argument, flags, id), NULL)

static wsft_options quick(unsigned flush_ms)
{
    return (wsft_options){.collector = "127.0.0.1:9",
                          .fold_ms = 1,
                          .rate = 1000000,
                          .burst = 1000000,
                          .flush_ms = flush_ms};
}

static void run_open(void)
{
    const wsft_options options = quick(0);
    wsft_open(&options);
}

static void run_open_with_thread(void)
{
    const wsft_options options = quick(1000);
    wsft_open(&options);
}

static void run_report(void)
{
    static uint32_t code = 20000;
    wsft_report(&(wsft_failure){.code = code});
    code++;
}

/* With something that is due. */
static void run_flush(void)
{
    wsft_report(&(wsft_failure){.code = 1});
    wsft_report(&(wsft_failure){.code = 1});
    Sleep(3);
    SetLastError(MARK);
    wsft_flush();
}

static SOCKET a_socket = INVALID_SOCKET;
static struct sockaddr_in a_listener;

static void run_begin(void)
{
    wsft_begin(WSFT_OP_SEND, a_socket, WSFT_HERE);
}

static void run_failed(void)
{
    const wsft_call call = {.socket = a_socket, .operation = WSFT_OP_WSARECV, .place = WSFT_HERE};
    wsft_failed(&call, WSAECONNRESET);
}

static void run_failed_to(void)
{
    const wsft_call call = {.socket = a_socket, .operation = WSFT_OP_CONNECTEX};
    wsft_failed_to(&call, WSAECONNREFUSED, (struct sockaddr *)&a_listener, sizeof a_listener);
}

static void run_recv(void)
{
    char byte;
    wsft_recv(a_socket, &byte, 1, 0);
}

static void run_bind(void)
{
    wsft_bind(a_socket, (struct sockaddr *)&a_listener, sizeof a_listener);
}

static void run_connect(void)
{
    SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
    SetLastError(MARK);
    wsft_connect(s, (struct sockaddr *)&a_listener, sizeof a_listener);
    DWORD error = GetLastError();
    closesocket(s);
    SetLastError(error);
}

static void make_sockets(void)
{
    static SOCKET listening; /* as long as the program */
    int length = sizeof a_listener;
    listening = socket(AF_INET, SOCK_STREAM, 0);
    a_listener.sin_family = AF_INET;
    a_listener.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    say(bind(listening, (struct sockaddr *)&a_listener, length) == 0 &&
            getsockname(listening, (struct sockaddr *)&a_listener, &length) == 0 &&
            listen(listening, 200) == 0,
        "a port to connect to");
    a_socket = socket(AF_INET, SOCK_STREAM, 0);
}

static const struct {
    const char *name;
    void (*run)(void);
    int starts_closed;
    int error;
} cases[] = {
    {"open", run_open, 1, MARK},          {"open with a thread", run_open_with_thread, 1, MARK},
    {"close", wsft_close, 0, MARK},       {"report", run_report, 0, MARK},
    {"flush", run_flush, 0, MARK},        {"begin", run_begin, 0, MARK},
    {"failed", run_failed, 0, MARK},      {"failed_to", run_failed_to, 0, MARK},
    {"connect", run_connect, 0, MARK},    {"recv", run_recv, 0, WSAENOTCONN},
    {"bind", run_bind, 0, WSAEADDRINUSE},
};

/* Returns how many of the case's calls were made to fail. */
static int fail_each(size_t i)
{
    char text[200];
    int nth = 0;
    do {
        wsft_close();
        if (!cases[i].starts_closed)
            run_open();
        hit = NULL;
        made = 0;
        due = nth++; /* none at first */
        SetLastError(MARK);
        cases[i].run();
        int last = (int)GetLastError(), winsock = WSAGetLastError();
        due = 0;
        if (last != cases[i].error || winsock != cases[i].error) {
            snprintf(text, sizeof text, "%s: last error %d, %d when %s fails", cases[i].name, last,
                     winsock, hit != NULL ? hit : "nothing");
            say(0, text);
        }
    } while (nth == 1 || hit != NULL);
    return nth - 2;
}

static void test_last_errors(void)
{
    char text[100];
    int total = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        total += fail_each(i);
    wsft_close();
    snprintf(text, sizeof text, "last errors, with %d of the system's calls made to fail", total);
    say(total >= 30, text);
}

static int by_size(const void *a, const void *b)
{
    LONGLONG x = *(const LONGLONG *)a, y = *(const LONGLONG *)b;
    return x < y ? -1 : x > y;
}

/* Nobody listens, and what does not fit into the socket's buffer is dropped. */
static void test_never_blocks(void)
{
    static LONGLONG took[CALLS];
    char text[150];
    LARGE_INTEGER start, end, frequency;
    run_open();
    QueryPerformanceFrequency(&frequency);
    for (int i = 0; i < CALLS; i++) {
        QueryPerformanceCounter(&start);
        run_report();
        QueryPerformanceCounter(&end);
        took[i] = (end.QuadPart - start.QuadPart) * 1000000 / frequency.QuadPart;
    }
    wsft_close();
    qsort(took, CALLS, sizeof *took, by_size);
    LONGLONG slow = took[CALLS - CALLS / 1000];
    snprintf(text, sizeof text, "never blocks: median %lld us, 99.9th percentile %lld us",
             took[CALLS / 2], slow);
    say(slow < 500000, text);
}

/* A socket to report to, and its address for wsft_options. */
static SOCKET open_collector(char collector[32])
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    u_long yes = 1;
    int length = sizeof in, large = 4 << 20;
    SOCKET s = socket(AF_INET, SOCK_DGRAM, 0);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    say(bind(s, (struct sockaddr *)&in, length) == 0, "a port to report to");
    getsockname(s, (struct sockaddr *)&in, &length);
    ioctlsocket(s, (long)FIONBIO, &yes);
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, (char *)&large, sizeof large);
    snprintf(collector, 32, "127.0.0.1:%u", ntohs(in.sin_port));
    return s;
}

/* What arrives of a storm. */
static void test_storm(void)
{
    char collector[32], bytes[2048], text[150];
    int datagrams = 0, reports = 0;
    SOCKET s = open_collector(collector);
    const wsft_options options = {.collector = collector, .rate = 200, .burst = 50};
    wsft_open(&options);
    ULONGLONG start = GetTickCount64();
    while (GetTickCount64() < start + 1000)
        for (int i = 0; i < 1000; i++, reports++)
            run_report();
    double seconds = (double)(GetTickCount64() - start) / 1000;
    wsft_close();
    while (recv(s, bytes, sizeof bytes, 0) > 0)
        datagrams++;
    closesocket(s);
    snprintf(text, sizeof text, "a storm: %.0f failures a second, %d datagrams", reports / seconds,
             datagrams);
    say(datagrams >= 50 && datagrams <= 50 + 200 * (seconds + 0.1) + 17, text);
}

/* Two ends of a connection over the loopback. */
static void connect_pair(SOCKET *client, SOCKET *server)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    int length = sizeof in;
    SOCKET door = socket(AF_INET, SOCK_STREAM, 0);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    int good = bind(door, (struct sockaddr *)&in, length) == 0 && listen(door, 1) == 0 &&
               getsockname(door, (struct sockaddr *)&in, &length) == 0 &&
               connect(*client, (struct sockaddr *)&in, length) == 0;
    *server = accept(door, NULL, NULL);
    say(good, "a connection");
    closesocket(door);
}

static int contains(const char *bytes, int size, const void *part, int part_size)
{
    for (int i = 0; i + part_size <= size; i++)
        if (memcmp(bytes + i, part, (size_t)part_size) == 0)
            return 1;
    return 0;
}

/* A receive that ends by a reset: a completion port calls it ERROR_NETNAME_DELETED. */
static void test_completion_port(void)
{
    /* code, space, reserved byte and operation, as a failure has them */
    static const uint8_t reset[] = {
        0, 0, 10054 >> 8, 10054 & 0xff, WSFT_WINSOCK, 0, 0, WSFT_OP_GETQUEUEDCOMPLETIONSTATUS};
    const struct linger at_once = {1, 0};
    char collector[32], bytes[2048], byte, text[100];
    SOCKET s = open_collector(collector), client, server;
    connect_pair(&client, &server);
    HANDLE port = CreateIoCompletionPort((HANDLE)client, NULL, 1, 0);
    WSABUF buffer = {1, &byte};
    WSAOVERLAPPED overlapped = {0}, *ended = NULL;
    DWORD count = 0, flags = 0;
    ULONG_PTR key = 0;
    const wsft_options options = {.collector = collector};
    wsft_open(&options);
    WSARecv(client, &buffer, 1, &count, &flags, &overlapped, NULL);
    wsft_call call = wsft_begin(WSFT_OP_GETQUEUEDCOMPLETIONSTATUS, client, WSFT_HERE);
    setsockopt(server, SOL_SOCKET, SO_LINGER, (const char *)&at_once, sizeof at_once);
    closesocket(server);
    BOOL good = GetQueuedCompletionStatus(port, &count, &key, (LPOVERLAPPED *)&ended, 5000);
    DWORD error = GetLastError();
    wsft_failed(&call, (int)error);
    Sleep(50);
    int size = recv(s, bytes, sizeof bytes, 0);
    snprintf(text, sizeof text, "a completion port says %lu, the report WSAECONNRESET", error);
    say(!good && ended == &overlapped && contains(bytes, size, reset, sizeof reset), text);
    wsft_close();
    closesocket(client);
    closesocket(s);
    CloseHandle(port);
}

static volatile LONG over;

static DWORD WINAPI use(LPVOID unused)
{
    (void)unused;
    while (!over) {
        SOCKET s = wsft_socket(AF_INET, SOCK_STREAM, 0);
        wsft_send(s, "x", 1, 0);
        run_report();
        wsft_flush();
        wsft_closesocket(s);
    }
    return 0;
}

static void start_threads(HANDLE *threads)
{
    over = 0;
    for (int i = 0; i < THREADS; i++)
        threads[i] = CreateThread(NULL, 0, use, NULL, 0, NULL);
}

static void test_threads(void)
{
    HANDLE threads[THREADS];
    start_threads(threads);
    for (int i = 0; i < 30; i++) {
        const wsft_options options = quick(1);
        wsft_open(&options);
        Sleep(5);
        wsft_close();
    }
    over = 1;
    DWORD result = WaitForMultipleObjects(THREADS, threads, TRUE, 20000);
    say(result == WAIT_OBJECT_0, "sixteen threads, while it opens and closes");
}

typedef int (*open_function)(const wsft_options *);
typedef void (*close_function)(void);
typedef void (*report_function)(const wsft_failure *);
#define FIND(type, name) ((type)(void (*)(void))GetProcAddress(library, name))

/* The DLL's thread may not outlive its code, and wsft_close does not wait for it. */
static void test_unload(const char *path)
{
    const wsft_options options = quick(1);
    int rounds = 0;
    for (int waits = 0; rounds < 30 && waits < 500; rounds++) {
        HMODULE library = LoadLibraryA(path);
        if (library == NULL || FIND(open_function, "wsft_open")(&options) != 0)
            break;
        FIND(report_function, "wsft_report")(&(wsft_failure){.code = 1});
        FIND(close_function, "wsft_close")();
        FreeLibrary(library);
        while (GetModuleHandleA(path) != NULL && waits++ < 500)
            Sleep(10);
    }
    say(rounds == 30 && GetModuleHandleA(path) == NULL, "a DLL that is unloaded");
}

int main(int argc, char **argv)
{
    WSADATA data;
    HANDLE threads[THREADS];
    WSAStartup(MAKEWORD(2, 2), &data);
    make_sockets();
    test_last_errors();
    test_never_blocks();
    test_storm();
    test_completion_port();
    test_threads();
    if (argc > 1)
        test_unload(argv[1]);
    /* The process ends in the middle of everything. */
    run_open_with_thread();
    start_threads(threads);
    Sleep(20);
    printf("%s the end\n", failed ? "FAIL" : "ok");
    fflush(stdout);
    return failed;
}
