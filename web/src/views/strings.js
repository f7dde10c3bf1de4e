// Strings that repeat and what that costs; arrays and hashes with more places than they need.
import { h } from "../dom.js";
import { bytes, count, exact, percent, plural } from "../format.js";
import { load } from "../loading.js";
import { bar, choice, figure, figures, heading, objectLink, section, size, warnings } from "../parts.js";
import { href, remember } from "../route.js";
import { bigTable } from "../table.js";
import { name, way } from "../text.js";

export const title = "Strings and collections";

export function show(place, { dump, params, signal }) {
  const content = h("div", { class: "slot slot-strings" });
  const part = params.part === "collections" ? "collections" : "strings";
  const fill = (chosen) => {
    remember({ part: chosen === "strings" ? "" : chosen });
    if (chosen === "strings") load(content, "/api/strings", { dump }, strings, { signal });
    else load(content, "/api/collections", { dump }, collections, { signal });
  };
  place.append(heading("Strings and collections", "Memory that is spent on copies and on places nothing is in."),
    h("div", { class: "toolbar" }, choice("Part", [["strings", "Strings"], ["collections", "Arrays and hashes"]], part, fill)), content);
  fill(part);
}

function text(row) {
  if (row.form === "text") return name(row.beginning ?? "", 160, "value");
  if (row.form === "base64") return h("span", { class: "quiet" }, "binary ", name(row.beginning ?? "", 60, "id"));
  if (row.form === "hash") return h("span", { class: "quiet" }, "redacted ", name(row.beginning ?? "", 30, "id"));
  return h("span", { class: "quiet" }, "not in the dump");
}

const rowsHigh = (rows) => `${Math.min(Math.max(rows.length, 1), 14) * 34 + 40}px`;

function strings(answer) {
  const part = answer.copies.bytes / Math.max(1, answer.strings.bytes);
  const most = Math.max(1, ...answer.duplicates.map((row) => row.wasted));
  return [warnings(answer),
    figures(figure(bytes(answer.strings.bytes), "in strings", plural(answer.strings.count, "string")),
      figure(bytes(answer.copies.bytes), "in copies of others", `${count(answer.copies.count)} strings, ${percent(part)} of the bytes`),
      figure(bytes(answer.frozen_copies.bytes), "of that frozen", `${plural(answer.frozen_copies.count, "string")} that could be one each`),
      figure(count(answer.distinct), "distinct", answer.unknown.count > 0 ? `${count(answer.unknown.count)} unknown` : "texts")),
    section("Duplicates", answer.total > answer.duplicates.length && h("p", { class: "quiet lead" }, `The ${count(answer.duplicates.length)} of ${count(answer.total)} texts whose copies take most.`),
      bigTable({ label: "Duplicate strings", rows: answer.duplicates, height: rowsHigh(answer.duplicates), open: (row) => href("object", { id: row.kept.hex }), empty: "No string repeats another.", sort: { key: "wasted", down: true }, columns: [
        { key: "text", title: "Text", width: "minmax(9rem, 1.6fr)", cell: (row) => h("a", { class: "object", tabindex: "-1", href: href("object", { id: row.kept.hex }) }, text(row)) },
        { key: "held", title: "Held by", width: "minmax(8rem, 2fr)", narrow: false, cell: (row) => (row.held_by?.[0] ? way(row.held_by[0].way, 90) : "") },
        { key: "count", title: "Copies", align: "right", width: "4.2rem", sort: (row) => row.count, cell: (row) => count(row.count) },
        { key: "length", title: "Bytes each", align: "right", width: "5.4rem", narrow: false, sort: (row) => row.bytesize, cell: (row) => count(row.bytesize) },
        { key: "wasted", title: "Wasted", align: "right", width: "5.2rem", sort: (row) => row.wasted, cell: (row) => size(row.wasted) },
        { key: "share", title: "Share", width: "4rem", narrow: false, cell: (row) => bar(row.wasted / most, "string") }] }).element),
    section("Biggest strings", bigTable({ label: "Biggest strings", rows: answer.biggest, height: rowsHigh(answer.biggest), open: (row) => href("object", { id: row.hex }), sort: { key: "size", down: true }, columns: [
      { key: "text", title: "Text", width: "minmax(9rem, 1.6fr)", cell: (row) => h("a", { class: "object", tabindex: "-1", href: href("object", { id: row.hex }) }, text(row)) },
      { key: "held", title: "Held by", width: "minmax(8rem, 2fr)", narrow: false, cell: (row) => (row.held_by ? way(row.held_by, 90) : "") },
      { key: "length", title: "Length", align: "right", width: "5rem", narrow: false, sort: (row) => row.bytesize, cell: (row) => count(row.bytesize) },
      { key: "size", title: "Takes", align: "right", width: "5.2rem", sort: (row) => row.size, cell: (row) => size(row.size) }] }).element)];
}

