"""reader.py: the stock tshark with and without the plugin, and what a run of it takes.

Without differs by the plugin alone: both have Wireshark's own plugins, and a home of their own.
SPDX-License-Identifier: GPL-2.0-or-later
"""
import collections
import concurrent.futures
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

NOBODY = 65534
HERE = os.path.dirname(os.path.abspath(__file__))

Taken = collections.namedtuple("Taken", "user peak")  # seconds, bytes


class Reader:
    """A folder with captures, and what reads them."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="winsock-bench-")
        self.folder = self._folder.name
        os.chmod(self.folder, 0o755)
        self.homes = {True: self.path("with"), False: self.path("without")}
        self.user = {}
        if os.geteuid() == 0:  # to root Wireshark refuses plugins of a folder of one's own
            self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        for built in glob.glob(os.path.join(os.environ["WINSOCK_PLUGINS"], "*", "epan")):
            series = os.path.basename(os.path.dirname(built))
            to = os.path.join(self.homes[True], ".local/lib/wireshark/plugins", series, "epan")
            shutil.copytree(built, to)
        os.makedirs(self.homes[False])
        shutil.copytree(os.path.join(HERE, "peers"), self.path("peers"))
        os.chmod(self.path("peers"), 0o755)
        # Without this no run would say that it had not found the plugin.
        if "winsock.so" not in self._run(True, ["tshark", "-G", "plugins"]).stdout:
            sys.exit("tshark does not load the plugin")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, script, name, *arguments):
        """A capture that a script of this folder writes: script.py [FORMAT] OUT NUMBERS..."""
        path = self.path(name)
        form = [a for a in arguments if isinstance(a, str)]
        numbers = [str(a) for a in arguments if not isinstance(a, str)]
        subprocess.run([sys.executable, os.path.join(HERE, script), *form, path, *numbers],
                       check=True)
        return path

    def _environment(self, plugin):
        return {"PATH": os.environ["PATH"], "HOME": self.homes[plugin], "TZ": "UTC",
                "LC_ALL": "C.UTF-8"}

    def _run(self, plugin, command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=self._environment(plugin), cwd=self.folder, **self.user)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        return done

    def _counted(self, path, options, plugin, packets):
        with open(os.devnull, "w", encoding="ascii") as nowhere:
            command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "tshark",
                       "-r", path, "-c", str(packets), *options]
            done = subprocess.run(command, stdout=nowhere, stderr=subprocess.PIPE, text=True,
                                  env=self._environment(plugin), cwd=self.folder, **self.user)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or not found:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        return int(found.group(1))

    def instructions(self, cases, short, long):
        """Instructions a packet for each (path, options, plugin): what the packets after the first
        short ones take, so that starting takes no part."""
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = [[pool.submit(self._counted, *case, count) for count in (short, long)]
                    for case in cases]
            return [(more.result() - less.result()) / (long - short) for less, more in runs]

    def _taken(self, path, options, plugin):
        with open(os.devnull, "w", encoding="ascii") as nowhere:
            run = subprocess.Popen(["tshark", "-r", path, *options], stdout=nowhere,
                                   stderr=subprocess.DEVNULL, env=self._environment(plugin),
                                   cwd=self.folder, **self.user)
            _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        if run.returncode != 0:
            sys.exit(f"tshark -r {path} {' '.join(options)}: {run.returncode}")
        return Taken(usage.ru_utime, usage.ru_maxrss * 1024)

    def taken(self, cases, rounds):
        """User time and peak memory of each (path, options, plugin): the medians of so many rounds
        in which all take turns."""
        all_taken = [[] for _ in cases]
        for turn in range(rounds):
            order = range(len(cases)) if turn % 2 == 0 else reversed(range(len(cases)))
            for i in order:
                all_taken[i].append(self._taken(*cases[i]))
        return [Taken(*(statistics.median(column) for column in zip(*taken)))
                for taken in all_taken]


def table(heads, rows):
    """Prints a table for a README."""
    cells = [heads, *rows]
    print("| " + " | ".join(heads) + " |")
    print("|---" + "|--:" * (len(heads) - 1) + "|")
    for row in cells[1:]:
        print("| " + " | ".join(row) + " |")
    print(flush=True)
