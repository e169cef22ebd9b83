"""sender_test.py: the Python sender of emitter/README.md, and wsft-send, read by the dissector.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import re
import socket
import subprocess
import sys
import unittest

import tshark
from wsft import datagram, pcap

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
WSFT_SEND = os.path.join(os.environ["WINSOCK_BUILD"], "emitter", "wsft-send")
NAMES = ["winsock.error", "winsock.operation", "winsock.process.name", "winsock.malformed",
         "winsock.item.unknown", "winsock.time.after_sent", "winsock.failure.count"]


def received(command):
    """What the command sends to the port that is put in place of PORT."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(20)
        port = str(collector.getsockname()[1])
        subprocess.run([part.replace("PORT", port) for part in command], check=True, timeout=20)
        return collector.recv(65535)


def decode(payload, names):
    return tshark.fields(tshark.write("sent.pcap", pcap([datagram(payload)])), names)[0]


class Senders(unittest.TestCase):
    def test_the_python_sender_of_the_documentation(self):
        with open(os.path.join(ROOT, "emitter", "README.md"), encoding="utf-8") as text:
            programs = re.findall(r"```python\n(.*?)```", text.read(), re.S)
        self.assertEqual(len(programs), 1)
        self.assertLessEqual(len(programs[0].splitlines()), 24)
        path = os.path.join(tshark.folder(), "sender.py")
        with open(path, "w", encoding="utf-8") as out:
            out.write(programs[0])
        got = decode(received([sys.executable, path, "127.0.0.1", "PORT"]), NAMES)
        self.assertEqual([got["winsock.error"], got["winsock.operation"]], [["10054"], ["5"]])
        self.assertEqual(got["winsock.malformed"] + got["winsock.item.unknown"] +
                         got["winsock.time.after_sent"], [])

    def test_wsft_send_sets_every_item(self):
        options = {  # option -> (value, field, what the dissector reads)
            "--code": ("WSAETIMEDOUT", "winsock.error", "10060"),
            "--operation": ("connect", "winsock.operation", "5"),
            "--host": ("WEB09", "winsock.host", "WEB09"),
            "--process": ("api.exe", "winsock.process.name", "api.exe"),
            "--pid": ("77", "winsock.process.id", "77"),
            "--library": ("lib 2", "winsock.library", "lib 2"),
            "--platform": ("wine", "winsock.platform", "2"),
            "--thread": ("9", "winsock.thread.id", "9"),
            "--socket": ("300", "winsock.socket", "0x000000000000012c"),
            "--kind": ("2,1,6", "winsock.protocol", "6"),
            "--local": ("192.0.2.1:5000", "winsock.local.port", "5000"),
            "--remote": ("[2001:db8::7]:443", "winsock.remote.ipv6", "2001:db8::7"),
            "--node": ("db.corp", "winsock.node", "db.corp"),
            "--service": ("https", "winsock.service", "https"),
            "--duration": ("1500ms", "winsock.duration", "1.500000000"),
            "--bytes": ("4096", "winsock.bytes", "4096"),
            "--repeat": ("3", "winsock.repeat", "3"),
            "--age": ("2s", "winsock.age", "2.0"),
            "--message": ("no way", "winsock.message", "no way"),
            "--source": ("a.c:1 main", "winsock.source", "a.c:1 main"),
            "--trace": ("00-000102030405060708090a0b0c0d0e0f-1011121314151617-01",
                        "winsock.span_id", "1011121314151617"),
            "--sender": ("0x1234", "winsock.sender", "0x00001234"),
            "--sequence": ("5", "winsock.seq", "5"),
            "--dropped": ("6", "winsock.dropped", "6")}
        command = [WSFT_SEND, "--collector", "127.0.0.1:PORT"]
        for option, (value, _, _) in options.items():
            command += [option, value]
        got = decode(received(command), [field for _, field, _ in options.values()])
        for option, (_, field, wanted) in options.items():
            self.assertEqual(len(got[field]), 1, option)
            self.assertTrue(got[field][0].startswith(wanted), f"{option}: {got[field][0]}")

    def test_wsft_send_exit_codes(self):
        def code(*options):
            return subprocess.run([WSFT_SEND, *options], check=False, capture_output=True,
                                  timeout=20).returncode
        self.assertEqual(code("--help"), 0)
        self.assertEqual(code("--code", "WSAENOSUCHTHING"), 2)
        self.assertEqual(code("--nonsense"), 2)
        self.assertEqual(code("--collector", "no such name.invalid"), 1)


if __name__ == "__main__":
    unittest.main()
