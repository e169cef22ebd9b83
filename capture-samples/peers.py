#!/usr/bin/env python3
"""peers.py: the other side of each sample: servers that reset, fall silent or answer too much,
clients of a Winsock server, a sink for the reports; and the writer of the finished captures.

    peers.py sink ADDRESS PORT               takes reports, and says nothing
    peers.py reset ADDRESS PORT [COUNT]      half a response to each of COUNT clients (1), then RST
                                             to the first of them
    peers.py database ADDRESS PORT [SILENT]  a greeting; SILENT is a command run after it
    peers.py answer ADDRESS PORT             reads a request to its end, and answers
    peers.py picture ADDRESS PORT            UDP: an answer of 1,400 bytes
    peers.py clients ADDRESS PORT COUNT      clients of a server, the second of which resets
    peers.py middlebox INTERFACE PORT        a firewall on the way: lets the server at PORT behind
                                             INTERFACE answer once, and then resets its client
    peers.py vlan INTERFACE NUMBER           INTERFACE.NUMBER, whose frames bear an 802.1Q tag on
                                             INTERFACE
    peers.py malformed ADDRESS PORT          every kind of malformed report, made by hand
    peers.py finish HOW OUT.pcapng TEXT NAME=IN.pcap...
                                             the captures, each of the interface NAME, as one pcapng
                                             with TEXT for a comment. HOW: by-time; as-given, one
                                             capture after the other; hour-ahead, by time and with
                                             an hour added to each

SPDX-License-Identifier: GPL-2.0-or-later
"""
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import time

# of Linux, not in the module socket
ETH_P_ALL, ETH_P_IP, ETH_P_8021Q = 0x0003, 0x0800, 0x8100
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
TP_STATUS_VLAN_VALID = 0x10
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def listen(address, port):
    """A listening TCP socket, ready when the name of the command is on standard output."""
    s = socket.socket(family(address), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, int(port)))
    s.listen(8)
    print("ready", flush=True)
    return s


def datagrams(address, port):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.bind((address, int(port)))
    print("ready", flush=True)
    return s


def close_with_reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def sink(address, port):
    s = datagrams(address, port)
    while True:
        s.recv(2048)


def reset(address, port, count=1):
    listener = listen(address, port)
    connections = [listener.accept()[0] for _ in range(int(count))]
    listener.close()
    for s in connections:
        s.recv(2048)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n" + b"basket " * 100)
    time.sleep(0.3)
    close_with_reset(connections.pop(0))
    for s in connections:
        s.recv(2048)
        s.close()


def database(address, port, silent=None):
    s, _ = listen(address, port).accept()
    s.sendall(b"orders database, ready\n")
    if silent:
        time.sleep(0.3)
        subprocess.run(silent.split(), check=True)
    time.sleep(30)


def answer(address, port):
    s, _ = listen(address, port).accept()
    while s.recv(2048):
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    s.close()


def picture(address, port):
    s = datagrams(address, port)
    _, client = s.recvfrom(2048)
    s.sendto(bytes(1400), client)


def clients(address, port, count):
    request = b"GET /orders HTTP/1.1\r\nHost: api.example\r\n\r\n"
    connections = []
    for _ in range(int(count)):
        s = socket.create_connection((address, int(port)))
        s.sendall(request)
        s.recv(2048)
        connections.append(s)
        time.sleep(0.1)
    print("ready", flush=True)
    time.sleep(1.5)
    if len(connections) > 1:
        close_with_reset(connections.pop(1))
    for s in connections:
        s.sendall(request)
        s.recv(2048)
        s.close()
        time.sleep(0.1)


