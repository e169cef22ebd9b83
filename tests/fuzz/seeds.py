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
sys.path.insert(0, os.path.join(HERE, "..", "dissect"))
import wsft  # noqa: E402

FRAMES = 12  # in one seed: short inputs are run more often
CAPTURED = 128  # bytes of a packet that is no report
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


def record(kind, since, data):
    """As dissect_fuzz.c reads it; since is in nanoseconds."""
    ticks = min(round(abs(since) / 64000), 0xFFFFFF) | (kind | (0x40 if since < 0 else 0)) << 24
    return struct.pack(">IH", ticks, len(data)) + data


def record_of(since, frame):
    """In the shortest form: without Ethernet's header where IP follows it."""
    if frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
        lacks = 0 if is_report(frame) else max(0, len(frame) - CAPTURED + 127) // 128
        return record(IP | lacks << 2, since, frame[14:CAPTURED if lacks else None])
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


def with_code(seed, number):
    """A seed whose last failure has another code."""
    failure = seed.rfind(b"WSFT") + 28
    while seed[failure:failure + 2] != b"\0\4":
        if failure + 4 > len(seed):
            return seed
        failure += 4 + struct.unpack_from(">H", seed, failure + 2)[0]
    return seed[:failure + 12] + struct.pack(">I", number) + seed[failure + 16:]


def table(name):
    with open(os.path.join(ROOT, "fields", name), encoding="utf-8") as text:
        return re.findall(r"^X\w*\(((?:0x)?[0-9A-Fa-f]+),\s*(.*)\)?$", text.read(), re.M)


def items(holder):
    """Every item of a datagram or a failure, in each length that it can have."""
    lengths = {"STRING": [5], "ENDPOINT": [6, 18, 22], "CONTAINER": [16]}
    for number, rest in table("items.def"):
        *_, where, length = [part.strip() for part in rest.rstrip(")").split(",")]
        for size in lengths.get(length) or [int(length)]:
            if where == holder:
                yield wsft.item(int(number), bytes(size))


def whole_report():
    """A report with all of them."""
    return bytes([VISIBLE]) + record(TELEMETRY, 0, wsft.header() + b"".join(items("DATAGRAM")) +
                                     wsft.failure(10054, items=b"".join(items("FAILURE"))))


def words():
    """The numbers of the protocol as they stand on the wire."""
    yield wsft.header()[:6]
    for item in [*items("DATAGRAM"), *items("FAILURE")]:
        yield item[:4]
        yield item
    for number, _ in table("operations.def"):
        yield struct.pack(">BBH", 0, 0, int(number))  # after a code of Winsock's
    for name in ("errors.def", "ntstatus.def"):
        for number, _ in table(name):
            yield struct.pack(">I", int(number, 0))


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as out:
        out.write(data)


def main(folder):
    for name in ("seeds", "regressions"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    write(os.path.join(folder, "seeds"), "whole", whole_report())
    scenes = []
    for path in sorted(glob.glob(os.path.join(ROOT, "capture-samples", "*.pcapng"))):
        name = os.path.basename(path)[:-len(".pcapng")]
        made = list(seeds(path))
        scenes += made[:1]
        for i, data in enumerate(made):
            write(os.path.join(folder, "seeds"), f"{name}-{i}", data)
    for i, (number, _) in enumerate(table("errors.def")):  # each code in scenes of another's
        for j in range(4):
            scene = scenes[(4 * i + j) % len(scenes)]
            write(os.path.join(folder, "seeds"), f"code-{number}-{j}",
                  with_code(scene, int(number)))
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
