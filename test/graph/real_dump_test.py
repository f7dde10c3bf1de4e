#!/usr/bin/python3
"""The engine on real dumps, ours and ObjectSpace's, of one process with more than 20,000 objects.

Every immediate dominator is networkx's, every retained size the sum over networkx's tree, and for random objects what is lost
when they are taken away. Paths are followed in the lines of the dump themselves; totals are those of jq.

PRINT_GRAPH, HEAP_DUMP_TOOL: other programs than those of `make`. SEED: other random objects.
"""
import collections
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import networkx

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
PRINT = os.environ.get("PRINT_GRAPH") or os.path.join(ROOT, "build/test/graph/print_graph")
TOOL = os.environ.get("HEAP_DUMP_TOOL") or os.path.join(ROOT, "build/heap_dump")
RANDOM = random.Random(int(os.environ.get("SEED", "1")))
SCRIPT = """
require "heap_dump"; require "objspace"; require "json"; require "optparse"; require "set"; require "net/http"
require "erb"; require "logger"; require "csv" rescue nil
Item = Struct.new(:name, :tags)
$items = Array.new(3000) { |i| Item.new("item number #{i}, too long to be embedded", [i.to_s, {number: i}]) }
$list = nil
2000.times { $list = [$list, Object.new] }
HeapDump.dump("ours.json")
File.open("theirs.json", "w") { |file| ObjectSpace.dump_all(output: file) }
"""


class Dump:
    """What print_graph says of a dump."""

    def __init__(self, path):
        self.path = path
        self.size, self.edges, self.parent, self.retained = {0: 0}, [], {}, {}
        text = subprocess.run([PRINT, "-d", path], check=True, capture_output=True).stdout.decode("utf-8", "replace")
        for line in text.split("\n"):
            fields = line.split("\t")
            if fields[0] == "node":
                self.size[int(fields[1])] = int(fields[3])
            elif fields[0] == "edge" and fields[3] == "0":
                self.edges.append((int(fields[1]), int(fields[2])))
            elif fields[0] == "dominator":
                self.parent[int(fields[1])] = int(fields[2])
                self.retained[int(fields[1])] = int(fields[3])
        self.out = collections.defaultdict(list)
        for start, to in self.edges:
            self.out[start].append(to)

    def reached(self, without=None):
        seen, stack = {0}, [0]
        while stack:
            for to in self.out.get(stack.pop(), ()):
                if to not in seen and to != without:
                    seen.add(to)
                    stack.append(to)
        return seen


def expect(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def tool(*words):
    return json.loads(subprocess.run([TOOL, *map(str, words), "--json", "--no-index"], check=True,
                                     capture_output=True).stdout)


def jq(program, path, ours):
    strip = r"s/^[,\[]//;/^\]$/d" if ours else ""
    lines = subprocess.run(["sed", strip, path], check=True, capture_output=True, env={"LC_ALL": "C"}).stdout
    out = subprocess.run(["jq", "-n", program], input=lines, check=True, capture_output=True).stdout
    return json.loads(out)


def check_dominators(dump):
    graph = networkx.DiGraph()
    graph.add_node(0)
    graph.add_edges_from(dump.edges)
    wanted = networkx.immediate_dominators(graph, 0)
    wanted.pop(0)  # itself, or nothing: versions differ
    expect("objects that are reached", len(dump.parent), len(wanted))
    assert len(wanted) > 20000, len(wanted)
    for node, parent in wanted.items():
        expect(f"dominator of {node}", dump.parent.get(node), parent)
    tree = networkx.DiGraph((parent, node) for node, parent in wanted.items())
    sums = dict(dump.size)
    for node in networkx.dfs_postorder_nodes(tree, 0):
        if node:
            sums[wanted[node]] += sums[node]
    for node in wanted:
        expect(f"retained size of {node}", dump.retained[node], sums[node])


def check_removal(dump):
    everything = dump.reached()
    big = sorted(dump.retained, key=dump.retained.get)[-30:]
    for node in RANDOM.sample(sorted(dump.retained), 170) + big:
        lost = everything - dump.reached(without=node)
        expect(f"what goes with {node}", dump.retained[node], sum(dump.size[one] for one in lost))


def lines_by_id(path, ours):
    """The lines as text, those that continue one put to it; 0: the roots."""
    found = collections.defaultdict(str)
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r'[,\[]\{"id":"?(\d+)', line) if ours else re.match(r'\{"address":"(0x[0-9a-f]+)"', line)
            root = line.startswith((',{"id":"_ROOTS_', '{"type":"ROOT"'))
            if match or root:
                found[0 if root else int(match[1], 10 if ours else 16)] += line[match.end() if match else 0:]
    return found


def check_paths(dump, ours):
    lines = lines_by_id(dump.path, ours)
    for node in RANDOM.sample(sorted(dump.retained), 60):
        steps = tool("path", dump.path, node)["paths"][0]
        expect("end of the path", steps[-1]["id"], node)
        at = 0
        for step in steps:
            said = str(step["id"]) if ours else hex(step["id"])
            assert re.search(rf"(?<![0-9a-fx]){said}(?![0-9a-f])", lines[at]), f"{at} does not refer to {said}"
            at = step["id"]


def check_totals(dump, ours):
    if ours:
        program = ('reduce (inputs | select(.bt)) as $o ({}; .[$o.bt].count += 1 | .[$o.bt].size += ($o.size // 0))')
    else:
        program = ('reduce (inputs | select(.address and .type != "NONE" and .type != "ROOT")) as $o ({};'
                   ' .["T_" + $o.type].count += 1 | .["T_" + $o.type].size += ($o.memsize // 0))')
    wanted = jq(program, dump.path, ours)
    top = tool("top", dump.path, "--by", "type", "--limit", 0)
    rows = next(value for value in top.values() if isinstance(value, list) and value and isinstance(value[0], dict))
    name = next(key for key in ("type", "name", "group", "class") if key in rows[0])
    expect("rows of top", {row[name]: {"count": row["count"], "size": row["size"]} for row in rows}, wanted)
    summary = tool("summary", dump.path)
    total = {"objects": sum(row["count"] for row in wanted.values()), "size": sum(row["size"] for row in wanted.values())}
    text = json.dumps(summary)
    for number in total.values():
        assert re.search(rf"\b{number}\b", text), f"summary does not say {number}"


def main():
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="heap_dump-real") as folder:
        libraries = os.environ.get("RUBYLIB") or ":".join(os.path.join(ROOT, one) for one in ("lib", "build/ext"))
        subprocess.run(["ruby", "-e", SCRIPT], check=True, cwd=folder, env={**os.environ, "RUBYLIB": libraries})
        for name, ours in (("ours.json", True), ("theirs.json", False)):
            dump = Dump(os.path.join(folder, name))
            for what, check in (("dominators", lambda: check_dominators(dump)), ("removal", lambda: check_removal(dump)),
                                ("paths", lambda: check_paths(dump, ours)), ("totals", lambda: check_totals(dump, ours))):
                try:
                    check()
                    passed += 1
                except (AssertionError, subprocess.CalledProcessError, KeyError) as error:
                    failed += 1
                    print(f"FAILED {what} of {name} ({len(dump.size)} objects): {error!r}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
