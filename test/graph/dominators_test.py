#!/usr/bin/python3
"""Dominators, retained sizes, paths and referrers against slow and plain implementations, and networkx.

Thousands of small random graphs go through one process of the driver (dominators_driver.c); every number it prints is
computed again here, mostly by removing a node and looking at what is still reached. Then big graphs of known shape.

DOMINATORS_DRIVER: the driver, if not build/test/graph/dominators_driver. SEED, GRAPHS: for longer runs.
"""
import collections
import heapq
import json
import os
import random
import subprocess
import sys

import networkx

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
DRIVER = os.environ.get("DOMINATORS_DRIVER") or os.path.join(ROOT, "build/test/graph/dominators_driver")
SEED = int(os.environ.get("SEED", "1"))
GRAPHS = int(os.environ.get("GRAPHS", "3000"))
OBJECT, CLASS, MODULE, ICLASS, ARRAY, IMEMO = 1, 2, 3, 4, 8, 18  # enum hd_bt
NAMES = ("val", "class", "static_data", "iseq", "ivs")  # the driver's
TELLING, DULL, ANONYMOUS, CODE = range(4)  # enum hd_path_kind

Edge = collections.namedtuple("Edge", "start to name weak")


class Graph:
    def __init__(self, rng, count, edges, kinds=False):
        """`kinds`: names mean something, and there is code, so that some paths tell more than others."""
        self.kinds = kinds
        self.count = count
        self.edges = sorted(edges, key=lambda edge: edge.start)  # stable: the order within a node stays
        self.size = [0] + [rng.choice((40, 40, 80, 160, 1 << 33, rng.randrange(100000))) for _ in range(count - 1)]
        types = (OBJECT, OBJECT, OBJECT, CLASS, ARRAY, IMEMO) if kinds else (OBJECT, OBJECT, OBJECT, CLASS, MODULE, ICLASS)
        self.type = [0] + [rng.choice(types) for _ in range(count - 1)]
        self.cls = [-1] + [rng.choice((-1, rng.randrange(1, count), 1)) for _ in range(count - 1)] if count > 1 else [-1]
        self.group = [rng.randrange(-1, min(count, 4)) for _ in range(count)]
        share = rng.choice((0.1, 0.3, 0.8))
        self.member = [0] + [int(rng.random() < share) for _ in range(count - 1)]
        self.target = rng.randrange(count)
        self.limit = rng.choice((0, 1, 3, 1000))
        self.out = [[] for _ in range(count)]
        for index, edge in enumerate(self.edges):
            self.out[edge.start].append((index, edge))
        self.strong = [[edge.to for _, edge in out if not edge.weak] for out in self.out]

    def text(self):
        lines = [f"{self.count} {len(self.edges)} {self.limit} {self.target} {int(self.kinds)}"]
        lines += [" ".join(map(str, row)) for row in zip(self.size, self.type, self.cls, self.group, self.member)]
        lines += [" ".join(map(str, (e.start, e.to, e.name, int(e.weak)))) for e in self.edges]
        return "\n".join(lines) + "\n"

    def reached(self, without=()):
        """The set of nodes that strong edges lead to from the root, none of them in `without`."""
        if 0 in without:
            return set()
        seen, stack = {0}, [0]
        while stack:
            for to in self.strong[stack.pop()]:
                if to not in seen and to not in without:
                    seen.add(to)
                    stack.append(to)
        return seen

    def distances(self, avoid=None):
        distance, queue = {0: 0}, collections.deque([0])
        while queue:
            node = queue.popleft()
            if node == avoid:
                continue
            for _, edge in self.out[node]:
                if not edge.weak and edge.to not in distance:
                    distance[edge.to] = distance[node] + 1
                    queue.append(edge.to)
        return distance

    def distances_by_weak(self, avoid):
        """The same where strong edges do not lead: steps to where the first weak one leaves what they reach, and on from there."""
        distance, queue = self.distances(), []
        for node, steps in distance.items():
            queue += [(steps + 1, edge.to) for _, edge in self.out[node] if edge.to not in distance]
        heapq.heapify(queue)
        while queue:
            steps, node = heapq.heappop(queue)
            if node in distance or node == avoid:
                continue
            distance[node] = steps
            for _, edge in self.out[node]:
                heapq.heappush(queue, (steps + 1, edge.to))
        return distance

    def bytes(self, nodes):
        return sum(self.size[node] for node in nodes)


