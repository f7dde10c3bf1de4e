// One object: what it holds by name, what refers to it, the path from a root, what it retains, where it comes from.
import { drawnPath } from "../drawn_path.js";
import { append, h, replace } from "../dom.js";
import { bytes, count, exact, percent, plural } from "../format.js";
import { dot, kindOf } from "../kinds.js";
import { ask, recorded } from "../data.js";
import { load, problem } from "../loading.js";
import { buttonLink, classBars, classPattern, heading, objectLink, objectName, section, size, source, warnings } from "../parts.js";
import { href } from "../route.js";
import { smallTable } from "../table.js";
import { edge, hexLines, name, pieces, plain } from "../text.js";

export const title = "Object";
const HEX_BYTES = 4096;
const TEXT_UNITS = 16384;
const MORE = 200;
const FIRST = 25; // rows of a list that are shown at once

export function show(place, { dump, params, signal }) {
  const content = h("div", { class: "slot slot-object" });
  place.append(content);
  if (!params.id) {
    replace(content, heading("Object"), h("p", {}, "Which one? Search for an id or a class with ", h("kbd", {}, "/"), "."));
    return;
  }
  load(content, "/api/object", { dump, id: decimal(params.id) }, (answer) => page(answer, dump, signal), { signal,
    onError: (error) => { replace(content, heading("Object"), problem(error, recorded ? null : () => location.reload())); return true; } });
}

/** Answers of a report are filed under decimal ids; addresses have 0x…. Ids are below 2⁵³. */
function decimal(id) {
  const text = id.trim();
  return /^0x[0-9a-f]{1,14}$/i.test(text) ? String(Number(text)) : text;
}

function page(answer, dump, signal) {
  const holder = answer.dominators?.[answer.dominators.length - 1];
  const state = [!answer.reachable && "unreachable", answer.garbage && "garbage", answer.frozen && "frozen"].filter(Boolean);
  return [
    h("header", { class: "object-head" },
      h("div", { class: "object-kind" }, dot(kindOf(answer)), h("span", {}, name(answer.type, 24)), state.map((word) => h("span", { class: "badge" }, word))),
      h("h1", { tabindex: "-1" }, objectName(answer, 160)),
      h("p", { class: "object-ids" }, h("span", { class: "id" }, answer.hex), " ", h("span", { class: "id quiet" }, answer.id)),
      answer.source && h("p", { class: "object-source" }, answer.source.allocated ? "made at " : "code at ", source(answer.source.file, answer.source.line, 110), answer.source.method && [" in ", name(answer.source.method, 80)])),
    warnings(answer),
    answer.line_error && h("p", { class: "notice warn" }, plain(answer.line_error, 400)),
    h("dl", { class: "figures" },
      h("div", { class: "figure" }, h("dd", { class: "figure-value" }, bytes(answer.retained)), h("dt", { class: "figure-words" }, "retained"), h("dd", { class: "figure-note" }, `${exact(answer.retained)}${answer.share > 0 ? `, ${percent(answer.share)} of all` : ""}`)),
      h("div", { class: "figure" }, h("dd", { class: "figure-value" }, bytes(answer.size)), h("dt", { class: "figure-words" }, "takes itself"), h("dd", { class: "figure-note" }, exact(answer.size))),
      h("div", { class: "figure" }, h("dd", { class: "figure-value" }, count(answer.referrers.total)), h("dt", { class: "figure-words" }, "referrers"), h("dd", { class: "figure-note" }, plural(answer.fields.total, "field")))),
    h("div", { class: "card-buttons" },
      answer.group !== null && answer.group !== undefined && buttonLink("In the tree", href("tree", { group: answer.group || "" }), true),
      answer.class_object && h("a", { class: "button", href: href("objects", { class: classPattern(answer.class ?? "") }) }, "All of its class"),
      answer.group ? buttonLink("Alike ones", href("objects", { group: answer.group })) : null),
    h("div", { class: "two object-two" },
      h("div", { class: "column" },
        answer.contents && section("Contents", contents(answer.contents)),
        section(title_with("Fields", answer.fields.total), fields(answer, dump, signal)),
        section(title_with("Referrers", answer.referrers.total), referrers(answer, dump, signal))),
      h("div", { class: "column" },
        section("Path to a root", path(answer), answer.path?.length > 0 && h("div", { class: "below" }, otherPaths(answer, dump, signal))),
        answer.retains && section("What it retains", answer.retains.classes.length > 0 ? classBars(answer.retains.classes, { rest: answer.retains.rest, total: { bytes: answer.retained, objects: answer.retains.objects } }) : h("p", { class: "quiet" }, "Only itself.")),
        section("Facts", facts(answer, holder)))),
  ];
}

const title_with = (words, total) => `${words} (${count(total)})`;

