"""observe_test.py: what the plugin takes from packets of other protocols, told by the verdicts:
whole ones, and those that are odd or cut short.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import struct
import unittest

import tshark
from wsft import (SENT, arp, datagram, dns, dns_name, endpoint, ethernet, failure, header, icmp,
                  ipv4, ipv6, item, neighbour, pcap, tcp, udp)

CONFIRMED, CONTRADICTED, LOCAL, UNSEEN, INCONCLUSIVE = "12345"
HOST, SERVER, RESOLVER = "192.0.2.10", "198.51.100.7", "192.0.2.53"
WINDOWS = item(6, b"\1")
A, AAAA, CNAME, MX = 1, 28, 5, 15
RESPONSE, TRUNCATED, NXDOMAIN = 0x8000, 0x0200, 3
SYN, RST, ACK = 2, 4, 16


def report(code, items, operation=8):
    return failure(code, operation=operation, time=SENT, items=items)


def report_name(code, name, family=None):
    kind = item(18, struct.pack(">HHH", family, 1, 6)) if family else b""
    return report(code, kind + item(21, name), operation=18)


def judged(packets, reports, *options, wrap=None, link=101):
    """What is said of each report that HOST sends after the packets: (verdict, evidence).
    wrap: puts a report's packet into what the link wants."""
    sent = [datagram(header(i) + WINDOWS + r, source=HOST) for i, r in enumerate(reports)]
    sent = [wrap(packet) for packet in sent] if wrap else sent
    path = tshark.write("observed.pcap", pcap(packets + sent, link=link))
    rows = tshark.fields(path, ["winsock.verdict", "winsock.evidence"], "-Y", "winsock.code",
                         *options)
    assert len(rows) == len(reports)
    return [(row["winsock.verdict"][0], ",".join(row["winsock.evidence"])) for row in rows]


def asked(message, port=53, source=HOST, destination=RESOLVER):
    return ipv4(17, udp(message, 40000, port), source, destination)


def answered(message, port=53, source=RESOLVER, destination=HOST):
    return ipv4(17, udp(message, port, 40000), source, destination)


def address(name, kind=A):
    return (name, kind, b"\xc0\0\2\1" if kind == A else bytes(16))


