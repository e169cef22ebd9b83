"""fields_test.py: fields/FIELDS.md says what the plugin has.

SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import unittest

import fields_doc

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class Fields(unittest.TestCase):
    maxDiff = None

    def test_the_document_is_the_plugins(self):
        with open(os.path.join(ROOT, "fields", "FIELDS.md"), encoding="utf-8") as document:
            self.assertEqual(document.read(), fields_doc.document())


if __name__ == "__main__":
    unittest.main()
