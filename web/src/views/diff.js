// What grew between two or three dumps: by the path that retains it and by class, as bars and as a treemap.
import { hierarchy } from "d3-hierarchy";
import { drawCells } from "../chart/cells.js";
import { treemapCells } from "../chart/layouts.js";
import { append, h, replace } from "../dom.js";
import { bytes, count, exact, plural, signed } from "../format.js";
import { load } from "../loading.js";
import { choice, classPattern, figure, figures, heading, section, warnings } from "../parts.js";
import { go, href, remember } from "../route.js";
import { bigTable } from "../table.js";
import { edge, name, plain } from "../text.js";

export const title = "Growth";
const hex = (id) => `0x${id.toString(16)}`;

export function show(place, { dumps, params, signal }) {
  if (dumps.length < 2) {
    place.append(heading("Growth", "What grew from one dump to the next."), h("div", { class: "notice" }, h("p", {}, "Only one dump is here. With two or three of them, oldest first, this view tells what grew, by class and by the path that retains it:"),
      h("p", {}, h("code", { class: "command" }, "heap_dump serve before.json after.json"))));
    return undefined;
  }
  const names = dumps.map((dump) => plain(dump.name ?? dump.file, 30));
  const content = h("div", { class: "slot slot-diff" });
  const asked = dumps.length > 3 && !params.dumps ? `0,${dumps.length - 1}` : params.dumps ?? ""; // at most three are compared at once
  const picked = asked ? asked.split(",").map(Number) : dumps.map((_, at) => at);
  const pairs = dumps.length === 3 ? [["", "All three"], ["0,1", "1 → 2"], ["1,2", "2 → 3"], ["0,2", "1 → 3"]] : [];
  append(place, [heading("Growth", `From ${picked.map((at) => names[at] ?? "?").join(" to ")}: what a root leads to; what waits to be freed is left out.`),
    pairs.length > 0 && h("div", { class: "toolbar" }, choice("Which dumps", pairs, asked, (value) => go("diff", { dumps: value }))),
    dumps.length > 3 && h("div", { class: "toolbar" }, selects(names, picked)), content]);
  let stop = () => {};
  load(content, "/api/diff", { dumps: asked }, (answer) => {
    const view = growth(answer, params, picked[picked.length - 1]);
    stop = view.stop;
    return view.nodes;
  }, { signal });
  return () => stop();
}

/** Which of many dumps: the first, the second, and a third if wanted. */
function selects(names, picked) {
  const chosen = [picked[0], picked[1], picked[2] ?? ""];
  return ["From", "to", "and then"].map((words, place) => h("label", { class: "inline-field" }, h("span", {}, words), h("select", { class: "dump-select", onchange: (event) => {
    chosen[place] = event.target.value;
    go("diff", { dumps: chosen.filter((one) => one !== "").join(",") });
  } }, place === 2 && h("option", { value: "" }, "–"), names.map((text, at) => h("option", { value: at, selected: at === chosen[place] }, `${at + 1}. ${text}`)))));
}

const openSample = (sample, last) => (sample ? href("object", { id: hex(sample), dump: last }) : null);

function growth(answer, params, last) {
  const first = answer.dumps[0];
  const end = answer.dumps[answer.dumps.length - 1];
  const change = answer.changes.map((one, at) => h("p", { class: "quiet" }, answer.changes.length > 1 ? `${at + 1} to ${at + 2}: ` : "", one.by_address
    ? `${count(one.kept)} objects stayed, ${count(one.made)} came, ${count(one.freed)} went${one.reused ? `; ${plural(one.reused, "address was", "addresses were")} reused` : ""}.`
    : plain(one.why_not ?? "The dumps are of different processes: objects cannot be compared, names can.", 300)));
  const map = pathMap(answer, last);
  const key = ["grown", "retained", "size", "count"].includes(params.by) ? params.by : "grown";
  const paths = h("div", {});
  const drawPaths = (by) => { remember({ by: by === "grown" ? "" : by }); replace(paths, pathTable(answer, by, last)); };
  drawPaths(key);
  return { stop: map.stop, nodes: [
    answer.dumps.map(warnings),
    figures(...answer.dumps.map((dump, at) => figure(bytes(dump.live_bytes), ["before", "after", "final"][at], plural(dump.live_objects, "object"))),
      figure(h("span", { class: answer.growth >= 0 ? "grow" : "shrink" }, signed(answer.growth, bytes)), "growth", `${signed(end.live_objects - first.live_objects, count)} objects`)),
    change,
    answer.paths_comparable
      ? [section("Where it grew", h("p", { class: "quiet lead" }, "Each area is a path; in it every byte that came is counted once, where something became more numerous. The stronger the colour, the more of it is new."), map.element),
        section("Growth by path", h("div", { class: "toolbar above" }, choice("Order", [["grown", "Grown"], ["retained", "Retained"], ["size", "Itself"], ["count", "Count"]], key, drawPaths)), paths)]
      : h("p", { class: "notice" }, "Paths cannot be compared: one of the dumps has no names of references."),
    section("Growth by class", classTable(answer, last)),
    answer.survivors && survivors(answer.survivors, last),
  ] };
}

