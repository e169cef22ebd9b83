"""report_test.py: tshark -z winsock,report, and the links between failures and packets.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import re
import shutil
import struct
import unittest

import tshark
from wsft import (SENT, conversation, datagram, dns, endpoint, failure, header, ipv4, item, pcap,
                  udp)

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "capture-samples")


def sample(name):
    path = os.path.join(tshark.folder(), name + ".pcapng")
    shutil.copyfile(os.path.join(SAMPLES, name + ".pcapng"), path)
    os.chmod(path, 0o644)
    return path


def report(path, *options, filter_=""):
    """The report's blocks: heading -> rows, each split into its columns."""
    text = tshark.run("-r", path, "-q", "-z", "winsock,report" + filter_, *options).stdout
    blocks = {}
    for block in text.strip().split("\n\n"):
        heading, *rows = block.splitlines()
        blocks[heading] = [re.split(r"  +", row.strip()) for row in rows]
    return blocks


class Report(unittest.TestCase):
    def test_a_reset(self):
        for options in ([], ["-2"]):
            got = report(sample("server-one-client-reset"), *options)
            columns, row = got["Winsock failures"]
            named = dict(zip(columns, row))
            self.assertEqual([named["Error"], named["Call"], named["Verdict"], named["Times"]],
                             ["WSAECONNRESET", "recv", "confirmed", "1"])
            self.assertIn(f"RST in frame {named['Evidence']}", named["Reason"])
            self.assertEqual(got["By error"], [["WSAECONNRESET", "1"]])
            self.assertEqual(got["By verdict"], [["confirmed", "1"]])
            self.assertEqual(got["Senders"][1][1:5], ["192.0.2.10", "1", "0", "0"])
            self.assertEqual(len(got["In the trace, but reported by no program"]), 1)

    def test_a_reset_that_nobody_reported(self):
        path = sample("reset")
        quiet = os.path.join(tshark.folder(), "home", "quiet.pcapng")
        tshark.run("-r", path, "-Y", "!winsock", "-w", quiet)
        rows = report(quiet)["In the trace, but reported by no program"]
        self.assertEqual(len(rows), 2)
        self.assertEqual(rows[1][1:3], ["reset", "TCP"])

    def test_the_tree(self):
        text = tshark.run("-r", sample("knock-on"), "-q", "-z", "winsock,tree").stdout
        rows = [re.split(r"  +", line.strip())[:2] for line in text.splitlines()]
        for row in (["Winsock failures", "3"], ["WSAECONNRESET", "2"], ["WSAENOTCONN", "1"],
                    ["confirmed", "3"], ["mirror.exe", "3"], ["getpeername", "1"],
                    ["198.51.100.7:8873", "3"], ["WEB07", "3"]):
            self.assertIn(row, rows)

    def test_what_is_pending_is_not_in_the_tree(self):
        text = tshark.run("-r", sample("would-block-and-pending"), "-q", "-z", "winsock,tree").stdout
        self.assertRegex(text, r"Winsock failures +0 ")

    def test_the_tree_takes_a_filter(self):
        text = tshark.run("-r", sample("port-used-again"), "-q", "-z",
                          "winsock,tree,winsock.error==WSAECONNREFUSED").stdout
        self.assertRegex(text, r"Winsock failures +1 ")

    def test_the_storm_counts_repeats(self):
        got = report(sample("storm"))
        total = int(got["By error"][0][1])
        self.assertGreater(total, 1000)
        self.assertGreater(int(got["Senders"][1][4]), 0)  # dropped


class Graphs(unittest.TestCase):
    def sum(self, path):
        """What the command of the guide counts."""
        with open(os.path.join(SAMPLES, "..", "plugin", "README.md"), encoding="utf-8") as text:
            [statistic] = re.findall(r"'(io,stat,.*?)'", text.read())
        rows = re.findall(r"\| *[\d.]+ <> .*?\| +(\d+) \|",
                          tshark.run("-r", path, "-q", "-z", statistic).stdout)
        return sum(int(count) for count in rows)

    def test_the_command_of_the_guide_counts_failures_alone(self):
        self.assertEqual(self.sum(sample("nobody-listening")), 1)
        self.assertEqual(self.sum(sample("would-block-and-pending")), 0)
        tests = [datagram(header(n, flags=n) + failure(10054)) for n in range(2)]
        self.assertEqual(self.sum(tshark.write("tests.pcap", pcap(tests))), 1)


