/* platform_windows.c: what the emitter asks of Windows, from Vista on, and of Wine. What Vista
 * lacks is looked up as the emitter opens.
 *
 * SPDX-License-Identifier: MIT
 */
#include "platform.h"

#ifndef SIO_UDP_CONNRESET
#define SIO_UDP_CONNRESET _WSAIOW(IOC_VENDOR, 12)
#endif

typedef VOID(WINAPI *time_function)(LPFILETIME);
typedef BOOLEAN(NTAPI *ending_function)(VOID);
typedef BOOLEAN(APIENTRY *random_function)(PVOID, ULONG);

static INIT_ONCE prepared = INIT_ONCE_STATIC_INIT;
static INIT_ONCE started = INIT_ONCE_STATIC_INIT;

/* Written once, by prepare_once. */
static time_function precise_time;
static ending_function is_ending;
static uint8_t platform_number = WSFT_WINDOWS;

static CONDITION_VARIABLE wake_up = CONDITION_VARIABLE_INIT;

void wsft_lock_take(wsft_lock *lock)
{
    AcquireSRWLockExclusive(lock);
}

void wsft_lock_release(wsft_lock *lock)
{
    ReleaseSRWLockExclusive(lock);
}

/* Nothing in this library calls what sets the C library's errno after wsft_open. */
wsft_error wsft_error_save(void)
{
    wsft_error error;
    error.last = GetLastError();
    error.winsock = WSAGetLastError();
    return error;
}

void wsft_error_restore(wsft_error error)
{
    WSASetLastError(error.winsock);
    SetLastError(error.last);
}

int wsft_error_last(void)
{
    return WSAGetLastError();
}

static FARPROC find(const char *module, const char *function)
{
    HMODULE handle = GetModuleHandleA(module);
    return handle != NULL ? GetProcAddress(handle, function) : NULL;
}

static BOOL CALLBACK prepare_once(PINIT_ONCE once, PVOID parameter, PVOID *context)
{
    (void)once, (void)parameter, (void)context;
    precise_time =
        (time_function)(void (*)(void))find("kernel32.dll", "GetSystemTimePreciseAsFileTime");
    is_ending = (ending_function)(void (*)(void))find("ntdll.dll", "RtlDllShutdownInProgress");
    if (find("ntdll.dll", "wine_get_version") != NULL)
        platform_number = WSFT_WINE;
    return TRUE;
}

void wsft_platform_prepare(void (*before)(void), void (*after)(void), void (*after_in_child)(void))
{
    (void)before, (void)after, (void)after_in_child; /* Windows does not fork */
    InitOnceExecuteOnce(&prepared, prepare_once, NULL, NULL);
}

int wsft_must_not_lock(void)
{
    return is_ending != NULL && is_ending();
}