const finalOf = (row) => row.final ?? row.after;

function delta(value, most, words) {
  const part = Math.min(Math.abs(value) / most, 1);
  return h("span", { class: "delta" }, h("span", { class: "delta-bar", "aria-hidden": "true" }, h("span", { class: value >= 0 ? "delta-fill grow" : "delta-fill shrink", style: { width: `${part * 50}%` } })), h("span", { class: `num ${value > 0 ? "grow" : value < 0 ? "shrink" : "quiet"}` }, signed(value, words)));
}

function pathName(row) {
  return h("span", { class: "path-line" }, row.steps.flatMap((step, at) => [at > 0 && h("span", { class: "line-arrow", "aria-hidden": "true" }, "→"), step.name && [edge(step.name, 40), " "], name(step.class ?? "", 50)]));
}

const table = (label, rows, key, first, last, amount, words) => {
  const most = Math.max(1, ...rows.map((row) => Math.abs(amount(row))));
  return bigTable({ label, rows, height: `${Math.min(Math.max(rows.length, 1), 16) * 34 + 40}px`, open: (row) => openSample(row.sample, last), sort: { key, down: true }, empty: "Nothing changed.", columns: [
    first,
    { key, title: "Change", width: "minmax(9rem, 13rem)", align: "right", sort: amount, cell: (row) => delta(amount(row), most, words) },
    { key: "before", title: "Before", align: "right", width: "5.2rem", narrow: false, sort: (row) => row.before?.retained ?? 0, cell: (row) => h("span", { title: exact(row.before?.retained) }, bytes(row.before?.retained ?? 0)) },
    { key: "now", title: "After", align: "right", width: "5.2rem", narrow: false, sort: (row) => finalOf(row)?.retained ?? 0, cell: (row) => h("span", { title: exact(finalOf(row)?.retained) }, bytes(finalOf(row)?.retained ?? 0)) },
    { key: "objects", title: "Objects", align: "right", width: "5.2rem", narrow: false, sort: (row) => row.growth.count, cell: (row) => signed(row.growth.count, count) }] }).element;
};

function pathTable(answer, by, last) {
  return table("Growth by path", answer.paths, by, { key: "path", title: "Path", width: "minmax(10rem, 3fr)", cell: pathName }, last,
    by === "grown" ? (row) => row.grown : (row) => row.growth[by], by === "count" ? count : bytes);
}

function classTable(answer, last) {
  return table("Growth by class", answer.classes, "retained", { key: "class", title: "Class", width: "minmax(9rem, 2fr)", sort: (row) => row.class.slice(0, 200), cell: (row) => h("a", { class: "object", tabindex: "-1", href: href("objects", { class: classPattern(row.class), dump: last }) }, name(row.class, 80)) }, last, (row) => row.growth.retained, bytes);
}

function survivors(found, last) {
  const rows = found.classes ?? [];
  return section("Came and stayed", h("p", { class: "quiet lead" }, `Objects made between the first two dumps that are still in the third: ${plural(found.objects, "object")}, ${bytes(found.bytes)}. Caches that have filled stop; leaks do not.`),
    rows.length > 0 && bigTable({ label: "Survivors", rows, height: `${Math.min(rows.length, 8) * 34 + 40}px`, open: (row) => openSample(row.sample, last), sort: { key: "size", down: true }, columns: [
      { key: "class", title: "Class", width: "minmax(9rem, 2fr)", cell: (row) => name(row.class, 80) },
      { key: "count", title: "Objects", align: "right", width: "7rem", sort: (row) => row.count, cell: (row) => count(row.count) },
      { key: "size", title: "Itself", align: "right", width: "7rem", sort: (row) => row.size, cell: (row) => bytes(row.size) }] }).element);
}

