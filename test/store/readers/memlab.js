// Opens a heap snapshot with memlab and writes what it sees, `node memlab.js SNAPSHOT OUT`, in the form of devtools.ts: ["node", id, type, null, name, size,
// retained, null, detached], ["edge", …], and ["path", id, …]: the ids on memlab's path from a root to the node.
import analysis from '@memlab/heap-analysis';
import fs from 'node:fs';

const lines = [];
const print = (...values) => lines.push(JSON.stringify(values));
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true; // memlab says how far it is
const heap = await analysis.getFullHeapFromFile(process.argv[2]);
process.stdout.write = write;
heap.nodes.forEach(node => {
  print('node', node.id, node.type, null, node.name, node.self_size, node.retainedSize, null, node.is_detached);
  node.forEachReference(edge => { print('edge', node.id, edge.type, String(edge.name_or_index), edge.toNode.id); });
  const path = [node.id];
  for (let at = node; at.pathEdge && path.length < 1000; at = at.pathEdge.fromNode) path.push(at.pathEdge.fromNode.id);
  print('path', ...path);
});
fs.writeFileSync(process.argv[3], lines.join('\n') + '\n');
process.exit(0);
