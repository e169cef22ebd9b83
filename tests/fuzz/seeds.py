#!/usr/bin/env python3
"""seeds.py FOLDER: writes what the fuzzers start from: FOLDER/seeds from the samples, FOLDER/
regressions from regressions/*.hex, and FOLDER/dictionary from fields/*.def.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import glob
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
FRAMES = 8  # in one seed: short inputs are run more often
TELEMETRY, ETHERNET, IP = range(3)
VISIBLE, PRINTED, COUNTED = 1, 2, 4  # dissect_fuzz.c's options


def frames_of(path):
    """(nanoseconds, frame) for each packet of a sample."""
    with tempfile.TemporaryDirectory() as folder:
        pcap = os.path.join(folder, "sample.pcap")
        subprocess.run(["editcap", "-F", "nsecpcap", path, pcap], check=True)
        with open(pcap, "rb") as capture:
            data = capture.read()
    offset = 24
    while offset < len(data):
        seconds, nanoseconds, captured, _ = struct.unpack_from("<IIII", data, offset)
        yield seconds * 10**9 + nanoseconds, data[offset + 16:offset + 16 + captured]
        offset += 16 + captured


def step(nanoseconds):
    """The time between two packets as the harness reads it: a power of two."""
    power = min(max(abs(nanoseconds).bit_length() - 1, 0), 39)
    return power | (0x80 if nanoseconds < 0 else 0)


def record(kind, since, data):
    return struct.pack(">BBH", kind, step(since), len(data)) + data


def record_of(since, frame):
    """In the shortest form: without Ethernet's header where IP follows it."""
    if frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
        return record(IP, since, frame[14:])
    return record(ETHERNET, since, frame)


def is_report(frame):
    return frame[42:46] == b"WSFT"


def seeds(path):
    """The first reports of a sample, each with the packets before it and the one after it, and
    alone without its headers."""
    frames = list(frames_of(path))
    reports = [i for i, (_, frame) in enumerate(frames) if is_report(frame)]
    for i in reports[:4]:
        before = frames[max(0, i - FRAMES + 2)][0]
        data = bytes([VISIBLE])
        for time, frame in frames[max(0, i - FRAMES + 2):i + 2]:
            data += record_of(time - before, frame)
            before = time
        yield data
        yield bytes([PRINTED | COUNTED]) + record(TELEMETRY, 0, frames[i][1][42:])


def table(name):
    with open(os.path.join(ROOT, "fields", name), encoding="utf-8") as text:
        return re.findall(r"^X\w*\(((?:0x)?[0-9A-Fa-f]+),\s*(.*)\)?$", text.read(), re.M)


def words():
    """The numbers of the protocol as they stand on the wire."""
    yield b"WSFT\x01\x1c"
    for number, rest in table("items.def"):
        length = rest.rstrip(")").split(",")[-1].strip()
        for size in {"STRING": [5], "ENDPOINT": [6, 18, 22], "CONTAINER": [16]}.get(
                length) or [int(length)]:
            yield struct.pack(">HH", int(number), size)
            yield struct.pack(">HH", int(number), size) + bytes(size)
    for number, _ in table("operations.def"):
        yield struct.pack(">BBH", 0, 0, int(number))  # after a code of Winsock's
    for name in ("errors.def", "ntstatus.def", "listing.def"):
        for number, _ in table(name):
            yield struct.pack(">I", int(number, 0))


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as out:
        out.write(data)


def main(folder):
    for name in ("seeds", "regressions"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for path in sorted(glob.glob(os.path.join(ROOT, "capture-samples", "*.pcapng"))):
        name = os.path.basename(path)[:-len(".pcapng")]
        for i, data in enumerate(seeds(path)):
            write(os.path.join(folder, "seeds"), f"{name}-{i}", data)
    for path in glob.glob(os.path.join(HERE, "regressions", "*.hex")):
        with open(path, encoding="ascii") as text:
            lines = [line.split("#")[0] for line in text]
        write(os.path.join(folder, "regressions"), os.path.basename(path)[:-len(".hex")],
              bytes.fromhex("".join(lines)))
    with open(os.path.join(folder, "dictionary"), "w", encoding="ascii") as out:
        for word in sorted(set(words())):
            out.write('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n')


if __name__ == "__main__":
    main(sys.argv[1])