class Names(unittest.TestCase):
    def expect(self, packets, wanted):
        """wanted: report -> (verdict, evidence)"""
        got = judged(packets, list(wanted))
        for result, report_wanted in zip(got, wanted.items()):
            self.assertEqual(result, report_wanted[1], report_wanted[0])

    def test_the_kinds_of_answers(self):
        names = {"no.example": (RESPONSE | NXDOMAIN, []), "none.example": (RESPONSE, []),
                 "alias.example": (RESPONSE, [("alias.example", CNAME, dns_name("a.example"))]),
                 "is.example": (RESPONSE, [("is.example", CNAME, dns_name("a.example")),
                                           address("a.example")])}
        packets = []
        for name, (flags, answers) in names.items():
            packets += [asked(dns([(name, A)])), answered(dns([(name, A)], answers, flags))]
        self.expect(packets, {
            report_name(11001, "no.example"): (CONFIRMED, "2"),
            report_name(11004, "none.example"): (CONFIRMED, "4"),
            report_name(11004, "alias.example"): (CONFIRMED, "6"),
            report_name(11004, "is.example"): (CONTRADICTED, "8"),
            report_name(11001, "none.example"): (INCONCLUSIVE, "4"),
            report_name(11001, "nobody.asked"): (UNSEEN, "")})

    def test_the_case_and_the_dot_at_the_end_do_not_count(self):
        packets = [asked(dns([("Db.EXAMPLE", A)])),
                   answered(dns([("dB.Example", A)], flags=RESPONSE | NXDOMAIN))]
        self.expect(packets, {report_name(11001, name): (CONFIRMED, "2")
                              for name in ("DB.example", "db.example.", "db")})

    def test_only_questions_for_addresses_count(self):
        packets = [asked(dns([("mail.example", MX)])),
                   answered(dns([("mail.example", MX)], flags=RESPONSE | NXDOMAIN)),
                   asked(dns([("six.example", AAAA)])),
                   answered(dns([("six.example", AAAA)], flags=RESPONSE | NXDOMAIN)),
                   asked(dns([("x.example", MX), ("y.example", A), ("z.example", AAAA)]))]
        self.expect(packets, {
            report_name(11001, "mail.example"): (UNSEEN, ""),
            report_name(11001, "six.example"): (CONFIRMED, "4"),
            report_name(11001, "six.example", 23): (CONFIRMED, "4"),
            report_name(11001, "six.example", 2): (UNSEEN, ""),
            report_name(11001, "x.example"): (UNSEEN, ""),
            report_name(11001, "y.example"): (INCONCLUSIVE, "5"),
            report_name(11001, "z.example"): (INCONCLUSIVE, "5")})

    def test_another_hosts_question_and_an_answer_to_nothing(self):
        packets = [asked(dns([("db.example", A)]), source="192.0.2.11"),
                   answered(dns([("db.example", A)], flags=RESPONSE | NXDOMAIN))]
        self.expect(packets, {report_name(11001, "db.example"): (UNSEEN, "")})

    def test_questions_cut_short(self):
        whole = 20 + 8 + 12 + len(dns_name("n00.example")) + 4
        by_capture, by_sender, wanted = [], [], {}
        for length in range(20, whole + 1):
            name = f"n{length}.example"
            by_capture.append((asked(dns([(name, A)])), length))
            message = dns([("s" + name[1:], A)])
            by_sender.append(ipv4(17, udp(message, 40000, 53)[:length - 20], HOST, RESOLVER))
            wanted[report_name(11001, name)] = (UNSEEN, "")
            wanted[report_name(11001, "s" + name[1:])] = (UNSEEN, "")
        count = len(by_capture)
        wanted[report_name(11001, f"n{whole}.example")] = (INCONCLUSIVE, str(count))
        wanted[report_name(11001, f"s{whole}.example")] = (INCONCLUSIVE, str(2 * count))
        self.expect(by_capture + by_sender, wanted)

    def test_answers_cut_short_prove_nothing(self):
        question = dns([("n00.example", A)])
        whole = answered(dns([("n00.example", A)], [address("n00.example")], RESPONSE))
        packets, wanted = [], {}
        for length in range(20, len(whole) + 1):
            name = f"n{length}.example"
            reply = dns([(name, A)], [address(name)], RESPONSE)
            packets += [asked(dns([(name, A)])), (answered(reply), length)]
            has_question = length >= 20 + 8 + len(question)
            wanted[report_name(11004, name)] = (
                INCONCLUSIVE, str(len(packets) if has_question else len(packets) - 1))
        # of the record its type and length are enough
        for cut in range(5):
            wanted[report_name(11004, f"n{len(whole) - cut}.example")] = (
                CONTRADICTED, str(len(packets) - 2 * cut))
        self.expect(packets, wanted)

    def test_an_answer_that_says_it_is_cut_short_leaves_the_rest_to_tcp(self):
        packets = []
        for name, answers in (("a.example", [address("a.example")]), ("b.example", [])):
            reply = dns([(name, A)], answers, RESPONSE)
            packets += [asked(dns([(name, A)])),
                        answered(dns([(name, A)], flags=RESPONSE | TRUNCATED)),
                        ipv4(6, tcp(ACK, 1, 1, struct.pack(">H", len(reply)) + reply, 53, 40001),
                             RESOLVER, HOST)]
        packets += [asked(dns([("c.example", A)])),
                    answered(dns([("c.example", A)], flags=RESPONSE | TRUNCATED))]
        self.expect(packets, {report_name(11004, "a.example"): (CONTRADICTED, "3"),
                              report_name(11004, "b.example"): (CONFIRMED, "6"),
                              report_name(11004, "c.example"): (INCONCLUSIVE, "8")})

    def test_names_that_are_none(self):
        def pointer(offset):
            return struct.pack(">H", 0xC000 | offset)
        bad = [pointer(12), pointer(0x3FFF), b"\xc0", b"\x40" + b"x" * 64 + b"\0", b"\0",
               b"\1a" + pointer(12), b"\x05abc"]
        packets = [asked(dns([(name, A), ("after.example", A)])) for name in bad]
        most = ".".join(["x" * 63] * 3 + ["y" * 61])
        packets += [asked(dns([(most + ".zzz", A)])), asked(dns([(most, A)]))]
        self.expect(packets, {report_name(11001, "after.example"): (UNSEEN, ""),
                              report_name(11001, most): (INCONCLUSIVE, str(len(packets))),
                              report_name(11001, most + ".zzz"): (UNSEEN, ""),
                              report_name(11001, "a"): (UNSEEN, "")})
        for length, wanted in ((16, (INCONCLUSIVE, "1")), (17, (UNSEEN, ""))):
            links = b"".join(pointer(12 + 6 + 2 * i) for i in range(1, length))
            message = struct.pack(">HHHHHH", 1, 0, 1, 0, 0, 0) + pointer(18) + struct.pack(
                ">HH", A, 1) + links + b"\1k\0"
            self.expect([asked(message)], {report_name(11001, "k"): wanted})

    def test_a_name_cannot_carry_control_characters(self):
        packets = [asked(dns([(b"\6a\x1b[2J.\0", A)])), asked(dns([(b"\3a \xff\0", A)]))]
        self.expect(packets, {report_name(11001, "a?[2J"): (INCONCLUSIVE, "1"),
                              report_name(11001, "a??"): (INCONCLUSIVE, "2"),
                              report_name(11001, "a\x1b[2J"): (UNSEEN, "")})

    def test_over_tcp(self):
        def stream(*messages, flags=ACK, **more):
            data = b"".join(struct.pack(">H", len(m)) + m for m in messages)
            return ipv4(6, tcp(flags, 1, 1, data, 40000, 53, **more), HOST, RESOLVER)
        one, two, three = (dns([(name + ".example", A)]) for name in ("one", "two", "three"))
        packets = [stream(one, two), stream(b"", three), stream(options=b"\1\1\1\1"),
                   ipv4(6, tcp(ACK, 1, 1, struct.pack(">H", len(three) + 1) + three, 40000, 53),
                        HOST, RESOLVER), ipv4(6, tcp(ACK, 1, 1, b"\0", 40000, 53), HOST, RESOLVER),
                   stream(dns([("four.example", A)]), options=b"\1" * 8)]
        self.expect(packets, {report_name(11001, "one.example"): (INCONCLUSIVE, "1"),
                              report_name(11001, "two.example"): (INCONCLUSIVE, "1"),
                              report_name(11001, "three.example"): (UNSEEN, ""),
                              report_name(11001, "four.example"): (INCONCLUSIVE, "6")})

    def test_other_ports_carry_no_names(self):
        packets = [asked(dns([("db.example", A)]), port=54),
                   ipv4(6, tcp(ACK, 1, 1, b"\0\x1c" + dns([("db.example", A)]), 40000, 54),
                        HOST, RESOLVER)]
        self.expect(packets, {report_name(11001, "db.example"): (UNSEEN, "")})

    def test_multicast_dns(self):
        group = "224.0.0.251"

        def question(name):
            return asked(dns([(name, A)]), 5353, destination=group)

        def reply(*answers, to=group, questions=()):
            return answered(dns(questions, answers, RESPONSE | 0x0400), 5353, "192.0.2.20", to)
        text = ("text.local", 16, b"\1x")
        packets = [question("all.local"), reply(address("all.local")),
                   question("mine.local"), reply(address("mine.local"), to=HOST),
                   question("other.local"), reply(address("other.local"), to="192.0.2.11"),
                   question("text.local"), reply(text),
                   question("second.local"), reply(text, address("second.local")),
                   question("pointed.local"),
                   reply(address("pointed.local"), address(b"\xc0\x0c", AAAA)),
                   question("cut.local"), (reply(address("first.local"), address("cut.local")), 80),
                   question("asked.local"),
                   reply(address("asked.local"), questions=[("asked.local", A)]),
                   question("none.local"), reply()]
        found = {"all": "2", "mine": "4", "second": "10", "pointed": "12", "asked": "16"}
        wanted = {report_name(11001, name + ".local"): (CONTRADICTED, frame)
                  for name, frame in found.items()}
        for name, frame in {"other": "5", "text": "7", "cut": "13", "none": "17"}.items():
            wanted[report_name(11001, name + ".local")] = (INCONCLUSIVE, frame)
        self.expect(packets, wanted)

    def test_multicast_dns_over_ipv6(self):
        question = ipv6(17, udp(dns([("six.local", AAAA)]), 5353, 5353), "fe80::10", "ff02::fb")
        reply = ipv6(17, udp(dns([], [address("six.local", AAAA)], RESPONSE), 5353, 5353),
                     "fe80::20", "ff02::fb")
        path = tshark.write("six.pcap", pcap([question, reply, ipv6(17, udp(
            header() + report_name(11001, "six.local")), "fe80::10", "fe80::99")]))
        got = tshark.fields(path, ["winsock.verdict", "winsock.evidence"], "-Y", "winsock.code")
        self.assertEqual(list(got[0].values()), [[CONTRADICTED], ["2"]])

    def test_llmnr(self):
        packets = [asked(dns([("fileserver", A)]), 5355, destination="224.0.0.252"),
                   answered(dns([("fileserver", A)], [address("fileserver")], RESPONSE), 5355,
                            "192.0.2.20"),
                   asked(dns([("nobody", A)]), 5355, destination="224.0.0.252")]
        self.expect(packets, {report_name(11001, "fileserver"): (CONTRADICTED, "2"),
                              report_name(11001, "nobody"): (INCONCLUSIVE, "3")})


    def test_who_is_silent_was_asked_alone(self):
        """A second after the questions; to nobody by multicast."""
        pause = [ipv4(17, udp(b"x", 9, 9), "192.0.2.1", HOST)] * 1100
        packets = [asked(dns([("server.example", A)])),
                   asked(dns([("link", A)]), 5355, destination="224.0.0.252"),
                   asked(dns([("other.local", A)]), 5353, destination="224.0.0.251")]
        self.expect(packets + pause, {report_name(11002, "server.example"): (CONFIRMED, "1"),
                                      report_name(11002, "link"): (INCONCLUSIVE, "2"),
                                      report_name(11002, "other.local"): (INCONCLUSIVE, "3")})