class Copies(unittest.TestCase):
    """Datagrams that were captured twice."""
    ENDS = (item(17, struct.pack(">Q", 300)) + endpoint(19, "192.0.2.10", 50000) +
            endpoint(20, "198.51.100.7", 443))
    NAMES = ["winsock.error", "winsock.seq.duplicate", "winsock.failed", "winsock.failed.pending",
             "winsock.root", "winsock.verdict"]

    def told(self, path, *options):
        return [[len(row[name]) for name in self.NAMES] for row in
                tshark.fields(path, self.NAMES, *options)]

    def test_a_copy_is_not_another_failure(self):
        first = datagram(header(0) + item(2, "shop.exe") + failure(10054, items=self.ENDS))
        second = datagram(header(1) + failure(10057, time=SENT - 1, items=self.ENDS))
        path = tshark.write("span.pcap", pcap([first, first, second, first, second]))
        real, echo = [1, 0, 1, 0, 0, 1], [1, 0, 1, 0, 1, 1]
        copies = [[1, 1, *row[2:]] for row in (real, echo)]
        for options in ([], ["-2"]):
            self.assertEqual(self.told(path, *options),
                             [real, copies[0], echo, copies[0], copies[1]])
            got = report(path, *options)
            self.assertEqual([row[0] for row in got["Winsock failures"][1:]], ["1", "3"])
            self.assertEqual(got["By error"], [["WSAECONNRESET", "1"], ["WSAENOTCONN", "1"]])
            self.assertEqual(dict(zip(*got["Senders"]))["Copies"], "3")
            tree = tshark.run("-r", path, "-q", "-z", "winsock,tree", *options).stdout
            self.assertRegex(tree, r"Winsock failures +2 ")
        experts = tshark.run("-r", path, "-q", "-z", "expert").stdout
        self.assertRegex(experts, r" 1 +Response +Winsock +WSAECONNRESET in recv\n")
        self.assertRegex(experts, r" 2 +Response +Winsock +Copy: WSAECONNRESET in recv\n")
        off = tshark.run("-r", path, "-q", "-z", "winsock,tree", "-o", "winsock.correlate:FALSE")
        self.assertRegex(off.stdout, r"Winsock failures +2 ")

    def test_a_copy_inside_a_tunnel(self):
        first = datagram(header(0) + failure(10054, items=self.ENDS) + failure(10061))
        path = tshark.write("tunnel.pcap", pcap([first, ipv4(4, first)]))
        one, copy = self.told(path)
        self.assertEqual(one[-1], 2)
        self.assertEqual(copy, [2, 1, *one[2:]])

    def test_one_that_only_claims_the_number_hides_none(self):
        forged = datagram(header(0) + failure(10061, items=self.ENDS))
        true = datagram(header(0) + failure(10054, items=self.ENDS))
        path = tshark.write("claimed.pcap", pcap([forged, true, true, forged]))
        got = tshark.fields(path, self.NAMES)
        self.assertEqual([row["winsock.seq.duplicate"] for row in got], [[], ["1"], ["2"], ["2"]])
        self.assertEqual([len(row["winsock.failed"]) for row in got], [1, 1, 1, 1])
        self.assertIn(["WSAECONNRESET", "1"], report(path)["By error"])


