// The first view: how much there is, where it is, and what probably leaks.
import { hierarchy } from "d3-hierarchy";
import { drawCells } from "../chart/cells.js";
import { treemapCells } from "../chart/layouts.js";
import { order, treeOf } from "../chart/tree_data.js";
import { pathLine } from "../drawn_path.js";
import { h, replace } from "../dom.js";
import { bytes, count, exact, percent, plural } from "../format.js";
import { KINDS, dot, kindOf, kindOfType } from "../kinds.js";
import { load } from "../loading.js";
import { bar, classPattern, figure, figures, heading, objectLink, section, warnings } from "../parts.js";
import { go, href } from "../route.js";
import { edge, name, plain } from "../text.js";
import { memoryBar, memoryLegend, memoryMissing, memoryNote, memorySum, partsOf } from "./memory_part.js";

export const title = "Overview";
const DUST_AREA = 500; // px²: smaller areas are put together

export function show(place, { dump, info, signal }) {
  const top = h("div", { class: "slot slot-head" });
  const memory = h("div", { class: "slot slot-bar" });
  const map = h("div", { class: "slot slot-map" });
  const suspects = h("div", { class: "slot slot-suspects" });
  const short = h("div", { class: "slot slot-short" });
  const types = h("div", { class: "slot slot-types" });
  place.append(top, section("Where the process's memory is", memory), h("div", { class: "two" }, section("Who retains it", h("p", { class: "quiet lead" }, "Each area is memory that would be freed with what it is named after. ", h("a", { href: href("tree") }, "Open the tree")), map), h("div", { class: "column" }, section("Suspects", short), types)),
    section("What probably leaks", suspects));

  load(top, "/api/summary", { dump }, (answer) => summary(answer, info), { signal });
  const missing = memoryMissing(info);
  if (missing) memory.append(...missing);
  else load(memory, "/api/memory", { dump }, memoryParts, { signal });
  load(types, "/api/summary", { dump }, byType, { signal });
  load(suspects, "/api/suspects", { dump }, (answer) => { replace(short, suspectList(answer)); return suspectCards(answer); }, { signal });
  let end = () => {};
  load(map, "/api/tree", { dump }, (answer) => { const [element, stop] = smallMap(answer); end = stop; return element; }, { signal });
  return () => end();
}

function summary(answer, info) {
  const head = answer.dump ?? {};
  const command = (head.cmdline ?? []).filter(Boolean).join(" ");
  const words = [head.description ?? (head.ruby && `Ruby ${head.ruby}`), head.pid && `process ${head.pid}`, head.time && head.time.replace("T", " ").replace("Z", " UTC"),
    { self: "from inside", process: "from outside", core: "from a core file" }[head.source]].filter(Boolean);
  return [
    heading(command ? name(command, 90) : name(info.name ?? info.file, 90), words.map((text, at) => [at > 0 && " · ", name(text, 90)])),
    warnings(answer),
    figures(
      head.memory?.rss > 0 && figure(bytes(head.memory.rss), "resident (RSS)", exact(head.memory.rss)),
      figure(bytes(answer.reachable_bytes), "reachable", exact(answer.reachable_bytes)),
      figure(count(answer.reachable), "objects", `${count(answer.references)} references`),
      ...poolFigures(answer, head),
      unreachable(answer, head),
    ),
  ];
}

function memoryParts(answer) {
  const parts = partsOf(answer);
  return [memoryNote(answer), memoryBar(answer, parts), memoryLegend(answer, parts),
    h("p", { class: "quiet" }, `Together ${bytes(answer.rss)} ${memorySum(answer)}. `, h("a", { href: href("memory") }, "All rows, heap pages, and what that means"))];
}

const whole = (value) => (typeof value === "number" && value > 0 ? value : 0); // a dump may say anything
const poolsOf = (head) => (Array.isArray(head.size_pools) ? head.size_pools : []);

// How full the heap pages are, and what of that is garbage: the heap counts slots, the dump has (mostly) what is reachable.
function poolFigures(answer, head) {
  const pools = poolsOf(head);
  const sum = (value) => pools.reduce((total, pool) => total + whole(value(pool)), 0);
  const slots = sum((pool) => pool.slots);
  if (!slots) return [];
  const used = pools.every((pool) => pool.used >= 0) ? sum((pool) => pool.used) : answer.objects;
  return [figure(percent(used / slots), "of the slots used", `${plural(sum((pool) => pool.pages), "heap page")}, ${bytes(sum((pool) => pool.slots * pool.slot_size))}`)];
}

