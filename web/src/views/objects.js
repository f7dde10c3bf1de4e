// Objects that fit conditions: of a class, of a group of the tree, found by name or contents; for a class also the paths
// that keep them alive, merged.
import { h } from "../dom.js";
import { bytes, count, exact, plural } from "../format.js";
import { load } from "../loading.js";
import { bar, heading, objectLink, section, warnings } from "../parts.js";
import { go, href } from "../route.js";
import { bigTable, longTable, smallTable } from "../table.js";
import { edge, name } from "../text.js";
import { kindOf } from "../kinds.js";

export const title = "Objects";
const PAGE = 1000;
const FIELDS = [["class", "Class", "Order, Shop::*"], ["name", "Name", "Shop::Order"], ["type", "Type", "string, proc"], ["min_size", "Takes", "10k or more"], ["min_retained", "Retains", "1M or more"], ["value", "Contents", "regex"]];

export function show(place, { dump, params, signal }) {
  const asked = Object.fromEntries(["group", ...FIELDS.map(([field]) => field)].map((field) => [field, params[field]]));
  // A name of a class is a glob to the server: what means something in one is taken as itself, unless it was typed as one.
  const results = h("div", { class: "slot slot-table" });
  const paths = h("div", { class: "slot slot-paths" });
  const only = Object.entries(asked).filter(([, value]) => value).map(([field]) => field);
  const justClass = only.length === 1 && only[0] === "class" && !/[*?[\]\\]/.test(params.class);
  place.append(heading(justClass ? name(params.class, 90) : params.group ? "Objects of a group" : "Objects", justClass ? "Objects of this class, those that retain most first." : "Those that retain most first."),
    form(params), results);
  if (justClass) place.append(paths);

  load(results, "/api/find", { dump, ...asked, ignore_case: params.value ? params.ignore_case : "", limit: PAGE }, (answer) => found(answer, params), { signal });
  if (justClass) load(paths, "/api/path", { dump, class: params.class }, mergedPaths, { signal });
}

function form(params) {
  const inputs = FIELDS.map(([field, words, hint]) => h("label", { class: "field" }, h("span", {}, words), h("input", { name: field, value: params[field], placeholder: hint, spellcheck: "false", autocomplete: "off", autocapitalize: "off" })));
  return h("form", { class: "find-form", onsubmit: (event) => {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(event.target)].map(([key, value]) => [key, value.trim()]));
    go("objects", values);
  } }, inputs, h("label", { class: "field check" }, h("input", { type: "checkbox", name: "ignore_case", value: "1", checked: params.ignore_case === "1" }), h("span", {}, "any case")),
  h("button", { class: "button primary" }, "Find"));
}

function found(answer, params) {
  const biggest = Math.max(1, ...answer.objects.map((object) => object.retained));
  const columns = [
    { key: "object", title: "Object", width: "minmax(9rem, 2fr)", cell: (row) => objectLink(row, { limit: 60 }) },
    { key: "description", title: "What it is", width: "minmax(8rem, 2.2fr)", narrow: false, cell: (row) => name(row.description ?? "", 160, "quiet") },
    { key: "id", title: "Id", width: "10.5rem", narrow: false, sort: (row) => row.id, cell: (row) => h("span", { class: "id" }, row.hex) },
    { key: "size", title: "Itself", align: "right", width: "6rem", sort: (row) => row.size, cell: (row) => h("span", { title: exact(row.size) }, bytes(row.size)) },
    { key: "retained", title: "Retained", align: "right", width: "6rem", sort: (row) => row.retained, cell: (row) => h("span", { title: exact(row.retained) }, bytes(row.retained)) },
    { key: "share", title: "Share", width: "5rem", narrow: false, cell: (row) => bar(row.retained / biggest, kindOf(row)) },
  ];
  const rows = answer.objects;
  const words = [plural(answer.count, "object"), answer.size !== null && `${bytes(answer.size)}`, answer.retained && `together they retain ${bytes(answer.retained)}`].filter(Boolean).join(", ");
  return [warnings(answer), h("p", { class: "quiet", role: "status" }, words, answer.count > rows.length && `; the ${count(rows.length)} that retain most are here`, answer.partial && " in this report",
    params.group && [" · ", h("a", { href: href("tree", { group: params.group }) }, "in the tree")]),
  bigTable({ label: "Objects", columns, rows, open: (row) => href("object", { id: row.hex }), sort: { key: "retained", down: true }, height: `min(60vh, ${Math.max(rows.length, 1) * 34 + 40}px)`, empty: "No object fits." }).element];
}

/** Steps come with parents first, nearest first: as they are to be read, each below its own, the one that leads to most before its siblings. */
function depthFirst(steps) {
  const below = new Map();
  const known = new Set(steps.map((step) => step.step));
  for (const step of steps) {
    const parent = known.has(step.parent) ? step.parent : 0;
    if (!below.has(parent)) below.set(parent, []);
    below.get(parent).push(step);
  }
  const rows = [];
  const waiting = [[0, -1]];
  while (waiting.length > 0) {
    const [top, depth] = waiting.pop();
    if (top !== 0) rows.push({ ...top, depth });
    const next = (below.get(top === 0 ? 0 : top.step) ?? []).sort((a, b) => a.members - b.members);
    waiting.push(...next.map((step) => [step, depth + 1]));
  }
  return rows;
}

function mergedPaths(answer) {
  if (!answer.steps?.length) return section("What keeps them alive", h("p", { class: "quiet" }, "No root leads to any of them: they wait for the collector."));
  const rows = depthFirst(answer.steps);
  const most = Math.max(1, answer.objects);
  return section("What keeps them alive", h("p", { class: "quiet lead" }, `The shortest paths to ${plural(answer.reached, "object")}, merged where they go by the same names.${answer.step_count > rows.length ? ` The ${count(rows.length)} branches that lead to most of ${count(answer.step_count)}.` : ""}`),
    longTable(rows, (some) => smallTable({ label: "Merged paths", rows: some, open: (row) => (row.sample?.hex ? href("object", { id: row.sample.hex }) : null), columns: [
      { title: "Reference and object", grow: true, cell: (row) => h("span", { class: "indent", style: { "--depth": Math.min(row.depth, 14) } }, edge(row.name, 60), " ", objectLink(row.sample, { limit: 60 }), row.nodes > 1 && h("span", { class: "quiet" }, ` × ${count(row.nodes)}`)) },
      { title: "Leads to", align: "right", cell: (row) => count(row.members) },
      { title: "Of them", align: "right", narrow: false, cell: (row) => h("span", { class: "share" }, bar(row.members / most), h("span", { class: "num" }, bytes(row.bytes))) },
    ] })));
}