function contents(found) {
  const words = [found.encoding, `${count(found.bytesize)} bytes`, found.truncated && "cut"].filter(Boolean).join(", ");
  const note = h("p", { class: "quiet" }, plain(words, 100));
  if (found.form === "text") {
    const text = found.text ?? "";
    const shown = text.slice(0, TEXT_UNITS);
    return [note, h("pre", { class: "contents", tabindex: "0", "aria-label": "The text" }, h("bdi", {}, text === "" ? h("span", { class: "faint" }, "(empty)") : pieces(shown, true), text.length > shown.length && h("span", { class: "faint" }, `… ${count(text.length - shown.length)} more characters`)))];
  }
  if (found.form === "base64") {
    let data;
    try {
      data = Uint8Array.from(atob(found.base64 ?? ""), (character) => character.charCodeAt(0));
    } catch {
      return [note, h("p", { class: "notice warn" }, "The bytes cannot be read: what stands in the dump is no base64.")];
    }
    return [note, h("pre", { class: "contents hex", tabindex: "0", "aria-label": "The bytes, in hex" }, hexLines(data, HEX_BYTES), data.length > HEX_BYTES && `\n… ${count(data.length - HEX_BYTES)} more bytes`)];
  }
  if (found.form === "hash") return [note, h("p", {}, "The dump was written without the contents of strings.", found.hash && [" Equal ones have the same hash: ", name(found.hash, 40, "id")])];
  return [note, h("p", { class: "quiet" }, "What is in it is not in the dump.")];
}

function rowsTable(label, rows, first) {
  return smallTable({ label, rows, open: (row) => (row.object ? href("object", { id: row.object.hex }) : null), empty: "None.", columns: [
    { title: first, short: true, cell: (row) => [edge(row.name, 60), row.weak && h("span", { class: "badge" }, "weak")] },
    { title: "Object", grow: true, cell: (row) => value(row) },
    { title: "Itself", align: "right", narrow: false, cell: (row) => (row.object ? size(row.object.size) : "") },
    { title: "Retained", align: "right", cell: (row) => (row.object ? size(row.object.retained) : "") },
  ] });
}

function value(row) {
  return [row.object && objectLink(row.object, { limit: 60 }), row.text !== null && row.text !== undefined && [row.object ? " " : "", name(row.text, 120, "value")]];
}

/** A list that can be asked for more of itself. */
function growing(part, table, more, label) {
  const place = h("div", { class: "growing" });
  let rows = part.rows;
  let shown = FIRST;
  const draw = () => {
    const left = part.total - Math.min(shown, rows.length);
    const button = left > 0 && h("button", { type: "button", class: "button", onclick: async () => {
      button.disabled = true;
      try {
        const at = Math.min(shown, rows.length);
        if (rows.length <= shown) rows = rows.concat((await more(rows.length)).rows);
        shown = rows.length;
        draw();
        place.querySelectorAll("tbody tr")[at]?.focus({ preventScroll: true });
      } catch (error) {
        if (error.name === "AbortError") return;
        button.replaceWith(problem(error, recorded ? null : draw));
      }
    } }, rows.length > shown ? `Show ${count(rows.length - shown)} more of ${count(left)}` : `Show ${count(Math.min(left, MORE))} more of ${count(left)}`);
    replace(place, table(rows.slice(0, shown)), button);
  };
  draw();
  return append(h("div", { "aria-label": label }), [place]);
}

function fields(answer, dump, signal) {
  return growing(answer.fields, (rows) => rowsTable("Fields", rows, "Name"),
    async (offset) => (await ask("/api/object", { dump, id: answer.id, offset, limit: MORE }, { signal })).fields);
}

function referrers(answer, dump, signal) {
  return growing(answer.referrers, (rows) => rowsTable("Referrers", rows, "By"), (offset) => ask("/api/referrers", { dump, id: answer.id, offset, limit: MORE }, { signal }));
}

function path(answer) {
  if (!answer.path?.length) return h("p", { class: "quiet" }, "No root leads to it: it waits for the collector.");
  return drawnPath(answer.path, { whole: Math.max(...answer.path.map((step) => step.retained ?? 0), 1) });
}

function otherPaths(answer, dump, signal) {
  const place = h("div", {});
  const button = h("button", { type: "button", class: "button small", onclick: () => load(place, "/api/path", { dump, id: answer.id, all: 6 }, (found) => {
    const others = found.paths.slice(1);
    if (others.length === 0) return h("p", { class: "quiet" }, "It is the only one: nothing else refers to it.");
    return others.map((one, at) => [h("h3", { class: "small-title" }, `By another referrer (${at + 1})`), drawnPath(one, { label: `Path ${at + 2}` })]);
  }, { signal }) }, "Other paths");
  place.append(button);
  return place;
}

function facts(answer, holder) {
  const rows = [["dominator", holder ? objectLink(holder, { id: true, limit: 50 }) : "none"]];
  if (answer.class_object) rows.push(["class", objectLink(answer.class_object, { limit: 60 })]);
  for (const one of answer.facts ?? []) rows.push([one.name, name(one.value, 300, "value")]);
  const above = (answer.dominators ?? []).slice(0, -1);
  return [h("dl", { class: "facts" }, rows.map(([words, what]) => h("div", {}, h("dt", {}, typeof words === "string" ? name(words, 40) : words), h("dd", {}, what)))),
    above.length > 1 && h("details", {}, h("summary", {}, `All its dominators (${count(above.length + 1)})`), h("ol", { class: "plain-list" }, [...above, holder].map((one) => h("li", {}, objectLink(one, { limit: 60 }), " ", !one.root && size(one.retained, "quiet")))))];
}

