#!/usr/bin/env python3
"""measure.py: what the plugin costs, as tables of ratios. Run by tests/bench/run.

    measure.py decode|correlate|growth|modes

Instructions are of the whole process under callgrind, of a long run less a short one. Times are user
times of runs that took turns, on whatever machine this is: only their ratios say anything.
SPDX-License-Identifier: GPL-2.0-or-later
"""
import os
import sys

import facts
import reader

READ = ["-q", "-z", "io,stat,0"]  # -q alone dissects nothing
FLOOR = ["-d", f"udp.port=={facts.PORTS['wsft']},data"]
MILLION = 10 ** 6


def ratio(one, other):
    return f"{one / other:.3f}"


def thousands(value):
    return f"{value:,.0f}"


# Decoding against what carries the same facts

FORMS = {  # name -> format of the capture, whether with the plugin, options
    "floor": ("wsft", False, FLOOR),
    "the plugin": ("wsft", True, []),
    "the plugin, not correlating": ("wsft", True, ["-o", "winsock.correlate:FALSE"]),
    "Lua": ("wsft", False, ["-X", "lua_script:peers/wsft.lua"]),
    "JSON": ("json", False, ["-d", f"udp.port=={facts.PORTS['json']},json"]),
    "syslog": ("syslog", False, []),
    "Protobuf": ("protobuf", False, [
        "-o", 'uat:protobuf_search_paths:"peers","TRUE"',
        "-o", f'uat:protobuf_udp_message_types:"{facts.PORTS["protobuf"]}","Report"']),
}


def over_floor(costs):
    """Rows: the whole cost, what is over the floor, and that as part of each one's."""
    floor, ours = costs["floor"], costs["the plugin"]
    rows = []
    for name, cost in costs.items():
        over = cost - floor
        part = "" if name == "floor" else f"{(ours - floor) / over:.3f}"
        rows.append([name, thousands(cost), thousands(over), part])
    return rows


def decode(tshark):
    captures = {form: tshark.write("facts.py", f"{form}.pcap", form, 3000)
                for form in facts.PORTS}
    for title, options in (("every packet (`-q -z io,stat,0`)", READ),
                           ("summary lines (`tshark -r`)", [])):
        cases = [(captures[form], options + more, plugin)
                 for form, plugin, more in FORMS.values()]
        costs = dict(zip(FORMS, tshark.instructions(cases, 1000, 3000)))
        print(f"Decoding, {title}, instructions a datagram\n")
        reader.table(["", "whole", "over the floor", "the plugin's as part of it"],
                     over_floor(costs))
    decode_times(tshark)


def decode_times(tshark):
    """A million datagrams: Lua and the text formats are left to the counts, for they take minutes."""
    path = tshark.write("facts.py", "million.pcap", "wsft", MILLION)
    names = ["floor", "the plugin", "the plugin, not correlating"]
    taken = tshark.taken([(path, READ + FORMS[name][2], FORMS[name][1]) for name in names], 3)
    os.remove(path)
    print("A million datagrams, `-q -z io,stat,0`: user time over the floor\n")
    floor, ours = taken[0], taken[1]
    reader.table(["", "times the floor", "the plugin's over the floor as part of it", "peak MB"],
                 [[name, ratio(t.user, floor.user),
                   "" if t is floor else ratio(ours.user - floor.user, t.user - floor.user),
                   thousands(t.peak / MILLION)] for name, t in zip(names, taken)])


# Correlation beside other traffic