// Paths that share their beginning lie together; those that shrank are listed below only, an area cannot be negative.
function pathMap(answer, last) {
  const root = { steps: [], children: new Map(), grown: 0, row: null };
  for (const row of answer.paths ?? []) {
    if (row.grown <= 0) continue;
    let at = root;
    for (const step of row.steps) {
      const key = `${step.name ?? ""}\u0000${step.class ?? ""}`;
      if (!at.children.has(key)) at.children.set(key, { step, children: new Map(), grown: 0, row: null });
      at = at.children.get(key);
    }
    at.row = row;
    at.grown += row.grown;
  }
  // A chain of single children is one area, named after its last.
  const pack = (node) => {
    const children = [...node.children.values()].map(pack);
    if (children.length === 1 && node.grown === 0) return { ...children[0], chain: [node.step, ...(children[0].chain ?? [])].filter(Boolean) };
    if (node.grown > 0 && children.length > 0) children.push({ step: node.step, row: node.row, grown: node.grown, children: [], chain: [] });
    return { step: node.step, row: node.row, grown: children.length > 0 ? 0 : node.grown, children, chain: [] };
  };
  const top = hierarchy({ children: [...root.children.values()].map(pack), grown: 0 }).sum((node) => node.grown).sort((a, b) => b.value - a.value);
  if (!top.value) return { element: h("p", { class: "quiet" }, "No path grew."), stop: () => {} };
  const box = h("div", { class: "map-box diff-map" });
  const words = h("p", { class: "map-words", role: "status" }, "Point at an area.");
  const strength = (part) => 0.16 + 0.84 * Math.min(Math.max(part, 0), 1);
  const share = (node) => { // of what is there now, how much is new
    const rows = node.leaves().map((leaf) => leaf.data.row).filter(Boolean);
    const now = rows.reduce((sum, row) => sum + Math.max(finalOf(row)?.retained ?? 0, row.grown), 0);
    return now > 0 ? node.value / now : 1;
  };
  const called = (data) => (data.step ? [...data.chain, data.step].flatMap((step, at) => [at > 0 && " → ", step.name && [edge(step.name, 30), " "], name(step.class ?? "", 50)]) : "all");
  const spoken = (data) => [...(data.chain ?? []), ...(data.step ? [data.step] : [])].map((step) => [step.name && plain(step.name, 30), plain(step.class ?? "", 50)].filter(Boolean).join(" ")).join(" → ");
  const draw = () => {
    if (box.clientWidth < 40) return;
    drawCells(box, treemapCells(top, box.clientWidth, box.clientHeight), { label: "Growth by path", out: () => {},
      pick: ({ node }) => { if (node.data.step) replace(words, node.data.row ? pathName(node.data.row) : called(node.data), h("span", { class: "num grow" }, ` +${bytes(node.value)}`)); },
      open: ({ node }) => { const row = node.data.row ?? node.leaves()[0]?.data.row; if (row?.sample) location.hash = openSample(row.sample, last); },
      describe: ({ node, inside, w, h: high }) => ({ className: `grown${inside ? " inside" : ""}${high < 36 ? " low" : ""}${strength(share(node)) > 0.78 ? " strong" : ""}`, style: { "--strength": `${Math.round(strength(share(node)) * 100)}%` },
        label: `${spoken(node.data)} +${bytes(node.value)}`, words: [called(node.data), (high >= 36 || w > 140) && [" ", h("span", { class: "cell-bytes" }, `+${bytes(node.value)}`)]] }) });
  };
  const observer = new ResizeObserver(draw);
  observer.observe(box);
  return { element: h("div", {}, box, words, h("p", { class: "ramp quiet" }, "old", h("span", { class: "ramp-bar", "aria-hidden": "true" }), "new")), stop: () => observer.disconnect() };
}

