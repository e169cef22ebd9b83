"""fields_doc.py: writes fields/FIELDS.md from the plugin itself.

    WINSOCK_PLUGINS=build/release/plugins python3 tests/dissect/fields_doc.py > fields/FIELDS.md

SPDX-License-Identifier: GPL-2.0-or-later
"""
import tshark

INTRODUCTION = """# Display filter fields

Written from the plugin by `tests/dissect/fields_doc.py`; a test compares the two.

The protocol is `winsock`. A value with names is filtered by name or number
(`winsock.error == WSAECONNRESET` or `winsock.error == 10054`), in quotes where Wireshark has another
use for the name (`winsock.category == "qos"`, `winsock.space == "Reference listing"`). What the tree
shows in [brackets] is worked out by the plugin and not carried in the datagram. `winsock.error` is
absent where no Winsock code is known, so that no number is taken for another's.
"""
TYPES = {"FT_NONE": "label", "FT_STRING": "string", "FT_BOOLEAN": "boolean", "FT_BYTES": "bytes",
         "FT_ABSOLUTE_TIME": "date and time", "FT_RELATIVE_TIME": "time offset",
         "FT_IPv4": "IPv4 address", "FT_IPv6": "IPv6 address", "FT_FRAMENUM": "frame number"}


def type_name(field_type):
    if field_type.startswith("FT_UINT"):
        return f"unsigned, {int(field_type[7:]) // 8} byte{'s' * (field_type != 'FT_UINT8')}"
    return TYPES[field_type]


def document():
    rows = [line.split("\t") for line in tshark.run("-G", "fields").stdout.splitlines()]
    fields = [row for row in rows if row[0] == "F" and row[4] == "winsock"]
    text = INTRODUCTION
    for heading, chosen in (("Fields", lambda row: row[3] != "FT_NONE" or row[7]),
                            ("Expert items", lambda row: row[3] == "FT_NONE" and not row[7])):
        text += f"\n## {heading}\n\n| filter | type | label | meaning |\n|---|---|---|---|\n"
        for row in sorted(filter(chosen, fields), key=lambda row: row[2]):
            text += f"| `{row[2]}` | {type_name(row[3])} | {row[1]} | {row[7]} |\n"
    return text


if __name__ == "__main__":
    print(document(), end="")
