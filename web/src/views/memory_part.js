// Where the process's memory is, as /api/memory divides it: as one bar whose parts add up to what the kernel counted (RSS). Owns the
// words and colours of the parts; the view "memory" and the overview show them.
import { h } from "../dom.js";
import { bytes, exact, percent } from "../format.js";
import { commandLine } from "../loading.js";
import { plain } from "../text.js";

// Group → its rows, by their keys in /api/memory, with the words of `heap_dump memory`. Rows with a `hatch` are room that nothing uses.
export const GROUPS = [
  { key: "heap", words: "Ruby's heap pages", rows: [["slots_used", "slots with objects"], ["slots_free", "empty slots", "hatch"], ["heap_pages_rest", "heads of pages, padding"], ["transient_heap", "transient heap"]] },
  { key: "objects", words: "objects' memory outside slots", rows: [["strings", "Strings"], ["arrays", "Arrays"], ["hashes", "Hashes"], ["instances", "objects and Structs"], ["data", "data of C extensions"], ["others", "others"]] },
  { key: "code", words: "code", rows: [["classes", "classes: tables, caches"], ["iseqs", "methods, compiled code"], ["jit", "made at run time (JIT)"]] },
  { key: "stacks", words: "stacks", rows: [["vm_stacks", "VM stacks"], ["machine_stacks", "machine stacks"]] },
  { key: "native", words: "malloc: in use by C code", rows: [["collector", "the collector's tables"], ["malloc_used", "extensions, libraries, Ruby"]] },
  { key: "free", words: "malloc: free, not given back", rows: [["malloc_free", "freed, between what is used", "hatch"], ["malloc_fastbins", "in fastbins", "hatch"], ["malloc_cached", "in threads' caches", "hatch"], ["malloc_top", "at the end of arenas", "hatch"], ["malloc_overhead", "malloc's own"]] },
  { key: "malloc", words: "malloc: used or free", rows: [["malloc_unknown", "not divided"]] },
  { key: "files", words: "libraries and files", rows: [["libraries", "code and constants of libraries"], ["libraries_own", "variables of libraries"], ["files", "mapped files"], ["shared_memory", "shared memory"]] },
  { key: "rest", words: "other", rows: [["kernel", "the kernel's pages"], ["zeros", "pages of zeros"], ["unknown", "not known"]] },
];

/** [{key, words, bytes, rows: [{key, words, bytes, hatch}]}] of what there is; their bytes add up to answer.rss. */
export function partsOf(answer) {
  return GROUPS.map(({ key, words, rows }) => {
    const filled = rows.map(([row, name, hatch]) => ({ key: row, words: name, bytes: answer.rows[row] ?? 0, hatch: Boolean(hatch) })).filter((row) => row.bytes > 0);
    return { key, words, rows: filled, bytes: filled.reduce((sum, row) => sum + row.bytes, 0) };
  }).filter((group) => group.bytes > 0);
}

export const swatch = (key) => h("span", { class: `dot m-${key}`, "aria-hidden": "true" });

/** The bar: a part for each group, divided where some of it is empty. */
export function memoryBar(answer, parts) {
  const whole = Math.max(1, answer.rss);
  return h("div", { class: "memory-bar", role: "img", "aria-label": parts.map((part) => `${part.words}: ${bytes(part.bytes)}`).join("; ") },
    parts.flatMap((part) => [false, true].map((hatch) => {
      const rows = part.rows.filter((row) => row.hatch === hatch);
      const sum = rows.reduce((total, row) => total + row.bytes, 0);
      return sum > 0 && h("span", { class: `memory-part m-${part.key}${hatch ? " hatched" : ""}`, style: { "flex-grow": sum },
        title: `${part.words}${hatch || rows.length < part.rows.length ? `, ${rows.length > 1 && !hatch ? "in use" : rows[0].words}` : ""}: ${bytes(sum)}, ${percent(sum / whole)}` });
    })));
}

/** What the parts are, with numbers: the words to the bar. */
export function memoryLegend(answer, parts) {
  return h("ul", { class: "memory-words" }, parts.map((part) => h("li", {}, swatch(part.key),
    h("span", {}, h("b", { class: "num", title: exact(part.bytes) }, bytes(part.bytes)), ` ${part.words} `, h("span", { class: "quiet num" }, percent(part.bytes / Math.max(1, answer.rss)))))));
}

/** Why a dump says nothing of its process's memory, and what to do; null if it does. */
export function memoryMissing(info) {
  if (info.format !== "ObjectSpace") return null;
  return [h("p", { class: "quiet" }, "A dump of ObjectSpace says nothing of the process's memory (RSS). While the process runs, this divides all of it:"), commandLine("heap_dump memory PID")];
}

/** What the sum is of: the RSS, or as much as the dump knows. */
export function memorySum(answer) {
  return answer.rss_known === false ? "of heap pages and objects; the dump does not say what the kernel counted (RSS)" : "in memory (RSS)";
}

/** Sentences about it: what is missing and why. */
export const memoryNote = (answer) => (answer.note ? h("p", { class: "notice" }, plain(answer.note, 600)) : null);
