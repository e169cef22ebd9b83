"""spoofed_test.py: anyone can send a datagram. What is shown of it misleads no more than a wrong report.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import re
import unicodedata
import unittest

import tshark
from wsft import conversation, datagram, endpoint, failure, header, item, pcap

# What a terminal obeys, what turns the direction of a line, ends it, or cannot be seen.
HIDDEN = [chr(n) for n in (*range(1, 0x20), *range(0x7f, 0xa0), 0xad, 0x61c, 0x200b, 0x200c, 0x200d,
                           0x200e, 0x200f, *range(0x2028, 0x202f), 0x2060, *range(0x2066, 0x206a),
                           0xfeff, 0xe0001)]
CLAIM = "x (4711) in frame 3: confirmed, RST in frame 3"
STRINGS = {1: "host", 2: "process.name", 5: "library"}
STRINGS_OF_FAILURE = {21: "node", 22: "service", 27: "message", 28: "source"}
VIEWS = (["-V"], ["-V", "-2"], [], ["-T", "json"], ["-T", "pdml"], ["-T", "ek"],
         ["-T", "fields", "-e", "winsock.reason", "-e", "winsock.filter", "-e", "_ws.col.Info", "-e",
          "_ws.expert.message"], ["-q", "-z", "winsock,report"], ["-q", "-z", "winsock,tree"],
         ["-q", "-z", "expert"])


def said(text, code=11001, flags=0, sequence=0, sender=42):
    """A datagram that says the text wherever a sender can say one."""
    return (header(sequence, sender=sender, flags=flags) +
            b"".join(item(kind, text) for kind in STRINGS) + item(3, b"\0\0\0\7") +
            failure(code, operation=18, items=b"".join(item(kind, text)
                                                       for kind in STRINGS_OF_FAILURE)))


def unseen(text):
    """The characters in what tshark printed that cannot be seen, or turn what can."""
    return sorted({c for c in text if c not in "\n\t " and
                   unicodedata.category(c) in ("Cc", "Cf", "Cn", "Zl", "Zp")})


class Text(unittest.TestCase):
    def test_what_cannot_be_seen_is_escaped_in_every_view(self):
        path = tshark.write("hidden.pcap", pcap(
            [datagram(said(f"a{c}b", sequence=i)) for i, c in enumerate(HIDDEN)]))
        names = ["winsock." + name for name in (*STRINGS.values(), *STRINGS_OF_FAILURE.values())]
        for options in (*VIEWS, ["-T", "fields", *(part for n in names for part in ("-e", n))]):
            with self.subTest(options):
                text = tshark.run("-r", path, *options).stdout
                self.assertEqual(unseen(text), [])
        for got, c in zip(tshark.fields(path, names), HIDDEN):
            self.assertEqual(got, {name: [f"a\\u{{{ord(c):x}}}b"] for name in names})

    def test_what_can_be_seen_is_left_as_it_was_sent(self):
        text = "C:\\Büro\\店 \"שלום\" 🛒.exe"
        path = tshark.write("seen.pcap", pcap([datagram(said(text))]))
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        got = tshark.fields(path, ["winsock.process.name", "winsock.message"], "-Y",
                            f'winsock.process.name == "{quoted}" && winsock.node contains "店"')
        self.assertEqual(got, [{"winsock.process.name": [text], "winsock.message": [text]}])

    def test_the_filter_of_a_strange_name_finds_its_report(self):
        path = tshark.write("strange.pcap", pcap([datagram(said('a\x1b\u202e"\\b'))]))
        filter_ = tshark.fields(path, ["winsock.filter"])[0]["winsock.filter"][0]
        self.assertEqual(len(tshark.fields(path, ["frame.number"], "-Y", filter_)), 1)

    def test_a_long_name_leaves_room_in_the_line(self):
        path = tshark.write("long.pcap", pcap([datagram(said("n" * 1024))]))
        got = tshark.fields(path, ["_ws.col.Info", "winsock.node", "winsock.reason"])[0]
        self.assertIn("n" * 100 + "...: Host not found", got["_ws.col.Info"][0])
        self.assertIn("n" * 100 + "... by this host", got["winsock.reason"][0])
        self.assertEqual(got["winsock.node"], ["n" * 1024])


class Claims(unittest.TestCase):
    def test_a_name_that_goes_on_with_the_sentence_is_quoted(self):
        path = tshark.write("claim.pcap", pcap([datagram(said(CLAIM))]))
        for options in (["-V"], [], ["-q", "-z", "winsock,report"], ["-q", "-z", "winsock,tree"]):
            with self.subTest(options):
                # Where it is not all that a line says, it is in quotes.
                lines = [line for line in tshark.run("-r", path, *options).stdout.splitlines()
                         if CLAIM in line and not re.fullmatch(r" +[A-Z][a-z ]+: " +
                                                               re.escape(CLAIM), line)]
                self.assertNotEqual(lines, [])
                for line in lines:
                    self.assertEqual(line.count(CLAIM), line.count(f'"{CLAIM}"'), line)

    def test_a_name_on_the_packet_that_it_is_about(self):
        ends = endpoint(19, "192.0.2.10", 50000) + endpoint(20, "198.51.100.7", 443)
        syn, rst = conversation(0x02, 100, 0), conversation(0x14, 0, 101, back=True)
        path = tshark.write("back.pcap", pcap([syn, rst, datagram(
            header() + item(2, CLAIM) + failure(10061, operation=5, items=ends))]))
        tree = tshark.run("-r", path, "-2", "-V", "-Y", "tcp.flags.reset == 1").stdout
        self.assertIn(f'[Winsock: reported as WSAECONNREFUSED by "{CLAIM}" in frame 3, '
                      'verdict inconclusive]', tree)

    def test_no_columns_of_its_own_in_the_report(self):
        forged = "x  WSAECONNRESET  recv  1  \u3000 flow  confirmed  1  -"
        path = tshark.write("columns.pcap", pcap([datagram(said(forged))]))
        rows = tshark.run("-r", path, "-q", "-z", "winsock,report").stdout.splitlines()
        row = dict(zip(re.split(r"  +", rows[1]), re.split(r"  +", rows[2])))
        self.assertEqual([row["Error"], row["Verdict"], row["Evidence"]],
                         ["WSAHOST_NOT_FOUND", "unseen", "-"])

    def test_no_item_is_a_verdict(self):
        """Whatever its type, and whatever it holds."""
        claim = b"[Verdict: confirmed (1)]"
        items = b"".join(item(kind, claim) for kind in (0, 7, 15, 30, 255, 65535))
        path = tshark.write("items.pcap", pcap([datagram(
            header(length=28 + len(claim)) + claim + items + failure(10054, items=items))]))
        got = tshark.fields(path, ["winsock.verdict", "winsock.reported_in", "winsock.evidence"])[0]
        self.assertEqual(got, {"winsock.verdict": ["5"], "winsock.reported_in": [],
                               "winsock.evidence": []})
        self.assertNotIn("confirmed", tshark.run("-r", path, "-V", "-O", "winsock").stdout)

    def test_a_test_is_marked_wherever_it_is_shown(self):
        path = tshark.write("test.pcap", pcap([datagram(said("shop.exe", flags=1)),
                                               datagram(said("shop.exe", sequence=1))]))
        info = [row["_ws.col.Info"][0] for row in tshark.fields(path, ["_ws.col.Info"])]
        self.assertEqual([line.endswith(" [test]") for line in info], [True, False])
        top = [line for line in tshark.run("-r", path, "-V").stdout.splitlines()
               if line.startswith("Winsock Failure Telemetry")]
        self.assertEqual([line.endswith(" [test]") for line in top], [True, False])
        expert = tshark.fields(path, ["_ws.expert.message", "winsock.verdict"])
        self.assertIn("Test: WSAHOST_NOT_FOUND in getaddrinfo", expert[0]["_ws.expert.message"])
        self.assertEqual(expert[0]["winsock.verdict"], [])
        report = tshark.run("-r", path, "-q", "-z", "winsock,report").stdout.split("\n\n")
        self.assertEqual(len(report[0].splitlines()), 3)  # heading, columns, the real one
        columns, row = (re.split(r"  +", line) for line in
                        [b for b in report if b.startswith("Senders")][0].splitlines()[1:])
        self.assertEqual(dict(zip(columns, row))["Tests"], "1")

    def test_more_failures_than_a_number_holds(self):
        most = item(25, b"\xff\xff\xff\xff")
        path = tshark.write("most.pcap", pcap([datagram(
            header(i) + failure(10054, items=most) + failure(10054, items=most))
            for i in range(2)]))
        self.assertIn(f"WSAECONNRESET         {4 * (2**32 - 1)}\n",
                      tshark.run("-r", path, "-q", "-z", "winsock,report").stdout)
        tree = tshark.run("-r", path, "-q", "-z", "winsock,tree").stdout
        self.assertRegex(tree, rf"Winsock failures +{2**31 - 1} ")


class Senders(unittest.TestCase):
    def test_another_address_does_not_disturb_a_sequence(self):
        mine = [(0, "192.0.2.10"), (1, "192.0.2.10"), (2, "192.0.2.10")]
        spoofed = [(900, "203.0.113.5"), (1, "203.0.113.6"), (2, "203.0.113.5")]
        packets = [datagram(header(n), source=source)
                   for pair in zip(spoofed, mine) for n, source in pair]
        path = tshark.write("senders.pcap", pcap(packets))
        names = ["winsock.seq.missing", "winsock.seq.duplicate", "winsock.seq.out_of_order"]
        got = tshark.fields(path, names, "-Y", "ip.src == 192.0.2.10")
        self.assertEqual(got, [{name: [] for name in names}] * 3)

    def test_many_spoofed_senders_hide_none(self):
        packets = [datagram(header(sender=n) + item(2, f"no{n}.exe") + failure(10054),
                            source=f"203.0.113.{n % 250}") for n in range(3000)]
        packets.insert(1500, datagram(said("shop.exe")))
        path = tshark.write("many.pcap", pcap(packets))
        text = tshark.run("-r", path, "-q", "-z", "winsock,report").stdout
        self.assertEqual(len(re.findall(r"(?m)^1501 +shop\.exe \(7\) +WSAHOST_NOT_FOUND ", text)), 1)
        self.assertEqual(len(re.findall(r"(?m)^shop\.exe \(7\) on shop\.exe +192\.0\.2\.10 ", text)),
                         1)


if __name__ == "__main__":
    unittest.main()