function unreachable(answer, head) {
  const size = answer.bytes - answer.reachable_bytes;
  const left = poolsOf(head).reduce((total, pool) => total + whole(pool.used), 0) - answer.objects;
  if (answer.garbage > 0) return figure(bytes(size), "unreachable", plural(answer.garbage, "object"));
  return left > answer.objects / 100
    ? figure(count(left), "slots of garbage", "waits for the collector, left out of the dump")
    : figure(bytes(size), "unreachable", "nothing waits to be freed");
}

function byType(answer) {
  const kinds = new Map();
  for (const row of answer.types) {
    const kind = kindOfType(row.type);
    const sum = kinds.get(kind) ?? { kind, bytes: 0, objects: 0 };
    sum.bytes += row.reachable_bytes;
    sum.objects += row.reachable;
    kinds.set(kind, sum);
  }
  const rows = [...kinds.values()].sort((a, b) => b.bytes - a.bytes);
  const total = Math.max(1, answer.reachable_bytes);
  const most = Math.max(1, ...rows.map((row) => row.bytes));
  const retainers = (answer.top ?? []).slice(0, 6);
  const biggest = Math.max(1, ...retainers.map((row) => row.retained));
  return [section("By type", h("ul", { class: "bars" }, rows.map((row) => h("li", {},
    h("span", { class: "bars-name" }, dot(row.kind), KINDS[row.kind]), bar(row.bytes / most, row.kind), h("span", { class: "num", title: exact(row.bytes) }, bytes(row.bytes)),
    h("span", { class: "num quiet" }, percent(row.bytes / total)))))),
  retainers.length > 0 && section("Classes that retain most", h("ul", { class: "bars" }, retainers.map((row) => h("li", {},
    h("a", { class: "bars-name", href: href("objects", { class: classPattern(row.class) }) }, name(row.class, 60)), bar(row.retained / biggest), h("span", { class: "num", title: exact(row.retained) }, bytes(row.retained)),
    h("span", { class: "num quiet" }, count(row.count)))), h("li", { class: "bars-more" }, h("a", { href: href("classes") }, "All classes"))))];
}

function card(suspect, at, whole) {
  const share = suspect.data_bytes / whole;
  const classes = suspect.classes ?? [];
  const most = Math.max(1, ...classes.map((row) => row.size));
  const title = plain(suspect.place ?? suspect.kind, 120);
  return h("li", { class: "card" },
    h("div", { class: "card-head" }, h("span", { class: "rank", "aria-hidden": "true" }, at + 1), h("h3", {}, name(suspect.place ?? suspect.kind, 120))),
    h("div", { class: "card-size" }, h("span", { class: "card-bytes", title: exact(suspect.retained) }, bytes(suspect.retained)), h("span", { class: "quiet" }, `in ${plural(suspect.objects, "object")}, ${percent(share)} of the data`)),
    bar(share),
    h("p", { class: "card-guess" }, name(suspect.guess ?? "", 700, "prose")),
    suspect.path?.length > 0 && h("p", { class: "card-path" }, pathLine(suspect.path)),
    classes.length > 0 && h("ul", { class: "bars card-classes" }, classes.slice(0, 4).map((row) => h("li", {}, h("a", { class: "bars-name", href: href("objects", { class: classPattern(row.class) }) }, name(row.class, 40)),
      bar(row.size / most), h("span", { class: "num", title: exact(row.size) }, bytes(row.size)), h("span", { class: "num quiet" }, count(row.count))))),
    suspect.duplicate_strings > 0 && h("p", { class: "quiet" }, `${count(suspect.duplicate_strings)} of its strings repeat others in it: ${bytes(suspect.duplicate_bytes)}`),
    suspect.samples?.length > 0 && h("p", { class: "card-sample quiet" }, "for example ", objectLink(suspect.samples[0], { limit: 40 }), suspect.samples[0].contents && [" ", name(suspect.samples[0].contents, 90)]),
    h("div", { class: "card-buttons" },
      suspect.holder && !suspect.holder.root && h("a", { class: "button primary", href: href("object", { id: suspect.holder.hex }), "aria-label": `Open ${title}` }, "Open"),
      suspect.holder && !suspect.holder.root && h("a", { class: "button", href: href("tree", { id: suspect.holder.hex }), "aria-label": `Show ${title} in the tree` }, "In the tree"),
      suspect.content && !suspect.content.root && h("a", { class: "button", href: href("object", { id: suspect.content.hex }), "aria-label": `Biggest ${plain(suspect.content.class ?? "of its objects", 28)}, of what ${title} holds` }, `Biggest ${plain(suspect.content.class ?? "of its objects", 28)}`)));
}

