"""windows_test.py: the emitter's promises on Windows, run by Wine, and what its objects call.

SPDX-License-Identifier: MIT
"""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
COMPILER = "x86_64-w64-mingw32-gcc"
WINE = "/usr/lib/wine/wine64"
FLAGS = ["-std=c11", "-O2", "-D_WIN32_WINNT=0x0600", "-I", ROOT, "-I", os.path.join(ROOT, "emitter")]
SOURCES = [path for path in glob.glob(os.path.join(ROOT, "emitter", "*.c"))
           if os.path.basename(path) not in ("platform_posix.c", "wsft-send.c")]


def missing():
    """Why this machine cannot run the test, or None."""
    if not shutil.which(COMPILER) or not os.path.exists(WINE):
        return "it takes MinGW-w64 and Wine"
    return None


@unittest.skipIf(missing(), f"skipped: {missing()}")
class Windows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="winsock-emitter-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.build("-c", *SOURCES)
        cls.objects = glob.glob(os.path.join(cls.folder, "*.o"))

    @classmethod
    def build(cls, *options):
        subprocess.run([COMPILER, *FLAGS, *options], cwd=cls.folder, check=True)

    def run_by_wine(self, *command):
        environment = dict(os.environ, WINEPREFIX=os.path.join(self.folder, "wine"),
                           WINEDEBUG="-all", WINEDLLOVERRIDES="mscoree,mshtml=", LC_ALL="C.UTF-8")
        # A program that comes while Wine still fills a new prefix may not find its libraries.
        subprocess.run([WINE, "wineboot", "--init"], env=environment, timeout=300, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        output = os.path.join(self.folder, "output")  # a pipe would stay open with Wine's services
        with open(output, "w", encoding="utf-8") as out:
            code = subprocess.run([WINE, *command], cwd=self.folder, env=environment, timeout=300,
                                  check=False, stdout=out, stderr=subprocess.DEVNULL).returncode
        subprocess.run(["/usr/lib/wine/wineserver", "-k"], env=environment, check=False)
        with open(output, encoding="utf-8") as text:
            return code, text.read()

    def test_promises(self):
        with open(os.path.join(HERE, "windows.c"), encoding="utf-8") as text:
            wrapped = re.findall(r"^WRAP\(\w+, (\w+),", text.read(), re.M)
        self.build(os.path.join(HERE, "windows.c"), *self.objects, "-lws2_32",
                   *(f"-Wl,--wrap=__imp_{name}" for name in wrapped), "-o", "promises.exe")
        self.build("-shared", "-Wl,--export-all-symbols", *self.objects, "-lws2_32",
                   "-o", "emitter.dll")
        code, text = self.run_by_wine("promises.exe", "emitter.dll")
        print(text)
        lines = text.split("\n")
        self.assertEqual([line for line in lines if line.startswith("FAIL")], [])
        self.assertEqual(code, 0)
        self.assertEqual(lines[-2:], ["ok the end", ""])

    def test_arguments_are_utf8(self):
        self.build("-municode", os.path.join(ROOT, "emitter", "wsft-send.c"), *self.objects,
                   "-lws2_32", "-o", "wsft-send.exe")
        message = "größer: 1 €"
        code, text = self.run_by_wine("wsft-send.exe", "--hex", "--message", message)
        self.assertEqual(code, 0)
        self.assertIn(message.encode().hex(), text)

    def test_no_call_allocates(self):
        self.assertEqual(len(self.objects), len(SOURCES))
        names = subprocess.run(["x86_64-w64-mingw32-nm", "-u", *self.objects], capture_output=True,
                               text=True, check=True).stdout
        self.assertIn("sendto", names)
        self.assertNotRegex(names, r"[mc]alloc|\w+Alloc|strdup|_beginthread|Tls\w+")


if __name__ == "__main__":
    unittest.main()
