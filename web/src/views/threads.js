// Threads and fibers: their frames with the local variables, and what each of these retains.
import { h } from "../dom.js";
import { bytes, count, exact, percent, plural } from "../format.js";
import { load } from "../loading.js";
import { bar, heading, objectLink, size, source, warnings } from "../parts.js";
import { href } from "../route.js";
import { smallTable } from "../table.js";
import { edge, name, plain } from "../text.js";

export const title = "Threads";
const FRAMES = 60;

export function show(place, { dump, info, signal }) {
  const content = h("div", { class: "slot slot-threads" });
  place.append(heading("Threads", "Newest frame first. A variable retains what would be freed if its object went."), content);
  load(content, "/api/threads", { dump }, (answer) => threads(answer, info), { signal });
}

function threads(answer, info) {
  if (answer.threads.length === 0) return [warnings(answer), h("p", { class: "notice" }, "This dump has no frames: ObjectSpace does not write them. A dump of heap_dump has every thread's.")];
  const whole = Math.max(1, ...answer.threads.map((one) => one.retained));
  return [warnings(answer), h("ul", { class: "threads" }, answer.threads.map((one, at) => h("li", {}, thread(one, whole, info, at === 0))))];
}

const threadName = (one) => (one.name ? name(one.name, 80) : h("span", {}, one.fiber ? "Fiber" : "Thread", " ", h("span", { class: "id" }, one.hex)));

function thread(one, whole, info, open) {
  const held = one.frames.filter((frame) => frame.locals?.length > 0).length;
  const body = h("div", { class: "thread-body" });
  const fill = () => { if (body.childElementCount === 0) body.append(...[variables(one), frames(one)].flat().filter(Boolean)); };
  const details = h("details", { class: "thread", open, ontoggle: () => { if (details.open) fill(); } },
    h("summary", {}, h("span", { class: "thread-name" }, threadName(one), h("span", { class: "badge" }, plain(one.fiber ? `fiber, ${one.status ?? ""}` : one.status ?? "", 30))),
      h("span", { class: "quiet thread-words" }, `${plural(one.frames.length, "frame")}${one.cut ? " and more" : ""}, ${count(held)} with variables`),
      bar(one.retained / whole, "data"), h("span", { class: "num", title: exact(one.retained) }, bytes(one.retained)), h("span", { class: "num quiet wide-only" }, percent(one.retained / Math.max(1, info.reachable_bytes)))), body);
  if (open) fill();
  return details;
}

/** A value that is no object, as the dump writes it, in Ruby's words. */
const literal = (value) => (value === "null" ? "nil" : /^":[^"\\]*"$/.test(value ?? "") ? value.slice(1, -1) : value === '{"undef":true}' ? "(not assigned yet)" : value ?? "");

const columns = [
  { title: "Variable", short: true, cell: (row) => edge(row.name, 50) },
  { title: "Holds", grow: true, cell: (row) => (row.id ? [objectLink(row, { limit: 50 }), row.description && [" ", name(row.description, 90, "quiet")]] : name(literal(row.value), 120, "value")) },
  { title: "Retains", align: "right", cell: (row) => (row.id ? size(row.retained) : "") },
];
const variableTable = (label, rows) => smallTable({ label, rows, columns, plain: true, open: (row) => (row.id ? href("object", { id: row.hex }) : null) });

function variables(one) {
  return [h("p", {}, objectLink(one, { id: true })), one.variables?.length > 0 && h("h2", { class: "small-title" }, "Thread-locals"), one.variables?.length > 0 && variableTable("Thread-locals", one.variables)];
}

function frame(one, at) {
  const rows = [...(one.self?.id ? [{ ...one.self, name: "self" }] : []), ...(one.locals ?? [])];
  return h("li", { class: one.cfunc ? "frame cfunc" : "frame" },
    h("div", { class: "frame-head" }, h("span", { class: "frame-number quiet" }, at), name(one.name ?? one.method ?? "?", 100, "frame-name"), one.file && source(one.file, one.line, 80)),
    rows.length > 0 && variableTable(`Variables of frame ${at}`, rows));
}

function frames(one) {
  if (one.frames.length === 0) return [h("p", { class: "quiet" }, "No frames.")];
  const list = h("ol", { class: "frames", start: "0" }, one.frames.slice(0, FRAMES).map(frame));
  const left = one.frames.length - FRAMES;
  const more = left > 0 && h("button", { type: "button", class: "button", onclick: () => { list.append(...one.frames.slice(FRAMES).map((each, at) => frame(each, at + FRAMES))); more.remove(); } }, `${count(left)} more frames`);
  return [h("h2", { class: "small-title" }, "Frames"), list, more];
}
