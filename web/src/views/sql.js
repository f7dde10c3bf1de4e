// A console for SQL over the tables of the dump: ready queries, results as a table, as a CSV file.
import { query, recorded } from "../data.js";
import { download, h, replace } from "../dom.js";
import { count } from "../format.js";
import { commandLine, load, problem, wait } from "../loading.js";
import { command } from "../commands.js";
import { heading, section, warnings } from "../parts.js";
import { href, remember } from "../route.js";
import { bigTable } from "../table.js";
import { name, plain } from "../text.js";

export const title = "SQL";
const FIRST = "SELECT class, count(*) AS objects, sum(size) AS bytes\nFROM objects\nGROUP BY class\nORDER BY bytes DESC\nLIMIT 50";
const LIMIT = 5000;
const ADDRESS_UNITS = 4000; // a longer query stays out of the address

export function show(place, { dump, info, params, features, signal }) {
  place.append(heading("SQL", "Read-only queries over the objects, references, strings, threads and code of the dump."));
  if (recorded || features.sql === false) {
    place.append(h("div", { class: "notice" }, h("p", {}, recorded ? "A report holds answers, not the dump, so it cannot run queries. The same console on the dump:" : "This heap_dump was built without SQLite, so it cannot run queries. Install libsqlite3-dev and build again."),
      recorded && commandLine(command("/api/dumps", {}, info.file)), recorded && h("p", {}, "or in a terminal:"), recorded && commandLine(command("/api/sql", {}, info.file))));
    return;
  }
  const editor = h("textarea", { class: "sql-editor", rows: "7", spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": "Query" });
  editor.value = params.sql ?? FIRST;
  const results = h("div", { class: "slot slot-results", "aria-live": "polite" });
  const run = h("button", { type: "submit", class: "button primary" }, "Run");
  const side = h("div", { class: "sql-side" });
  let number = 0;

  async function execute() {
    const sql = editor.value;
    remember({ sql: sql.length <= ADDRESS_UNITS ? sql : "" });
    const running = `page-${Date.now()}-${++number}`;
    run.disabled = true;
    await wait(results, ({ signal: stop }) => query({ dump, sql, limit: LIMIT, query: running }, { signal: stop }), (answer) => table(answer),
      { signal, path: "/api/sql", giveUp: () => query({ cancel: running }, {}).catch(() => {}), onError: (error) => { replace(results, problem(error, null)); return true; } });
    run.disabled = false;
  }

  place.append(h("div", { class: "sql" }, h("form", { class: "sql-form", onsubmit: (event) => { event.preventDefault(); execute(); } }, editor,
    h("div", { class: "sql-buttons" }, run, h("span", { class: "quiet" }, h("kbd", {}, "Ctrl"), " + ", h("kbd", {}, "Enter")))), side), results);
  editor.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); execute(); } });
  load(side, "/api/sql/queries", {}, (answer) => ready(answer, (sql) => { editor.value = sql; execute(); }, (word) => insert(editor, word)), { signal });
  if (params.sql) execute();
}

function insert(editor, word) {
  editor.setRangeText(word, editor.selectionStart, editor.selectionEnd, "end");
  editor.focus();
}

function ready(answer, choose, add) {
  return [section("Ready queries", h("ul", { class: "sql-ready" }, answer.queries.map((one) => h("li", {}, h("button", { type: "button", class: "link", onclick: () => choose(one.sql) }, plain(one.title, 120)))))),
    h("details", { class: "sql-tables" }, h("summary", {}, "Tables and columns"), h("dl", {}, answer.tables.map((one) => h("div", {}, h("dt", {}, h("button", { type: "button", class: "link", onclick: () => add(one.name) }, plain(one.name, 60))), h("dd", {}, one.columns.map((column) => plain(column.name ?? column, 60)).join(", "))))))];
}

const ID_COLUMN = /(^|_)id$|^(dominator|holder|owner|object|thread|class_id|self)$/;

function cell(value, column, ids) {
  if (value === null) return h("span", { class: "faint" }, "NULL");
  if (typeof value === "object") return h("span", { class: "quiet" }, "blob ", name(value.base64 ?? "", 40, "id"));
  if (typeof value === "number" && ids && Number.isInteger(value) && value > 4096) return h("a", { href: href("object", { id: `0x${value.toString(16)}` }), class: "id" }, `0x${value.toString(16)}`);
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : String(value);
  return name(value, 200, "value");
}

function table(answer) {
  const width = answer.rows.length > 0 ? answer.columns.map((_, at) => answer.rows.slice(0, 200).every((row) => typeof row[at] === "number" || row[at] === null)) : [];
  const columns = answer.columns.map((column, at) => {
    const ids = ID_COLUMN.test(column);
    return { key: String(at), title: name(column, 40), align: width[at] && !ids ? "right" : undefined, width: width[at] ? "minmax(7rem, 10rem)" : "minmax(10rem, 1fr)", sort: (row) => row[at] ?? (width[at] ? -Infinity : ""), cell: (row) => cell(row[at], column, ids) };
  });
  const id = answer.columns.findIndex((column) => column === "id");
  const words = h("p", { class: "quiet", role: "status" }, `${count(answer.rows.length)}${answer.more ? " or more rows, the first of them here" : answer.rows.length === 1 ? " row" : " rows"} in ${answer.seconds < 0.1 ? `${Math.round(answer.seconds * 1000)} ms` : `${answer.seconds.toFixed(2)} s`}`);
  const big = bigTable({ label: "Result", rows: answer.rows, columns, open: id >= 0 ? (row) => (typeof row[id] === "number" ? href("object", { id: `0x${row[id].toString(16)}` }) : null) : undefined, height: `min(70vh, ${Math.max(answer.rows.length, 1) * 34 + 40}px)`, empty: "No rows." });
  big.element.classList.add("wide-table");
  return [warnings(answer), h("div", { class: "filter-line" }, words, h("button", { type: "button", class: "button", onclick: () => download("heap_dump.csv", "text/csv;charset=utf-8", csv(answer.columns, big.shown())) }, "Download CSV")), big.element];
}

/** RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front: a dump's texts are not to be run. */
export function csv(columns, rows) {
  const field = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = typeof value === "object" ? value.base64 ?? "" : value;
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [columns, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