class Loopback(unittest.TestCase):
    """The collector is on the host itself, which has other addresses than that of its reports."""

    def test_the_host_is_whoever_the_packets_are_of(self):
        question = dns([("db.example", A)])
        packets = [ipv4(6, tcp(SYN, 100), HOST, SERVER),
                   ipv4(6, tcp(RST | ACK, 0, 101, source_port=443, port=50000), SERVER, HOST),
                   asked(question), answered(dns([("db.example", A)], flags=RESPONSE | NXDOMAIN)),
                   ipv4(17, udp(bytes(1400), 443, 50001), SERVER, HOST)]
        kinds = {n: item(18, struct.pack(">HHH", 2, n, 0)) for n in (1, 2)}
        any_address, server = endpoint(19, "0.0.0.0", 50000), endpoint(20, SERVER, 443)
        reports = [report(10061, kinds[1] + any_address + server, 5),
                   report(10061, kinds[1] + endpoint(19, "::", 50000) + server, 14),
                   report_name(11001, "db.example"),
                   report(10040, kinds[2] + endpoint(19, "0.0.0.0", 50001) + server +
                          item(24, struct.pack(">Q", 512)), 9)]
        sent = [ipv4(17, udp(header(i) + WINDOWS + r, port=10054), "127.0.0.1", "127.0.0.1")
                for i, r in enumerate(reports)]
        path = tshark.write("loopback.pcap", pcap(packets + sent))
        for options in ([], ["-2"]):
            got = tshark.fields(path, ["winsock.verdict", "winsock.evidence"], "-Y",
                                "winsock.code", *options)
            self.assertEqual([list(row.values()) for row in got],
                             [[[CONFIRMED], [frame]] for frame in ("2", "2", "4", "5")])


