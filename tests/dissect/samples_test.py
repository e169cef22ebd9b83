"""samples_test.py: every sample against its expected decode, in one pass and in two.

An expected decode is what a reader of the sample would take from it; WINSOCK_UPDATE=1 writes them
anew, and then the diff is to be read.
SPDX-License-Identifier: GPL-2.0-or-later
"""
import glob
import os
import shutil
import unittest

import tshark

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
EXPECTED = os.path.join(ROOT, "tests", "dissect", "expected")
FIELDS = ["frame.number", "_ws.col.Info", "winsock.process.name", "winsock.host",
          "winsock.platform", "winsock.seq", "winsock.dropped", "winsock.error", "winsock.name",
          "winsock.listing", "winsock.operation", "winsock.local.ip", "winsock.local.ipv6",
          "winsock.local.port", "winsock.remote.ip", "winsock.remote.ipv6",
          "winsock.remote.port", "winsock.repeat", "winsock.source", "winsock.failure.count",
          "winsock.seq.missing", "winsock.failed", "winsock.failed.pending",
          "winsock.failures_dropped", "winsock.malformed", "winsock.version.unknown",
          "winsock.item.unknown", "winsock.item.length_wrong", "winsock.item.repeated",
          "winsock.string.not_utf8", "winsock.string.too_long", "winsock.code.unknown",
          "winsock.verdict", "winsock.reason", "winsock.evidence", "winsock.attempts",
          "winsock.root", "winsock.stream", "winsock.filter", "winsock.failed.contradicted",
          "winsock.space.unknown", "winsock.operation.unknown", "winsock.time.after_sent"]

# Where a report stands in the file before its cause, one pass knows less than two.
REPORT_FIRST = ("report-first",)


def decode(path, *options):
    """One block for each packet with telemetry: its fields, those that it has."""
    lines = []
    for packet in tshark.fields(path, FIELDS, "-Y", "winsock", *options):
        for name, values in packet.items():
            if values:
                lines.append(f"{name}: {' / '.join(values)}")
        lines.append("")
    return "\n".join(lines)


class Samples(unittest.TestCase):
    maxDiff = 4000

    def expect(self, name, got):
        path = os.path.join(EXPECTED, name + ".txt")
        if os.environ.get("WINSOCK_UPDATE"):
            os.makedirs(EXPECTED, exist_ok=True)
            with open(path, "w", encoding="utf-8") as out:
                out.write(got)
        with open(path, encoding="utf-8") as wanted:
            self.assertEqual(got, wanted.read())
        return got


def add_test(path):
    name = os.path.basename(path)[:-len(".pcapng")]
    def test(self):
        sample = os.path.join(tshark.folder(), name + ".pcapng")
        shutil.copyfile(path, sample)
        os.chmod(sample, 0o644)
        got = decode(sample)
        self.expect(name, got)
        if name in REPORT_FIRST:
            self.assertNotIn("winsock.evidence", got)
            got = self.expect(name + ".two-passes", decode(sample, "-2"))
        self.assertEqual(decode(sample, "-2"), got)

    setattr(Samples, "test_" + name.replace("-", "_"), test)


for sample_path in sorted(glob.glob(os.path.join(ROOT, "capture-samples", "*.pcapng"))):
    add_test(sample_path)


if __name__ == "__main__":
    unittest.main()
