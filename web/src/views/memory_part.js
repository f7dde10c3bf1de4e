// Where the memory of the process is, as far as a dump knows: what the kernel counted (RSS), Ruby's heap pages with what of
// them is used, what objects own outside of them, and the rest, which is not Ruby's objects.
import { h } from "../dom.js";
import { bytes, exact, percent } from "../format.js";
import { commandLine } from "../loading.js";
import { section } from "../parts.js";

const number = (value) => (typeof value === "number" && value > 0 ? value : 0);

/**
 * {rss, parts: [{words, bytes, kind}]}, which add up; null if the dump does not say enough, or says what cannot be (some of it swapped out).
 * What lies in slots is only known where all slots are of one size (before Ruby 3.2); else the pages are one part.
 */
export function memoryParts(answer, head) {
  const pools = Array.isArray(head.size_pools) ? head.size_pools.filter((pool) => pool.slots > 0 && pool.slot_size > 0) : [];
  const room = pools.reduce((sum, pool) => sum + pool.slots * pool.slot_size, 0);
  const kernel = head.memory ?? {};
  const rss = number(kernel.rss);
  if (!room || !rss) return null;
  const files = ["libraries", "libraries_own", "files", "shared", "kernel", "code"].reduce((sum, key) => sum + number(kernel[key]), 0);
  const parts = [];
  let rest = rss - files - room;
  if (pools.length === 1) {
    const used = Math.min(answer.objects * pools[0].slot_size, room);
    parts.push({ words: "objects in heap pages", bytes: used, kind: "class" }, { words: "free slots in heap pages", bytes: room - used, kind: "root" });
    const outside = Math.max(answer.bytes - answer.objects * pools[0].slot_size, 0);
    if (outside <= rest) {
      parts.push({ words: "objects' memory outside the pages", bytes: outside, kind: "array" });
      rest -= outside;
    }
  } else {
    parts.push({ words: "heap pages", bytes: room, kind: "class" });
  }
  if (rest < 0) return null;
  parts.push({ words: parts.some((part) => part.kind === "array") ? "what else malloc and stacks have" : "objects' memory outside the pages, malloc, stacks", bytes: rest, kind: "string" },
    { words: "libraries and files", bytes: files, kind: "code" });
  return { rss, parts };
}

export function memorySection(answer, head) {
  const memory = memoryParts(answer, head);
  if (!memory) return null;
  const { rss, parts } = memory;
  return section("Where the process's memory is",
    h("div", { class: "memory-bar", role: "img", "aria-label": parts.map((part) => `${part.words}: ${bytes(part.bytes)}`).join("; ") },
      parts.map((part) => h("span", { class: `memory-part k-${part.kind}`, style: { "flex-grow": part.bytes } }))),
    h("ul", { class: "memory-words" }, parts.map((part) => h("li", {}, h("span", { class: `dot k-${part.kind}`, "aria-hidden": "true" }), h("span", {}, h("b", { class: "num", title: exact(part.bytes) }, bytes(part.bytes)), ` ${part.words} `, h("span", { class: "quiet num" }, percent(part.bytes / rss)))))),
    h("p", { class: "quiet memory-note" }, "What objects own is what they report: a stack counts whole, with what of it is not in memory."),
    rss > 2 * answer.bytes && h("div", { class: "memory-next" }, h("p", { class: "quiet" }, "More than half is not in objects; while the process runs, this divides all of it:"), commandLine(`heap_dump memory ${number(head.pid) || "PID"}`)));
}