// The first of them beside the picture; the cards below say the rest.
function suspectList(answer) {
  const shown = answer.suspects.slice(0, 4);
  if (shown.length === 0) return h("p", { class: "quiet" }, "None: no single place retains much.");
  const whole = Math.max(1, answer.data_bytes);
  const list = h("ol", { class: "bars names" }, shown.map((suspect, at) => h("li", {}, h("span", { class: "bars-name" }, h("span", { class: "rank small", "aria-hidden": "true" }, at + 1),
    suspect.holder && !suspect.holder.root ? h("a", { class: "bars-link", href: href("object", { id: suspect.holder.hex }) }, name(suspect.place ?? suspect.kind, 60)) : name(suspect.place ?? suspect.kind, 60)),
  h("span", { class: "num", title: exact(suspect.retained) }, bytes(suspect.retained)), h("span", { class: "num quiet" }, percent(suspect.data_bytes / whole)))));
  return [list, shown.length < 3 && h("p", { class: "quiet" }, "No other single place retains 5 % of the data.")];
}

function suspectCards(answer) {
  if (answer.suspects.length === 0) {
    return h("p", { class: "notice" }, "No single place retains much of the data. If the process grows all the same, compare two dumps: heap_dump serve BEFORE AFTER.");
  }
  return [h("p", { class: "quiet lead" }, `Shares are of the ${bytes(answer.data_bytes)} of data: of what is reachable but classes, code and stacks. A guess is made from names and types: look before you act.`),
    h("ol", { class: "cards" }, answer.suspects.map((suspect, at) => card(suspect, at, Math.max(1, answer.data_bytes))))];
}

// Two levels of the tree are enough here: the picture is to be understood at once.
function smallMap(answer) {
  const box = h("div", { class: "map-box" });
  if (!treeOf(answer)) return [h("p", { class: "quiet" }, "Nothing is retained."), () => {}];
  const total = Math.max(1, answer.rows[0].retained);
  const cut = (node, levels) => ({ ...node.data, bytes: node.value, children: levels > 0 ? (node.children ?? []).map((child) => cut(child, levels - 1)) : [] });
  const draw = () => {
    if (box.clientWidth < 40) return;
    const whole = treeOf(answer, (total / (box.clientWidth * box.clientHeight)) * DUST_AREA);
    const root = hierarchy(cut(whole, 2)).sum((node) => (node.children.length > 0 ? 0 : node.bytes)).sort(order);
    drawCells(box, treemapCells(root, box.clientWidth, box.clientHeight, 60), {
      label: "Who retains the memory", pick: () => {}, out: () => {},
      open: ({ node }) => { const { row } = node.data; go("tree", row.sample.root ? {} : { group: row.group }); },
      describe: ({ node, inside, w, h: high }) => {
        const { row, part, kind } = node.data;
        const words = part === "folded" ? `${count(node.data.folded.groups)} smaller` : null;
        const text = words ?? plain(rowName(row), 60);
        const by = !words && part === "group" && row.name && inside && w > 150;
        return { className: `k-${kind} part-${part}${inside ? " inside" : ""}${high < 36 ? " low" : ""}`, label: `${by ? `${plain(row.name, 40)} ` : ""}${text}: ${bytes(node.value)}, ${percent(node.value / total)}`,
          words: [by && [edge(row.name, 40), " "], words ?? name(rowName(row), 60), ((high >= 36 && !inside) || (inside && w > 120)) && [" ", h("span", { class: "cell-bytes" }, bytes(node.value))]] };
      },
    });
  };
  const observer = new ResizeObserver(draw);
  observer.observe(box);
  return [box, () => observer.disconnect()];
}

/** "@callbacks · Hash", "Shop::Events", "Thread × 9" */
export function rowName(row) {
  if (row.sample.root) return "Roots";
  const own = row.sample.label && kindOf(row.sample) === "class" ? row.sample.label : row.sample.class ?? row.sample.type ?? "?";
  return row.count > 1 ? `${own} × ${count(row.count)}` : own;
}
