"""live_test.py: a real Windows program, run by Wine, captured on a loopback of its own, decoded.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import glob
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import tshark

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
COMPILER = "x86_64-w64-mingw32-gcc"
WINE = "/usr/lib/wine/wine64"


def missing():
    """Why this machine cannot run the test, or None."""
    if os.geteuid() != 0:
        return "it takes root to capture and to make a network namespace"
    if not shutil.which(COMPILER) or not os.path.exists(WINE):
        return "it takes MinGW-w64 and Wine"
    if subprocess.run(["unshare", "-n", "ip", "link", "set", "lo", "up"], check=False,
                      capture_output=True).returncode != 0:
        return "no network namespace can be made here"
    return None


@unittest.skipIf(missing(), f"skipped: {missing()}")
class Live(unittest.TestCase):
    def build(self, program):
        sources = [path for path in glob.glob(os.path.join(ROOT, "emitter", "*.c"))
                   if os.path.basename(path) not in ("platform_posix.c", "wsft-send.c")]
        subprocess.run([COMPILER, "-std=c11", "-D_WIN32_WINNT=0x0600", "-I",
                        os.path.join(ROOT, "emitter"), "-I", ROOT,
                        os.path.join(ROOT, "tests", "dissect", "live.c"), *sources, "-lws2_32",
                        "-o", program], check=True)

    def capture(self, folder, program, out):
        """Captures on the loopback of a namespace made for this, while the program runs."""
        script = f"""
            ip link set lo up
            {WINE} wineboot --init >/dev/null
            dumpcap -q -i lo -P -w {out} 2>{folder}/dumpcap.log & capture=$!
            for i in $(seq 100); do [ -s {out} ] && break; sleep 0.1; done
            {WINE} {program} >{folder}/output
            sleep 0.5
            kill -INT $capture
            wait $capture
            /usr/lib/wine/wineserver -k 2>/dev/null || true
        """
        environment = dict(os.environ, WINEPREFIX=os.path.join(folder, "wine"), WINEDEBUG="-all",
                           WSFT_COLLECTOR="127.0.0.1")
        subprocess.run(["unshare", "-n", "bash", "-c", script], check=False, env=environment,
                       timeout=300, stderr=subprocess.DEVNULL)
        with open(os.path.join(folder, "output"), encoding="utf-8") as text:
            return text.read().split()

    def test_a_refused_connect(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "shop.exe")
            raw = os.path.join(folder, "live.pcap")
            self.build(program)
            before = time.time()
            self.assertEqual(self.capture(folder, program, raw), ["-1", "10061"])
            with open(raw, "rb") as capture:
                path = tshark.write("live.pcap", capture.read())
        names = ["winsock.name", "winsock.process.name", "winsock.operation", "winsock.platform",
                 "winsock.remote.port", "winsock.remote.ip", "winsock.verdict", "winsock.local.port",
                 "winsock.time", "frame.time_epoch"]
        failures = tshark.fields(path, names, "-Y", "winsock && !icmp")
        self.assertEqual(len(failures), 1)
        got = {name: values[0] for name, values in failures[0].items()}
        self.assertEqual([got[name] for name in names[:7]],
                         ["WSAECONNREFUSED", "shop.exe", "5", "2", "4443", "127.0.0.1", "1"])
        self.assertGreater(float(got["frame.time_epoch"]), before - 1)
        resets = tshark.fields(path, ["tcp.dstport"], "-Y", "tcp.flags.reset == 1 && tcp.srcport == 4443")
        self.assertEqual([r["tcp.dstport"] for r in resets], [[got["winsock.local.port"]]])


if __name__ == "__main__":
    unittest.main()
