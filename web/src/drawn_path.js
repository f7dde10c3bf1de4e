// A path from a root to an object, drawn: each object below the one that refers to it, the reference's name on the line
// between them, and how much each retains as a bar.
import { h } from "./dom.js";
import { bytes, exact } from "./format.js";
import { bar, objectLink } from "./parts.js";
import { kindOf } from "./kinds.js";
import { edge } from "./text.js";

const SHOWN = 40; // longer paths lose their middle, which is a list's links

function step(at, whole, last) {
  return h("li", { class: last ? "path-step last" : "path-step" },
    h("div", { class: "path-edge" }, edge(at.name, 100), at.weak && h("span", { class: "badge" }, "weak")),
    h("div", { class: "path-node" }, objectLink(at, { limit: 60 }), h("span", { class: "path-size" }, bar(at.retained / whole, kindOf(at)), h("span", { class: "num", title: exact(at.retained) }, bytes(at.retained)))));
}

/** path: [{name, weak, id, hex, class, …}] from the root on. `whole`: bytes that a full bar stands for; the biggest if left out. */
export function drawnPath(path, { whole = 0, label = "Path from a root" } = {}) {
  const full = whole || Math.max(1, ...path.map((one) => one.retained ?? 0));
  const left = path.length > SHOWN ? path.length - SHOWN : 0;
  const steps = path.map((one, at) => (left > 0 && at > SHOWN / 2 && at <= SHOWN / 2 + left ? null : step(one, full, at === path.length - 1)));
  if (left > 0) steps.splice(SHOWN / 2 + 1, 0, h("li", { class: "path-step" }, h("div", { class: "path-edge quiet" }, `… ${left} more steps …`)));
  return h("ol", { class: "drawn-path", "aria-label": label }, h("li", { class: "path-step" }, h("div", { class: "path-node" }, objectLink({ root: true }))), steps);
}

/** The same on one line, for cards: names with arrows; the middle of a long one is left out. */
export function pathLine(path, end) {
  const names = path.map((one) => h("span", { class: "line-step" }, edge(one.name, 34)));
  const shown = names.length > 7 ? [...names.slice(0, 3), h("span", { class: "quiet" }, `… ${names.length - 6} …`), ...names.slice(-3)] : names;
  return h("span", { class: "path-line" }, shown.flatMap((one, at) => (at ? [h("span", { class: "line-arrow", "aria-hidden": "true" }, "→"), one] : [one])), end);
}
