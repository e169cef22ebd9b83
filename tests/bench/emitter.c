/* emitter.c: what the emitter costs. Without arguments a table; see tests/bench/README.md.
 *
 *     emitter               encode, a report against a bare sendto of the same bytes, a folded
 * report emitter WHAT COUNT    one of encode, sendto, report, folded, limited, COUNT times: for
 * callgrind
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emitter/winsock_telemetry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 401, BATCH = 200 };

static int collector, plain = -1;
static struct sockaddr_in address;
static uint8_t bytes[WSFT_MAX_DATAGRAM]; /* the last report, as it came */
static size_t size;
static uint32_t next_socket;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A failed recv with all that a wrapper tells. No two are equal: the socket differs. */
static wsft_failure failure(uint64_t socket)
{
    static const wsft_endpoint local = {.length = 4, .address = {192, 0, 2, 5}, .port = 49152};
    static const wsft_endpoint remote = {.length = 4, .address = {192, 0, 2, 1}, .port = 443};
    return (wsft_failure){.code = 10054,
                          .operation = WSFT_OP_RECV,
                          .has =
                              WSFT_HAS_SOCKET | WSFT_HAS_KIND | WSFT_HAS_DURATION | WSFT_HAS_BYTES,
                          .socket = socket,
                          .family = 2,
                          .type = 1,
                          .protocol = 6,
                          .local = local,
                          .remote = remote,
                          .duration = 21000000000u,
                          .bytes = 4096,
                          .source = "client.c:120 read_reply"};
}

static void do_encode(void)
{
    wsft_failure f = failure(300);
    f.has |= WSFT_HAS_THREAD_ID;
    const wsft_datagram d = {.sender = 42,
                             .sequence = next_socket++,
                             .host = "WEB09",
                             .process = "shop.exe",
                             .library = "winsock_telemetry 0.1.0",
                             .process_id = 77,
                             .platform = WSFT_POSIX,
                             .failures = &f,
                             .failure_count = 1};
    size = wsft_encode(bytes, sizeof bytes, &d);
}

static void do_sendto(void)
{
    if (sendto(plain, bytes, size, 0, (struct sockaddr *)&address, sizeof address) < 0)
        abort();
}

static void do_report(void)
{
    const wsft_failure f = failure(next_socket++);
    wsft_report(&f);
}

/* Equal to the last one: counted, and not sent. Over the rate: in a slot, or dropped. */
static void do_folded(void)
{
    const wsft_failure f = failure(1);
    wsft_report(&f);
}

static const struct {
    const char *name;
    void (*run)(void);
    unsigned rate;
} kinds[] = {
    {"encode", do_encode, 0},          {"sendto", do_sendto, 0},  {"report", do_report, 0},
    {"folded", do_folded, 1000000000}, {"limited", do_report, 1},
};

static void drain(void)
{
    uint8_t taken[2048];
    ssize_t got;
    while ((got = recv(collector, taken, sizeof taken, MSG_DONTWAIT)) >= 0) {
        memcpy(bytes, taken, sizeof bytes);
        size = (size_t)got;
    }
}

static void reopen(unsigned rate)
{
    char text[32];
    snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(address.sin_port));
    wsft_close();
    const wsft_options options = {.collector = text,
                                  .rate = rate != 0 ? rate : 1000000000,
                                  .burst = rate == 1 ? 1 : 1000000000,
                                  .fold_ms = 3600000};
    if (wsft_open(&options) != 0)
        exit(1);
    do_folded(); /* the first is sent */
    drain();
}

static double run_batch(void (*run)(void))
{
    uint64_t start = now();
    for (int i = 0; i < BATCH; i++)
        run();
    double taken = (double)(now() - start) / BATCH;
    drain(); /* the collector's buffer does not fill, which would be another thing to measure */
    return taken;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values)
{
    qsort(values, BATCHES, sizeof *values, by_size);
    return values[BATCHES / 2];
}

static double median_of(void (*run)(void))
{
    static double taken[BATCHES];
    for (int i = 0; i < BATCHES; i++)
        taken[i] = run_batch(run);
    return median(taken);
}

/* Batches of both by turns, so that what else the machine does touches them alike. */
static void compare(void)
{
    static double bare[BATCHES], report[BATCHES], ratio[BATCHES];
    reopen(0);
    do_report();
    drain(); /* and so the bare sendto has a report's bytes */
    for (int i = 0; i < BATCHES; i++) {
        bare[i] = run_batch(do_sendto);
        report[i] = run_batch(do_report);
        ratio[i] = report[i] / bare[i];
    }
    printf("%-34s %8.0f ns\n", "bare sendto of the same bytes", median(bare));
    printf("%-34s %8.0f ns %6.2f times the bare sendto\n", "report that is sent", median(report),
           median(ratio));
}

static void table(void)
{
    printf("%-34s %8.0f ns\n", "encode", median_of(do_encode));
    compare();
    reopen(0);
    printf("%-34s %8.0f ns\n", "report that is folded", median_of(do_folded));
    reopen(1);
    printf("%-34s %8.0f ns\n", "report over the rate", median_of(do_report));
    printf("(%zu bytes of payload)\n", size);
}

int main(int argc, char **argv)
{
    socklen_t length = sizeof address;
    int large = 8 << 20;
    collector = socket(AF_INET, SOCK_DGRAM, 0);
    plain = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    address = (struct sockaddr_in){.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(collector, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large) != 0)
        setsockopt(collector, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    if (bind(collector, (struct sockaddr *)&address, length) != 0)
        return 1;
    getsockname(collector, (struct sockaddr *)&address, &length);
    if (argc < 3) {
        table();
        return 0;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(argv[1], kinds[i].name) != 0)
            continue;
        reopen(kinds[i].rate);
        for (long left = atol(argv[2]); left > 0; left--)
            kinds[i].run();
        return 0;
    }
    return 2;
}
