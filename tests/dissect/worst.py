"""worst.py: the worst datagrams and traces that anyone can send, and what reading them takes.

For limits_test.py, and at full size for tests/hostile/limits.
SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import struct

import tshark
from wsft import SENT, conversation, datagram, endpoint, failure, header, ipv4, item, udp

LARGEST = 65507  # bytes of UDP payload
PRINTED, LINE = 1000000, 2000  # bytes that tshark -V, and its line, print of a datagram at the most
CLIENT, SERVER = "192.0.2.10", "198.51.100.7"
SYN, RST, SYN_ACK = 0x02, 0x04, 0x12
SECOND = 10**9
INVERSE = pow(31, -1, 2**32)


def filled(start, part, size=LARGEST):
    """A datagram of so many bytes, of a part over and over."""
    return datagram(start + part * ((size - len(start)) // len(part)))


def inside_one_failure(part):
    def make(size):
        return datagram(header() + failure(10054, items=part * ((size - 48) // len(part))))
    return make


# name -> the datagram of a size
DATAGRAMS = {
    "smallest items": lambda size: filled(header(), item(0, b""), size),
    "one item over and over": lambda size: filled(header(), item(1, b""), size),
    "items of a wrong length": lambda size: filled(header(), item(3, b""), size),
    "smallest failures": lambda size: filled(header(), failure(10054), size),
    "unknown failures": lambda size: filled(header(), failure(1, space=9, operation=999), size),
    "failures of one flow": lambda size: filled(
        header(), failure(10061, items=endpoint(20, SERVER, 443)), size),
    "repeated endpoints": inside_one_failure(endpoint(20, SERVER, 443)),
    "hidden characters": lambda size: filled(header(), failure(
        11001, items=item(21, b"\x1b" * 1024) + item(27, b"\x1b" * 1024)), size),
}


def host(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def report(number, *failures, sender=42, source=CLIENT):
    return datagram(header(number & 0xffffffff, sender=sender) + b"".join(failures), source=source)


def of_flow(port, server=SERVER, code=10061, age=5_000_000, local=CLIENT, socket=None):
    items = (endpoint(19, local, port) if port else b"") + endpoint(20, server, 443)
    if socket is not None:
        items += item(17, struct.pack(">Q", socket))
    return failure(code, operation=5, time=SENT - age, items=items)


def client(number):
    return host(number // 60000), 1024 + number % 60000


def attempts(count, first=0):
    for n in range(first, first + count):
        yield conversation(SYN, n, 0, client(n))


def flows(count):
    """Flows at one server, and a report that does not name its own end in their middle."""
    yield from attempts(count // 2)
    yield report(0, of_flow(None))
    yield from attempts(count // 2, count // 2)
    yield report(1, of_flow(None))


def resets(count):
    yield conversation(SYN, 100, 0)
    yield conversation(SYN_ACK, 200, 101, back=True)
    yield conversation(0x10, 101, 201)
    for n in range(count):  # every other one outside of the window
        yield conversation(RST, 201 + (n % 2) * 10**9, 0, back=True)
    yield report(0, of_flow(50000, code=10054))


def eventful(ends=None):
    """A flow with all the events that one keeps."""
    ends = ends or (CLIENT, 50000)
    yield conversation(SYN, 100, 0, ends)
    yield conversation(SYN_ACK, 200, 101, ends, back=True)
    yield conversation(0x10, 101, 201, ends)
    for n in range(200):
        yield conversation(RST, 10**9, 0, ends, back=True)


def failures_of_one_flow(count):
    yield from eventful()
    for n in range(0, count, 50):
        yield report(n // 50, *[of_flow(50000, code=10054)] * 50)


def failures_of_unknown_flows(count):
    for n in range(0, count, 50):
        yield report(n // 50, *(of_flow(1 + m % 65000, host(m // 65000)) for m in range(n, n + 50)))


def senders(count):
    for n in range(count):
        yield datagram(header(sender=n) + failure(10054), source=host(n % 5000))


def strangers(count):
    """No two alike in anything that is counted, or said of them."""
    for n in range(count):
        items = endpoint(20, host(n), 443) + item(1000 + n % 60000, b"") + item(16, bytes(n % 3))
        yield datagram(header(sender=n) + item(1, f"host{n}") + item(2, f"process{n}") +
                       failure(2000000 + n, operation=1000 + n % 60000, items=items))


def senders_of_one_hash(count):
    """Of which a sum of powers of 31 would be the same."""
    for n in range(count):
        a, b, c = n // 62500, n % 250, n // 250 % 250
        sender = -(a * INVERSE**2 + b * INVERSE**3 + c * INVERSE**4)
        yield datagram(header(sender=sender & 0xffffffff), source=f"10.{a}.{b}.{c}")


def sockets_of_one_hash(count):
    for n in range(0, count, 50):
        yield report(n // 50, *(of_flow(50000, socket=m << 32) for m in range(n, n + 50)))


def sequence_of_one_hash(count):
    """Of which the remainder by the prime of a table of 2^16 rows would be the same."""
    for n in range(count):
        yield report(n * 65521, failure(10054))


def ends_used_again(count):
    """Connections between the same two ends, and failures from before all of them."""
    for n in range(0, count, 10):
        for m in range(n, n + 10):
            yield conversation(SYN, m * 1000, 0)
            yield conversation(0x10, m * 1000 + 1, 1)
        yield report(n, of_flow(50000, age=SECOND * 10**6))


def finished_flows(count):
    """Flows that are over, each with many events, and failures that could be of each."""
    for n in range(1200):
        yield from list(eventful((host(n), 50000)))[:60]
        yield conversation(RST, 201, 0, (host(n), 50000), back=True)
    yield 120  # seconds
    for n in range(0, count, 50):
        yield report(n // 50, *[of_flow(None)] * 50)


def back_in_time(count):
    yield report(0, of_flow(None))
    for packet in attempts(count):
        yield packet
        yield -0.01


def question(name, source=CLIENT, target="192.0.2.53", port=53):
    labels = b"".join(bytes([len(part)]) + part for part in name.encode().split(b".")) + b"\0"
    return ipv4(17, udp(struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + labels +
                        struct.pack(">HH", 1, 1), 40000, port), source, target)


def names(count):
    """Look-ups that begin alike, and failures of them."""
    for n in range(count):
        yield question(f"www.host{n}.example")
        if n % 10 == 0:
            yield report(n // 10, failure(11001, operation=18, items=item(21, "www")))


def names_over_the_loopback(count):
    """Look-ups that begin alike, by as many hosts as are looked at; and failures of others, each of
    which could be any host's."""
    for n in range(count):
        yield question(f"www.host{n}.example", host(n % 3))
    yield 61
    for n in range(count // 10):
        yield datagram(header(n) + failure(11001, operation=18, items=item(21, "www")),
                       source="127.0.0.1")


def multicast_answers(count):
    """Answers to all who asked, of whom there are many."""
    for n in range(2000):
        yield question("a.local", host(n), "224.0.0.251", 5353)
    record = b"\x01a\x05local\0" + struct.pack(">HHIH", 1, 1, 60, 0)  # without data
    for n in range(count // 100):
        yield ipv4(17, udp(struct.pack(">HHHHHH", 0, 0x8400, 0, 64, 0, 0) + record * 64, 5353, 5353),
                   SERVER, "224.0.0.251")


def questions(count):
    """Many questions in each message, by pointers into one long name."""
    for n in range(count // 100):
        name = b"".join(b"\x01" + bytes([97 + (n >> i) % 26]) for i in range(120)) + b"\0"
        ask = b"".join(struct.pack(">HHH", 0xc00c + 2 * i, 1, 1) for i in range(63))
        yield ipv4(17, udp(struct.pack(">HHHHHH", 1, 0x100, 64, 0, 0, 0) + name +
                           struct.pack(">HH", 1, 1) + ask, 40000, 53), host(n), "192.0.2.53")


TRACES = {"flows": flows, "resets of one flow": resets,
          "failures of one flow": failures_of_one_flow,
          "failures of unknown flows": failures_of_unknown_flows,
          "senders": senders, "failures that are all different": strangers,
          "senders of one hash": senders_of_one_hash,
          "sockets of one hash": sockets_of_one_hash,
          "sequence numbers of one hash": sequence_of_one_hash,
          "ends used again": ends_used_again, "finished flows": finished_flows,
          "flows back in time": back_in_time, "look-ups that begin alike": names,
          "look-ups for the loopback": names_over_the_loopback,
          "answers by multicast": multicast_answers, "many questions": questions}
# What Wireshark counts in lists of its own, which it goes through.
STATISTICS = ("winsock,tree", "expert")


def write(path, packets):
    """Writes a capture of raw IP; a number among the packets is so many seconds of silence."""
    now = SENT
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101))
        for packet in packets:
            if isinstance(packet, (int, float)):
                now += int(packet * SECOND)
                continue
            now += 10_000
            out.write(struct.pack("<IIII", now // SECOND, now % SECOND, len(packet), len(packet)))
            out.write(packet)
    os.chmod(path, 0o644)


def read(path, *options):
    """tshark reads a capture. Result: seconds of processor time, KiB of memory, bytes printed."""
    with tshark.start("-r", path, *options) as process:
        printed = 0
        while chunk := process.stdout.read(1 << 20):
            printed += len(chunk)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise AssertionError(f"tshark {options}: {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss, printed
