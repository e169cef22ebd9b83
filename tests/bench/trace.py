#!/usr/bin/env python3
"""trace.py: writes captures for measuring: TCP connections, with or without reports among them.

    trace.py OUT.pcap PACKETS CONNECTIONS [REPORTS]

Each connection has a handshake, data and acknowledgements in turn, and ends by FIN; every tenth by
a RST of the server. REPORTS of 10054 are spread evenly, each about the reset of its connection.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import struct
import sys

SERVER = bytes((198, 51, 100, 7))
COLLECTOR = bytes((192, 0, 2, 1))
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MAC = bytes.fromhex("020000000001020000000010") + b"\x08\x00"


def ip(protocol, source, target, payload):
    return MAC + struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol,
                             0, source, target) + payload


def segment(source, target, sport, dport, seq, ack, flags, data=b""):
    return ip(6, source, target, struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags,
                                             64240, 0, 0) + data)


def item(kind, value):
    return struct.pack(">HH", kind, len(value)) + value


def report(number, now, client, port):
    ends = item(19, client + struct.pack(">H", port)) + item(20, SERVER + struct.pack(">H", 443))
    failure = struct.pack(">QIBBH", now, 10054, 0, 0, 8) + item(18, struct.pack(">HHH", 2, 1, 6)) \
        + ends
    wsft = struct.pack(">4sBBHIIIQ", b"WSFT", 1, 28, 0, 1, number, 0, now) \
        + item(2, b"shop.exe") + item(4, failure)
    return ip(17, client, COLLECTOR,
              struct.pack(">HHHH", 40000, 10054, 8 + len(wsft), 0) + wsft)


def connection(number, length):
    """The packets of one connection, length of them."""
    client = bytes((10, number >> 14 & 255, number >> 6 & 255, 1 + (number & 63)))
    port = 49152 + number % 16384
    out = (client, SERVER, port, 443)
    back = (SERVER, client, 443, port)
    seq, ack, data = 1001, 2001, b"x" * 64
    yield segment(*out, 1000, 0, SYN)
    yield segment(*back, 2000, 1001, SYN | ACK)
    yield segment(*out, 1001, 2001, ACK)
    for i in range(length - 5):
        if i % 2 == 0:
            yield segment(*out, seq, ack, PSH | ACK, data)
            seq += len(data)
        else:
            yield segment(*back, ack, seq, ACK)
    if number % 10 == 0:
        yield segment(*back, ack, seq, ACK)
        yield segment(*back, ack, seq, RST | ACK)
    else:
        yield segment(*out, seq, ack, FIN | ACK)
        yield segment(*back, ack, seq + 1, FIN | ACK)


def main(path, packets, connections, reports=0):
    # So many connections run at once that their packets are mixed, as on a wire.
    together, length = 50, max(packets // connections, 6)
    every = connections // reports if reports else 0
    now = 1700000000 * 10 ** 9
    sent = 0

    with open(path, "wb", buffering=1 << 20) as out:
        def write(frame):
            nonlocal now
            now += 10000
            out.write(struct.pack("<IIII", now // 10 ** 9, now % 10 ** 9, len(frame), len(frame)))
            out.write(frame)

        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for first in range(0, connections, together):
            numbers = range(first, min(first + together, connections))
            for frames in zip(*(connection(n, length) for n in numbers)):
                for frame in frames:
                    write(frame)
            for n in numbers:
                if every and n % every == 0:
                    client = bytes((10, n >> 14 & 255, n >> 6 & 255, 1 + (n & 63)))
                    write(report(sent, now, client, 49152 + n % 16384))
                    sent += 1


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
