"""dissect_test.py: exact bytes in, exact fields out, on the real tshark.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import re
import struct
import unittest

import tshark
from wsft import (SENT, datagram, endpoint, failure, header, ipv4, item, pcap, port_unreachable,
                  udp)

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "capture-samples")
EXAMPLE = bytes.fromhex(  # the smallest useful datagram of fields/PROTOCOL.md
    "57534654011c00000000002a000000000000000018a1b2c3d4e5f607"
    "0004001018a1b2c3d4e5f0000000274600000008")
SENDER = (item(1, "WEB07") + item(2, "shop.exe") + item(3, struct.pack(">I", 4711)) +
          item(5, "lib 1") + item(6, b"\x02"))
FAILURE_ITEMS = (
    item(16, struct.pack(">I", 77)) + item(17, struct.pack(">Q", 300)) +
    item(18, struct.pack(">HHH", 2, 1, 6)) + endpoint(19, "192.0.2.1", 51000) +
    endpoint(20, "fe80::7", 443, 3) + item(21, "db.corp.example") + item(22, "https") +
    item(23, struct.pack(">Q", 1500000)) + item(24, struct.pack(">Q", 4096)) +
    item(25, struct.pack(">I", 3)) + item(26, struct.pack(">Q", SENT - 10**9)) +
    item(27, "b\u00f6se") + item(28, "a.c:3 main") + item(29, bytes(range(25))))
FULL = header(flags=1) + SENDER + failure(10054, items=FAILURE_ITEMS)


def decode(payloads, names, *options, captured=None):
    """The fields of each payload, sent as a datagram."""
    path = tshark.write("test.pcap", pcap([datagram(p) for p in payloads], captured))
    return tshark.fields(path, names, *options)


def one(payload, names, *options):
    return decode([payload], names, *options)[0]


class Values(unittest.TestCase):
    def expect(self, got, wanted):
        for name, value in wanted.items():
            self.assertEqual(got[name], value if isinstance(value, list) else [value], name)

    def decode_and_expect(self, payload, wanted, *options):
        self.expect(one(payload, list(wanted), *options), wanted)

    def test_the_example_of_the_protocol(self):
        self.decode_and_expect(EXAMPLE, {
            "winsock.version": "1", "winsock.header_length": "28", "winsock.flags": "0x0000",
            "winsock.sender": "0x0000002a", "winsock.seq": "0", "winsock.dropped": "0",
            "winsock.code": "10054", "winsock.space": "0", "winsock.error": "10054",
            "winsock.name": "WSAECONNRESET", "winsock.operation": "8", "winsock.category": "1",
            "winsock.age": "0.000001543", "winsock.failure.count": "1", "winsock.host": [],
            "winsock.malformed": []})

    def test_every_item(self):
        self.decode_and_expect(FULL, {
            "winsock.flags": "0x0001", "winsock.host": "WEB07",
            "winsock.process.name": "shop.exe", "winsock.process.id": "4711",
            "winsock.library": "lib 1", "winsock.platform": "2", "winsock.thread.id": "77",
            "winsock.socket": "0x000000000000012c", "winsock.family": "2", "winsock.type": "1",
            "winsock.protocol": "6", "winsock.local.ip": "192.0.2.1",
            "winsock.local.port": "51000", "winsock.local.ipv6": [], "winsock.local.scope": [],
            "winsock.remote.ipv6": "fe80::7", "winsock.remote.ip": [],
            "winsock.remote.port": "443", "winsock.remote.scope": "3",
            "winsock.node": "db.corp.example", "winsock.service": "https",
            "winsock.duration": "0.001500000", "winsock.bytes": "4096", "winsock.repeat": "3",
            "winsock.message": "b\u00f6se", "winsock.source": "a.c:3 main",
            "winsock.trace_id": "000102030405060708090a0b0c0d0e0f",
            "winsock.span_id": "1011121314151617", "winsock.trace_flags": "0x18",
            "winsock.age": "0.005000000", "winsock.clock_offset": "0.001000000",
            "winsock.failure.count": "3"})

    def test_times(self):
        got = one(FULL, ["winsock.sent_time", "winsock.time", "winsock.first_time"])
        self.assertIn("14:13:20.000000000", got["winsock.sent_time"][0])
        self.assertIn("14:13:19.995000000", got["winsock.time"][0])
        self.assertIn("14:13:19.000000000", got["winsock.first_time"][0])

    def test_info_column_and_top_line(self):
        items = (endpoint(19, "192.0.2.1", 51000) + endpoint(20, "198.51.100.7", 443))
        payload = header() + SENDER + failure(10054, items=items) + failure(11001, operation=18,
                                                                     items=item(21, "db"))
        path = tshark.write("info.pcap", pcap([datagram(payload)]))
        info = tshark.fields(path, ["_ws.col.Protocol", "_ws.col.Info"])[0]
        self.assertEqual(info["_ws.col.Protocol"], ["Winsock"])
        self.assertEqual(info["_ws.col.Info"], [
            "WSAECONNRESET (10054) recv 192.0.2.1:51000 \u2192 198.51.100.7:443: "
            "Connection reset by peer | WSAHOST_NOT_FOUND (11001) getaddrinfo db: Host not found"])
        tree = tshark.run("-r", path, "-V").stdout
        self.assertIn("Winsock Failure Telemetry, shop.exe (4711) on WEB07: "
                      "WSAECONNRESET in recv and 1 more\n", tree)

    def test_names_are_resolved_where_the_user_wants_it(self):
        items = endpoint(20, "198.51.100.7", 443)
        path = tshark.write("names.pcap", pcap([datagram(header() + failure(10054, items=items))]))
        hosts = tshark.write("hosts", b"198.51.100.7 shop.example\n")
        info = tshark.fields(path, ["_ws.col.Info"], "-H", hosts, "-Nnt")[0]["_ws.col.Info"]
        self.assertEqual(info, ["WSAECONNRESET (10054) recv \u2192 shop.example:https: "
                                "Connection reset by peer"])

    def test_code_spaces(self):
        codes = [failure(10054), failure(0x80072746, 1), failure(0xC000020D, 2),
                 failure(10029, 3), failure(10029), failure(10200), failure(10010)]
        self.decode_and_expect(header() + b"".join(codes), {
            "winsock.error": ["10054", "10054", "10054", "10061", "10061", "10060"],
            "winsock.name": ["WSAECONNRESET", "WSAECONNRESET", "STATUS_CONNECTION_RESET",
                             "WSAECONNREFUSED", "WSAECONNREFUSED", "WSAETIMEDOUT", "WSAEMSGSZ"],
            "winsock.listing": ["WSAEALREADY", "WSAECONNREFUSED", "WSAECONNREFUSED",
                                "WSAETIMEDOUT", "WSAEMSGSZ"]})

    def test_filters_by_name(self):
        payloads = [header() + failure(code) for code in (10054, 10061, 10029)]
        got = decode(payloads, ["frame.number"], "-Y", "winsock.error == WSAECONNREFUSED")
        self.assertEqual([p["frame.number"][0] for p in got], ["2", "3"])
        got = decode(payloads, ["frame.number"], "-Y", 'winsock.name contains "RESET"')
        self.assertEqual([p["frame.number"][0] for p in got], ["1"])

        got = decode([header(flags=1), header(flags=0xFFFE)], ["frame.number"], "-Y",
                     "winsock.flags.test == 1")
        self.assertEqual([p["frame.number"][0] for p in got], ["1"])

    def test_every_name_of_a_category_filters(self):
        """In quotes; and without them where Wireshark has no protocol of that name."""
        with open(os.path.join(SAMPLES, "..", "fields", "enums.def"), encoding="utf-8") as table:
            names = re.findall(r'X_CATEGORY\(\d+, \w+, "([^"]+)"', table.read())
        self.assertIn("qos", names)
        payloads = [header(0) + failure(11005), header(1) + failure(10054)]
        for asked in ('winsock.category == "qos"', "winsock.category == 13"):
            got = decode(payloads, ["frame.number"], "-Y", asked)
            self.assertEqual([p["frame.number"] for p in got], [["1"]], asked)
        either = [f'winsock.category == "{name}"' for name in names]
        either += [f"winsock.category == {name}" for name in names if name != "qos"]
        self.assertEqual(len(decode(payloads, ["frame.number"], "-Y", " or ".join(either))), 2)
        for page in ("plugin/README.md", "plugin/winsock-filter.4", "fields/FIELDS.md"):
            with open(os.path.join(SAMPLES, "..", page), encoding="utf-8") as text:
                self.assertIn('"qos"', text.read().replace(r"\(dq", '"'), page)

    def test_expert_on_every_failure(self):
        payload = header() + failure(10054) + failure(10035)
        got = decode([payload, header(flags=1) + failure(10054)],
                     ["winsock.failed", "winsock.failed.pending"])
        self.assertEqual([len(got[0][n]) for n in got[0]], [1, 1])
        self.assertEqual([len(got[1][n]) for n in got[1]], [0, 1])

    def test_expert_items_have_few_texts(self):
        """tshark -z expert compares each with all that it has."""
        body = item(1000, b"") + item(27, "a" * 1025)
        payloads = [header() + failure(code, operation=code, items=body) for code in (20001, 20002)]
        got = decode(payloads, ["_ws.expert.message"])
        self.assertEqual(got[0], got[1])
        self.assertIn("Unknown code", got[0]["_ws.expert.message"])

    def test_what_others_ask_of_our_packets(self):
        """Without a word of our own fields: they are not added where nobody looks at them."""
        path = tshark.write("others.pcap", pcap([datagram(header() + failure(10054)),
                                                 datagram(header(version=9) + b"later"),
                                                 datagram(header(1) + failure(10054) + b"x"),
                                                 datagram(header(2) + failure(10054, items=item(16, b"x")))]))
        for asked, frames in (('_ws.expert.message contains "WSAECONNRESET"', "1 3 4"),
                              ("_ws.expert.severity == warning", "2"), ("_ws.expert", "1 2 3 4"),
                              ("_ws.malformed", "3 4"), ("data.len > 0", "2")):
            lines = tshark.run("-r", path, "-Y", asked).stdout.splitlines()
            self.assertEqual(" ".join(line.split()[0] for line in lines), frames, asked)
        tree = tshark.run("-r", path, "-q", "-z", "io,phs").stdout
        self.assertRegex(tree, r"winsock +frames:4")
        self.assertNotRegex(tree, r"data +frames")
        columns = 'gui.column.format:"No","%m","Expert","%a","Stream","%Cus:tcp.stream:0:R"'
        lines = tshark.run("-r", path, "-o", columns).stdout.splitlines()
        self.assertEqual([line.split()[1] for line in lines], ["Note", "Warning", "Error", "Error"])

    def test_thousands_of_failures_are_a_few_expert_lines(self):
        """tshark counts by the text, the window by the expert field: both are few, whatever differs."""
        payloads = [header(n * n, dropped=n * n * n) + failure(code, time=SENT - n, items=endpoint(
            20, "198.51.100.7", n)) for n in range(100) for code in (10054, 10061, 10065, 11001, 40000)]
        path = tshark.write("many.pcap", pcap([datagram(p) for p in payloads]))
        lines = tshark.run("-r", path, "-q", "-z", "expert,note").stdout.splitlines()
        self.assertEqual(sorted(line.split()[0] for line in lines if " Response " in line),
                         ["100"] * 5)
        self.assertEqual(len([line for line in lines if " Sequence " in line]), 2)
        got = tshark.fields(path, ["winsock.failed." + kind for kind in (
            "connection", "network", "name-resolution", "other")])
        self.assertEqual([sum(len(p[name]) for p in got) for name in got[0]], [200, 100, 100, 100])

    def test_expert_text_of_a_contradiction_has_nothing_of_the_packet(self):
        sample = os.path.join(SAMPLES, "refused-but-connected.pcapng")
        with open(sample, "rb") as capture:
            path = tshark.write("contradicted.pcapng", capture.read())
        self.assertIn("The trace contradicts WSAECONNREFUSED in connect\n",
                      tshark.run("-r", path, "-q", "-z", "expert").stdout)


class BadInput(unittest.TestCase):
    def expert(self, payload, *names):
        """Each expert field named occurs once, and none of the others of bad input."""
        every = ["malformed", "version.unknown", "item.unknown", "item.length_wrong",
                 "item.repeated", "string.not_utf8", "string.too_long", "code.unknown",
                 "space.unknown", "operation.unknown", "time.after_sent"]
        got = one(payload, ["winsock." + name for name in every] + ["winsock.host"])
        for name in every:
            self.assertEqual(len(got["winsock." + name]), 1 if name in names else 0, name)
        return got

    def test_not_this_protocol(self):
        got = decode([b"WSFX" + header()[4:], header()[:27], b""], ["winsock.version", "data.len"])
        self.assertEqual([p["winsock.version"] for p in got], [[], [], []])
        self.assertEqual([p["data.len"] for p in got], [["28"], ["27"], []])

    def test_another_version(self):
        self.expert(header(version=2) + failure(10054), "version.unknown")

    def test_header_length(self):
        self.expert(header(length=27), "malformed")
        self.expert(header(length=200), "malformed")
        got = one(header(length=32) + b"more" + failure(10054),
                  ["winsock.header.extension", "winsock.error"])
        self.assertEqual(got["winsock.header.extension"], ["6d6f7265"])
        self.assertEqual(got["winsock.error"], ["10054"])

    def test_item_past_the_end(self):
        got = self.expert(header() + item(1, "A") + struct.pack(">HH", 2, 9) + b"abc", "malformed")
        self.assertEqual(got["winsock.host"], ["A"])
        broken = failure(10054, items=struct.pack(">HH", 16, 4) + b"ab")
        got = self.expert(header() + broken + item(1, "B"), "malformed")
        self.assertEqual(got["winsock.host"], ["B"])

    def test_bytes_left_over(self):
        for left in range(1, 4):
            got = self.expert(header() + item(1, "A") + b"\0" * left, "malformed")
            self.assertEqual(got["winsock.host"], ["A"])

    def test_wrong_lengths(self):
        wrong = [item(3, b"abc"), item(6, b""), item(4, b"x" * 15)]
        wrong += [failure(10054, items=item(kind, b"x" * 7)) for kind in
                  (16, 17, 18, 19, 20, 23, 24, 25, 26, 29)]
        for bytes_ in wrong:
            got = self.expert(header() + bytes_ + item(1, "B"), "item.length_wrong")
            self.assertEqual(got["winsock.host"], ["B"])

    def test_strings(self):
        got = self.expert(header() + item(1, b"a\xffb"), "string.not_utf8")
        self.assertEqual(got["winsock.host"], ["a\ufffdb"])
        got = self.expert(header() + item(1, "x" * 1023 + "\u00e9y"), "string.too_long")
        self.assertEqual(got["winsock.host"], ["x" * 1023])
        for character in ("\u00e9", "\u20ac", "\U0001f600"):
            for before in range(1020, 1025):
                string = "x" * before + character + "yyyy"
                whole = string.encode()[:1024].decode(errors="ignore")
                got = self.expert(header() + item(1, string), "string.too_long")
                self.assertEqual(got["winsock.host"], [whole])
        got = self.expert(header() + item(1, "x" * 1024))
        self.assertEqual(got["winsock.host"], ["x" * 1024])

    def test_empty_strings(self):
        payload = header() + item(1, b"") + item(2, b"") + failure(11001, items=item(21, b""))
        self.expert(payload)
        path = tshark.write("empty.pcap", pcap([datagram(payload)]))
        self.assertIn("Telemetry: WSAHOST_NOT_FOUND in recv\n", tshark.run("-r", path, "-V").stdout)

    def test_a_failure_that_cannot_be_read_is_not_no_failure(self):
        for payload in (header() + item(4, b"x" * 15), header() + struct.pack(">HH", 4, 50)):
            info = one(payload, ["_ws.col.Info"])["_ws.col.Info"]
            self.assertEqual(info, ["Not readable to its end"])
        self.assertEqual(one(header(), ["_ws.col.Info"])["_ws.col.Info"], ["No failure"])

    def test_unknown_things(self):
        self.expert(header() + item(99, b"abc"), "item.unknown")
        self.expert(header() + item(16, b"abcd"), "item.unknown")  # a failure's, not in one
        self.expert(header() + failure(99999), "code.unknown")
        self.expert(header() + failure(10054, space=9), "space.unknown")
        self.expert(header() + failure(10054, operation=999), "operation.unknown")

    def test_given_twice_the_first_counts(self):
        self.expert(header() + item(1, "A") + item(1, "B"), "item.repeated")
        path = tshark.write("twice.pcap", pcap([datagram(header() + item(2, "a.exe") +
                                                         item(2, "b.exe"))]))
        self.assertIn("Telemetry, a.exe: No failure", tshark.run("-r", path, "-V").stdout)

    def test_time_after_sent(self):
        self.expert(header() + failure(10054, time=SENT + 1), "time.after_sent")

    def test_quoted_in_an_icmp_error(self):
        whole = datagram(header(sequence=9) + item(1, "A") + failure(10054, items=item(21, "db")))
        packets = [port_unreachable(whole), datagram(header(sequence=3) + failure(10054)),
                   datagram(header(sequence=4) + failure(10054))]
        packets += [port_unreachable(whole[:length]) for length in range(28, len(whole))]
        path = tshark.write("quoted.pcap", pcap(packets))
        got = tshark.fields(path, ["winsock.error", "winsock.failed", "winsock.seq.missing",
                                   "winsock.malformed"])
        self.assertEqual([len(p["winsock.failed"]) for p in got[:3]], [0, 1, 1])
        for packet in got:
            self.assertEqual(packet["winsock.seq.missing"] + packet["winsock.malformed"], [])
        # IP, UDP, header, host name, and of the failure its item's header and its fixed part.
        readable = 20 + 8 + 28 + 5 + 4 + 16
        for length, packet in enumerate(got[3:], start=28):
            self.assertEqual(packet["winsock.failed"], [])
            self.assertEqual(packet["winsock.error"], ["10054"] if length >= readable else [])

class Truncation(unittest.TestCase):
    KINDS = {"full": FULL, "example": EXAMPLE, "no failure": header() + SENDER,
             "two": header() + failure(10054) + failure(10061, items=item(21, "db")),
             "longer header": header(length=32) + b"more" + failure(10054),
             "unknown": header() + item(99, b"abcdef")}

    def test_every_length_of_the_datagram(self):
        for name, payload in self.KINDS.items():
            got = decode([payload[:n] for n in range(len(payload) + 1)],
                         ["winsock.version", "winsock.malformed", "_ws.malformed"])
            for length, packet in enumerate(got):
                with self.subTest(kind=name, length=length):
                    self.assertEqual(len(packet["winsock.version"]), int(length >= 28))
                    # Wireshark marks a packet itself where we say malformed, and only there.
                    self.assertEqual(packet["_ws.malformed"] != [], packet["winsock.malformed"] != [])
            self.assertEqual(got[-1]["winsock.malformed"], [])

    def test_every_length_that_a_capture_can_cut_it_to(self):
        packets = [datagram(payload) for payload in self.KINDS.values()]
        for captured in range(28, len(packets[0]) + 1, 3):
            path = tshark.write("cut.pcap", pcap(packets, captured))
            got = tshark.fields(path, ["winsock.malformed", "_ws.malformed", "_ws.short"])
            for packet, whole in zip(got, packets):
                with self.subTest(captured=captured, whole=len(whole)):
                    self.assertEqual(packet["winsock.malformed"], [])
                    self.assertEqual(packet["_ws.malformed"], [])
                    self.assertEqual(len(packet["_ws.short"]) > 0, captured < len(whole))


class Sequence(unittest.TestCase):
    PAYLOADS = [header(sequence=s, dropped=d) for s, d in
                ((5, 0), (6, 0), (9, 4), (7, 0), (7, 0), (10, 4))]
    NAMES = ["winsock.seq.missing", "winsock.seq.gap", "winsock.seq.out_of_order",
             "winsock.seq.duplicate", "winsock.failures_dropped"]

    def check(self, got):
        self.assertEqual([p["winsock.seq.missing"] for p in got], [[], [], ["2"], [], [], []])
        self.assertEqual([len(p["winsock.seq.gap"]) for p in got], [0, 0, 1, 0, 0, 0])
        self.assertEqual([len(p["winsock.seq.out_of_order"]) for p in got], [0, 0, 0, 1, 0, 0])
        self.assertEqual([p["winsock.seq.duplicate"] for p in got], [[], [], [], [], ["4"], []])
        self.assertEqual([len(p["winsock.failures_dropped"]) for p in got], [0, 0, 1, 0, 0, 0])

    def test_one_pass(self):
        self.check(decode(self.PAYLOADS, self.NAMES))

    def test_what_was_dropped_before_the_capture_began(self):
        for sequence, dropped, told in ((700, 100000, 0), (0, 5, 1)):
            payloads = [header(sequence, dropped=dropped), header(sequence + 1, dropped=dropped)]
            path = tshark.write("began.pcap", pcap([datagram(p) for p in payloads]))
            got = tshark.fields(path, ["winsock.dropped", "winsock.failures_dropped"])
            self.assertEqual([list(map(len, row.values())) for row in got], [[1, told], [1, 0]])
            text = tshark.run("-r", path, "-V").stdout
            self.assertEqual(text.count("of them just before this datagram"), told)

    def test_two_passes(self):
        self.check(decode(self.PAYLOADS, self.NAMES, "-2"))
        got = decode(self.PAYLOADS, self.NAMES, "-2", "-R", "winsock.seq >= 7")
        self.assertEqual([p["winsock.seq.missing"] for p in got], [["2"], [], [], []])


    def test_a_read_filter_leaves_out_what_is_repeated(self):
        def to(last, payload):
            return ipv4(17, udp(payload), destination=f"192.0.2.{last}")
        repeated, other = header(0) + failure(10054), header(0, sender=43)
        for first in ([to(98, repeated)], [to(99, other), to(98, repeated), to(99, other)]):
            path = tshark.write("left-out.pcap", pcap([*first, to(99, repeated)]))
            for options in ([], ["-o", "winsock.correlate:FALSE"]):
                got = tshark.fields(path, ["winsock.sender", "winsock.seq.duplicate"], *options)
                self.assertEqual(got[-1]["winsock.seq.duplicate"], [str(1 + len(first) // 2)])
                got = tshark.fields(path, ["winsock.sender", "winsock.seq.duplicate"], "-2", "-R",
                                    "ip.dst == 192.0.2.99", *options)
                self.assertEqual([row["winsock.seq.duplicate"] for row in got],
                                 [[]] if len(first) == 1 else [[], ["1"], []])
                tree = tshark.run("-r", path, "-2", "-R", "ip.dst == 192.0.2.99", "-q", "-z",
                                  "winsock,tree", *options).stdout
                self.assertRegex(tree, r"Winsock failures +1 ")


class Sameness(unittest.TestCase):
    """The same answers however the packet is asked for."""

    def setUp(self):
        self.path = tshark.write("same.pcap", pcap(
            [datagram(FULL), datagram(header(sequence=4) + failure(10029)),
             datagram(header(sequence=5) + item(99, b"abc"))]))

    def test_one_pass_and_two(self):
        for form in (["-V"], ["-T", "json"], ["-T", "ek"], ["-T", "pdml"], []):
            once = tshark.run("-r", self.path, *form).stdout.splitlines()
            twice = tshark.run("-r", self.path, "-2", *form).stdout.splitlines()
            differing = [pair for pair in zip(once, twice) if pair[0] != pair[1]
                         and "creator" not in pair[0]]
            self.assertEqual(differing, [], form)
            self.assertEqual(len(once), len(twice))

    def test_fields_without_a_tree_are_those_of_json(self):
        names = ["winsock.name", "winsock.error", "winsock.remote.port", "winsock.advice"]
        hidden = tshark.fields(self.path, names)
        packets = tshark.as_json(self.path, "-e", names[0], "-e", names[1], "-e", names[2], "-e",
                                 names[3])
        for values, packet in zip(hidden, packets):
            layers = packet["_source"]["layers"]
            self.assertEqual({name: layers.get(name, []) for name in names}, values)

    def test_field_as_a_column(self):
        text = tshark.run("-r", self.path, "-o",
                          'gui.column.format:"Error","%Cus:winsock.error:0:R"').stdout
        self.assertEqual(text.splitlines()[:2], ["WSAECONNRESET", "WSAECONNREFUSED"])


class Settings(unittest.TestCase):
    def test_naming(self):
        payload = header() + failure(10054) + failure(10029)
        for naming, names in (("winsock", ["WSAECONNRESET", "WSAECONNREFUSED"]),
                              ("winsock_only", ["WSAECONNRESET", "Unknown"]),
                              ("listing", ["WSAEALREADY", "WSAECONNREFUSED"])):
            got = one(payload, ["winsock.name"], "-o", f"winsock.naming:{naming}")
            self.assertEqual(got["winsock.name"], names, naming)

    def test_ports(self):
        path = tshark.write("port.pcap", pcap([datagram(header() + failure(10054), port=5555)]))
        quiet = ["--disable-heuristic", "winsock_udp"]
        for options, seen in (([], 1), (quiet, 0), (quiet + ["-d", "udp.port==5555,winsock"], 1),
                              (quiet + ["-o", "winsock.udp.port:5000-6000"], 1)):
            got = tshark.fields(path, ["winsock.error"], *options)[0]["winsock.error"]
            self.assertEqual(len(got), seen, options)

    def test_user_codes(self):
        payload = header() + failure(40000) + failure(0xE0000001, 2) + failure(10200)
        rows = [part for row in ('"Winsock","40000","SHOPEBUSY","The shop is busy."',
                                 '"NTSTATUS","0xe0000001","STATUS_SHOP","A status of ours"',
                                 '"Winsock","10200","SHOPEOTHER",""')
                for part in ("-o", "uat:winsock_user_codes:" + row)]
        got = one(payload, ["winsock.name", "winsock.error", "winsock.description",
                            "winsock.code.unknown"], *rows)
        self.assertEqual(got["winsock.name"], ["SHOPEBUSY", "STATUS_SHOP", "SHOPEOTHER"])
        self.assertEqual(got["winsock.description"], ["The shop is busy.", "A status of ours"])
        self.assertEqual(got["winsock.error"], [])
        self.assertEqual(got["winsock.code.unknown"], [])

    def test_errors_in_the_user_table_are_said(self):
        path = tshark.write("user.pcap", pcap([datagram(header())]))
        for row, why in (('"Winsock","10054","MINE",""', "WSAECONNRESET already"),
                         ('"Winsock","12x","MINE",""', "decimal"),
                         ('"Winsock","40000","",""', "needs a name")):
            done = tshark.run("-r", path, "-o", "uat:winsock_user_codes:" + row, check=False)
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