uint64_t wsft_wall_clock(void)
{
    const uint64_t unix_epoch = 116444736000000000u; /* in 100 ns since 1601 */
    FILETIME t;
    if (precise_time != NULL)
        precise_time(&t);
    else
        GetSystemTimeAsFileTime(&t);
    uint64_t ticks = (uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime;
    return ticks < unix_epoch ? 0 : (ticks - unix_epoch) * 100;
}

uint64_t wsft_monotonic_clock(void)
{
    LARGE_INTEGER count, frequency;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    uint64_t c = (uint64_t)count.QuadPart, f = (uint64_t)frequency.QuadPart;
    return c / f * 1000000000u + c % f * 1000000000u / f; /* c * 10^9 would overflow in minutes */
}

uint32_t wsft_random(void)
{
    uint32_t value = 0;
    HMODULE library = LoadLibraryA("advapi32.dll");
    if (library != NULL) {
        /* RtlGenRandom, by the name that it is exported under */
        random_function generate =
            (random_function)(void (*)(void))GetProcAddress(library, "SystemFunction036");
        if (generate == NULL || !generate(&value, sizeof value))
            value = 0;
        FreeLibrary(library);
    }
    uint64_t mix = wsft_wall_clock() ^ (wsft_monotonic_clock() << 20) ^
                   ((uint64_t)GetCurrentProcessId() << 32);
    mix *= 0x9E3779B97F4A7C15u;
    return value ^ (uint32_t)(mix >> 32);
}

uint32_t wsft_process_id(void)
{
    return GetCurrentProcessId();
}

uint32_t wsft_thread_id(void)
{
    return GetCurrentThreadId();
}

uint8_t wsft_platform_number(void)
{
    return platform_number;
}

/* UTF-16 to UTF-8, without the last characters where it does not fit. */
static void copy_wide(char *target, size_t size, const WCHAR *text)
{
    int length = lstrlenW(text), written = 0;
    while (length > 0) {
        int cut = length;
        if (cut > 1 && text[cut - 1] >= 0xD800 && text[cut - 1] < 0xDC00)
            cut--; /* half of a surrogate pair */
        written = WideCharToMultiByte(CP_UTF8, 0, text, cut, target, (int)size - 1, NULL, NULL);
        if (written > 0)
            break;
        length = cut - 1;
    }
    target[written] = '\0';
}

void wsft_host_name(char *name, size_t size)
{
    WCHAR wide[256];
    DWORD length = sizeof wide / sizeof *wide;
    name[0] = '\0';
    if (GetComputerNameExW(ComputerNameDnsHostname, wide, &length))
        copy_wide(name, size, wide);
}

void wsft_process_name(char *name, size_t size)
{
    WCHAR path[2048];
    DWORD length = GetModuleFileNameW(NULL, path, sizeof path / sizeof *path);
    name[0] = '\0';
    if (length == 0 || length >= sizeof path / sizeof *path)
        return;
    while (length > 0 && path[length - 1] != L'\\' && path[length - 1] != L'/')
        length--;
    copy_wide(name, size, path + length);
}

int wsft_environment(const char *variable, char *value, size_t size)
{
    DWORD length = GetEnvironmentVariableA(variable, value, (DWORD)size);
    if (length > 0 && length < size)
        return 1;
    value[0] = '\0';
    return length == 0 ? 0 : -1;
}

static BOOL CALLBACK start_once(PINIT_ONCE once, PVOID parameter, PVOID *context)
{
    WSADATA data;
    (void)once, (void)parameter, (void)context;
    return WSAStartup(MAKEWORD(2, 2), &data) == 0;
}

/* Without an end: WSACleanup may not be called from DllMain, where a plug-in closes. */
int wsft_sockets_start(void)
{
    return InitOnceExecuteOnce(&started, start_once, NULL, NULL) ? 0 : -1;
}

int wsft_socket_identify(wsft_handle s, wsft_socket_id *id)
{
    (void)s;
    id->unused = 0;
    return 0;
}

int wsft_socket_is_same(const wsft_socket_id *a, const wsft_socket_id *b)
{
    return a->unused == b->unused;
}

/* Nothing closes a SOCKET behind its owner's back. */
int wsft_udp_is_ours(wsft_handle s)
{
    (void)s;
    return 1;
}

wsft_handle wsft_udp_socket(int family)
{
    u_long non_blocking = 1;
    BOOL report_resets = FALSE;
    DWORD returned = 0;
    SOCKET s = WSASocketW(family, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, 0);
    if (s == INVALID_SOCKET)
        return WSFT_NO_HANDLE;
    SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, 0);
    WSAIoctl(s, SIO_UDP_CONNRESET, &report_resets, sizeof report_resets, NULL, 0, &returned, NULL,
             NULL);
    if (ioctlsocket(s, (long)FIONBIO, &non_blocking) != 0) {
        closesocket(s);
        return WSFT_NO_HANDLE;
    }
    return s;
}

int wsft_udp_send(wsft_handle s, const void *bytes, size_t size, const void *address,
                  wsft_socklen length)
{
    return sendto(s, (const char *)bytes, (int)size, 0, (const struct sockaddr *)address, length) ==
                   SOCKET_ERROR
               ? -1
               : 0;
}

