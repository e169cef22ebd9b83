"""counted.py file: runs the tests of one file; writes "passed failed skipped" to descriptor 3.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import sys
import unittest

path = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.path.dirname(path))
suite = unittest.defaultTestLoader.loadTestsFromName(os.path.basename(path)[:-3])
result = unittest.TextTestRunner(verbosity=2).run(suite)
bad = {str(test).split(" (", 1)[0] for test, _ in result.failures + result.errors}
failed = len(bad)
with os.fdopen(3, "w") as counts:
    print(result.testsRun - failed - len(result.skipped), failed, len(result.skipped), file=counts)
