"""window_test.py: what a user sees in the window; run by tests/gui/run.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import itertools
import os
import re
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
from window import (StateType, Wireshark, cells, children, choose, click, first, inside,  # noqa: E402
                    key, named, press, rows, wait)

HOME = os.environ["HOME"]
SETTINGS = os.path.join(HOME, ".config", "wireshark")
PROFILE = os.path.join(SETTINGS, "profiles", "Winsock")
RESET = os.path.join(FOLDER, "capture-samples", "reset.pcapng")
CALLS = [(10054, 8), (10054, 8), (10061, 5), (10061, 5), (10060, 5), (10065, 5), (11001, 18), (10048, 2),
         (10055, 10), (10035, 8)]  # codes and calls
MANY = ["refused", "reset", "connect-timeout", "name-not-found", "address-in-use", "would-block-and-pending",
        "refused-but-connected", "server-one-client-reset", "aborted-but-reset"]


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


def merged(name, samples):
    """A capture of these samples, ten seconds apart: the first failures of one are those of the next's
    past."""
    parts = []
    for i, sample in enumerate(samples):
        path = os.path.join(FOLDER, "capture-samples", sample + ".pcapng")
        start = float(subprocess.run(["capinfos", "-T", "-r", "-S", "-a", path], check=True, text=True,
                                     capture_output=True).stdout.split("\t")[1])
        parts.append(os.path.join(HOME, sample + ".pcapng"))
        subprocess.run(["editcap", "-t", f"{SENT / 10**9 + 10 * i - start:.6f}", path, parts[-1]],
                       check=True)
    whole = os.path.join(HOME, name)
    subprocess.run(["mergecap", "-w", whole, *parts], check=True)
    return whole


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
        self.addCleanup(wireshark.close)
        return wireshark

    def well(self, wireshark, *titles):
        """Its windows are these, and no others, such as an error's; and it warned of nothing."""
        self.assertEqual(wireshark.windows(), list(titles))
        self.assertIn("Profile: Winsock", wireshark.status())
        self.assertEqual(wireshark.warnings(), [])

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
        for label, shown in (("This process", 1), ("This error", 2), ("Evidence", 1),
                             ("Contradicted", 0), ("Failures", 1)):  # never as many as before
            press(wireshark.main, "push button", label)
            wireshark.shows(11, shown)
        wireshark.filter("${winsock_error:WSAECONNRESET}")
        wireshark.shows(11, 2)
        wireshark.filter("")
        wireshark.shows(11)
        self.well(wireshark, "reset.pcapng")

    def test_verdicts_by_colour(self):
        path = merged("afternoon.pcapng", MANY)
        wireshark = self.open("-r", path, list_height=440)
        wireshark.shows(138)
        wireshark.filter("winsock || winsock.reported_in")
        wireshark.shows(138, 20)
        verdicts = [row["Verdict"] for row in wireshark.packets().values()]
        self.assertEqual({verdict for verdict in verdicts if verdict},
                         {"confirmed", "contradicted", "inconclusive", "local"})
        self.well(wireshark, "afternoon.pcapng")
        picture("packet-list")
        wireshark.menu("Statistics", "Winsock")
        statistics = wireshark.window("Winsock ·")
        counted = {row["Topic / Item"]: row["Count"] for row in rows(first(statistics, "tree"))}
        self.assertEqual(counted["WSAECONNRESET"], "2")
        window.place("Winsock · afternoon", 100, 40, 840, 700)
        picture("statistics", around=statistics)

    def test_ten_thousand_failures_in_expert_information(self):
        datagrams = []
        for i in range(10_000):
            code, call = CALLS[i % len(CALLS)]
            datagrams.append(datagram(
                header(i + 40 * (i > 5000), dropped=i // 2000) + item(2, "shop.exe") +
                failure(code, operation=call, items=endpoint(20, "198.51.100.7", 1 + i))))
        wireshark = self.open("-r", write("night.pcap", pcap(datagrams)))
        wireshark.shows(10_000)
        wireshark.menu("Analyze", "Expert Information")
        expert = wireshark.window("Expert Information")
        table = first(expert, "tree")
        lines = wait("the lines", lambda: len(rows(table)) > 5 and rows(table))
        counts = {line["Summary"]: line["Count"] for line in lines}
        self.assertEqual(sum(map(int, counts.values())), 10_005, counts)
        self.assertLess(len(lines), 10)
        self.well(wireshark, "night.pcap", expert.get_name())
        window.place("Expert Information", 100, 40, 900, 320)
        picture("expert", around=expert)

    def test_preferences_and_the_table_of_user_codes(self):
        wireshark = self.open("-r", RESET, "-g", "11")
        with open(os.path.join(PROFILE, "winsock_user_codes"), "w", encoding="utf-8") as table:
            table.write('"Winsock","40000","SHOPEBUSY","The shop is busy."\n'
                        '"NTSTATUS","0xe0000001","STATUS_SHOP_SHUT","The shop is shut."\n')
        wireshark.shows(11)
        self.well(wireshark, "reset.pcapng")
        wireshark.menu("Edit", "Preferences…")
        preferences = wireshark.window("Preferences")
        window.place("Preferences", 60, 40, 1000, 400)

        pages = wait("its pages", lambda: next(
            (tree for tree in inside(preferences) if tree.get_role_name() == "tree" and
             any(n.get_name() == "Appearance" for n in itertools.islice(cells(tree), 1))), None))

        few = pages.get_child_count()
        choose(next(n for n in cells(pages) if n.get_name() == "Protocols"))
        key("Right")
        wait("the protocols", lambda: pages.get_child_count() > few + 100)
        protocols = list(cells(pages))
        below = [n.get_name() for n in reversed(protocols)].index("Winsock")
        key("End", *["Up"] * below)
        wait("its page", lambda: protocols[-1 - below].get_state_set().contains(StateType.SELECTED))
        named(preferences, "check box", "Hold failures against the packets")
        press(preferences, "push button", "Edit…")
        dialog = wireshark.window("Winsock User Codes")
        window.place("Winsock User Codes", 420, 240, 620, 240)
        table = first(dialog, "tree")
        self.assertIn("SHOPEBUSY", [n.get_name() for n in cells(table)])
        picture("preferences", around=preferences, height=385)  # below is where this user's file is

    def test_a_new_user_is_offered_the_profile(self):
        """As installed: among Wireshark's own profiles, and not in the user's folder."""
        shutil.rmtree(PROFILE, ignore_errors=True)
        folders = subprocess.run(["tshark", "-G", "folders"], check=True, text=True,
                                 capture_output=True).stdout
        system = re.search(r"Global configuration:\s+(\S+)", folders).group(1)
        data = os.path.join(HOME, "data")
        os.mkdir(data)
        for name in set(os.listdir(system)) - {"profiles"}:
            os.symlink(os.path.join(system, name), os.path.join(data, name))
        shutil.copytree(os.path.join(FOLDER, "profile"), os.path.join(data, "profiles"))
        wireshark = Wireshark("-r", RESET, environment={"WIRESHARK_DATA_DIR": data})
        self.addCleanup(wireshark.close)
        wireshark.shows(11)
        self.assertNotIn("Verdict", wireshark.packets()[11])
        wireshark.menu("Edit", "Configuration Profiles…")
        dialog = wireshark.window("Configuration Profiles")
        choose(wait("the profile", lambda: next(
            (n for table in inside(dialog) if table.get_role_name() in ("tree", "table")
             for n in cells(table) if n.get_name() == "Winsock"), None)))
        press(dialog, "push button", "OK")
        wait("the profile", lambda: "Profile: Winsock" in wireshark.status())
        self.assertEqual(wireshark.packets()[11]["Verdict"], "confirmed")
        self.assertLessEqual({"preferences", "colorfilters", "dfilter_buttons", "recent"},
                             set(os.listdir(PROFILE)))
        self.assertTrue({"dfilter_macros", "dmacros"} & set(os.listdir(PROFILE)))
        self.well(wireshark, "reset.pcapng")

    def test_live(self):
        """Packets as they come: the verdict is there with the report. The row of the RST, which was drawn
        before anybody had reported it, has the error after the next filter, or after View → Reload."""
        data = subprocess.run(["editcap", "-F", "nsecpcap", RESET, "-"], check=True,
                              capture_output=True).stdout
        ends = [24]
        while ends[-1] < len(data):
            ends.append(ends[-1] + 16 + struct.unpack_from("<I", data, ends[-1] + 8)[0])
        pipe = os.path.join(HOME, "pipe")
        os.mkfifo(pipe)
        wireshark = self.open("-k", "-i", pipe)
        with open(pipe, "wb", buffering=0) as out:
            out.write(data[:24])
            for first, last in ((0, 9), (9, 10), (10, 11)):
                out.write(data[ends[first]:ends[last]])
                wireshark.shows(last)
                self.assertEqual(wireshark.packets()[last]["Verdict"],
                                 "confirmed" if last == 11 else "")
            key("ctrl+g")
            for number in "11":
                key(number)
            key("Return")
            click(wireshark.detail("Winsock Failure Telemetry"))
            wireshark.menu("View", "Expand Subtrees")
            wireshark.detail("[Verdict: confirmed")
            press(wireshark.main, "push button", "Evidence")
            wireshark.shows(11, 1)
            self.assertEqual(wireshark.packets()[10]["Error"], "WSAECONNRESET")
            wireshark.filter("")
            wireshark.shows(11)
        wait("the end of the capture", lambda: wireshark.windows()[0].startswith("*"))
        wireshark.menu("View", "Reload")
        wireshark.shows(11)
        packets = wireshark.packets()
        self.assertEqual([packets[10]["Error"], packets[11]["Verdict"]], ["WSAECONNRESET", "confirmed"])

    def test_reload(self):
        """What was worked out once is worked out again from nothing."""
        wireshark = self.open("-r", merged("again.pcapng", MANY))
        wireshark.shows(138)
        before = wireshark.packets()
        for _ in range(2):
            wireshark.menu("View", "Reload")
            wireshark.shows(138)
            wait("the same packets", lambda: wireshark.packets() == before)
        wireshark.filter("winsock.failed.contradicted")
        wireshark.shows(138, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