int wsft_socket_close(wsft_handle s)
{
    return closesocket(s);
}

uint16_t wsft_winsock_family(int family)
{
    return (uint16_t)family;
}

uint16_t wsft_winsock_type(int type)
{
    return (uint16_t)type;
}

/* A completion port speaks Win32: RtlNtStatusToDosError of what Winsock has a code of its own for.
 * Of several with one number it is the network's most likely one. */
static uint32_t completion_code(DWORD error)
{
    static const struct {
        DWORD win32;
        uint32_t winsock;
    } pairs[] = {
        {ERROR_NETNAME_DELETED, WSAECONNRESET},
        {ERROR_SEM_TIMEOUT, WSAETIMEDOUT},
        {ERROR_MORE_DATA, WSAEMSGSIZE},
        {ERROR_CONNECTION_REFUSED, WSAECONNREFUSED},
        {ERROR_GRACEFUL_DISCONNECT, WSAEDISCON},
        {ERROR_NETWORK_UNREACHABLE, WSAENETUNREACH},
        {ERROR_HOST_UNREACHABLE, WSAEHOSTUNREACH},
        {ERROR_PROTOCOL_UNREACHABLE, WSAENETUNREACH},
        {ERROR_PORT_UNREACHABLE, WSAECONNRESET},
        {ERROR_CONNECTION_ABORTED, WSAECONNABORTED},
        {ERROR_HOST_DOWN, WSAEHOSTDOWN},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].win32 == error)
            return pairs[i].winsock;
    return error;
}

uint32_t wsft_winsock_code(uint16_t operation, wsft_handle s, int error, uint64_t duration,
                           char *note)
{
    (void)s, (void)duration;
    note[0] = '\0';
    if (operation == WSFT_OP_GETQUEUEDCOMPLETIONSTATUS)
        return completion_code((DWORD)error);
    return (uint32_t)error;
}

int wsft_socket_kind(wsft_handle s, uint16_t *family, uint16_t *type, uint16_t *protocol)
{
    WSAPROTOCOL_INFOW info;
    int length = sizeof info;
    if (getsockopt(s, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&info, &length) != 0)
        return -1;
    *family = (uint16_t)info.iAddressFamily;
    *type = (uint16_t)info.iSocketType;
    *protocol = (uint16_t)info.iProtocol;
    return 0;
}

/* The one function that a thread of the emitter ever runs. */
static void (*thread_run)(wsft_word);

/* The thread keeps its own code loaded and lets go of it as it ends, so that wsft_close need not
 * wait for it: a wait would never end under the loader's lock, in a DLL's DllMain. */
static DWORD WINAPI thread_main(LPVOID argument)
{
    HMODULE self = NULL;
    /* The creator took this reference; asking again by address finds the same module. */
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                           GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       (LPCWSTR)(uintptr_t)thread_main, &self);
    thread_run((wsft_word)argument);
    FreeLibraryAndExitThread(self, 0);
}

int wsft_thread_start(wsft_thread *thread, void (*run)(wsft_word), wsft_word argument)
{
    HMODULE self = NULL;
    thread->unused = 0;
    if (thread_run != run) /* an earlier thread may be reading it */
        thread_run = run;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)(uintptr_t)thread_main,
                            &self))
        return -1;
    HANDLE handle = CreateThread(NULL, 0, thread_main, (LPVOID)argument, 0, NULL);
    if (handle == NULL) {
        FreeLibrary(self);
        return -1;
    }
    CloseHandle(handle);
    return 0;
}

void wsft_thread_end(wsft_thread thread)
{
    (void)thread;
}

void wsft_wait(wsft_lock *lock, uint32_t milliseconds)
{
    SleepConditionVariableSRW(&wake_up, lock, milliseconds, 0);
}

void wsft_wake(void)
{
    WakeAllConditionVariable(&wake_up);
}
