#!/usr/bin/env python3
"""facts.py: writes the same failures as telemetry, and as what a program could send instead.

    facts.py FORMAT OUT.pcap DATAGRAMS      FORMAT: wsft, json, syslog, protobuf

One failure a datagram, with all that the emitter's wrappers report. Each format writes a fact as its
users would: names of calls and protocols are words in JSON and syslog, numbers in the others.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import datetime
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dissect"))
import wsft  # noqa: E402

PORTS = {"wsft": 10054, "json": 10055, "syslog": 514, "protobuf": 10056}
SECOND = 10 ** 9
CONNECT, RECV, SEND, SENDTO = 5, 8, 6, 7
CALLS = {CONNECT: "connect", RECV: "recv", SEND: "send", SENDTO: "sendto"}
FAILURES = [(10061, CONNECT, 6), (10060, CONNECT, 6), (10054, RECV, 6), (10053, SEND, 6),
            (10051, SENDTO, 17), (10054, RECV, 6)]
PROTOCOLS = {6: (1, "TCP"), 17: (2, "UDP")}
LIBRARY = "winsock_telemetry 0.1.0"


def facts(number):
    """What is known of a failure, in the order of the wire."""
    code, call, protocol = FAILURES[number % len(FAILURES)]
    host = number % 50
    return {
        "sender": 0x5EED0000 + host, "sequence": number // 50, "dropped": 0,
        "sent": wsft.SENT + number * 10 ** 6, "host": f"pos-{host:03}.shop.example",
        "process": "checkout.exe", "pid": 4000 + 4 * host, "library": LIBRARY, "platform": 1,
        "time": wsft.SENT + number * 10 ** 6 - 40_000, "code": code, "space": 0,
        "operation": call, "thread": 8000 + number % 7, "socket": 400 + 4 * (number % 900),
        "family": 2, "type": PROTOCOLS[protocol][0], "protocol": protocol,
        "local": (f"10.1.{host}.20", 49152 + number % 16000),
        "remote": (f"203.0.113.{number % 20 + 1}", 443), "duration": 1_500_000 + number % 1000,
        "bytes": 8192, "source": "net/session.cpp:212 open_session",
    }


def as_wsft(f):
    items = [(16, struct.pack(">I", f["thread"])), (17, struct.pack(">Q", f["socket"])),
             (18, struct.pack(">HHH", f["family"], f["type"], f["protocol"]))]
    inside = b"".join(wsft.item(*i) for i in items)
    inside += wsft.endpoint(19, *f["local"]) + wsft.endpoint(20, *f["remote"])
    inside += wsft.item(23, struct.pack(">Q", f["duration"]))
    inside += wsft.item(24, struct.pack(">Q", f["bytes"])) + wsft.item(28, f["source"])
    return wsft.header(f["sequence"], f["sender"], f["dropped"], sent=f["sent"]) \
        + wsft.item(1, f["host"]) + wsft.item(2, f["process"]) \
        + wsft.item(3, struct.pack(">I", f["pid"])) + wsft.item(5, f["library"]) \
        + wsft.item(6, bytes([f["platform"]])) \
        + wsft.failure(f["code"], f["space"], f["operation"], f["time"], inside)


def in_words(f):
    """The facts with the names that a text would have."""
    words = dict(f, operation=CALLS[f["operation"]], protocol=PROTOCOLS[f["protocol"]][1],
                 platform="windows", space="winsock", family="inet",
                 type="stream" if f["type"] == 1 else "dgram")
    for end in ("local", "remote"):
        words[end], words[end + "_port"] = f[end]
    return words


def as_json(f):
    return json.dumps(in_words(f), separators=(",", ":")).encode()


def as_syslog(f):
    """RFC 5424: what it has a place for there, and the rest as structured data."""
    words = in_words(f)
    when = datetime.datetime.fromtimestamp(words.pop("sent") // SECOND, datetime.timezone.utc)
    head = [f"<27>1 {when:%Y-%m-%dT%H:%M:%S}.{f['sent'] % SECOND // 1000:06}Z"]
    head += [str(words.pop(part)) for part in ("host", "process", "pid")]
    data = " ".join(f'{name}="{value}"' for name, value in words.items())
    return f"{' '.join(head)} failure [winsock@32473 {data}]".encode()


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """A field of peers/wsft.proto; a tuple is an Endpoint."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, tuple):
        address = bytes(int(part) for part in value[0].split("."))
        value = field(1, address) + field(2, value[1])
    elif isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def as_protobuf(f):
    outer = ("sender", "sequence", "dropped", "sent", "host", "process", "pid", "library",
             "platform")
    inner = [name for name in f if name not in outer]
    failure = b"".join(field(i + 1, f[name]) for i, name in enumerate(inner))
    return b"".join(field(i + 1, f[name]) for i, name in enumerate(outer)) \
        + field(len(outer) + 1, failure)


WRITERS = {"wsft": as_wsft, "json": as_json, "syslog": as_syslog, "protobuf": as_protobuf}


def write(kind, path, count):
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(wsft.pcap([]))
        for number in range(count):
            payload = WRITERS[kind](facts(number))
            packet = wsft.datagram(payload, PORTS[kind], f"10.1.{number % 50}.20")
            now = wsft.SENT + number * 10 ** 6 + 200_000
            out.write(struct.pack("<IIII", now // SECOND, now % SECOND, len(packet), len(packet)))
            out.write(packet)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in WRITERS:
        sys.exit(__doc__)
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]))
