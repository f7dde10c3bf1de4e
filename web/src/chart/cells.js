// Draws cells of a layout as elements one can point at, focus and open. Owns the keyboard in charts: arrows go through
// the tree, Enter opens, Backspace goes out. Must not know what a cell means: words and colours come from the caller.
import { h } from "../dom.js";

/**
 * describe(cell) → {words: [nodes to show], label: text for readers, className, style: {}}; pick(cell): pointed at or focused; open(cell, event); out(): one level up;
 * key(event, cell) → true if it did something.
 */
export function drawCells(place, { cells, height }, { label, describe, pick, open, out, key }) {
  const byNode = new Map(cells.map((cell) => [cell.node, cell]));
  const elements = new Map();
  let focused = null;

  const box = h("div", { class: "cells", role: "tree", "aria-label": label, style: { height: `${height}px` } });
  for (const cell of cells) {
    const { words, label: text, className, style } = describe(cell);
    const element = h("div", { class: `cell-box ${className}`, role: "treeitem", tabindex: "-1", "aria-label": text, "aria-level": cell.node.depth + 1,
      style: { left: `${cell.x}px`, top: `${cell.y}px`, width: `${cell.w}px`, height: `${cell.h}px`, ...style } },
    cell.words && h("span", { class: "cell-words" }, words));
    elements.set(cell, element);
    cellOf.set(element, cell);
    box.append(element);
  }
  if (cells.length > 0) elements.get(cells[0]).tabIndex = 0;

  const focus = (cell) => {
    if (!cell) return;
    if (focused) elements.get(focused).tabIndex = -1;
    else if (cells.length > 0) elements.get(cells[0]).tabIndex = -1;
    focused = cell;
    const element = elements.get(cell);
    element.tabIndex = 0;
    element.focus({ preventScroll: false });
  };
  const drawn = (nodes) => nodes?.map((node) => byNode.get(node)).filter(Boolean) ?? [];
  const near = (cell, step) => {
    const siblings = cell.node.parent ? drawn(cell.node.parent.children) : [cell];
    return siblings[siblings.indexOf(cell) + step];
  };

  const of = (event) => cellOf.get(event.target.closest?.(".cell-box"));
  box.addEventListener("pointerover", (event) => { const cell = of(event); if (cell) pick(cell); });
  box.addEventListener("focusin", (event) => { const cell = of(event); if (cell) { focused = cell; pick(cell); } });
  box.addEventListener("click", (event) => { const cell = of(event); if (cell) open(cell, event); });
  box.addEventListener("keydown", (event) => {
    const cell = of(event);
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    switch (event.key) {
      case "ArrowRight": focus(near(cell, 1)); break;
      case "ArrowLeft": focus(near(cell, -1)); break;
      case "ArrowDown": focus(drawn(cell.node.children)[0]); break;
      case "ArrowUp": focus(byNode.get(cell.node.parent)); break;
      case "Enter": case " ": open(cell, event); break;
      case "Backspace": out(); break;
      default: if (!key?.(event, cell)) return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
  place.replaceChildren(box);
  return { focusFirst: () => focus(cells[0]) };
}

const cellOf = new WeakMap();
