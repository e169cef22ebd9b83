"""wsft.py: datagrams and captures, byte by byte, for the dissector tests.

A second writer of the wire format, independent of the emitter's.
SPDX-License-Identifier: GPL-2.0-or-later
"""
import socket
import struct

SENT = 1790000000_000000000  # nanoseconds; every datagram's clock unless a test says otherwise


def item(kind, value):
    """One item: type, length, value."""
    if isinstance(value, str):
        value = value.encode()
    return struct.pack(">HH", kind, len(value)) + value


def header(sequence=0, sender=42, dropped=0, flags=0, sent=SENT, version=1, length=28):
    return struct.pack(">4sBBHIIIQ", b"WSFT", version, length, flags, sender, sequence, dropped,
                       sent)


def failure(code, space=0, operation=8, time=SENT - 5_000_000, items=b""):
    fixed = struct.pack(">QIBBH", time, code, space, 0, operation)
    return item(4, fixed + items)


def endpoint(kind, address, port, scope=None):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    value = socket.inet_pton(family, address) + struct.pack(">H", port)
    if scope is not None:
        value += struct.pack(">I", scope)
    return item(kind, value)


def _checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(protocol, payload, source="192.0.2.10", destination="192.0.2.99"):
    """An IPv4 packet."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + payload


def udp(payload, source_port=50000, port=10054):
    return struct.pack(">HHHH", source_port, port, 8 + len(payload), 0) + payload


def tcp(flags, sequence, acknowledgement, client=("192.0.2.10", 50000),
        server=("198.51.100.7", 443), back=False):
    """A TCP segment without data; back: from the server."""
    source, destination = (server, client) if back else (client, server)
    return ipv4(6, struct.pack(">HHIIBBHHH", source[1], destination[1], sequence, acknowledgement,
                               0x50, flags, 64240, 0, 0), source[0], destination[0])


def port_unreachable(packet):
    """The ICMP error of a host where nobody listens, quoting the packet."""
    body = struct.pack(">BBHI", 3, 3, 0, 0) + packet
    padded = body + b"\0" * (len(body) % 2)
    return ipv4(1, body[:2] + struct.pack(">H", _checksum(padded)) + body[4:],
                "192.0.2.99", "192.0.2.10")


def datagram(payload, port=10054, source="192.0.2.10"):
    """A whole packet with this telemetry."""
    return ipv4(17, udp(payload, port=port), source)


def pcap(packets, captured=None):
    """A capture of raw IP packets; captured cuts each to so many bytes, as a snap length does."""
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101)
    for number, packet in enumerate(packets):
        kept = packet if captured is None else packet[:captured]
        nanoseconds = SENT + 1_000_000 * (number + 1)
        out += struct.pack("<IIII", nanoseconds // 10**9, nanoseconds % 10**9, len(kept),
                           len(packet)) + kept
    return out