class Neighbours(unittest.TestCase):
    HEARD = ipv4(17, udp(b"x", 9, 9), "192.0.2.1", HOST)

    def arps(self, *packets):
        """The verdict on a failed connection to each of several targets, given each one's packets,
        which are functions of its address."""
        frames, reports = [ethernet(self.HEARD)], []
        for number, of_target in enumerate(packets):
            remote = f"192.0.2.{100 + number}"
            for packet in of_target:  # what comes within 3 ms counts as captured twice
                frames += [ethernet(packet(remote), 0x0806)] + [ethernet(self.HEARD)] * 3
            reports.append(report(10065, endpoint(19, HOST, 50000) + endpoint(20, remote, 443) +
                                  item(18, struct.pack(">HHH", 2, 1, 6)), 5))
        return [verdict for verdict, _ in judged(frames, reports, wrap=ethernet, link=1)]

    def test_arp(self):
        def request(remote):
            return arp(1, HOST, remote)

        def reply(remote):
            return arp(2, remote, HOST)
        got = self.arps([request, request], [request], [request, request, reply],
                        [request, reply, request, request])
        self.assertEqual(got, [CONFIRMED, LOCAL, LOCAL, CONFIRMED])

    def test_odd_arp(self):
        def odd(cut=28, sender=HOST, **more):
            return lambda remote: arp(more.get("operation", 1), sender, remote,
                                      more.get("protocol", 0x0800), more.get("hardware", 6))[:cut]
        kinds = [odd(cut=27), odd(cut=7), odd(protocol=0x86DD), odd(hardware=8), odd(operation=3),
                 odd(sender="0.0.0.0"), odd(sender="192.0.2.11")]
        self.assertEqual(self.arps(*([kind, kind] for kind in kinds)), [LOCAL] * len(kinds))
        announced = [ethernet(arp(1, HOST, HOST), 0x0806)] * 3 + [ethernet(self.HEARD)]
        ends = endpoint(19, HOST, 50000) + endpoint(20, HOST, 443)
        self.assertEqual(judged(announced, [report(10065, ends, 5)], wrap=ethernet, link=1),
                         [(LOCAL, "")])

    def test_an_answer_that_is_cut_short_is_no_answer(self):
        def request(remote):
            return arp(1, HOST, remote)
        got = self.arps([request, request, lambda remote: arp(2, remote, HOST)[:27]])
        self.assertEqual(got, [CONFIRMED])

    def test_neighbour_discovery(self):
        host, router = "2001:db8::10", "2001:db8::1"

        def ask(target, source=host):
            return neighbour(135, target, source, "ff02::1:ff00:7")

        def tell(target):
            return neighbour(136, target, target, host)
        silent, there, once, short, probed, other = (f"2001:db8::{n}" for n in range(20, 26))
        heard = ipv6(17, udp(b"x", 9, 9), router, host)
        # What comes within 3 ms counts as captured twice.
        packets = [heard, ask(silent), ask(there), (ask(short), 63), ask(probed, "::"), ask(silent),
                   ask(there), tell(there), ask(once), (ask(short), 63), ask(probed, "::")]
        packets += [ipv6(58, struct.pack(">BBHI", 133, 0, 0, 0) + bytes(16), host, "ff02::2"),
                    (ask(other), 41), (ask(other), 40)]
        reports = []
        for i, remote in enumerate((silent, there, once, short, probed, other)):
            ends = endpoint(19, host, 50000) + endpoint(20, remote, 443)
            reports.append(ipv6(17, udp(header(i) + WINDOWS + report(10065, ends, 5)), host,
                                router))
        path = tshark.write("neighbours.pcap", pcap(packets + reports))
        got = tshark.fields(path, ["winsock.verdict", "winsock.evidence"], "-Y", "winsock.code")
        self.assertEqual(list(got[0].values()), [[CONFIRMED], ["6"]])
        self.assertEqual([row["winsock.verdict"] for row in got[1:]], [[LOCAL]] * 5)


