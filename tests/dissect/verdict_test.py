"""verdict_test.py: verdicts and links in every way that Wireshark reads a capture.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import json
import os
import shutil
import unittest

import tshark

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "capture-samples")
CONFIRMED = "1"


def sample(name):
    path = os.path.join(tshark.folder(), name + ".pcapng")
    shutil.copyfile(os.path.join(SAMPLES, name + ".pcapng"), path)
    os.chmod(path, 0o644)
    return path


def made(name):
    """Where a program that runs as an ordinary user can write."""
    return os.path.join(tshark.folder(), "home", name)


def verdicts(path, *options):
    return tshark.fields(path, ["frame.number", "winsock.verdict", "winsock.evidence",
                                "winsock.reason", "winsock.filter"], "-Y", "winsock.verdict",
                         *options)


def links(path, *options):
    return tshark.fields(path, ["frame.number", "winsock.reported_in", "winsock.reported_error"],
                         "-Y", "winsock.reported_error", *options)


def sharkd(path, *requests):
    """The results of requests to sharkd, after the file is loaded."""
    lines = [{"method": "load", "params": {"file": path}}, *requests]
    text = "".join(json.dumps({"jsonrpc": "2.0", "id": i + 1, **line}) + "\n"
                   for i, line in enumerate(lines))
    done = tshark.run("-", program="sharkd", given=text)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [answer["result"] for answer in answers[1:]]


def values(tree, name, found):
    """The texts of all nodes of sharkd's tree with a filter of this field."""
    for node in tree:
        if node.get("f", "").startswith(name + " "):
            found.append(node["l"])
        values(node.get("n", []), name, found)
    return found


class Reading(unittest.TestCase):
    def test_a_read_filter_that_leaves_the_evidence_out(self):
        got = verdicts(sample("reset"), "-2", "-R", "winsock")
        self.assertEqual([got[0]["winsock.verdict"], got[0]["winsock.evidence"]],
                         [[CONFIRMED], []])
        self.assertIn("in a packet that the read filter leaves out", got[0]["winsock.reason"][0])

    def test_a_read_filter_that_leaves_the_report_out(self):
        got = links(sample("reset"), "-2", "-R", "tcp")
        self.assertEqual([[got[0]["winsock.reported_in"], got[0]["winsock.reported_error"]]],
                         [[[], ["10054"]]])
        self.assertEqual(len(got), 1)

    def test_a_read_filter_that_keeps_both(self):
        path = sample("reset")
        rst = tshark.fields(path, ["frame.number"], "-2", "-R", "winsock || tcp.flags.reset == 1",
                            "-Y", "tcp.flags.reset == 1")
        got = verdicts(path, "-2", "-R", "winsock || tcp.flags.reset == 1")
        self.assertEqual(got[0]["winsock.evidence"], rst[0]["frame.number"])

    def test_merged_files(self):
        merged = made("merged.pcapng")
        paths = [sample("reset"), sample("refused"), sample("reset-ipv6")]
        tshark.run("-w", merged, *paths, program="mergecap")
        for options in ([], ["-2"]):
            got = verdicts(merged, *options)
            self.assertEqual([row["winsock.verdict"] for row in got], [[CONFIRMED]] * 3)
        self.assertEqual(len(links(merged, "-2")), 3)

    def test_the_filter_finds_the_flow_and_its_reports(self):
        for name in ("reset", "refused-ipv6", "udp-port-unreachable", "server-one-client-reset",
                     "no-local-endpoint", "name-not-found"):
            with self.subTest(name):
                path = sample(name)
                row = verdicts(path)[0]
                found = [line["frame.number"][0] for line in tshark.fields(
                    path, ["frame.number"], "-Y", row["winsock.filter"][0])]
                self.assertIn(row["frame.number"][0], found)
                self.assertIn(row["winsock.evidence"][0], found)

    def test_the_stream_is_wiresharks(self):
        for name, field in (("server-one-client-reset", "tcp"), ("udp-port-unreachable", "udp")):
            with self.subTest(name):
                path = sample(name)
                row = tshark.fields(path, ["winsock.stream", "winsock.local.port"], "-Y",
                                    "winsock.verdict")[0]
                found = tshark.fields(path, [field + ".port"], "-Y",
                                      f"{field}.stream == {row['winsock.stream'][0]}")
                self.assertIn(row["winsock.local.port"][0], found[0][field + ".port"])

    def test_a_tunnels_own_stream_is_not_the_failures(self):
        row = tshark.fields(sample("tunnel"), ["winsock.stream", "winsock.verdict"], "-Y",
                            "winsock.verdict")[0]
        self.assertEqual(row["winsock.verdict"], [CONFIRMED])
        self.assertEqual(row["winsock.stream"], ["0"])

    def test_links_without_other_postdissectors(self):
        """Wireshark asks for postdissectors of protocols that are enabled."""
        path = sample("reset")
        self.assertEqual(links(path, "-2", "--disable-protocol", "snort"), links(path, "-2"))
        self.assertEqual(links(path, "-2", "--disable-protocol", "winsock"), [])

    def test_turned_off_it_changes_nothing_else(self):
        path = sample("reset")
        off = tshark.run("-r", path, "-V", "-o", "winsock.correlate:FALSE").stdout
        self.assertNotIn("Verdict", off)
        shown = ["-T", "fields", "-e", "frame.protocols", "-Y", "!winsock"]
        self.assertEqual(tshark.run("-r", path, "-o", "winsock.correlate:FALSE", *shown).stdout,
                         tshark.run("-r", path, *shown).stdout)

    def test_sharkd(self):
        path = sample("reset")
        row = verdicts(path)[0]
        frame, cause = int(row["frame.number"][0]), int(row["winsock.evidence"][0])
        ask = [{"method": "frame", "params": {"frame": n, "proto": True}} for n in (frame, cause)]
        listed = {"method": "frames", "params": {"filter": "winsock.reported_in"}}
        for _ in range(2):  # asked again, it says the same and no more
            failed, broken, frames = sharkd(path, *ask, listed)
            self.assertEqual(len(values(failed["tree"], "winsock.verdict", [])), 1)
            self.assertEqual(len(values(broken["tree"], "winsock.reported_in", [])), 1)
            self.assertEqual([line["num"] for line in frames], [cause])
        failed, again = sharkd(path, ask[0], ask[0])
        self.assertEqual(failed["tree"], again["tree"])


if __name__ == "__main__":
    unittest.main()
