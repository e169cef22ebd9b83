"""tshark.py: runs the stock tshark with the plugin that was built.

WINSOCK_PLUGINS names the folder that holds <series>/epan/winsock.so.
SPDX-License-Identifier: GPL-2.0-or-later
"""
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile

NOBODY = 65534

_folder = tempfile.TemporaryDirectory(prefix="winsock-")
_root = os.geteuid() == 0


def folder():
    """A folder for captures, readable by whoever runs tshark."""
    return _folder.name


def _prepare():
    os.chmod(_folder.name, 0o755)
    plugins = os.path.join(_folder.name, "plugins")
    shutil.copytree(os.environ["WINSOCK_PLUGINS"], plugins)
    home = os.path.join(_folder.name, "home")
    os.mkdir(home)
    if _root:  # to root Wireshark refuses plugins of a folder of one's own
        os.chown(home, NOBODY, NOBODY)
        for path, _, files in os.walk(plugins):
            os.chmod(path, 0o755)
            for name in files:
                os.chmod(os.path.join(path, name), 0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    environment.update(WIRESHARK_PLUGIN_DIR=plugins, HOME=home, TZ="UTC", LC_ALL="C.UTF-8",
                       WIRESHARK_ABORT_ON_DISSECTOR_BUG="1")
    return environment


# How an ordinary user reads.
_reader = {"env": _prepare(), "cwd": _folder.name}
if _root:
    _reader.update(user=NOBODY, group=NOBODY, extra_groups=[])


def run(*arguments, program="tshark", check=True, given=""):
    """What the program writes, given that on its standard input. Raises where it fails, unless told
    not to check."""
    done = subprocess.run([program, *arguments], input=given.encode(), capture_output=True,
                          timeout=120, **_reader)
    done.stdout = done.stdout.decode("utf-8", "replace")
    done.stderr = done.stderr.decode("utf-8", "replace")
    bug = "-r" in arguments and "Dissector bug" in done.stdout + done.stderr
    bug = bug or "CRITICAL" in done.stderr
    if check and (done.returncode != 0 or bug):
        raise AssertionError(f"{program} {arguments}: {done.returncode}\n{done.stderr}")
    return done


def start(*arguments):
    """A tshark that goes on: a Popen with pipes to its standard input and output."""
    return subprocess.Popen(["tshark", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, **_reader)


def write(name, data):
    """Puts a capture where tshark can read it."""
    path = os.path.join(_folder.name, name)
    with open(path, "wb") as out:
        out.write(data)
    os.chmod(path, 0o644)
    return path


@functools.cache
def _doubles_backslashes():
    """Whether -T fields writes each backslash of a text as two, as later releases do."""
    series = re.search(r"(\d+)\.(\d+)\.", run("--version").stdout)
    return (int(series[1]), int(series[2])) >= (4, 2)


def fields(path, names, *options):
    """One dict for each packet: field -> list of its values."""
    wanted = [part for name in names for part in ("-e", name)]
    text = run("-r", path, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f", *wanted,
               *options).stdout
    if _doubles_backslashes():
        text = text.replace("\\\\", "\\")
    return [{name: value.split("\x1f") if value else []
             for name, value in zip(names, line.split("\t"))} for line in text.splitlines()]


def as_json(path, *options):
    return json.loads(run("-r", path, "-T", "json", *options).stdout)
