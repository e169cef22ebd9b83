"""limits_test.py: the worst datagrams and traces take time, memory and output in proportion.

tests/hostile/limits measures them at full size.
SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import unittest

import tshark
import worst
from wsft import datagram, failure, header, item, pcap

FULL = 24000
# What an empty file takes: what is in proportion takes half of it, what is squared twice. A build that
# is not optimized takes longer.
TIMES = 16 if os.path.basename(os.environ.get("WINSOCK_BUILD", "release")) == "release" else 64
ITEMS, FAILURES = 2048, 256  # as in plugin/items.h
GROUPS = 5000  # as in plugin/statistics.c


class Datagrams(unittest.TestCase):
    def limits(self, payload):
        path = tshark.write("limit.pcap", pcap([datagram(payload)]))
        return tshark.fields(path, ["winsock.limit", "winsock.failure", "winsock.item.type"])[0]

    def test_a_datagram_of_more_items_than_are_read(self):
        for count, told in ((ITEMS, 0), (ITEMS + 1, 1), (5 * ITEMS, 1)):
            got = self.limits(header() + item(0, b"") * count)
            self.assertEqual([len(got["winsock.limit"]), len(got["winsock.item.type"])],
                             [told, ITEMS], count)

    def test_a_datagram_of_more_failures_than_are_read(self):
        for count, told in ((FAILURES, 0), (FAILURES + 1, 1), (5 * FAILURES, 1)):
            got = self.limits(header() + failure(10054) * count)
            self.assertEqual([len(got["winsock.limit"]), len(got["winsock.failure"])],
                             [told, FAILURES], count)

    def test_the_items_of_failures_count(self):
        got = self.limits(header() + failure(10054, items=item(16, b"\0\0\0\1") * ITEMS) +
                          failure(10054))
        self.assertEqual([len(got["winsock.limit"]), len(got["winsock.failure"])], [1, 1])

    def test_what_the_worst_datagrams_print(self):
        for name, make in worst.DATAGRAMS.items():
            with self.subTest(name):
                path = tshark.write("worst.pcap", pcap([make(worst.LARGEST)]))
                printed = tshark.run("-r", path, "-V", "-O", "winsock").stdout
                self.assertLess(len(printed), worst.PRINTED)
                line = tshark.run("-r", path).stdout
                self.assertLess(len(line), worst.LINE)


class Traces(unittest.TestCase):
    def test_no_trace_takes_more_than_its_share(self):
        path = os.path.join(tshark.folder(), "trace.pcap")
        worst.write(path, [])
        empty = worst.read(path, "-2", "-q", "-z", "winsock,report")[0]
        for name, make in worst.TRACES.items():
            with self.subTest(name):
                worst.write(path, make(FULL))
                seconds, memory, printed = worst.read(path, "-2", "-q", "-z", "winsock,report")
                self.assertLess(seconds, TIMES * empty)
                self.assertLess(memory, 320 * 1024)
                self.assertLess(printed, 1000 * FULL)

    def test_statistics_of_all_different_failures(self):
        path = os.path.join(tshark.folder(), "strangers.pcap")
        worst.write(path, [])
        empty = worst.read(path, "-q", "-z", "winsock,tree")[0]
        worst.write(path, worst.strangers(FULL))
        for statistic in worst.STATISTICS:
            with self.subTest(statistic):
                self.assertLess(worst.read(path, "-q", "-z", statistic)[0], TIMES * empty)
        rows = tshark.run("-r", path, "-q", "-z", "winsock,tree").stdout.splitlines()
        self.assertEqual([int(row.split()[2]) for row in rows if "Further ones" in row],
                         [FULL - GROUPS] * 4)  # by error, by process, by host, by other end


if __name__ == "__main__":
    unittest.main()
