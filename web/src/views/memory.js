// Where the process's memory is: a bar and a table that add up to the RSS, heap pages by the size of their slots, and what that means.
import { h } from "../dom.js";
import { bytes, count, exact, percent, plural } from "../format.js";
import { commandLine, load } from "../loading.js";
import { heading, section } from "../parts.js";
import { smallTable } from "../table.js";
import { prose } from "../text.js";
import { memoryBar, memoryMissing, memoryNote, memorySum, partsOf, swatch } from "./memory_part.js";

export const title = "Process memory";
const SHOWN_PARTS = 1000; // a row of a group is shown from a tenth of a per cent of all on

export function show(place, { dump, info, signal }) {
  const content = h("div", { class: "slot slot-memory" });
  place.append(heading("Process memory", "Everything that the kernel counts as being in memory (RSS), divided: objects are only a part of it."), content);
  const missing = memoryMissing(info);
  if (missing) content.append(h("div", { class: "notice" }, missing));
  else load(content, "/api/memory", { dump }, view, { signal });
}

function view(answer) {
  const parts = partsOf(answer);
  return [
    memoryNote(answer),
    h("div", { class: "memory-head" }, h("p", {}, h("b", { class: "memory-total", title: exact(answer.rss) }, bytes(answer.rss)), ` ${memorySum(answer)}`), memoryBar(answer, parts)),
    h("div", { class: "two memory-two" },
      h("div", { class: "column" }, section("What it is made of", rowsTable(answer, parts))),
      h("div", { class: "column" },
        answer.findings.length > 0 && section("What that means", h("ul", { class: "findings" }, answer.findings.map((one) => h("li", {}, prose(one.text))))),
        section("All of it, exactly", h("p", { class: "quiet" }, "A dump knows what its objects own. What malloc gave to C code and what it holds though it is free, only the process itself tells:"), commandLine(`heap_dump memory ${answer.pid || "PID"}`)),
        pools(answer))),
  ];
}

function rowsTable(answer, parts) {
  const whole = Math.max(1, answer.rss);
  const rows = parts.flatMap((part) => [{ ...part, head: true }, ...part.rows.filter((row) => row.bytes >= whole / SHOWN_PARTS && row.key !== "malloc_unknown")]);
  return smallTable({ label: "What the memory is made of", rows: [...rows, { words: "all", bytes: answer.rss, head: true, all: true }], columns: [
    { title: "Where", grow: true, cell: (row) => (row.head ? h("b", {}, !row.all && swatch(row.key), row.words) : h("span", { class: "memory-row" }, row.words)) },
    { title: "Bytes", align: "right", cell: (row) => h(row.head ? "b" : "span", { class: "num", title: exact(row.bytes) }, bytes(row.bytes)) },
    { title: "Share", align: "right", cell: (row) => h("span", { class: "num" }, percent(row.bytes / whole)) },
  ] });
}

// A bar for each size of slot, as long as its pages are many, the empty slots hatched.
function pools(answer) {
  const all = (answer.heap_pages ?? []).filter((pool) => pool.slots > 0).sort((a, b) => a.slot_size - b.slot_size);
  if (all.length === 0) return null;
  const most = Math.max(...all.map((pool) => pool.slots * pool.slot_size));
  return section("Heap pages by the size of their slots", h("ul", { class: "pools" }, all.map((pool) => {
    const room = pool.slots * pool.slot_size;
    return h("li", {}, h("span", { class: "num" }, bytes(pool.slot_size)),
      h("span", { class: "pool-room" }, h("span", { class: "pool-bar", style: { width: `${Math.max(1, (room / most) * 100)}%` }, "aria-hidden": "true" },
        h("span", { class: "m-heap", style: { "flex-grow": pool.used } }), h("span", { class: "m-heap hatched", style: { "flex-grow": pool.free } }))),
      h("span", { class: "num", title: exact(pool.bytes) }, bytes(pool.bytes)),
      h("span", { class: "quiet pool-words" }, `${percent(pool.used / pool.slots)} of ${plural(pool.slots, "slot")} used; ${plural(pool.pages, "page")}${pool.empty_pages > 0 ? `, ${count(pool.empty_pages)} wholly empty` : ""}`));
  })));
}
