"""man_test.py: the manual pages say what the command and the plugin have.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import re
import subprocess
import unittest

import tshark
from wsft import pcap

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def page(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as text:
        return text.read()


class Manuals(unittest.TestCase):
    def test_every_option_of_wsft_send_is_in_its_manual(self):
        command = os.path.join(os.environ["WINSOCK_BUILD"], "emitter", "wsft-send")
        usage = subprocess.run([command, "--help"], capture_output=True, text=True, check=True,
                               timeout=20).stdout
        self.assertEqual(set(re.findall(r"--([a-z-]+)", usage)),
                         set(re.findall(r"^\.It Fl Fl ([a-z-]+)", page("emitter", "wsft-send.1"),
                                        re.M)))

    def test_every_filter_of_the_manual_is_one(self):
        filters = re.findall(r"^(?:\.It )?\.?Li (winsock.*?)(?: [.;,])?$",
                             page("plugin", "winsock-filter.4"), re.M)
        self.assertGreater(len(filters), 20)
        empty = tshark.write("empty.pcap", pcap([]))
        either = " or ".join(f"({text})" for text in filters).replace(r"\(dq", '"')
        tshark.run("-r", empty, "-Y", either)


if __name__ == "__main__":
    unittest.main()
