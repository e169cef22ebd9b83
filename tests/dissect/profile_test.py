"""profile_test.py: the profile "Winsock" in a new user's folder: nothing in it that this Wireshark does
not take, and its columns, colours, buttons and macros show what they are for.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import csv
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import tshark

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROFILE = os.path.join(ROOT, "plugin", "profile", "Winsock")
SAMPLES = ["aborted-but-reset", "address-in-use", "knock-on", "name-not-found", "port-used-again",
           "refused-but-connected", "reset", "would-block-and-pending"]


def lines(name):
    """A file of the profile without its comments."""
    with open(os.path.join(PROFILE, name), encoding="utf-8") as text:
        return [line.rstrip("\n") for line in text if line.strip() and not line.startswith("#")]


def buttons():
    return {row[1]: row[2] for row in csv.reader(lines("dfilter_buttons"))}


def setUpModule():
    home = os.path.join(tshark.folder(), "home")
    shutil.copytree(PROFILE, os.path.join(home, ".config", "wireshark", "profiles", "Winsock"))
    for name in SAMPLES:
        shutil.copy(os.path.join(ROOT, "capture-samples", name + ".pcapng"), tshark.folder())
        os.chmod(os.path.join(tshark.folder(), name + ".pcapng"), 0o644)


def show(sample, *options):
    """What tshark prints in two passes, as the window does; it must not have a word to say beside it."""
    done = tshark.run("-C", "Winsock", "-2", "-r", sample + ".pcapng", *options)
    if done.stderr:
        raise AssertionError(f"{sample} {options}: {done.stderr}")
    return done.stdout.splitlines()


def frames(sample, display_filter):
    return [int(line) for line in show(sample, "-Y", display_filter, "-T", "fields", "-e",
                                       "frame.number")]


class Profile(unittest.TestCase):
    def test_columns(self):
        rows = {int(row[0]): row for row in (line.split("\t")
                                             for line in show("reset", "-T", "tabs"))}
        self.assertEqual([text.strip() for text in rows[11][4:-1] if text.strip() not in ("→", "")],
                         ["192.0.2.1", "Winsock", "WSAECONNRESET", "recv", "shop.exe", "confirmed",
                          "10"])
        self.assertIn("WSAECONNRESET", rows[10])
        self.assertNotIn("WSAECONNRESET", rows[9])

    def test_colours(self):
        """Also that every rule is taken: tshark says where one is not."""
        wanted = {("reset", 11): "confirmed by the trace", ("reset", 10):
                  "evidence, a packet that decides a verdict",
                  ("refused-but-connected", 6): "contradicted by the trace",
                  ("address-in-use", 10): "arises inside the host",
                  ("aborted-but-reset", 11): "another failure",
                  ("would-block-and-pending", 7): "pending or test"}
        for (sample, number), rule in wanted.items():
            got = dict(line.split("\t") for line in show(
                sample, "--color", "-T", "fields", "-e", "frame.number", "-e",
                "frame.coloring_rule.name"))
            self.assertEqual(got[str(number)], "Winsock: " + rule)
        self.assertEqual({line.split("@")[1] for line in lines("colorfilters") if "Winsock" in line},
                         {"Winsock: " + rule for rule in wanted.values()})

    def test_buttons(self):
        wanted = {"Failures": {"reset": [11], "refused-but-connected": [6], "knock-on": [11, 12, 13],
                               "would-block-and-pending": []},
                  "Contradicted": {"reset": [], "refused-but-connected": [6]},
                  "Evidence": {"reset": [10], "address-in-use": []}}
        for label, samples in wanted.items():
            for sample, numbers in samples.items():
                with self.subTest(label, sample=sample):
                    self.assertEqual(frames(sample, buttons()[label]), numbers)
        for label in set(buttons()) - set(wanted):  # they ask about the packet that is selected
            self.assertIn("${winsock.", buttons()[label])
            self.assertEqual(frames("reset", buttons()[label]), [])

    def test_macros(self):
        for macro, numbers in (("failures", [11]), ("contradicted", []), ("evidence", [10]),
                               ("process:shop.exe", [11]), ("process:api.exe", []),
                               ("error:WSAECONNRESET", [10, 11]), ("error:10061", [])):
            with self.subTest(macro):
                self.assertEqual(frames("reset", f"${{winsock_{macro}}}"), numbers)

    def test_the_macros_of_old_and_new_are_the_same(self):
        new = [re.fullmatch(r'"(\w+)" (.+)', line).groups() for line in lines("dmacros")]
        self.assertEqual([tuple(row) for row in csv.reader(lines("dfilter_macros"))], new)

    def test_nothing_else_is_set(self):
        settings = [line for line in lines("preferences") if not line.startswith("\t")]
        self.assertEqual(settings, ["gui.column.format:"])

    def test_it_is_installed(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["cmake", "--install", os.environ["WINSOCK_BUILD"]], check=True,
                           env=dict(os.environ, DESTDIR=folder), capture_output=True)
            installed = [path for path, _, _ in os.walk(folder)
                         if path.endswith("/share/wireshark/profiles/Winsock")]
            self.assertEqual(len(installed), 1)
            self.assertEqual(sorted(os.listdir(installed[0])), sorted(os.listdir(PROFILE)))


if __name__ == "__main__":
    unittest.main()
