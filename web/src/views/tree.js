// The dominator tree as a picture: treemap or icicle, or as a list. Each group can be zoomed into and has an address.
import { drawCells } from "../chart/cells.js";
import { icicleCells, treemapCells } from "../chart/layouts.js";
import { opens, treeOf } from "../chart/tree_data.js";
import { append, h, replace } from "../dom.js";
import { bytes, count, exact, percent, plural } from "../format.js";
import { KINDS, dot, kindOf, legend } from "../kinds.js";
import { load } from "../loading.js";
import { bar, buttonLink, choice, heading, objectLink, warnings } from "../parts.js";
import { go, href, remember } from "../route.js";
import { longTable, smallTable } from "../table.js";
import { edge, name, plain } from "../text.js";
import { rowName } from "./overview.js";

export const title = "Dominator tree";
const KEEP = "heap_dump.tree";
const LIST_ROWS = 300;
const DUST_AREA = 160; // px²: smaller areas are put together
const DUST_WIDTH = 3; // px

function lastForm() {
  try { return sessionStorage.getItem(KEEP); } catch { return null; }
}

export function show(place, { dump, params, signal }) {
  let form = ["treemap", "icicle", "list"].find((one) => one === (params.form ?? lastForm())) ?? "treemap";
  const content = h("div", { class: "slot slot-tree" });
  let draw = () => {};
  const pick = (value) => {
    form = value;
    try { sessionStorage.setItem(KEEP, form); } catch { /* then it is in the address only */ }
    remember({ form: form === "treemap" ? "" : form });
    draw();
  };
  place.append(heading("Dominator tree", "What would be freed with each group of objects: areas add up, nothing is counted twice."),
    h("div", { class: "toolbar" }, choice("Form", [["treemap", "Treemap"], ["icicle", "Icicle"], ["list", "List"]], form, pick)), content);
  let stop = () => {};
  const start = params.group ? { group: params.group } : params.id ? { id: params.id } : {};
  load(content, "/api/tree", { dump, ...start }, (answer) => {
    const view = treeView(answer, () => form);
    draw = view.draw;
    stop = view.stop;
    return view.nodes;
  }, { signal });
  return () => stop();
}

/** Where zooming goes: to the group, or out of it. */
const zoomTo = (row) => go("tree", { group: row.sample.root || row.group === 0 ? "" : row.group, form: current_form() });
let current_form = () => "";

function treeView(answer, form) {
  let root = treeOf(answer);
  if (!root) return { nodes: [h("p", { class: "notice" }, "Nothing is here.")], draw: () => {}, stop: () => {} };
  current_form = () => (form() === "treemap" ? "" : form());
  const whole = Math.max(1, answer.reachable_bytes);
  const chart = h("div", { class: "chart" });
  const details = h("aside", { class: "details", "aria-label": "What is pointed at" });
  const parent = answer.above?.[answer.above.length - 1];
  const out = () => { if (parent) zoomTo(parent); };
  const open = ({ node }) => {
    const { row, part } = node.data;
    if (part === "self") return openObject(row);
    if (node === root) return out();
    if (part === "folded" || opens(node)) return node.data.row === root.data.row ? undefined : zoomTo(row);
    return openObject(row);
  };
  const pick = ({ node }) => replace(details, detail(node, whole, root));
  let asked = "";

  function draw() {
    const width = chart.clientWidth;
    const now = `${form()} ${width}`;
    if (width < 40 || now === asked) return;
    asked = now;
    chart.className = `chart chart-${form()}`;
    if (form() === "list") {
      root = treeOf(answer);
      replace(chart, listOf(root, whole));
      return;
    }
    const height = Math.max(300, chart.clientHeight);
    root = treeOf(answer, (answer.rows[0].retained / (form() === "icicle" ? width : width * height)) * (form() === "icicle" ? DUST_WIDTH : DUST_AREA));
    const layout = form() === "icicle" ? icicleCells(root, width) : treemapCells(root, width, height);
    drawCells(chart, layout, { label: `Dominator tree, ${form()}`, pick, open, out, describe: (cell) => describe(cell, whole),
      key: (event, { node }) => event.key === "o" && (openObject(node.data.row), true) });
  }

  replace(details, detail(root, whole, root));
  const observer = new ResizeObserver(draw);
  observer.observe(chart);
  queueMicrotask(draw);
  const kinds = [...new Set(root.descendants().filter((node) => node.data.part === "group").map((node) => node.data.kind))].filter((kind) => kind !== "root");
  return { draw, stop: () => observer.disconnect(),
    nodes: [warnings(answer), crumbs(answer), h("div", { class: "tree-place" }, h("div", { class: "tree-main" }, chart, legend(Object.keys(KINDS).filter((kind) => kinds.includes(kind)))), details)] };
}

function openObject(row) {
  if (!row.sample.root) go("object", { id: row.sample.hex });
}

function crumbs(answer) {
  const rows = [...(answer.above ?? []), answer.rows[0]];
  return h("nav", { class: "crumbs", "aria-label": "Groups above" }, h("ol", {}, rows.map((row, at) => h("li", {},
    at < rows.length - 1 ? h("a", { href: href("tree", { group: row.group || "", form: current_form() }) }, name(rowName(row), 40)) : h("span", { "aria-current": "true" }, name(rowName(row), 60))))));
}

