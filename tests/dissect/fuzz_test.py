"""fuzz_test.py: replays what the fuzzers once found, and lets them search for a minute.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import subprocess
import unittest

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "run")
CANNOT = 77


class Fuzz(unittest.TestCase):
    def search(self, seconds, fuzzer):
        done = subprocess.run([RUN, str(seconds), fuzzer], capture_output=True, text=True,
                              errors="replace")
        if done.returncode == CANNOT:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Done", done.stdout)

    def test_dissector(self):
        self.search(40, "dissect_fuzz")

    def test_encoder(self):
        self.search(20, "encode_fuzz")


if __name__ == "__main__":
    unittest.main()
