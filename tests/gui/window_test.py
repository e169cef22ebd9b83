"""window_test.py: what a user sees in the window; run by tests/gui/run.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import shutil
import struct
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..")
sys.path.insert(0, FOLDER)
from wsft import SENT, datagram, endpoint, failure, header, item, pcap  # noqa: E402

import window  # noqa: E402
from window import Wireshark, cells, children, click, inside, key, named, press, rows, wait  # noqa: E402

HOME = os.environ["HOME"]
SETTINGS = os.path.join(HOME, ".config", "wireshark")
PROFILE = os.path.join(SETTINGS, "profiles", "Winsock")
RESET = os.path.join(FOLDER, "capture-samples", "reset.pcapng")
MANY = ["refused", "reset", "connect-timeout", "name-not-found", "address-in-use", "would-block-and-pending",
        "refused-but-connected", "server-one-client-reset"]


def picture(name, **part):
    path = os.path.join(FOLDER, "pictures", name + ".png")
    window.picture(path, **part)
    size = os.path.getsize(path)
    assert 5_000 < size < 150_000, f"{name}.png has {size} bytes"


def write(name, data):
    path = os.path.join(HOME, name)
    with open(path, "wb") as out:
        out.write(data)
    return path


def setUpModule():
    """A new user, whose window fills the screen."""
    os.makedirs(SETTINGS)
    with open(os.path.join(SETTINGS, "recent_common"), "w", encoding="utf-8") as recent:
        recent.write("gui.geometry_main_maximized: TRUE\n")


def use_profile(list_height):
    """The profile in the user's folder, with so high a packet list and without the bytes."""
    shutil.rmtree(PROFILE, ignore_errors=True)
    shutil.copytree(os.path.join(FOLDER, "profile", "Winsock"), PROFILE)
    with open(os.path.join(PROFILE, "recent"), "a", encoding="utf-8") as recent:
        recent.write(f"gui.byte_view_show: FALSE\ngui.geometry_main_upper_pane: {list_height}\n")


class Window(unittest.TestCase):
    def open(self, *arguments, list_height=230):
        use_profile(list_height)
        wireshark = Wireshark("-C", "Winsock", *arguments)
        self.addCleanup(wireshark.__exit__)
        return wireshark

    def well(self, wireshark, *titles):
        """Its windows are these, and no others, such as an error's."""
        self.assertEqual(wireshark.windows(), list(titles))
        self.assertIn("Profile: Winsock", wireshark.status())

    def test_a_failure_and_its_verdict(self):
        wireshark = self.open("-r", RESET, "-g", "11")
        wireshark.shows(11)
        packets = wireshark.packets()
        self.assertEqual([packets[11][name] for name in ("Protocol", "Error", "Operation", "Process",
                                                         "Verdict", "Evidence")],
                         ["Winsock", "WSAECONNRESET", "recv", "shop.exe", "confirmed", "10"])
        self.assertEqual(packets[10]["Error"], "WSAECONNRESET")
        self.assertEqual([n for n in packets if n < 10 and packets[n]["Error"]], [])
        click(wireshark.detail("Winsock Failure Telemetry"))
        wireshark.menu("View", "Expand Subtrees")
        wireshark.detail("[Verdict: confirmed")
        key("End")
        click(wireshark.detail("[Verdict: confirmed"))
        self.assertIn("[Evidence in frame: 10]", wireshark.details())
        self.well(wireshark, "reset.pcapng")
        picture("wireshark")
        click(wireshark.detail("[Evidence in frame"), times=2)  # leads to the packet
        wireshark.detail("Frame 10:")

    def test_the_way_back_from_the_evidence(self):
        wireshark = self.open("-r", RESET, "-g", "10")
        wireshark.shows(11)
        click(wireshark.detail("[Winsock: reported as WSAECONNRESET by shop.exe"))
        wireshark.menu("View", "Expand Subtrees")
        wireshark.detail("[Reported error: WSAECONNRESET")
        self.well(wireshark, "reset.pcapng")
        picture("evidence", height=520)
        click(wireshark.detail("[Reported in frame"), times=2)
        wireshark.detail("Frame 11:")

    def test_buttons(self):
        wireshark = self.open("-r", RESET, "-g", "11")
        wireshark.shows(11)
        for label, shown in (("This error", 2), ("This process", 1), ("Evidence", 1),
                             ("Contradicted", 0), ("Failures", 1)):
            press(wireshark.main, "push button", label)
            wireshark.shows(11, shown)
        wireshark.filter("${winsock_error:WSAECONNRESET}")
        wireshark.shows(11, 2)
        wireshark.filter("")
        wireshark.shows(11)
        self.well(wireshark, "reset.pcapng")


if __name__ == "__main__":
    unittest.main(verbosity=2)
