"""window.py: the real Wireshark on a screen of its own, read and driven through what it tells assistive
technology (AT-SPI): windows, rows, menus and buttons by their names.

Nothing sleeps for a fixed time and hopes: everything waits for what it needs to see.
SPDX-License-Identifier: GPL-2.0-or-later
"""
import functools
import os
import re
import subprocess
import tempfile
import time

import gi
gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

StateType = Atspi.StateType

PATIENCE = 60  # seconds, for a machine that is busy


def wait(what, ask):
    """What ask() gives as soon as that is something. Windows come and go while they are asked."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            got = ask()
        except GLib.Error:
            got = None
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.1)


def steady(ask):
    """A question that is put again when some of what it asks about went meanwhile."""
    @functools.wraps(ask)
    def answer(*arguments):
        return wait(ask.__name__, lambda: [ask(*arguments)])[0]
    return answer


def children(node):
    """One after the other: there can be very many."""
    nodes = (node.get_child_at_index(i) for i in range(node.get_child_count()))
    return (child for child in nodes if child)


def inside(node):
    """Everything below a node, the node first, but the cells of tables, which can be very many."""
    yield node
    if node.get_role_name() not in ("tree", "table"):
        for child in children(node):
            yield from inside(child)


def named(node, role, name):
    """What has this role and name below the node, as soon as it is there."""
    return wait(f"{role} {name!r}", lambda: next(
        (n for n in inside(node) if n.get_name() == name and
         n.get_role_name() in (role, role.removeprefix("push "))), None))  # as later AT-SPI says


def first(node, role):
    """The first of this role below the node, as soon as it is there."""
    return wait(role, lambda: next((n for n in inside(node) if n.get_role_name() == role), None))


def press(node, role, name):
    assert named(node, role, name).do_action(0), name


def cells(table):
    return (n for n in children(table) if n.get_role_name() == "table cell")


@steady
def rows(table):
    """A table's rows, each a dict: column -> text."""
    columns = [n.get_name() for n in children(table) if n.get_role_name() == "table column header"]
    texts = [n.get_name() for n in cells(table)]
    return [dict(zip(columns, texts[i:i + len(columns)]))
            for i in range(0, len(texts), len(columns))]


def click(node, button="1", times=1):
    """Clicks at the left part of what a node shows."""
    box = node.get_extents(Atspi.CoordType.SCREEN)
    subprocess.run(["xdotool", "mousemove", str(box.x + min(box.width // 2, 20)),
                    str(box.y + box.height // 2), "click", "--repeat", str(times), button], check=True)


def choose(row):
    """Clicks at a row until it is selected: a window that has just opened moves its rows still."""
    def chosen():
        click(row)
        return row.get_state_set().contains(StateType.SELECTED)
    wait(f"row {row.get_name()!r} selected", chosen)


def key(*keys):
    subprocess.run(["xdotool", "key", *keys], check=True)


def place(title, x, y, width, height):
    """Puts the window of that title there."""
    subprocess.run(["xdotool", "search", "--onlyvisible", "--name", title, "windowmove", "--sync",
                    str(x), str(y), "windowsize", "--sync", str(width), str(height)], check=True)


def picture(path, around=None, height=None):
    """Writes the screen as soon as it stands still: all of it or one window with its frame, and of that
    the upper part, if a height is given."""
    part = "1280x800+0+0"
    if around:
        box = around.get_extents(Atspi.CoordType.SCREEN)
        part = f"{box.width + 2}x{box.height + 25}+{box.x - 1}+{box.y - 20}"
    if height:
        part = re.sub(r"x\d+", f"x{height}", part)
    crop = ["-crop", part, "+repage"]
    subprocess.run(["xdotool", "mousemove", "1279", "799"], check=True)
    last = []

    def still():
        last.append(subprocess.run(["import", "-window", "root", *crop, "png:-"],
                                   capture_output=True, check=True).stdout)
        return last[-1] in last[-3:-1]
    wait("a screen that stands still", still)
    with open(path, "wb") as out:
        subprocess.run(["pngquant", "--strip", "64", "-"], input=last[-1], stdout=out, check=True)


class Wireshark:
    """One run of Wireshark."""

    def __init__(self, *arguments, environment=None):
        self.said = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(["wireshark", *arguments], stdout=subprocess.DEVNULL,
                                        stderr=self.said,
                                        env={**os.environ, **(environment or {})})
        self.application = wait("Wireshark", self._application)
        self.main = wait("its window", lambda: next(
            (n for n in children(self.application) if n.get_role_name() == "frame"), None))

    def _application(self):
        assert self.process.poll() is None, "Wireshark ended"
        return next((n for n in children(Atspi.get_desktop(0))
                     if n.get_process_id() == self.process.pid), None)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.said.close()

    def warnings(self):
        """What it had to complain of, such as a preference or a colour rule that it does not know; what
        Qt complains of (GUI) is left out."""
        with open(self.said.name, encoding="utf-8") as said:
            return re.findall(r"\[(?!GUI )\S+ (?:WARNING|CRITICAL|ERROR)\] .*", said.read())

    @steady
    def windows(self):
        """The titles of all its windows."""
        return [n.get_name() for n in children(self.application)]

    def window(self, title):
        return wait(f"window {title!r}", lambda: next(
            (n for n in children(self.application) if title in n.get_name()), None))

    def menu(self, *path):
        node = self.main
        for name in path:
            node = named(node, "menu item", name)
        assert node.do_action(0), path

    @steady
    def status(self):
        """What the status bar says of profile and packets."""
        return [n.get_name() for n in inside(self.main) if n.get_role_name() == "label" and
                n.get_name().startswith(("Profile: ", "Packets: "))]

    def shows(self, packets, displayed=None):
        """Waits for so many packets."""
        displayed = packets if displayed is None else displayed
        wanted = re.compile(f"Packets: {packets}( · Displayed: {displayed} .*)?" if displayed == packets
                            else f"Packets: {packets} · Displayed: {displayed} .*")
        wait(f"{displayed} of {packets} packets", lambda: any(
            wanted.fullmatch(text) for text in self.status()))

    @steady
    def packets(self):
        return {int(row["No."]): row for row in rows(named(self.main, "tree", "Packet list"))}

    @steady
    def details(self):
        """The lines of the selected packet's tree, those that are open."""
        return [n.get_name() for n in cells(named(self.main, "tree", "Packet details"))]

    def detail(self, start):
        """The line of the tree that starts so."""
        return wait(f"a line {start!r}", lambda: next(
            (n for n in cells(named(self.main, "tree", "Packet details"))
             if n.get_name().startswith(start)), None))

    def filter(self, text):
        entry = wait("the filter's entry", lambda: next(
            (n for n in inside(self.main) if n.get_name() == "Display filter entry" and
             n.get_state_set().contains(StateType.SHOWING)), None))
        click(entry)
        assert entry.set_text_contents(text)
        key("Return")
