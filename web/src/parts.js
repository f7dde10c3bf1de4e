// The small things that all views are made of: links to objects and classes, sizes, bars, sections, buttons.
import { append, h } from "./dom.js";
import { bytes, count, exact, percent } from "./format.js";
import { dot, kindOf } from "./kinds.js";
import { href } from "./route.js";
import { name, plain } from "./text.js";

/** "Array", "Module Shop::Events", "roots": what an object is called, without a link. */
export function objectName(object, limit = 90) {
  if (object?.root) return h("span", { class: "name" }, "Roots");
  return h("span", { class: "object-name" }, name(object.class ?? object.type ?? "?", limit), object.label && [" ", name(object.label, limit, "label")]);
}

/** A link to the page of an object: its colour, its names. */
export function objectLink(object, { id = false, limit = 90 } = {}) {
  if (!object || object.root) return h("span", { class: "object" }, dot("root"), "Roots");
  return h("a", { class: "object", href: href("object", { id: object.hex }) }, dot(kindOf(object)), objectName(object, limit),
    id && h("span", { class: "id" }, ` ${object.hex}`));
}

const PATTERN_UNITS = 240;

/** A class's name as a pattern that fits only it; of a very long one (the server cuts those, too) its beginning. */
export function classPattern(text) {
  const literal = (part) => part.replace(/[\\*?[\]]/g, "\\$&");
  return text.length > PATTERN_UNITS ? `${literal(text.slice(0, PATTERN_UNITS).replace(/[\ud800-\udbff]$/, ""))}*` : literal(text);
}

/** A link to all objects of a class. */
export function classLink(className, limit = 90) {
  return h("a", { class: "object", href: href("objects", { class: classPattern(className) }) }, name(className, limit));
}

export function size(value, className = "") {
  return h("span", { class: `num ${className}`.trim(), title: exact(value) }, bytes(value));
}

/** A bar that is `part` (0 to 1) of its place. Not read aloud: the number stands beside it. */
export function bar(part, kind = "accent") {
  return h("span", { class: "bar", "aria-hidden": "true" },
    h("span", { class: `bar-fill k-${kind}`, style: { width: `${Math.min(Math.max(part, 0), 1) * 100}%` } }));
}

/** A named part of a view. */
export function section(title, ...children) {
  const id = `s-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return h("section", { class: "section", "aria-labelledby": id }, h("h2", { id }, title), children);
}

/** Big number with words below it. */
export function figure(value, words, note) {
  return h("div", { class: "figure" }, h("dd", { class: "figure-value" }, value), h("dt", { class: "figure-words" }, words), note && h("dd", { class: "figure-note" }, note));
}

export function figures(...children) {
  return h("dl", { class: "figures" }, children);
}

export function buttonLink(words, address, primary = false) {
  return h("a", { class: primary ? "button primary" : "button", href: address }, words);
}

/** Buttons of which one is pressed. `options`: [[value, words], …] */
export function choice(label, options, chosen, choose) {
  const group = h("div", { class: "choice", role: "group", "aria-label": label });
  const buttons = options.map(([value, words]) => h("button", { type: "button", "aria-pressed": String(value === chosen),
    onclick: () => {
      buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(options[at][0] === value)));
      choose(value);
    } }, words));
  return append(group, buttons);
}

/** Sentences people must see. */
export function warnings(answer) {
  return (answer.warnings ?? []).map((text) => h("p", { class: "notice warn", role: "note" }, plain(text, 600)));
}

/** The title of a view, with a line of words below it. */
export function heading(title, ...below) {
  return h("header", { class: "heading" }, h("h1", { tabindex: "-1" }, title), below.length > 0 && h("div", { class: "heading-words" }, below));
}

/** "app/models/events.rb:12" */
export function source(file, line, limit = 64) {
  return h("span", { class: "source" }, name(line ? `${file}:${line}` : file, limit));
}

/** Rows of class, count, size as bars: what something is made of. */
export function classBars(rows, { total, rest, link = true } = {}) {
  const biggest = Math.max(1, ...rows.map((row) => row.size));
  return h("ul", { class: "class-bars" }, rows.map((row) => h("li", {},
    link ? classLink(row.class) : name(row.class), bar(row.size / biggest), size(row.size), h("span", { class: "num quiet" }, count(row.count)))),
  rest && rest.objects > 0 && h("li", { class: "quiet" }, h("span", {}, `${count(rest.classes)} more classes`), bar(rest.bytes / biggest, "root"), size(rest.bytes), h("span", { class: "num" }, count(rest.objects))),
  total && h("li", { class: "quiet" }, h("span", {}, "together"), h("span"), size(total.bytes), h("span", { class: "num" }, count(total.objects))));
}

export { percent };
