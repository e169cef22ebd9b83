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


def ipv6(protocol, payload, source="2001:db8::10", destination="2001:db8::99", hops=255):
    """An IPv6 packet."""
    return struct.pack(">IHBB16s16s", 0x60000000, len(payload), protocol, hops,
                       socket.inet_pton(socket.AF_INET6, source),
                       socket.inet_pton(socket.AF_INET6, destination)) + payload


def tcp(flags, sequence=0, acknowledgement=0, payload=b"", source_port=50000, port=443,
        window=1000, options=b"", offset=None):
    """A segment. options: a multiple of four bytes; offset: of the data, in such words."""
    words = 5 + len(options) // 4 if offset is None else offset
    return struct.pack(">HHIIBBHHH", source_port, port, sequence, acknowledgement, words << 4,
                       flags, window, 0, 0) + options + payload


def icmp(kind, code, quoted):
    """An ICMP or ICMPv6 error's own bytes; those of ICMPv6 lack their checksum."""
    body = struct.pack(">BBHI", kind, code, 0, 0) + quoted
    padded = body + b"\0" * (len(body) % 2)
    return body[:2] + struct.pack(">H", _checksum(padded)) + body[4:]


def conversation(flags, sequence, acknowledgement, client=("192.0.2.10", 50000),
                 server=("198.51.100.7", 443), back=False):
    """A packet of a connection, without data; back: from the server."""
    source, destination = (server, client) if back else (client, server)
    return ipv4(6, tcp(flags, sequence, acknowledgement, source_port=source[1],
                       port=destination[1]), source[0], destination[0])


def port_unreachable(packet):
    """The ICMP error of a host where nobody listens, quoting the packet."""
    return ipv4(1, icmp(3, 3, packet), "192.0.2.99", "192.0.2.10")


def neighbour(kind, target, source, destination):
    """A neighbour solicitation (135) or advertisement (136)."""
    address = socket.inet_pton(socket.AF_INET6, target)
    return ipv6(58, struct.pack(">BBHI", kind, 0, 0, 0) + address, source, destination)


def arp(operation, sender, target, protocol=0x0800, hardware=6):
    """An ARP packet for Ethernet and IPv4."""
    return struct.pack(">HHBBH6s4s6s4s", 1, protocol, hardware, 4, operation, b"\2\0\0\0\0\1",
                       socket.inet_aton(sender), b"\0" * 6, socket.inet_aton(target))


def ethernet(packet, kind=None):
    """A frame around a packet; kind: its EtherType, where it is not IP."""
    kind = kind or (0x0800 if packet[0] >> 4 == 4 else 0x86DD)
    return b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + struct.pack(">H", kind) + packet


def dns_name(name):
    """A name as DNS writes it; bytes stand for themselves."""
    if isinstance(name, bytes):
        return name
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def dns(questions, answers=(), flags=0):
    """A message. questions: of (name, type); answers: of (name, type, data)."""
    out = struct.pack(">HHHHHH", 1, flags, len(questions), len(answers), 0, 0)
    for name, kind in questions:
        out += dns_name(name) + struct.pack(">HH", kind, 1)
    for name, kind, data in answers:
        out += dns_name(name) + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
    return out


def datagram(payload, port=10054, source="192.0.2.10"):
    """A whole packet with this telemetry."""
    return ipv4(17, udp(payload, port=port), source)


def pcap(packets, captured=None, link=101):
    """A capture of raw IP packets, or of another link type (1: Ethernet); captured cuts each to so
    many bytes, as a snap length does. A pair is a packet and how many bytes of it were captured."""
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)
    for number, entry in enumerate(packets):
        packet, limit = entry if isinstance(entry, tuple) else (entry, captured)
        kept = packet[:limit]
        nanoseconds = SENT + 1_000_000 * (number + 1)
        out += struct.pack("<IIII", nanoseconds // 10**9, nanoseconds % 10**9, len(kept),
                           len(packet)) + kept
    return out