function folded(node) {
  return `${plural(node.data.folded.groups, "smaller group")}`;
}

function describe({ node, inside, w, h: high }, whole) {
  const { row, part, kind } = node.data;
  const label = part === "self" ? `${rowName(row)} itself` : part === "folded" ? folded(node) : rowName(row);
  const by = part === "group" && row.name ? `${plain(row.name, 40)} ` : "";
  const small = [" ", h("span", { class: "cell-bytes" }, bytes(node.value))];
  return {
    className: `k-${kind} part-${part}${inside ? " inside" : ""}${high < 36 ? " low" : ""}`,
    label: `${by}${plain(label, 70)}: ${bytes(node.value)}, ${percent(node.value / whole)}${opens(node) ? ", opens" : ""}`,
    words: [part === "group" && row.name && w > 150 && h("span", { class: "cell-edge" }, edge(row.name, 40), " "), name(label, 70), (inside || high < 36 ? w > 110 : true) && small],
  };
}

function detail(node, whole, root) {
  const { row, part, kind } = node.data;
  const object = row.sample;
  const facts = [];
  const fact = (words, value, note) => facts.push(h("div", {}, h("dt", {}, words), h("dd", { title: note }, value)));
  if (part === "folded") {
    fact("retained", bytes(node.value), exact(node.value));
    fact("groups", count(node.data.folded.groups));
    fact("objects", count(node.data.folded.objects));
  } else {
    fact("retained", [bytes(node.value), h("span", { class: "quiet" }, ` ${percent(node.value / whole)}`)], exact(node.value));
    if (!object.root) fact("takes itself", bytes(row.self), exact(row.self));
    if (row.count > 0) fact("objects", count(row.count));
  }
  return [
    h("div", { class: "details-title" }, dot(part === "folded" ? "root" : kind), part === "folded" ? folded(node) : name(rowName(row), 120), part === "self" && h("span", { class: "quiet" }, " itself")),
    node === root && object.root && h("p", { class: "quiet" }, "Point at an area to see what it is; a click zooms into it or opens the object."),
    h("p", { class: "details-edge" }, part === "folded" ? ["in ", name(rowName(row), 80)] : row.name ? ["by ", edge(row.name, 120)] : h("span", { class: "quiet" }, object.root ? "What keeps everything alive" : "")),
    bar(node.value / whole, kind),
    h("dl", { class: "facts" }, facts),
    row.several_ways && part === "group" && h("p", { class: "quiet" }, "Several ways lead to it; one from ", objectLink(row.via, { limit: 40 }), "."),
    !object.root && part !== "folded" && h("p", {}, row.count > 1 ? "Biggest: " : "", objectLink(object, { id: true, limit: 40 })),
    h("div", { class: "card-buttons" },
      part === "group" && node !== root && opens(node) && buttonLink("Zoom in", href("tree", { group: row.group, form: current_form() }), true),
      part === "folded" && node.parent !== root && buttonLink("Zoom in", href("tree", { group: row.group, form: current_form() }), true),
      part !== "folded" && !object.root && buttonLink(row.count > 1 ? "Open the biggest" : "Open", href("object", { id: object.hex })),
      part !== "folded" && row.count > 1 && buttonLink("All of them", href("objects", { group: row.group }))),
  ];
}

// The list: what the pictures show, for those who read rather than look.
function listOf(root, whole) {
  const nodes = [];
  root.eachBefore((node) => { if (node.data.part !== "self" && nodes.length < LIST_ROWS) nodes.push(node); });
  const all = root.descendants().filter((node) => node.data.part !== "self").length;
  const columns = [
    { title: "Group", grow: true, cell: ({ data, depth }) => h("span", { class: "indent", style: { "--depth": Math.min(depth, 14) } },
      data.part === "folded" ? h("span", { class: "quiet" }, folded({ data })) : [data.row.name && depth > 0 && [edge(data.row.name, 40), " "], objectLink(data.row.sample, { limit: 50 }), data.row.count > 1 && h("span", { class: "quiet" }, ` × ${count(data.row.count)}`)]) },
    { title: "Itself", align: "right", narrow: false, cell: ({ data }) => (data.part === "folded" ? "" : h("span", { title: exact(data.row.self) }, bytes(data.row.self))) },
    { title: "Retained", align: "right", cell: ({ value }) => h("span", { title: exact(value) }, bytes(value)) },
    { title: "Share", align: "right", narrow: false, cell: ({ value, data }) => h("span", { class: "share" }, bar(value / whole, data.kind), h("span", { class: "num" }, percent(value / whole))) },
  ];
  const table = longTable(nodes, (rows) => smallTable({ label: "Dominator tree", columns, rows, open: ({ data }) => (data.row.sample.root ? null : href("tree", { group: data.row.group, form: "list" })) }));
  return append(h("div", {}), [table, all > nodes.length && h("p", { class: "quiet" }, `… ${count(all - nodes.length)} more groups: zoom in, or see the picture.`)]);
}