def correlate(tshark):
    rows = []
    for length in (50, 10, 6):
        for percent in (0, 1):
            packets, reports = MILLION, MILLION // 100 * percent
            path = tshark.write("trace.py", "trace.pcap", packets, packets // length, reports)
            cases = [(path, READ + (FLOOR if percent else []), False), (path, READ, True)]
            without, with_it = tshark.instructions(cases, 10000, 30000)
            less, more = tshark.taken(cases, 3)
            os.remove(path)
            rows.append([f"{length} packets, {percent} % reports", thousands(without),
                         ratio(with_it, without), ratio(more.user, less.user),
                         thousands(less.peak / MILLION), ratio(more.peak, less.peak)])
    print("A million TCP packets, with the plugin against without\n")
    reader.table(["connections of", "instructions a packet without", "instructions", "user time",
                  "peak MB without", "peak memory"], rows)


# Growth

def growth(tshark):
    rows = []
    for packets, connections in [(10 ** n, 10 ** n // 50) for n in range(4, 8)] \
            + [(6 * 10 ** n, 10 ** n) for n in range(3, 7)]:
        path = tshark.write("trace.py", "growth.pcap", packets, connections, connections // 100)
        first = (path, [*READ, "-c", "100"])
        cases = [first + (False,), first + (True,), (path, READ + FLOOR, False), (path, READ, True)]
        # The smallest take less than starting does, beside whose noise many rounds are needed.
        rounds = (61 if packets <= 10000 else 15 if packets < MILLION
                  else 3 if packets < 5 * MILLION else 1)
        start, start_with, without, with_it = tshark.taken(cases, rounds)
        os.remove(path)
        costs = [(without.user - start.user) / packets, (with_it.user - start_with.user) / packets]
        rows.append([thousands(packets), thousands(connections), f"{costs[0] * 1e6:.2f}",
                     f"{costs[1] * 1e6:.2f}", ratio(costs[1], costs[0]),
                     ratio(with_it.peak, without.peak)])
    print("Growth: user time a packet, start-up subtracted, 1 % of the connections reported\n")
    reader.table(["packets", "connections", "us without", "us with", "time", "peak memory"], rows)


# Ways of reading

MATE = """Pdu tcp_pdu Proto tcp Transport ip {
    Extract addr From ip.addr;
    Extract port From tcp.port;
    Extract start From tcp.flags.syn;
    Extract stop From tcp.flags.reset;
};
Gop tcp_session On tcp_pdu Match (addr, addr, port, port) {
    Start (start=1);
    Stop (stop=1);
};
Done;
"""


def modes(tshark):
    path = tshark.write("trace.py", "modes.pcap", 50000, 1000, 500)
    ways = {"first pass": READ, "two passes (`-2`)": ["-2", *READ], "summary lines": [],
            "a filter (`-Y`)": ["-Y", "udp.dstport == 10054"], "`-V`": ["-V"],
            "`-T fields`": ["-T", "fields", "-e", "frame.number", "-e", "ip.src"],
            "`-T ek`": ["-T", "ek"]}
    cases = [(path, more + options, plugin) for options in ways.values()
             for plugin, more in ((False, FLOOR), (True, []))]
    with open(tshark.path("tcp.mate"), "w", encoding="ascii") as config:
        config.write(MATE)
    os.chmod(tshark.path("tcp.mate"), 0o644)
    others = {"TRANSUM": ["--enable-protocol", "transum"], "MATE": ["-o", "mate.config:tcp.mate"]}
    cases += [(path, READ + FLOOR + options, False) for options in others.values()]
    costs = tshark.instructions(cases, 1000, 4000)
    rows = [[way, thousands(costs[2 * i]), ratio(costs[2 * i + 1], costs[2 * i])]
            for i, way in enumerate(ways)]
    rows += [[f"first pass, {name} instead of the plugin", thousands(costs[0]),
              ratio(cost, costs[0])] for name, cost in zip(others, costs[-len(others):])]
    print("TCP with 1 % of reports: instructions a packet, with the plugin against without\n")
    reader.table(["", "without", "with"], rows)


SECTIONS = {"decode": decode, "correlate": correlate, "growth": growth, "modes": modes}


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SECTIONS:
        sys.exit(__doc__)
    SECTIONS[sys.argv[1]](reader.Reader())