class Links(unittest.TestCase):
    def test_both_ways(self):
        path = sample("reset")
        back = tshark.fields(path, ["frame.number", "winsock.reported_in", "frame.protocols",
                                    "winsock.reported_error"], "-2", "-Y", "winsock.reported_in")
        there = tshark.fields(path, ["frame.number", "winsock.evidence"], "-Y", "winsock.evidence")
        self.assertEqual(back[0]["frame.number"], there[0]["winsock.evidence"])
        self.assertEqual(back[0]["winsock.reported_in"], there[0]["frame.number"])
        self.assertEqual(back[0]["winsock.reported_error"], ["10054"])
        self.assertEqual(back[0]["frame.protocols"], ["eth:ethertype:ip:tcp"])
        tree = tshark.run("-r", path, "-2", "-V", "-Y", "winsock.reported_in").stdout
        self.assertRegex(tree, r"\[Winsock: reported as WSAECONNRESET by shop\.exe \(\d+\) in frame")

    def test_the_way_back_says_what_the_packet_speaks_for(self):
        for name, end in (("reset", ""), ("refused-but-connected", ", which this packet contradicts"),
                          ("aborted-but-reset", ", verdict inconclusive")):
            tree = tshark.run("-r", sample(name), "-2", "-V", "-Y", "winsock.reported_in").stdout
            self.assertRegex(tree, rf"\[Winsock: reported as \w+ by .* in frame \d+{end}\]", name)

    def test_the_filter_finds_the_flow_and_its_reports(self):
        path = sample("server-one-client-reset")
        filter_ = tshark.fields(path, ["winsock.filter"], "-Y",
                                "winsock.filter")[0]["winsock.filter"][0]
        found = tshark.fields(path, ["tcp.stream", "winsock.error"], "-Y", filter_)
        self.assertEqual(len({p["tcp.stream"][0] for p in found if p["tcp.stream"]}), 1)
        self.assertEqual(sum(p["winsock.error"] == ["10054"] for p in found), 1)

    def test_the_filter_of_a_dual_stack_socket(self):
        ends = (endpoint(19, "::ffff:192.0.2.10", 50000) +
                endpoint(20, "::ffff:198.51.100.7", 443))
        path = tshark.write("dual.pcap", pcap([
            conversation(2, 1, 0), conversation(2, 1, 0, ("192.0.2.11", 50000)),
            datagram(header(0) + failure(10054, items=ends)),
            datagram(header(1) + failure(10054, items=endpoint(20, "198.51.100.8", 443)))]))
        filter_ = tshark.fields(path, ["winsock.filter"])[2]["winsock.filter"][0]
        found = tshark.fields(path, ["frame.number"], "-Y", filter_)
        self.assertEqual([row["frame.number"] for row in found], [["1"], ["3"]])

    def test_the_filter_of_a_name(self):
        query = ipv4(17, udp(dns([("smtp.Corp.example", 1)]), 50001, 53))
        ends = endpoint(19, "192.0.2.10", 50000) + endpoint(20, "198.51.100.7", 443)
        failures = {  # what is reported, and what its filter finds
            failure(11001, operation=18, items=item(21, "smtp.corp.example.")): ["1", "3"],
            failure(11001, operation=18, items=item(21, "SMTP.Corp.Example")): ["1", "4"],
            failure(10022, operation=18, items=item(21, "smtp.corp.example")): ["1", "5", "6"],
            failure(10061, operation=35, items=item(21, "smtp.corp.example") + ends): ["2", "6", "7"],
            failure(10061, operation=35, items=item(21, "") + ends): ["2", "6", "7"]}
        path = tshark.write("named.pcap", pcap(
            [query, conversation(2, 1, 0)] +
            [datagram(header(n) + body) for n, body in enumerate(failures)]))
        shown = tshark.fields(path, ["winsock.filter"])[2:]
        for row, wanted in zip(shown, failures.values()):
            found = tshark.fields(path, ["frame.number"], "-Y", row["winsock.filter"][0])
            self.assertEqual([packet["frame.number"][0] for packet in found], wanted, row)
        flows = [row[5] for row in report(path)["Winsock failures"][1:]]
        self.assertEqual(flows, ["smtp.corp.example.", "SMTP.Corp.Example", "smtp.corp.example"] +
                         ["192.0.2.10:50000 -> 198.51.100.7:443"] * 2)

    def test_an_echo_names_its_root(self):
        ends = (item(17, struct.pack(">Q", 300)) + endpoint(19, "192.0.2.10", 50000) +
                endpoint(20, "198.51.100.7", 443))
        later = SENT - 1_000_000
        payloads = [header(0) + failure(10035, items=ends), header(1) + failure(10054, items=ends),
                    header(2) + failure(10057, time=later, items=ends) +
                    failure(10057, time=later, items=ends.replace(b"\x01\x2c", b"\x01\x2d")),
                    header(3, sent=SENT + 10**11) + failure(10057, time=later, items=ends)]
        path = tshark.write("echo.pcap", pcap([datagram(p) for p in payloads]))
        for options in ([], ["-2"]):
            got = [p["winsock.root"] for p in tshark.fields(path, ["winsock.root"], *options)]
            self.assertEqual(got, [[], [], ["2"], []])

    def test_turned_off(self):
        path = sample("reset")
        got = tshark.fields(path, ["winsock.verdict", "winsock.error", "tcp.stream"], "-o",
                            "winsock.correlate:FALSE", "-2")
        self.assertEqual([p["winsock.verdict"] for p in got if p["winsock.verdict"]], [])
        self.assertEqual(len([p for p in got if p["winsock.error"]]), 1)
        self.assertGreater(len([p for p in got if p["tcp.stream"]]), 5)

    def test_a_test_datagram_gets_no_verdict(self):
        path = tshark.write("test-flag.pcap", pcap([datagram(header(flags=1) + failure(10048))]))
        self.assertEqual(tshark.fields(path, ["winsock.verdict"])[0]["winsock.verdict"], [])


if __name__ == "__main__":
    unittest.main()
