// Makes a d3 hierarchy of the rows of /api/tree. Owns what is not a row: what a group takes itself and what is folded
// become leaves of their own, so areas add up to what is retained.
import { hierarchy } from "d3-hierarchy";
import { kindOf } from "../kinds.js";

/**
 * The top of `answer` as a d3 node whose data is {row, kind, part: "group" | "self" | "folded", bytes, folded, children};
 * `value` is bytes. Groups that retain less than `dust` bytes are put together with those that the answer folds.
 */
export function treeOf(answer, dust = 0) {
  const nodes = new Map();
  for (const row of answer.rows) {
    const node = { row, kind: kindOf(row.sample), part: "group", bytes: 0, children: [] };
    nodes.set(row.group, node);
    nodes.get(row.parent)?.children.push(node);
  }
  for (const node of nodes.values()) {
    const { row } = node;
    const folded = { groups: 0, objects: 0, bytes: 0, ...row.folded };
    const small = node.children.filter((child) => child.row.retained < dust);
    if (small.length > 1) {
      node.children = node.children.filter((child) => child.row.retained >= dust);
      folded.groups += small.length;
      for (const { row: { count, retained } } of small) {
        folded.objects += count;
        folded.bytes += retained;
      }
    }
    if (node.children.length === 0 && !row.self) {
      node.bytes = row.retained;
      continue;
    }
    if (node.children.length === 0 && !folded.bytes) {
      node.bytes = row.retained;
      continue;
    }
    if (row.self > 0) node.children.push({ row, kind: node.kind, part: "self", bytes: row.self, children: [] });
    if (folded.bytes > 0) node.children.push({ row, kind: node.kind, part: "folded", bytes: folded.bytes, folded, children: [] });
  }
  const top = nodes.get(answer.rows[0]?.group);
  if (!top) return null;
  return hierarchy(top).sum((node) => node.bytes).sort(order);
}

/** Groups first, the biggest of them at the beginning; what is folded last. */
export const order = (a, b) => rank(a) - rank(b) || b.value - a.value;
const rank = (node) => (node.data.part === "group" ? 0 : node.data.part === "self" ? 1 : 2);

/** Can one zoom into it? */
export function opens(node) {
  return node.data.part === "group" && (node.children?.some((child) => child.data.part === "group") || (node.data.row.folded?.groups ?? 0) > 0);
}