def random_graph(rng, kinds=False):
    count = rng.choice((1, 2, 3, 5, 8, 12, 20, 30))
    density = rng.choice((0.5, 1, 1.3, 2, 4))
    weak = rng.choice((0, 0, 0.1, 0.5))
    names = 5 if kinds else rng.choice((1, 2, 5))
    local = rng.random() < 0.4  # mostly to near nodes: deep trees with jumps back and across
    edges = []

    def add(start, to):
        edges.append(Edge(start, to, rng.randrange(names), rng.random() < weak))

    for _ in range(rng.randrange(1, 4)):
        add(0, rng.randrange(count))
    for _ in range(int(count * density)):
        start = rng.randrange(count)
        to = (start + rng.choice((-3, -1, 0, 1, 1, 1, 2, 4))) % count if local else rng.randrange(count)
        for _ in range(rng.choice((1, 1, 1, 2))):
            add(start, to)
    hub = rng.randrange(count)
    if kinds:  # who refers to it is reached through it and, later, otherwise
        add(0, hub)
        for _ in range(count // 2):
            add(rng.randrange(1, count) if count > 1 else 0, hub)
            add(hub, rng.randrange(count))
    rng.shuffle(edges)
    graph = Graph(rng, count, edges, kinds)
    if kinds:
        graph.target, graph.limit = hub, rng.choice((1, 3, 1000, 1000))
    return graph


def deep_graph(rng, count):
    """A long chain with values held by a second holder, jumps forth and back: what makes simple algorithms quadratic."""
    edges = [Edge(0, 1, 0, False)]
    half = count // 2
    edges += [Edge(node, node + 1, 0, False) for node in range(1, half)]
    for node in range(half + 1, count):
        edges.append(Edge(node - half, node, 1, False))
        edges.append(Edge(rng.choice((1, rng.randrange(1, count))), node, 2, rng.random() < 0.1))
    edges += [Edge(rng.randrange(1, count), rng.randrange(1, count), 3, False) for _ in range(count // rng.choice((4, 400)))]
    return Graph(rng, count, edges)


def expect(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: got {got}, wanted {wanted}")


def check_networkx(graph, answer):
    g = networkx.DiGraph()
    g.add_node(0)
    g.add_edges_from((node, to) for node in range(graph.count) for to in graph.strong[node])
    wanted = networkx.immediate_dominators(g, 0)
    expect("parent", answer["parent"],
           [-1 if node == 0 else wanted.get(node, -1) for node in range(graph.count)])


def check_tree(graph, answer):
    """The lists of children are what the parents and retained sizes say."""
    start, parent, retained = answer["child_start"], answer["parent"], answer["retained"]
    lists = [[] for _ in range(graph.count)]
    for node, up in enumerate(parent):
        if up >= 0:
            lists[up].append(node)
    for node in range(graph.count):
        wanted = sorted(lists[node], key=lambda child: (-retained[child], child))
        expect(f"children of {node}", answer["child"][start[node]:start[node + 1]], wanted)
    expect("child_start ends", (start[0], start[-1]), (0, answer["reachable"] - 1))


def check_retained(graph, answer):
    reached = graph.reached()
    expect("reachable", (answer["reachable"], answer["size"]), (len(reached), graph.bytes(reached)))
    # Each node, and what goes when it is removed: itself and what it dominates.
    gone = [reached - graph.reached({node}) if node in reached else set() for node in range(graph.count)]
    expect("retained", answer["retained"], [graph.bytes(lost) for lost in gone])
    for node in reached - {0}:
        expect(f"dominators of {node}", answer["parent"][node] in reached and node in gone[answer["parent"][node]], True)

    def lower_bound(members):
        top = [m for m in members if not any(other != m and m in gone[other] for other in members)]
        return sum(answer["retained"][m] for m in top)

    members = {node for node in range(graph.count) if graph.member[node]}
    expect("retained by set", answer["exact"], graph.bytes(reached - graph.reached(members)))
    expect("retained by set, with others", (answer["exact_both"], answer["exact_alone"]), (answer["exact"],) * 2)
    expect("lower bound for set", answer["lower"], lower_bound(members & reached))
    for group in range(graph.count):
        nodes = {node for node in range(graph.count) if graph.group[node] == group}
        wanted = [len(nodes), graph.bytes(nodes), len(nodes - reached), lower_bound(nodes & reached)]
        expect(f"group {group}", answer["groups"][group], wanted)
        expect(f"retained by group {group}", answer["exact_groups"][group], graph.bytes(reached - graph.reached(nodes)))
        if answer["exact_groups"][group] < wanted[3]:
            raise AssertionError("the lower bound is above the exact size")


def verify_path(graph, steps, target, weak):
    """Edge by edge from the root to the target, no node twice. The nodes."""
    at, seen = 0, [0]
    for index, node in steps:
        edge = graph.edges[index]
        expect("an edge of the path", (edge.start, edge.to, edge.weak and not weak), (at, node, False))
        at = node
        seen.append(node)
    expect("end of the path", at, target)
    expect("nodes of the path, each once", len(set(seen)), len(seen))
    return seen


def check_paths(graph, answer):
    distance = graph.distances()
    expect("nodes with a path", sorted(answer["order"]), sorted(distance))
    hops = [distance[node] for node in answer["order"]]
    expect("order by distance", hops, sorted(hops))
    for node in distance.keys() - {0}:
        edge, parent = graph.edges[answer["bfs_edge"][node]], answer["bfs_parent"][node]
        expect("search tree", (edge.start, edge.to, edge.weak, distance[parent]),
               (parent, node, False, distance[node] - 1))
    target = graph.target
    if target in distance:
        verify_path(graph, answer["path"], target, False)
    expect("length of the path", len(answer["path"]), distance.get(target, 0))
    for weak in (False, True):
        check_all_paths(graph, answer["all1" if weak else "all0"], weak)
    check_weak_paths(graph, answer)
    if graph.target in distance:
        expect("paths by weak references where there are others", answer["all1"], answer["all0"])
    if answer["all0"]:
        expect("the first path", [node for _, node in answer["all0"][0]], [node for _, node in answer["path"]])


def check_weak_paths(graph, answer):
    """To the members that no strong edges lead to, as one tree."""
    strong, distance = graph.distances(), graph.distances_by_weak(None)
    wanted = {node for node in distance if node not in strong and graph.member[node]}
    tree, hops, parents = answer["weak"], {0: 0}, {}
    expect("members that weak edges lead to", {node for _, node, _, end in tree if end}, wanted)
    expect("nodes of the tree, each once", len({node for _, node, *_ in tree}), len(tree))
    needed = set()
    for place, (index, node, start, _) in enumerate(tree):
        if place == 0:
            expect("the root of the tree", (index, node, start), (0, 0, 0))
            continue
        edge = graph.edges[index]
        expect("a step of the tree", (edge.start, edge.to, start < place), (tree[start][1], node, True))
        parents[node] = edge.start
        hops[node] = hops[edge.start] + 1
        if node in strong:
            expect("what is kept alive is on its shortest path", edge.start, answer["bfs_parent"][node])
    for node in wanted:
        expect("length of a path by weak edges", hops[node], distance[node])
        while node:
            needed.add(node)
            node = parents[node]
    expect("no steps but to members", set(parents), needed)
    expect("parents of the tree", {n: p for n, p in enumerate(answer["weak_parent"]) if p >= 0}, parents)


def check_all_paths(graph, paths, weak):
    target = graph.target
    weak = weak and target not in graph.distances()
    distance = graph.distances_by_weak(target) if weak else graph.distances(avoid=target)
    referrers = {edge.start for edge in graph.edges
                 if edge.to == target and edge.start != target and edge.start in distance and (weak or not edge.weak)}
    if target == 0 or not (weak or target in graph.distances()):
        referrers = set()
    wanted = sorted(distance[referrer] + 1 for referrer in referrers)[:graph.limit]
    expect("lengths of all paths", [len(path) for path in paths], wanted)
    last = [verify_path(graph, path, target, weak)[-2] for path in paths]
    expect("last referrers, each once", len(set(last)), len(last))


def step_kind(graph, edge):
    if edge.start == 0:
        return ANONYMOUS if NAMES[edge.name] == "static_data" else TELLING
    if graph.type[edge.start] == IMEMO:
        return CODE
    hidden = graph.type[edge.start] == ARRAY and graph.cls[edge.start] < 0
    return DULL if hidden or NAMES[edge.name] == "class" else TELLING


def best_detours(graph, outside):
    """Kind and length of the best way to each node, on from those `outside` of which they are known, none of it through the target."""
    best, queue = dict(outside), []
    for node, (kind, steps) in outside.items():
        queue += [(max(kind, step_kind(graph, edge)), steps + 1, edge.to) for _, edge in graph.out[node] if not edge.weak]
    heapq.heapify(queue)
    while queue:
        kind, steps, node = heapq.heappop(queue)
        if node in best or node == graph.target:
            continue
        best[node] = (kind, steps)
        for _, edge in graph.out[node]:
            if not edge.weak:
                heapq.heappush(queue, (max(kind, step_kind(graph, edge)), steps + 1, edge.to))
    return best


def check_kinds(graph, answer):
    """Of all paths to the target: the shortest ones where these do not pass it, else the best others, and these in order."""
    target, parent = graph.target, answer["bfs_parent"]
    measured, below = {0: (TELLING, 0)}, {target}
    for node in answer["order"][1:]:
        if node == target or parent[node] in below:
            below.add(node)
        else:
            kind, steps = measured[parent[node]]
            measured[node] = (max(kind, step_kind(graph, graph.edges[answer["bfs_edge"][node]])), steps + 1)
    best = best_detours(graph, measured)
    paths = answer["all0"]
    if target == 0 or parent[target] < 0:
        return expect("paths to what has none", paths, [])
    verify_path(graph, answer["path"], target, False)
    referrers, last, before = {edge.start for edge in graph.edges if edge.to == target and not edge.weak}, [], None
    for path in paths:
        nodes = verify_path(graph, path, target, False)
        steps = path[:-1]
        kind = max([step_kind(graph, graph.edges[edge]) for edge, _ in steps], default=TELLING)
        found, wanted = (kind, len(steps)), best[nodes[-2]]
        if nodes[-2] in below:
            expect("kind of a detour", found[0], wanted[0])
            expect("a detour is as short as can be", found[1] >= wanted[1] and (found[1] == wanted[1] or kind > TELLING), True)
            expect("detours in order", before is None or before <= found, True)
            before = found
        else:
            expect("a shortest path", found, wanted if kind == TELLING else measured[nodes[-2]])
        last.append(nodes[-2])
    expect("each by another", len(set(last)), len(last))
    expect("how many", len(last), min(graph.limit, len({node for node in referrers if node in best and node != target})))
    if last:
        expect("the first one", [node for _, node in paths[0]], [node for _, node in answer["path"]])


def check_merged(graph, answer):
    """The merged tree as nested values, made here by another way: each member's path is walked for itself."""
    def kind(node):
        return ("class", node) if graph.type[node] in (CLASS, MODULE, ICLASS) else (graph.type[node], graph.cls[node])

    def walk(node):
        """Keys from the root to the node, runs folded."""
        nodes = []
        while node:
            nodes.append(node)
            node = answer["bfs_parent"][node]
        keys = []
        for node in reversed(nodes):
            key = (graph.edges[answer["bfs_edge"][node]].name, kind(node))
            if not keys or keys[-1] != key:
                keys.append(key)
            yield node, tuple(keys)

    nodes, ends = collections.defaultdict(set), collections.Counter()
    members, size = collections.Counter(), collections.Counter()
    for member in answer["order"]:
        if not graph.member[member]:
            continue
        keys = ()
        for node, keys in walk(member):
            nodes[keys].add(node)
        ends[keys] += 1
        for length in range(len(keys) + 1):
            members[keys[:length]] += 1
            size[keys[:length]] += graph.size[member]
    wanted = {keys: (len(nodes[keys]), ends[keys], members[keys], size[keys]) for keys in nodes}
    wanted[()] = (1, ends[()], members[()], size[()])

    steps, got, named = answer["merged"], {}, {}
    hops = graph.distances()
    for index, (parent, _, _, name, sample, *rest) in enumerate(steps):
        named[index] = named[parent] + ((name, kind(sample)),) if index else ()
        got[named[index]] = tuple(rest)
        if index:
            expect("sample", (sample in nodes[named[index]], hops[sample]),
                   (True, min(hops[node] for node in nodes[named[index]])))
    expect("merged paths", got, wanted)
    expect("merged steps, each once", len(got), len(steps))
    listed = [0]
    for index, step in enumerate(steps):
        children, child = [], step[1]
        while child >= 0:
            expect("parent of a listed step", steps[child][0], index)
            children.append(steps[child][7])
            listed.append(child)
            child = steps[child][2]
        expect("most members first", children, sorted(children, reverse=True))
    expect("all steps listed", sorted(listed), list(range(len(steps))))


def check_referrers(graph, answer):
    wanted, start = [[] for _ in range(graph.count)], answer["referrer_start"]
    for edge in graph.edges:
        wanted[edge.to].append(edge.start)
    for node in range(graph.count):
        expect(f"referrers of {node}", answer["referrers"][start[node]:start[node + 1]], wanted[node])
    expect("edges to the target", answer["found"],
           [[index, edge.start] for index, edge in enumerate(graph.edges) if edge.to == graph.target])
    expect("referrers of the target", answer["referrers_of"], sorted({edge.start for edge in graph.edges if edge.to == graph.target}))
    expect("referrers of the members", answer["referrers_of_members"], sorted({edge.start for edge in graph.edges if graph.member[edge.to]}))


def ask(graphs):
    """The driver's answers, in order."""
    run = subprocess.run([DRIVER], input="".join(graph.text() for graph in graphs), capture_output=True, text=True)
    if run.returncode != 0:
        raise AssertionError(f"the driver ended with {run.returncode}: {run.stderr[-3000:]}")
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    expect("number of answers", len(answers), len(graphs))
    return answers


def test_random_graphs():
    rng = random.Random(SEED)
    graphs = [random_graph(rng) for _ in range(GRAPHS)]
    for number, (graph, answer) in enumerate(zip(graphs, ask(graphs))):
        try:
            check_networkx(graph, answer)
            check_tree(graph, answer)
            check_retained(graph, answer)
            check_paths(graph, answer)
            check_merged(graph, answer)
            check_referrers(graph, answer)
        except AssertionError as error:
            raise AssertionError(f"graph {number} of seed {SEED}: {error}\n{graph.text()}") from error


def test_kinds_of_paths():
    rng = random.Random(SEED + 1)
    graphs = [random_graph(rng, kinds=True) for _ in range(GRAPHS)]
    detours = 0
    for number, (graph, answer) in enumerate(zip(graphs, ask(graphs))):
        try:
            check_kinds(graph, answer)
        except AssertionError as error:
            raise AssertionError(f"graph {number} of seed {SEED + 1}: {error}\n{graph.text()}") from error
        parent = answer["bfs_parent"]
        for path in answer["all0"]:
            detours += any(parent[node] != start for (_, start), (_, node) in zip(path, path[1:-1]))
    expect("that there were detours", detours > GRAPHS // 20, True)


def test_deep_graphs():
    rng = random.Random(SEED)
    graphs = [deep_graph(rng, rng.randrange(50, 3000)) for _ in range(12)]
    for graph, answer in zip(graphs, ask(graphs)):
        check_networkx(graph, answer)
        check_tree(graph, answer)
        check_paths(graph, answer)
        check_referrers(graph, answer)
        for node in rng.sample(range(1, graph.count), 15):
            wanted = answer["size"] - graph.bytes(graph.reached({node}))
            expect(f"retained by {node}", answer["retained"][node], wanted)


def big(shape, nodes):
    """Computed in a process of its own that may use 20 s: what takes time in proportion to the square never ends."""
    run = subprocess.run([DRIVER, shape, str(nodes)], capture_output=True, text=True, timeout=20)
    expect("exit status", (run.returncode, run.stderr), (0, ""))
    return json.loads(run.stdout)


def sizes(nodes):
    return sum(40 + node % 7 * 8 for node in nodes)


def test_chain():
    count = 1_000_000
    answer = big("chain", count)
    expect("chain", [answer[key] for key in ("reachable", "size", "retained1", "retained2", "last_parent", "merged")],
           [count, sizes(range(1, count)), sizes(range(1, count)), sizes(range(2, count)), count - 2, 2])
    expect("memory: 36 bytes a node", answer["bytes_per_node"] < 40, True)


def test_star():
    count = 1_000_000
    answer = big("star", count)
    expect("star", [answer[key] for key in ("reachable", "size", "retained1", "retained2", "last_parent")],
           [count, sizes(range(1, count)), sizes(range(1, count)), sizes([2]), 1])


def test_chain_whose_values_are_held():
    count = 1_000_000
    answer = big("held", count)
    links = range(2, 2 + (count - 2) // 2)
    expect("held chain", [answer[key] for key in ("reachable", "retained1", "retained2", "last_parent")],
           [count, sizes([1]), sizes(links), 0])


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    failed = 0
    for name, test in tests:
        try:
            test()
            print(f"ok   {name}")
        except Exception as error:  # a broken test is a failed one
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {error}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
