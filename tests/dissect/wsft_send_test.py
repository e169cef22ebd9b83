"""wsft_send_test.py: the command line of wsft-send: what it sends, and what it says of mistakes.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import socket
import struct
import subprocess
import unittest

from wsft import endpoint

WSFT_SEND = os.path.join(os.environ["WINSOCK_BUILD"], "emitter", "wsft-send")
HEADER, FAILURE = 28, 16  # bytes before the first item


def run(*options, collector=None):
    environment = {k: v for k, v in os.environ.items() if k != "WSFT_COLLECTOR"}
    if collector is not None:
        environment["WSFT_COLLECTOR"] = collector
    return subprocess.run([WSFT_SEND, *options], check=False, capture_output=True, text=True,
                          env=environment, timeout=20)


def items(data):
    """type -> value"""
    found = {}
    while data:
        kind, length = struct.unpack(">HH", data[:4])
        found[kind] = data[4:4 + length]
        data = data[4 + length:]
    return found


class Sent:
    """One datagram of --hex."""

    def __init__(self, line):
        data = bytes.fromhex(line)
        (_, _, _, self.flags, self.sender, self.sequence, self.dropped,
         self.time) = struct.unpack(">4sBBHIIIQ", data[:HEADER])
        self.items = items(data[HEADER:])
        failed = self.items[4]
        self.failed_at, self.code, self.space, _, self.operation = struct.unpack(
            ">QIBBH", failed[:FAILURE])
        self.of_failure = items(failed[FAILURE:])


class Command(unittest.TestCase):
    def sent(self, *options):
        done = run("--hex", *options)
        self.assertEqual([done.returncode, done.stderr], [0, ""], options)
        return [Sent(line) for line in done.stdout.split()]

    def one(self, *options):
        return self.sent(*options)[0]

    def refused(self, why, *options, collector=None):
        """It is a mistake on the command line, is called so, and sends nothing."""
        done = run(*options, collector=collector)
        self.assertEqual([done.returncode, done.stdout], [2, ""], options)
        self.assertTrue(done.stderr.startswith("wsft-send: "), done.stderr)
        self.assertIn(why, done.stderr)


class Values(Command):
    def test_without_options(self):
        got = self.one()
        self.assertEqual([got.code, got.space, got.operation, got.flags, got.sequence],
                         [10054, 0, 8, 0, 0])
        self.assertEqual([got.items[2], got.items[6]], [b"wsft-send", b"\x03"])
        self.assertEqual([got.time - got.failed_at, got.of_failure], [0, {}])

    def test_codes(self):
        for options, code, space in (
                (["10061"], 10061, 0), (["0x274d"], 10061, 0), (["0X274D"], 10061, 0),
                (["WSAECONNREFUSED"], 10061, 0), (["wsaeconnrefused"], 10061, 0),
                (["WSA_E_CANCELLED"], 10111, 0),
                (["STATUS_CONNECTION_RESET"], 0xC000020D, 2),
                (["WSAECONNRESET", "--space", "hresult"], 0x80072746, 1),
                (["WSAECONNREFUSED", "--space=listing"], 10029, 3),
                (["STATUS_CONNECTION_RESET", "--space", "NTSTATUS"], 0xC000020D, 2),
                (["10054", "--space", "2"], 10054, 2), (["4294967295"], 0xFFFFFFFF, 0)):
            got = self.one("--code", *options)
            self.assertEqual([got.code, got.space], [code, space], options)

    def test_aliases_name_the_same_code(self):
        self.assertEqual(self.one("--code", "WSA_OPERATION_ABORTED").code,
                         self.one("--code", "ERROR_OPERATION_ABORTED").code)

    def test_times(self):
        for text, nanoseconds in (("1.5s", 1500000000), ("20ms", 20000000), ("300us", 300000),
                                  ("7ns", 7), ("2", 2000000000), ("0", 0)):
            got = self.one("--age", text, "--first-age", text, "--duration", text)
            self.assertEqual(got.time - got.failed_at, nanoseconds)
            self.assertEqual(struct.unpack(">Q", got.of_failure[23])[0], nanoseconds)
            self.assertEqual(got.time - struct.unpack(">Q", got.of_failure[26])[0], nanoseconds)

    def test_endpoints(self):
        for text, *end in (("192.0.2.1:80", "192.0.2.1", 80), ("[::1]:65535", "::1", 65535),
                           ("[fe80::1%3]:80", "fe80::1", 80, 3),
                           ("[fe80::1%0x10]:0", "fe80::1", 0, 16)):
            got = self.one("--local", text, "--remote=" + text)
            self.assertEqual(got.of_failure[19], endpoint(0, *end)[4:], text)
            self.assertEqual(got.of_failure[20], got.of_failure[19])

    def test_kinds(self):
        for text, kind in (("inet,stream,tcp", (2, 1, 6)), ("IPv6,dgram,UDP", (23, 2, 17)),
                           ("AF_INET6,SOCK_STREAM,IPPROTO_TCP", (23, 1, 6)),
                           ("32,0x1,3", (32, 1, 3))):
            self.assertEqual(self.one("--kind", text).of_failure[18], struct.pack(">HHH", *kind))

    def test_calls_and_platforms(self):
        for option, operation in (("connect", 5), ("unknown", 0), ("RecvFrom", 9), ("999", 999)):
            self.assertEqual(self.one("--operation", option).operation, operation)
        for option, number in (("windows", 1), ("wine", 2), ("posix", 3), ("200", 200)):
            self.assertEqual(self.one("--platform", option).items[6], bytes([number]))

    def test_trace_context(self):
        got = self.one("--trace", "00-000102030405060708090A0B0C0D0E0F-1011121314151617-01")
        self.assertEqual(got.of_failure[29], bytes(range(24)) + b"\x01")

    def test_what_is_empty_is_left_out(self):
        got = self.one("--host", "", "--process=", "--library", "", "--pid", "0", "--platform", "0",
                       "--node", "", "--service=", "--message", "", "--source", "")
        self.assertEqual([set(got.items), got.of_failure], [{4}, {}])

    def test_a_text_can_hold_an_equals_sign(self):
        self.assertEqual(self.one("--message=a=b").of_failure[27], b"a=b")
        self.assertEqual(self.one("--message", "a=b").of_failure[27], b"a=b")

    def test_several(self):
        got = self.sent("--count", "3", "--sequence", "0xfffffffe", "--sender", "5", "--test",
                        "--dropped", "7")
        self.assertEqual([d.sequence for d in got], [0xFFFFFFFE, 0xFFFFFFFF, 0])
        self.assertEqual({(d.sender, d.flags, d.dropped) for d in got}, {(5, 1, 7)})
        self.assertEqual(self.sent("--count", "0"), [])
        self.assertEqual(len({self.one().sender for _ in range(3)}), 3)

    def test_what_it_lists(self):
        done = run("--list-codes")
        self.assertEqual([done.returncode, done.stderr], [0, ""])
        self.assertIn("10054  WSAECONNRESET                Connection reset by peer\n", done.stdout)
        self.assertRegex(run("--version").stdout, r"^wsft-send \d+\.\d+\.\d+\n$")
        usage = run("--help").stdout
        for option in ("--collector", "--code", "--kind", "--hex", "--sequence", "Exit status"):
            self.assertIn(option, usage)


class Mistakes(Command):
    def test_options(self):
        for options in (["--nonsense"], ["--nonsense=1"], ["stray"], ["--cod", "1"], [""],
                        ["--an-option-longer-than-any-that-there-is", "1"]):
            self.refused("no such option; --help lists them", *options)
        for option in ("--host", "--message", "--node"):
            self.refused(f"option {option}: wants a value", option)

    def test_numbers(self):
        for value in ("", "x", "12x", "-1", "+1", " 1", "1.5", "0x", "0xfg", "4294967296",
                      "18446744073709551616", "99999999999999999999999"):
            self.refused(f"--repeat {value}: not a whole number from 0 to 4294967295", "--repeat",
                         value)
        for option in ("--pid", "--thread", "--sender", "--sequence", "--dropped", "--count"):
            self.refused("not a whole number from 0 to 4294967295", option, "4294967296")
        for option in ("--socket", "--bytes"):
            self.one(option, "18446744073709551615")
            self.refused("to 18446744073709551615", option, "18446744073709551616")

    def test_times(self):
        for value in ("", "s", "1h", "-1s", "1 s", "1sec", "1e300", "nan", "inf"):
            for option in ("--age", "--duration", "--first-age"):
                self.refused(f"{option} {value}: not a time such as", option, value)

    def test_codes(self):
        for options in (["WSAENOSUCHTHING"], [""], ["0x100000000"], ["WSAECONNRESE"],
                        ["WSAECONNRESETS"], ["WSAECONNRESET", "--space", "ntstatus"],
                        ["STATUS_CONNECTION_RESET", "--space", "winsock"],
                        ["NO_SUCH_ROW", "--space", "listing"]):
            self.refused("no such code; --list-codes lists", "--code", *options)

    def test_names(self):
        for option in ("--operation", "--space", "--platform"):
            for value in ("nothing", "", "70000"):
                self.refused(f"{option} {value}: no such name", option, value)

    def test_kinds(self):
        for value in ("", "inet", "inet,stream", "inet,stream,", "inet,,tcp", "inet,stream,tcp,6",
                      "inet,stream,65536", "x" * 40 + ",stream,tcp", "inet,stream,nothing"):
            self.refused("not FAMILY,TYPE,PROTOCOL", "--kind", value)

    def test_endpoints(self):
        for value in ("", "192.0.2.1", ":80", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:x",
                      "shop.example:80", "fe80::1:80", "[fe80::1:80", "[fe80::1]80", "[]:80",
                      "1" * 200 + ":80", "[fe80::1%no such interface]:80", "192.0.2.256:80",
                      "192.0.2.1%3:80", "[192.0.2.1]:80", "[192.0.2.1%3]:80"):
            for option in ("--local", "--remote"):
                self.refused(f"{option} {value}: not a numeric address and port", option, value)

    def test_trace_contexts(self):
        good = "00-000102030405060708090a0b0c0d0e0f-1011121314151617-01"
        for at in (0, 2, 3, 34, 35, 36, 51, 52, 53, 54):
            self.refused("not a traceparent", "--trace", good[:at] + "x" + good[at + 1:])
        for value in ("", good[:-1], good + "0", good.replace("-", "0")):
            self.refused("not a traceparent", "--trace", value)


class Sending(Command):
    def not_sent(self, why, *options):
        done = run(*options)
        self.assertEqual([done.returncode, done.stdout], [1, ""], options)
        self.assertEqual(done.stderr, f"wsft-send: {why}\n")

    def test_to_whom(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            names = []
            for collector in (one, other):
                collector.bind(("127.0.0.1", 0))
                collector.settimeout(20)
                names.append(f"127.0.0.1:{collector.getsockname()[1]}")
            self.assertEqual(run("--sequence", "1", collector=names[0]).returncode, 0)
            done = run("--sequence", "2", "--count", "2", "--collector", names[1],
                       collector=names[0])
            self.assertEqual([done.returncode, done.stdout, done.stderr], [0, "", ""])
            self.assertEqual(Sent(one.recv(2000).hex()).sequence, 1)
            self.assertEqual([Sent(other.recv(2000).hex()).sequence for _ in range(2)], [2, 3])
            one.setblocking(False)
            self.assertRaises(BlockingIOError, one.recv, 2000)

    def test_nobody_needs_to_listen(self):
        done = run("--count", "3")
        self.assertEqual([done.returncode, done.stderr], [0, ""])

    def test_a_collector_that_is_none(self):
        for value in ("", ":10054", "host:", "host:0", "host:65536", "host:1x", "[::1", "[::1]x",
                      "[]", "h" * 300):
            self.refused("not HOST, HOST:PORT or [IPV6]:PORT", "--collector", value)
        self.refused("--collector host:x: not HOST", collector="host:x")

    def test_what_cannot_be_sent(self):
        self.not_sent("the report is longer than a datagram may be, 1232 bytes",
                      "--message", "x" * 900, "--source", "x" * 900)
        self.not_sent("the collector's name is not known, or no socket could be opened",
                      "--collector", "no such name.invalid")
        self.not_sent("the system would not send the datagram",
                      "--collector", "255.255.255.255")  # broadcasts are to be asked for


if __name__ == "__main__":
    unittest.main()