function fill(group, kind) {
  const most = Math.max(1, ...group.fill.map((row) => row.count));
  return h("ul", { class: "bars" }, group.fill.map((row) => h("li", {}, h("span", { class: "bars-name" }, name(row.fill, 30)), bar(row.count / most, kind), h("span", { class: "num" }, count(row.count)), h("span", { class: "num quiet", title: exact(row.unused) }, bytes(row.unused)))));
}

function group(words, found, kind) {
  const empty = found.empty_held_by ?? [];
  const most = Math.max(1, ...empty.map((row) => row.bytes));
  return section(words,
    figures(figure(bytes(found.bytes), "taken", plural(found.count, words.toLowerCase().replace(/e?s$/, ""), words.toLowerCase())), figure(bytes(found.unused), "of places not used", `${count(found.places - found.elements > 0 ? found.places - found.elements : 0)} of ${count(found.places)} places`), figure(count(found.empty), "are empty", bytes(found.empty_bytes))),
    h("h3", { class: "small-title" }, "How full they are"), fill(found, kind),
    empty.length > 0 && [h("h3", { class: "small-title" }, "Who holds the empty ones"), h("ul", { class: "bars ways" }, empty.slice(0, 10).map((row) => h("li", {}, h("span", { class: "bars-name" }, way(row.way, 70)), bar(row.bytes / most, kind), h("span", { class: "num", title: exact(row.bytes) }, bytes(row.bytes)), h("span", { class: "num quiet" }, count(row.references)))))]);
}

function objectsTable(label, rows) {
  return bigTable({ label, rows, height: rowsHigh(rows), open: (row) => href("object", { id: row.hex }), empty: "None.", columns: [
    { key: "object", title: "Object", width: "minmax(8rem, 1fr)", cell: (row) => objectLink(row, { limit: 50 }) },
    { key: "held", title: "Held by", width: "minmax(8rem, 3fr)", narrow: false, cell: (row) => (row.held_by ? way(row.held_by, 110) : "") },
    { key: "elements", title: "Elements", align: "right", width: "5rem", sort: (row) => row.elements, cell: (row) => count(row.elements) },
    { key: "places", title: "Places", align: "right", width: "5rem", narrow: false, sort: (row) => row.places ?? -1, cell: (row) => count(row.places) },
    { key: "unused", title: "Unused", align: "right", width: "5rem", sort: (row) => row.unused ?? -1, cell: (row) => size(row.unused) },
    { key: "size", title: "Takes", align: "right", width: "5.2rem", narrow: false, sort: (row) => row.size, cell: (row) => size(row.size) }] }).element;
}

function collections(answer) {
  return [warnings(answer), h("div", { class: "two even" }, group("Arrays", answer.arrays, "array"), group("Hashes", answer.hashes, "hash"), answer.sets?.count > 0 && group("Sets", answer.sets, "hash")),
    section("Most places unused", objectsTable("Most unused", answer.most_unused)), section("Biggest", objectsTable("Biggest collections", answer.biggest))];
}
