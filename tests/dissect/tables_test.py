"""tables_test.py: the report, the statistics and the table of user codes where input is rare: names
that are missing, failures without ends, packets without a time, bad rows.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import re
import struct
import unittest

import tshark
from report_test import report
from verdict_test import sharkd
from wsft import (SENT, datagram, endpoint, failure, header, icmp, ipv4, ipv6, item, pcap, tcp, udp)

HOST, SERVER = "192.0.2.10", "198.51.100.7"
SYN, RST, ACK = 2, 4, 16
SHOP = item(1, "WEB07") + item(2, "shop.exe") + item(3, struct.pack(">I", 7))
ENDS = endpoint(19, HOST, 50000) + endpoint(20, SERVER, 443)


def kind(family, type_, protocol):
    return item(18, struct.pack(">HHH", family, type_, protocol))


def now(code, space=0, operation=8, items=b""):
    return failure(code, space, operation, SENT, items)


def back(*args, **more):
    """A segment of the server."""
    return ipv4(6, tcp(*args, source_port=443, port=50000, **more), SERVER, HOST)


def captured(name, packets):
    return tshark.write(name + ".pcap", pcap(packets))


def sent(*bodies):
    """Datagrams of one sender in turn."""
    return [datagram(header(number) + body) for number, body in enumerate(bodies)]


def counts_of_tree(path, *options):
    """What winsock,tree counts by error: name -> number."""
    lines = tshark.run("-r", path, "-q", "-z", "winsock,tree", *options).stdout.splitlines()
    begin = [i for i, line in enumerate(lines) if line.startswith(" By error ")][0]
    counts = {}
    for line in lines[begin + 1:]:
        if not line.startswith("  "):
            break
        name, count = re.split(r"  +", line.strip())[:2]
        counts[name] = count
    return counts


class Report(unittest.TestCase):
    def rows(self, *bodies, before=()):
        got = report(captured("report", [*before, *sent(*bodies)]))
        columns, *rows = got["Winsock failures"]
        return [dict(zip(columns, row)) for row in rows], got

    def test_what_is_missing_is_a_dash(self):
        rows, _ = self.rows(now(10054, operation=0), SHOP + now(10054, operation=999, items=ENDS),
                            item(3, struct.pack(">I", 7)) + now(10054))
        self.assertEqual([[row[c] for c in ("Program", "Call", "Flow", "Evidence", "Echo of")]
                          for row in rows],
                         [["-", "-", "- -> -", "-", "-"],
                          ["shop.exe (7)", "-", "192.0.2.10:50000 -> 198.51.100.7:443", "-", "-"],
                          ["process 7", "recv", "- -> -", "-", "-"]])

    def test_flows_of_both_families_and_names(self):
        rows, _ = self.rows(
            now(10060, items=endpoint(19, "2001:db8::1", 5) + endpoint(20, "2001:db8::2", 80)),
            now(11001, operation=18, items=item(21, "db.example")),
            now(10060, items=endpoint(20, "::ffff:198.51.100.7", 80)))
        self.assertEqual([row["Flow"] for row in rows],
                         ["[2001:db8::1]:5 -> [2001:db8::2]:80", "db.example",
                          "- -> 198.51.100.7:80"])

    def test_what_is_said_of_the_sender_holds_for_the_failures_before_it(self):
        asked = ipv4(17, udp(b"x", 50000, 443), HOST, SERVER)
        refused = now(10061, operation=6, items=kind(2, 2, 17) + ENDS)
        posix = item(6, b"\3")
        rows, _ = self.rows(refused + SHOP + posix, SHOP + posix + refused, refused,
                            before=[asked, ipv4(1, icmp(3, 3, asked), SERVER, HOST)])
        self.assertEqual([[row["Program"], row["Verdict"]] for row in rows],
                         [["shop.exe (7)", "confirmed"]] * 2 + [["-", "inconclusive"]])

    def test_an_echo_and_an_error_without_a_rule(self):
        socket = item(17, struct.pack(">Q", 300)) + kind(2, 1, 6) + ENDS
        rows, got = self.rows(now(10054, items=socket), now(10057, items=socket), now(11001),
                              before=[back(RST, 1)])
        self.assertEqual([row["Echo of"] for row in rows], ["-", "2", "-"])
        self.assertEqual([rows[2]["Verdict"], rows[2]["Reason"]], ["-", "-"])
        self.assertIn(["no rule", "1"], got["By verdict"])

    def test_failures_without_a_winsock_code_are_listed_and_counted(self):
        user = ["-o", 'uat:winsock_user_codes:"Winsock","40001","SHOPEBUSY",""']
        bodies = [now(40000, items=ENDS), now(40001), now(0x80004005, 1), now(0xC0000001, 2),
                  now(10010, 3), now(9, space=9), now(10054), now(10035), now(0),
                  now(40000, items=item(25, struct.pack(">I", 3)))]
        path = captured("codeless", sent(*bodies) + [datagram(header(99, flags=1) + now(40000))])
        names = ["Unknown (40000)", "SHOPEBUSY", "Unknown (0x80004005)", "Unknown (0xc0000001)",
                 "WSAEMSGSZ", "Unknown (9)", "WSAECONNRESET", "WSAEWOULDBLOCK", "Unknown (40000)"]
        for options in ([], ["-2"]):
            got = report(path, *user, *options)
            columns, *rows = got["Winsock failures"]
            rows = [dict(zip(columns, row)) for row in rows]
            self.assertEqual([row["Error"] for row in rows], names)
            self.assertEqual([row["Verdict"] for row in rows],
                             ["-"] * 6 + ["inconclusive", "local", "-"])
            self.assertEqual([rows[0]["Frame"], rows[0]["Flow"], rows[0]["Reason"]],
                             ["1", "192.0.2.10:50000 -> 198.51.100.7:443", "-"])
            self.assertEqual(got["By error"][0], ["WSAECONNRESET", "1"])
            self.assertEqual(counts_of_tree(path, *user, *options), dict(got["By error"]))
            self.assertEqual(dict(got["By error"])["Unknown (40000)"], "4")
            self.assertIn(["no rule", "9"], got["By verdict"])
        infos = tshark.fields(path, ["_ws.col.Info"], *user)
        for name, row in zip(names[:8], infos):
            self.assertTrue(row["_ws.col.Info"][0].startswith(name), row)

    def test_troubles_that_nobody_reported(self):
        datagram_ = ipv4(17, udp(b"x", 50000, 53), HOST, SERVER)
        six = ipv6(6, tcp(SYN, 1))
        packets = [ipv4(6, tcp(SYN, 1), HOST, SERVER), back(RST | ACK, 0, 2), datagram_,
                   ipv4(1, icmp(3, 3, datagram_), SERVER, HOST), six,
                   ipv6(6, tcp(RST | ACK, 0, 2, source_port=443, port=50000), "2001:db8::99",
                        "2001:db8::10")]
        path = captured("troubles", packets)
        heading = "In the trace, but reported by no program"
        columns, *rows = report(path)[heading]
        self.assertEqual(columns, ["Frame", "What", "Over", "Flow"])
        self.assertEqual([row[:3] for row in rows], [
            ["2", "refused", "TCP"], ["4", "ICMP error", "UDP"], ["6", "refused", "TCP"]])
        self.assertIn("[2001:db8::10]:50000", rows[2][3])
        # A frame that the read filter leaves out has no number to be shown.
        self.assertEqual(report(path, "-2", "-R", "!icmp && !ipv6")[heading][1:],
                         [["2", "refused", "TCP", rows[0][3]]])

    def test_a_filter_chooses_the_failures_and_the_senders(self):
        path = captured("chosen", [back(RST, 1), *sent(SHOP + now(10054, items=ENDS), now(10061)),
                                   datagram(header(0, sender=43) + now(10054))])
        for options in ([], ["-2"], ["-2", "-R", "frame.number != 4"]):
            got = report(path, *options, filter_=',winsock.error == WSAECONNRESET && ip')
            left = ["2", "4"] if "-R" not in options else ["2"]
            self.assertEqual([row[0] for row in got["Winsock failures"][1:]], left)
            self.assertEqual(got["By error"], [["WSAECONNRESET", str(len(left))]])
            self.assertEqual(sum(int(row[2]) for row in got["Senders"][1:]), len(left))
        self.assertEqual(len(report(path, filter_=",")["Winsock failures"]), 4)
        self.assertEqual([row[0] for row in report(path, filter_=",winsock.verdict == confirmed")
                          ["Winsock failures"][1:]], ["2"])
        wrong = tshark.run("-r", path, "-q", "-z", "winsock,report,winsock.nothing", check=False)
        self.assertIn("winsock,report: Filter", wrong.stderr)

    def test_an_empty_file(self):
        got = report(captured("empty", []))
        self.assertEqual([len(rows) for rows in got.values()], [1, 0, 0, 1, 1])

    def test_turned_off_it_lists_the_senders(self):
        path = captured("off", sent(SHOP + now(10054)))
        text = tshark.run("-r", path, "-q", "-z", "winsock,report", "-o",
                          "winsock.correlate:FALSE").stdout
        self.assertRegex(text, r"shop\.exe \(7\) on WEB07 +192\.0\.2\.10 +1 ")
        self.assertNotIn("WSAECONNRESET", text)


class Statistics(unittest.TestCase):
    def test_each_grouping(self):
        bodies = [now(99999, items=ENDS), SHOP + now(11001, operation=18, items=item(21, "db")),
                  now(10054, items=item(25, struct.pack(">I", 0xFFFFFFFF))),
                  SHOP + now(0), SHOP + now(10035), item(1, "") + now(10054, operation=0)]
        packets = sent(*bodies) + [datagram(header(9, flags=1) + SHOP + now(10061))]
        text = tshark.run("-r", captured("tree", packets), "-q", "-z", "winsock,tree").stdout
        rows = [re.split(r"  +", line.strip())[:2] for line in text.splitlines()]
        for row in (["Unknown (99999)", "1"], ["WSAHOST_NOT_FOUND", "1"], ["shop.exe", "1"],
                    ["WEB07", "1"], ["db", "1"], ["198.51.100.7:443", "1"], ["getaddrinfo", "1"]):
            self.assertIn(row, rows)
        names = [row[0] for row in rows]
        self.assertIn("192.0.2.10", names)  # the host of those that give no name
        for absent in ("WSAECONNREFUSED", "WSAEWOULDBLOCK", "NO_ERROR"):
            self.assertNotIn(absent, names)


class Links(unittest.TestCase):
    def test_many_reports_of_one_packet(self):
        packets = [back(RST, 1)] + sent(*[now(10054, items=ENDS)] * 22)
        text = tshark.run("-r", captured("many", packets), "-2", "-V", "-Y", "tcp").stdout
        self.assertEqual(text.count("[Winsock: reported as WSAECONNRESET in frame"), 20)
        self.assertIn("[Winsock: and 2 more reports]", text)

    def test_a_filter_for_what_is_known_of_the_flow(self):
        ends = {endpoint(19, "0.0.0.0", 50000): "(tcp && tcp.port == 50000)",
                endpoint(20, SERVER, 0): "(tcp && ip.addr == 198.51.100.7)",
                endpoint(20, "2001:db8::7", 80) + kind(23, 2, 0):
                    "(udp && ipv6.addr == 2001:db8::7 && udp.port == 80)"}
        path = captured("filters", sent(*(now(10054, items=e) for e in ends), now(10054),
                                        now(11001, items=item(21, ""))))
        got = [row["winsock.filter"] for row in tshark.fields(path, ["winsock.filter"])]
        self.assertEqual(got[3:], [[], []])
        for shown, wanted in zip(got, ends.values()):
            self.assertTrue(shown[0].startswith(wanted + " || (winsock.sender == "), shown)

    def test_packets_without_a_time_get_no_verdict(self):
        def block(kind_, body):
            body += b"\0" * (-len(body) % 4)
            size = struct.pack("<I", 12 + len(body))
            return struct.pack("<I", kind_) + size + body + size
        out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        out += block(1, struct.pack("<HHI", 101, 0, 0))
        for packet in [back(RST, 1), *sent(now(10054, items=ENDS))]:
            out += block(3, struct.pack("<I", len(packet)) + packet)  # simple packets
        path = tshark.write("timeless.pcapng", out)
        got = tshark.fields(path, ["winsock.error", "winsock.verdict", "winsock.clock_offset"])
        self.assertEqual(list(got[1].values()), [["10054"], [], []])
        columns, row = report(path)["Winsock failures"]
        row = dict(zip(columns, row))
        self.assertEqual([row["Frame"], row["Error"], row["Verdict"]], ["2", "WSAECONNRESET", "-"])
        self.assertEqual(dict(zip(*report(path)["Senders"]))["Clock offset (s)"], "-")

    def test_no_error_is_no_failure(self):
        path = captured("zero", sent(now(0), now(0, space=2)))
        got = tshark.fields(path, ["winsock.name", "winsock.failed", "winsock.failed.pending",
                                   "winsock.verdict"])
        self.assertEqual([[len(values) for values in row.values()] for row in got],
                         [[1, 0, 1, 0]] * 2)
        self.assertIn("No failure: NO_ERROR", tshark.run("-r", path, "-V").stdout)


class Echoes(unittest.TestCase):
    TCP, UDP = kind(2, 1, 6), kind(2, 2, 17)

    def test_what_is_an_echo_of_what(self):
        def of(ends=ENDS, code=10057, operation=8, age=0, number=None, sender=42, source=HOST):
            return ends, code, operation, age, number, sender, source
        other = endpoint(20, SERVER, 444)
        cases = [  # the second report, whether it echoes the first, and the first
            (of(), True), (of(endpoint(19, HOST, 50000)), True), (of(self.TCP + ENDS), True),
            (of(), True, of(endpoint(19, HOST, 50000), 10054)),
            (of(endpoint(20, SERVER, 443)), False), (of(endpoint(19, HOST, 50000) + other), False),
            (of(endpoint(19, HOST, 50001) + endpoint(20, SERVER, 443)), False),
            (of(self.UDP + ENDS), False), (of(kind(2, 2, 0) + ENDS), False),
            (of(operation=5), False), (of(code=10035), False), (of(age=5 * 10**9), False),
            (of(), False, of(code=10054, age=61 * 10**9)),
            (of(), True, of(code=10054, age=59 * 10**9)),
            (of(), False, of(code=10054, number=0)), (of(number=0), False),
            (of(sender=43), False), (of(source="192.0.2.11"), False)]
        packets, wanted = [], []
        for socket, (second, is_echo, *first) in enumerate(cases, start=300):
            for ends, code, operation, age, number, sender, source in (
                    *(first or [of(code=10054)]), second):
                handle = item(17, struct.pack(">Q", socket if number is None else number))
                body = failure(code, 0, operation, SENT - age, handle + ends)
                packets.append(datagram(header(len(packets), sender) + body, source=source))
            wanted += [[], [str(len(packets) - 1)] if is_echo else []]
        path = captured("echoes", packets)
        for options in ([], ["-2"]):
            got = [row["winsock.root"] for row in tshark.fields(path, ["winsock.root"], *options)]
            self.assertEqual(got, wanted)

    def test_an_echo_of_an_echo_names_the_first(self):
        body = item(17, struct.pack(">Q", 300)) + ENDS
        path = captured("chain", sent(*(now(code, items=body) for code in (10054, 10057, 10057))))
        got = [row["winsock.root"] for row in tshark.fields(path, ["winsock.root"])]
        self.assertEqual(got, [[], ["1"], ["1"]])


class Words(unittest.TestCase):
    def test_one_and_several(self):
        bodies = [item(99, b"x"), item(99, b"xy"), item(3, b"x"), item(3, b"xy")]
        text = tshark.run("-r", captured("plural", [datagram(header(n) + b) for n, b in
                                                    zip((0, 2, 5, 6), bodies)]), "-V").stdout
        for words in ("Unknown item 99, 1 byte\n", "Unknown item 99, 2 bytes\n",
                      "Process ID, 1 byte\n", "Process ID, 2 bytes\n", "should be 4",
                      "Missing before this one: 1]", "Missing before this one: 2]"):
            self.assertIn(words, text)

    def test_the_info_column(self):
        infos = {now(10054, operation=0): "WSAECONNRESET (10054): Connection reset by peer",
                 now(10054, operation=999):
                     "WSAECONNRESET (10054) operation 999: Connection reset by peer",
                 now(10061, items=endpoint(20, "::ffff:192.0.2.7", 80)):
                     "WSAECONNREFUSED (10061) recv \u2192 192.0.2.7:80: Connection refused",
                 now(10054, items=endpoint(20, "fe80::7", 80, 3) + kind(23, 2, 0)):
                     "WSAECONNRESET (10054) recv \u2192 [fe80::7%3]:80: Connection reset by peer",
                 item(3, struct.pack(">I", 7)): "No failure, process 7",
                 item(1, "WEB07"): "No failure, on WEB07", b"": "No failure"}
        rows = tshark.fields(captured("infos", sent(*infos)), ["_ws.col.Info"])
        self.assertEqual([row["_ws.col.Info"][0] for row in rows], list(infos.values()))
        self.assertIn("WSAECONNRESET in operation 999", tshark.run(
            "-r", captured("infos", sent(*infos)), "-V").stdout)


class UserCodes(unittest.TestCase):
    GOOD = ['"Winsock","40000","SHOPEBUSY","The shop is busy."',
            '"HRESULT","0xE0000002","SHOP_E","An HRESULT of ours"',
            '"NTSTATUS","0xe0000001","STATUS_SHOP",""',
            '"Reference listing"," 50000 ","LISTED","x"']

    def setUp(self):
        home = os.path.join(tshark.folder(), "home")
        self.path = os.path.join(home, ".config", "wireshark", "winsock_user_codes")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.capture = captured("codes", sent(now(40000), now(0xE0000002, 1), now(0xE0000001, 2),
                                              now(50000, 3), now(40001)))

    def tearDown(self):
        os.remove(self.path)

    def keep(self, *rows):
        with open(self.path, "w", encoding="utf-8") as out:
            out.write("".join(row + "\n" for row in rows))
        os.chmod(self.path, 0o644)

    def names(self):
        return [row["winsock.name"][0] for row in tshark.fields(self.capture, ["winsock.name"])]

    def test_the_table_of_the_profile(self):
        self.keep(*self.GOOD, "# a remark")
        self.assertEqual(self.names(), ["SHOPEBUSY", "SHOP_E", "STATUS_SHOP", "LISTED", "Unknown"])

    def test_of_two_equal_rows_the_first_counts(self):
        self.keep(self.GOOD[0], '"Winsock","40000","LATER",""', '"Winsock","0x9c41","HEX",""')
        names = self.names()
        self.assertEqual([names[0], names[4]], ["SHOPEBUSY", "HEX"])

    def test_the_table_is_written_as_it_is_read(self):
        self.keep(*self.GOOD)
        [shown] = sharkd(self.capture, {"method": "dumpconf",
                                        "params": {"pref": "winsock.user_codes"}})
        [rows] = [preference["t"] for preference in shown["prefs"].values() if "t" in preference]
        self.assertEqual([row[:3] for row in rows], [
            ["Winsock", "40000", "SHOPEBUSY"], ["HRESULT", "0xe0000002", "SHOP_E"],
            ["NTSTATUS", "0xe0000001", "STATUS_SHOP"], ["Reference listing", "50000", "LISTED"]])

    def test_bad_rows(self):
        for row, why in {'"Winsock","0x","X",""': "decimal", '"Winsock","-1","X",""': "decimal",
                         '"Winsock","4294967296","X",""': "not above 0xffffffff",
                         '"Winsock","99999999999999999999","X",""': "not above 0xffffffff",
                         '"HRESULT","0x80072746","X",""': "WSAECONNRESET already",
                         '"Nothing","1","X",""': "Nothing", '"Winsock","40000"': "Winsock",
                         '"Winsock","40000","",""': "needs a name"}.items():
            self.keep(row, self.GOOD[2])
            done = tshark.run("-r", self.capture, check=False)
            self.assertIn("Error loading table 'Winsock User Codes'", done.stderr, row)
            self.assertIn(why, done.stderr, row)

    def test_a_bad_row_is_left_out_and_no_other_before_it(self):
        path = captured("bad", sent(now(0xE0000001, 2), now(10054), now(40000), now(50000, 3)))
        for row, rest in (('"Winsock","10054","MINE",""', ""), ('"Winsock","40000","",""', ""),
                          ('"Winsock","4x","MINE",""', "LISTED"), ('"Nothing","1","X",""', "LISTED")):
            self.keep(self.GOOD[2], row, self.GOOD[3])
            got = tshark.run("-r", path, "-T", "fields", "-e", "winsock.name", check=False)
            self.assertIn("Error loading table", got.stderr)
            names = got.stdout.split()
            self.assertEqual(names[:3], ["STATUS_SHOP", "WSAECONNRESET", "Unknown"], row)
            self.assertEqual(names[3], rest or "Unknown", row)


if __name__ == "__main__":
    unittest.main()