def checksum(data):
    """Of IP and TCP, RFC 1071; data has an even length."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_parts(packet):
    """Of an IPv4 packet: the address of each side, the ports, and the sequence number after its
    data; None where it is not TCP with data."""
    start, end = (packet[0] & 15) * 4, struct.unpack(">H", packet[2:4])[0]
    if packet[9] != socket.IPPROTO_TCP:
        return None
    source, destination, sequence = struct.unpack(">HHI", packet[start:start + 8])
    length = end - start - (packet[start + 12] >> 4) * 4
    if length == 0:
        return None
    return packet[12:16], packet[16:20], source, destination, (sequence + length) & 0xFFFFFFFF


def reset_packet(source, destination, source_port, destination_port, sequence):
    """An IPv4 packet with a RST and nothing else; the kernel adds the checksum of its header."""
    tcp = struct.pack(">HHIIHHHH", source_port, destination_port, sequence, 0, 0x5004, 0, 0, 0)
    pseudo = source + destination + struct.pack(">HH", socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0x4D42, 0, 64,
                       socket.IPPROTO_TCP, 0, source, destination) + tcp


def middlebox(interface, port):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    wire.bind((interface, ETH_P_IP))
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    print("ready", flush=True)
    while True:
        parts = tcp_parts(wire.recv(2048))
        if parts and parts[2] == int(port):
            break
    time.sleep(0.2)
    out.sendto(reset_packet(*parts), (socket.inet_ntoa(parts[1]), 0))


def receive_tagged(wire, number):
    """The next frame, if it has the tag, which the kernel has taken out of it; else None."""
    frame, extra, _, _ = wire.recvmsg(2048, socket.CMSG_SPACE(20))
    for level, kind, data in extra:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, *_, tag, _ = struct.unpack("=IIIHHHH", data)
            if status & TP_STATUS_VLAN_VALID and tag & 0xFFF == number:
                return frame
    return None


def vlan(interface, number):
    """What "ip link add type vlan" does, for kernels that are built without it."""
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", f"{interface}.{number}".encode(),
                                            IFF_TAP | IFF_NO_PI))
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    wire.bind((interface, ETH_P_ALL))
    tag = struct.pack(">HH", ETH_P_8021Q, int(number))
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([tap, wire], [], [])
        if tap in readable:
            frame = os.read(tap, 2048)
            wire.send(frame[:12] + tag + frame[12:])
        if wire in readable:
            frame = receive_tagged(wire, int(number))
            if frame:
                os.write(tap, frame)


def item(kind, value, length=None):
    return struct.pack(">HH", kind, len(value) if length is None else length) + value


def failure(*items, code=10054, space=0, operation=8, age=0):
    fixed = struct.pack(">QIBBH", time.time_ns() - age, code, space, 0, operation)
    return item(4, fixed + b"".join(items))


def report(sequence, *items, sender=0x0BADF00D, version=1, header_length=28, flags=0, extra=b""):
    return struct.pack(">4sBBHIIIQ", b"WSFT", version, header_length, flags, sender, sequence, 0,
                       time.time_ns()) + extra + b"".join(items)


def malformed_reports():
    """What each is, and its bytes. All but the last lines are one sender's, numbered in order."""
    good = failure()
    remote = struct.pack(">4BH", 198, 51, 100, 7, 443)
    yield "not the magic", b"NOPE" + report(0)[4:]
    yield "fewer bytes than a header", report(0)[:20]
    n = 0
    for what, make in (
            ("version 2", lambda n: report(n, good, version=2)),
            ("header length under 28", lambda n: report(n, good, header_length=27)),
            ("header length past the end", lambda n: report(n, header_length=200)),
            ("a longer header, to be skipped",
             lambda n: report(n, good, header_length=32, extra=b"\1\2\3\4")),
            ("an item past the end", lambda n: report(n, good, item(2, b"shop.exe", 400))),
            ("an item past the end of its failure",
             lambda n: report(n, failure(item(27, b"cut", 300)))),
            ("a failure shorter than its fixed part",
             lambda n: report(n, item(4, bytes(10)), good)),
            ("an item with a wrong length", lambda n: report(n, item(3, b"\1\2"), good)),
            ("an endpoint with a wrong length",
             lambda n: report(n, failure(item(20, remote[:5]), item(25, b"\0\0\0\3")))),
            ("a string that is not UTF-8",
             lambda n: report(n, item(2, b"sh\xf6p.exe"), good)),
            ("an unknown item", lambda n: report(n, item(999, b"\xca\xfe"), good)),
            ("an unknown item in a failure",
             lambda n: report(n, failure(item(999, b"\xca\xfe")))),
            ("an unknown operation", lambda n: report(n, failure(operation=999))),
            ("an unknown code space", lambda n: report(n, failure(space=9))),
            ("an unknown code", lambda n: report(n, failure(code=19999))),
            ("an item given twice", lambda n: report(n, item(1, b"WEB07"), item(1, b"WEB08"), good)),
            ("an item given twice in a failure",
             lambda n: report(n, failure(item(20, remote), item(20, remote)))),
            ("one byte left", lambda n: report(n, good, b"\0")),
            ("three bytes left in a failure", lambda n: report(n, failure(b"\0\x19\0"))),
            ("a string over 1,024 bytes", lambda n: report(n, failure(item(27, b"long " * 206)))),
            ("a time later than the sent time", lambda n: report(n, failure(age=-1000000000))),
            ("no failure at all", report),
            ("a test", lambda n: report(n, good, flags=1))):
        yield what, make(n)
        n += 1
    for what, sequence in (("the sequence's first", 7), ("a gap", 10), ("out of order", 9),
                           ("a duplicate", 10)):
        yield what, report(sequence, good, sender=0x5EC0DE)


def malformed(address, port):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    for number, (what, payload) in enumerate(malformed_reports(), 1):
        print(f"{number}: {what}")
        s.sendto(payload, (address, int(port)))
        time.sleep(0.005)
    print("last: to a port where nobody listens, quoted in an ICMP error")
    s.sendto(report(23, failure()), (address, int(port) + 1))


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def read_capture(path):
    """Of tcpdump's pcap (nanoseconds, the host's byte order): the link type, the snapshot length,
    and each packet with its time and its length on the wire."""
    with open(path, "rb") as f:
        data = f.read()
    magic, _, _, _, _, snap, link = struct.unpack("=IHHiIII", data[:24])
    if magic != 0xA1B23C4D:
        sys.exit(f"{path}: not a nanosecond capture")
    packets = []
    at = 24
    while at + 16 <= len(data):
        seconds, nanoseconds, captured, length = struct.unpack("=IIII", data[at:at + 16])
        packets.append((seconds * 1000000000 + nanoseconds, data[at + 16:at + 16 + captured],
                        length))
        at += 16 + captured
    return link, snap, packets


def finish(how, target, comment, *captures):
    """One pcapng that says nothing of the host."""
    ahead = 3600 * 1000000000 if how == "hour-ahead" else 0
    blocks = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
                    + option(1, comment.encode()) + option(0, b""))]
    packets = []
    for number, capture in enumerate(captures):
        name, path = capture.split("=", 1)
        link, snap, captured = read_capture(path)
        blocks.append(block(1, struct.pack("<HHI", link, 0, snap) + option(2, name.encode())
                            + option(9, b"\x09") + option(0, b"")))
        packets += [(stamp + ahead, number, data, length) for stamp, data, length in captured]
    if how != "as-given":
        packets.sort(key=lambda packet: packet[0])
    for stamp, number, data, length in packets:
        blocks.append(block(6, struct.pack("<IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF,
                                           len(data), length) + data))
    with open(target, "wb") as f:
        f.write(b"".join(blocks))


if __name__ == "__main__":
    commands = {f.__name__: f for f in (sink, reset, database, answer, picture, clients, middlebox,
                                        vlan, malformed, finish)}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
