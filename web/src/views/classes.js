// The histogram: classes (or types, files, gems, methods, shapes) with how many objects they have, what these take and retain.
import { h, replace } from "../dom.js";
import { bytes, count, exact, plural } from "../format.js";
import { dot, kindOfClass, kindOfType } from "../kinds.js";
import { load } from "../loading.js";
import { bar, choice, classPattern, heading, warnings } from "../parts.js";
import { go, href, remember } from "../route.js";
import { bigTable } from "../table.js";
import { name } from "../text.js";

export const title = "Histogram";
const BY = [["class", "Class"], ["type", "Type"], ["file", "File"], ["gem", "Gem"], ["method", "Method"], ["shape", "Shape"]];
const FILTER_MS = 80;

export function show(place, { dump, params, signal }) {
  const by = BY.some(([value]) => value === params.by) ? params.by : "class";
  const content = h("div", { class: "slot slot-table" });
  place.append(heading("Histogram", "Rows overlap: what one class retains, another may retain, too."),
    h("div", { class: "toolbar" }, choice("Group by", BY, by, (value) => go("classes", { by: value === "class" ? "" : value }))), content);
  load(content, "/api/top", { dump, by: by === "class" ? "" : by }, (answer) => histogram(answer, by, params), { signal });
}

/** Row objects of the columns of /api/top. */
export function rowsOf(answer, by) {
  const { columns } = answer;
  const names = columns[by] ?? [];
  return names.map((text, at) => ({ name: text, lower: null, count: columns.count[at], size: columns.size[at], retained: columns.retained[at] }));
}

function histogram(answer, by, params) {
  const rows = rowsOf(answer, by);
  const whole = Math.max(1, answer.reachable_bytes);
  const words = h("p", { class: "quiet", role: "status" });
  const address = (row) => (by === "class" ? href("objects", { class: classPattern(row.name) }) : by === "type" ? href("objects", { type: row.name }) : null);
  const columns = [
    { key: "name", title: BY.find(([value]) => value === by)[1], width: "minmax(9rem, 1fr)", sort: (row) => row.name.slice(0, 200).toLowerCase(),
      cell: (row) => { const url = address(row); const inner = [by === "class" ? dot(kindOfClass(row.name)) : by === "type" ? dot(kindOfType(row.name)) : null, name(row.name, 110)];
        return url ? h("a", { class: "object", href: url, tabindex: "-1" }, inner) : h("span", { class: "object" }, inner); } },
    { key: "count", title: "Count", align: "right", width: "7rem", narrow: false, sort: (row) => row.count, cell: (row) => count(row.count) },
    { key: "size", title: "Itself", align: "right", width: "7rem", sort: (row) => row.size, cell: (row) => h("span", { title: exact(row.size) }, bytes(row.size)) },
    { key: "retained", title: "Retained", align: "right", width: "7rem", sort: (row) => row.retained, cell: (row) => h("span", { title: exact(row.retained) }, bytes(row.retained)) },
    { key: "share", title: "Share", width: "minmax(6rem, 14rem)", narrow: false, cell: (row) => bar(row.retained / whole, by === "class" ? kindOfClass(row.name) : by === "type" ? kindOfType(row.name) : "accent") },
  ];
  const [key, direction] = (params.sort ?? "retained").split("-");
  const table = bigTable({ label: `Histogram by ${by}`, columns, rows, open: address, sort: { key: columns.some((column) => column.key === key && column.sort) ? key : "retained", down: direction !== "up" },
    onSort: (sort) => remember({ sort: sort.key === "retained" && sort.down ? "" : `${sort.key}${sort.down ? "" : "-up"}` }), empty: "No name has that in it." });

  const say = (shown) => replace(words, shown.length === rows.length ? `${plural(answer.total, "row")}${answer.total > rows.length ? `, the first ${count(rows.length)} of them here` : ""}` : `${count(shown.length)} of ${count(rows.length)}: ${plural(sum(shown, "count"), "object")}, ${bytes(sum(shown, "size"))}`);
  const apply = (text) => {
    const word = text.trim().toLowerCase();
    const shown = word ? rows.filter((row) => (row.lower ??= row.name.slice(0, 2000).toLowerCase()).includes(word)) : rows;
    table.update(shown);
    say(shown);
    remember({ q: text.trim() });
  };
  let timer = 0;
  const input = h("input", { type: "search", class: "filter", value: params.q, placeholder: "Filter", "aria-label": "Only rows whose name has this in it", spellcheck: "false", autocomplete: "off",
    oninput: () => { clearTimeout(timer); timer = setTimeout(() => apply(input.value), FILTER_MS); },
    onkeydown: (event) => { if (event.key === "ArrowDown") { table.element.querySelector("[role=grid]").focus(); event.preventDefault(); } } });
  if (params.q) apply(params.q);
  else say(rows);
  return [warnings(answer), h("div", { class: "filter-line" }, input, words), table.element];
}

const sum = (rows, field) => rows.reduce((total, row) => total + row[field], 0);
