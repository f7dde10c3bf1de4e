// Where each node of a tree is drawn: as a treemap (nested areas) or as an icicle (levels below each other). Pure
// arithmetic by d3; yields cells {node, x, y, w, h, inside}, those too small to be seen left out.
import { partition, treemap, treemapSquarify } from "d3-hierarchy";

const HEAD = 21; // px: the line of a group's name above its parts
const SMALL = 3; // px: smaller ones are only dust

const headed = (node) => node.x1 - node.x0 > 44 && node.y1 - node.y0 > HEAD + 12;

/** `words`: there is room for some. `inside`: the group's parts are drawn in it, so only its head line is its own. Parts of what is not `least` px wide and high are not drawn. */
export function treemapCells(root, width, height, least = 34) {
  treemap().tile(treemapSquarify.ratio(1.4)).size([width, height]).round(true)
    .paddingOuter((node) => (node.depth === 0 ? 0 : 2)).paddingInner(1)
    .paddingTop((node) => (node.depth === 0 ? 0 : headed(node) ? HEAD : 2))(root);
  const cells = [];
  const visit = (node) => {
    const [w, h] = [node.x1 - node.x0, node.y1 - node.y0];
    if (w < SMALL || h < SMALL) return;
    const inside = Boolean(node.children) && w > least && h > least;
    if (node.depth > 0 || !inside) cells.push({ node, x: node.x0, y: node.y0, w, h, inside, words: inside ? headed(node) : w > 34 && h > 13 });
    if (inside) for (const child of node.children) visit(child);
  };
  visit(root);
  return { cells, height };
}

/** One level below the other; the height follows the depth. */
export function icicleCells(root, width, { row = 27, levels = 40 } = {}) {
  partition().size([width, 1])(root);
  const cells = [];
  let deepest = 0;
  const visit = (node) => {
    const w = node.x1 - node.x0;
    if (w < 2 || node.depth >= levels || node.data.part === "self") return;
    deepest = Math.max(deepest, node.depth);
    cells.push({ node, x: node.x0, y: node.depth * row, w: Math.max(w - 1, 1.5), h: row - 1, inside: false, words: w > 34 });
    for (const child of node.children ?? []) visit(child);
  };
  visit(root);
  return { cells, height: (deepest + 1) * row };
}
