"""stream_test.py: live use: reports read from a pipe as they come, and a ring of capture files.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

import tshark
import wsft

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "capture-samples")
RING = ["-f", "udp port 10054 or tcp or icmp or icmp6 or arp or port 53", "-b", "filesize:1000",
        "-b", "files:3"]


def in_namespace(*command):
    return ["unshare", "-n", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh", *command]


def can_capture():
    return os.geteuid() == 0 and shutil.which("dumpcap") and \
        subprocess.run(in_namespace("true"), check=False, capture_output=True).returncode == 0


class Pipe(unittest.TestCase):
    def test_each_failure_at_once_with_its_verdict(self):
        """The line of a failure is there while the capture goes on."""
        with open(os.path.join(SAMPLES, "reset.pcapng"), "rb") as sample:
            capture = sample.read()
        with tshark.start("-r", "-", "-l", "-T", "ek", "-Y", "winsock.failed", "-J",
                          "winsock") as reader:
            limit = threading.Timer(60, reader.kill)
            limit.start()
            reader.stdin.write(capture)
            reader.stdin.flush()
            lines = []
            while not any("layers" in line for line in lines):
                lines.append(json.loads(reader.stdout.readline()))
            self.assertIsNone(reader.poll())  # it waits for more
            reader.stdin.close()
            reader.wait(timeout=60)
            limit.cancel()
        layers = lines[-1]["layers"]["winsock"]
        self.assertEqual(layers["winsock_winsock_verdict"], "1")
        self.assertIn("RST in frame", layers["winsock_winsock_reason"])


@unittest.skipIf(not can_capture(), "skipped: it takes root to capture and to make a network namespace")
class Ring(unittest.TestCase):
    def test_reports_in_a_ring_of_files(self):
        with tempfile.TemporaryDirectory(dir=tshark.folder()) as folder:
            ring = os.path.join(folder, "ring.pcapng")
            done = os.path.join(folder, "listening")
            sender = f"""
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(40):
    s.sendto(bytes.fromhex("{(wsft.header() + wsft.failure(10054)).hex()}"), ("127.0.0.1", 10054))
    time.sleep(0.1)
"""
            script = f"""
                dumpcap -q -i lo -w {ring} "$@" -a duration:4 2>{done} &
                python3 -c '{sender}'
                wait
            """
            subprocess.run(in_namespace("bash", "-c", script, "bash", *RING), check=True,
                           timeout=60, capture_output=True)
            files = sorted(os.listdir(folder))
            rings = [name for name in files if name.startswith("ring_")]
            self.assertEqual(len(rings), 1, files)
            path = os.path.join(folder, rings[0])
            os.chmod(folder, 0o755)
            os.chmod(path, 0o644)
            rows = tshark.fields(path, ["winsock.name"], "-Y", "winsock && !icmp")
        self.assertGreater(len(rows), 0)
        self.assertEqual(rows[0]["winsock.name"], ["WSAECONNRESET"])


if __name__ == "__main__":
    unittest.main()