class Errors(unittest.TestCase):
    @staticmethod
    def failed(port, code=10054, protocol=17):
        return report(code, item(18, struct.pack(">HHH", 2, 2 if protocol == 17 else 1, protocol)) +
                      endpoint(19, HOST, port) + endpoint(20, SERVER, 443), 9)

    def test_the_quote_can_be_as_short_as_the_ports(self):
        packets, reports, wanted = [], [], []
        for length in range(9):
            sent = ipv4(17, udp(b"x", 50000 + length, 443), HOST, SERVER)
            packets += [sent, ipv4(1, icmp(3, 3, sent[:20 + length]), SERVER, HOST)]
            reports.append(self.failed(50000 + length))
            wanted.append((CONFIRMED, str(len(packets))) if length >= 4 else (INCONCLUSIVE, ""))
        for options in ([], ["-2"]):
            self.assertEqual(judged(packets, reports, *options), wanted)

    def test_tcp_is_quoted_too(self):
        syn = ipv4(6, tcp(SYN, 1), HOST, SERVER)
        packets = [syn, ipv4(1, icmp(3, 1, syn[:28]), "192.0.2.1", HOST)]
        got = judged(packets, [self.failed(50000, 10065, 6)])
        self.assertEqual(got, [(CONFIRMED, "2")])

    def test_an_error_within_an_error_is_nobodys(self):
        sent = ipv4(17, udp(b"x", 50000, 443), HOST, SERVER)
        inner = ipv4(1, icmp(3, 3, sent), SERVER, HOST)
        got = judged([sent, ipv4(1, icmp(11, 0, inner), "192.0.2.1", SERVER)],
                     [self.failed(50000)])
        self.assertNotEqual(got[0][0], CONFIRMED)

    def test_errors_that_are_cut_short(self):
        packets, reports, wanted = [], [], []
        for length in (20, 21, 22, 27, 28, 47, 48, 51, 52):
            sent = ipv4(17, udp(b"x", 50000 + length, 443), HOST, SERVER)
            packets += [sent, (ipv4(1, icmp(3, 3, sent), SERVER, HOST), length)]
            reports.append(self.failed(50000 + length))
            wanted.append((INCONCLUSIVE, ""))
        wanted[-1] = (CONFIRMED, str(len(packets)))  # the ports quoted are there
        self.assertEqual(judged(packets, reports), wanted)


class Segments(unittest.TestCase):
    @staticmethod
    def ends(port):
        return endpoint(19, HOST, port) + endpoint(20, SERVER, 443)

    @staticmethod
    def back(port, *args, **more):
        """A segment of the server, to that port."""
        return ipv4(6, tcp(*args, source_port=443, port=port, **more), SERVER, HOST)

    def reset(self, port, options, distance):
        """A connection with these options in its SYN, and a RST of the server so far after what the
        host expects, whose window is 1000."""
        return [ipv4(6, tcp(SYN, 100, source_port=port, options=options), HOST, SERVER),
                self.back(port, SYN | ACK, 500, 101, options=b"\3\3\0\1"),
                ipv4(6, tcp(ACK, 101, 501, source_port=port), HOST, SERVER),
                self.back(port, ACK, 501, 101, b"x"),
                ipv4(6, tcp(ACK, 101, 502, source_port=port), HOST, SERVER),
                self.back(port, RST, 502 + distance)]

    def expect_scales(self, scales):
        """scales: options -> the scale that they tell."""
        packets, reports, wanted = [], [], []
        for options, scale in scales.items():
            for distance, verdict in ((1000 << scale, CONFIRMED),
                                      ((1000 << scale) + 1, INCONCLUSIVE)):
                port = 50000 + len(reports)
                packets += self.reset(port, options, distance)
                reports.append(report(10054, self.ends(port)))
                wanted.append((options, verdict))
        got = judged(packets, reports)
        self.assertEqual([(options, verdict) for (options, _), (verdict, _) in zip(wanted, got)],
                         wanted)

    def test_the_window_scale_wherever_it_stands(self):
        self.expect_scales({b"\3\3\2\0": 2, b"\1\3\3\2": 2, b"\2\4\5\xb4\1\3\3\2": 2,
                            b"\x04\2\x08\x0a" + bytes(8) + b"\3\3\2\1": 2,
                            b"\3\3\x0f\0": 14})

    def test_options_that_are_odd_are_not_scales(self):
        self.expect_scales(dict.fromkeys(
            (b"", b"\0\3\3\2", b"\5\0\3\3\2\0\0\0", b"\5\1\3\3\2\0\0\0", b"\3\4\2\2",
             b"\1\1\3\3", b"\1\1\1\3", b"\5\xff\3\3"), 0))

    def test_headers_that_are_cut_short_are_not_read(self):
        packets, reports = [self.back(49999, RST, 500, offset=4)], [report(10054, self.ends(49999))]
        for length in (0, 3, 4, 12, 13, 15):
            port = 50000 + length
            rst = tcp(RST, 500, source_port=443, port=port)
            packets += [(ipv4(6, rst, SERVER, HOST), 20 + length),
                        ipv4(6, rst[:length], SERVER, HOST)]
            reports.append(report(10054, self.ends(port)))
        packets.append((ipv4(17, udp(b"x", 443, 50020), SERVER, HOST), 23))
        reports.append(report(10054, self.ends(50020)))
        self.assertEqual(judged(packets, reports), [(UNSEEN, "")] * len(reports))
        # Their own dissectors show them as they do without the plugin.
        path = tshark.write("cut.pcap", pcap(packets))
        shown = [tshark.fields(path, ["frame.protocols", "tcp.srcport", "udp.srcport",
                                      "_ws.malformed", "_ws.short"], *options)
                 for options in ([], ["-o", "winsock.correlate:FALSE"])]
        self.assertEqual(shown[0], shown[1])

    def test_a_header_can_be_longer_than_the_segment(self):
        packets = [self.back(50000, RST, 500, offset=15), self.back(50001, RST, 500)]
        self.assertEqual(judged(packets, [report(10054, self.ends(port))
                                          for port in (50000, 50001)]),
                         [(CONFIRMED, "1"), (CONFIRMED, "2")])

    def test_a_datagram_can_be_shorter_than_its_header(self):
        short = ipv4(17, udp(b"", 443, 50000)[:6], SERVER, HOST)
        kind = item(18, struct.pack(">HHH", 2, 2, 17)) + item(24, struct.pack(">Q", 1))
        self.assertEqual(judged([short], [report(10040, kind + self.ends(50000), 9)]),
                         [(INCONCLUSIVE, "")])

    def test_without_ip_around_it_nothing_is_noted(self):
        """Exported packets can name the table and the protocol, and have no addresses."""
        def exported(protocol, payload):
            tags = b""
            for tag, value in ((14, b"ip.proto"), (32, struct.pack(">I", protocol)), (0, b"")):
                tags += struct.pack(">HH", tag, len(value)) + value
            return tags + payload
        bare = [exported(6, tcp(RST, 500, source_port=443, port=50000)),
                exported(17, udp(b"x", 443, 50000)), exported(1, icmp(3, 3, b"")),
                exported(58, icmp(1, 4, b"")), exported(17, udp(dns([("db.example", A)]), 9, 53))]
        path = tshark.write("bare.pcap", pcap(bare, link=252))
        # Of a segment without addresses 4.6's own analysis says that it is not reached.
        options = ("-o", "tcp.analyze_sequence_numbers:FALSE")
        got = tshark.fields(path, ["tcp.srcport", "udp.srcport", "icmp.type", "icmpv6.type",
                                   "ip.src"], *options)
        self.assertEqual([sum(map(bool, row.values())) for row in got], [1] * 5)
        text = tshark.run("-r", path, *options, "-q", "-z", "winsock,report").stdout
        self.assertNotIn("50000", text)


if __name__ == "__main__":
    unittest.main()
