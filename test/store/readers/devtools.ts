// Opens a heap snapshot with the parser of Chrome DevTools' memory panel and writes what the panel would show, `node
// devtools.mjs SNAPSHOT OUT`, a JSON array a line: ["class", name, count, size, retained, distance], ["node", id, type, class, name, size, retained, distance,
// detachedness], ["edge", id of its node, type, name, id], ["retainer", id, id, name, distance]: one the panel lists.
import * as fs from 'node:fs';
import * as Model from 'chrome-devtools-frontend/front_end/models/heap_snapshot/heap_snapshot.ts';
import {HeapSnapshotLoader} from 'chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker/HeapSnapshotLoader.ts';
import * as Worker from 'chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker/HeapSnapshot.ts';

const out = fs.openSync(process.argv[3], 'w');
const lines: string[] = [];
function print(...values: unknown[]): void {
  lines.push(JSON.stringify(values));
  if (lines.length > 10000) flush();
}
function flush(): void {
  if (lines.length) fs.writeSync(out, lines.join('\n') + '\n');
  lines.length = 0;
}

const loader = new HeapSnapshotLoader({sendEvent: () => {}} as any);
for await (const chunk of fs.createReadStream(process.argv[2], {encoding: 'utf8', highWaterMark: 1 << 20}))
  loader.write(chunk as string);
loader.close();
const channel = new MessageChannel();
new Worker.SecondaryInitManager(channel.port2 as any);
const snapshot = await loader.buildSnapshot(channel.port1 as any);

for (const shown of Object.values(snapshot.aggregatesWithFilter(new Model.HeapSnapshotModel.NodeFilter())) as any[])
  print('class', shown.name, shown.count, shown.self, shown.maxRet, shown.distance);
for (let it = snapshot.allNodes(); it.hasNext(); it.next()) {
  const node = it.item() as any;
  print('node', node.id(), node.type(), node.className(), node.name(), node.selfSize(), node.retainedSize(), node.distance(),
        node.detachedness());
  for (let edges = node.edges(); edges.hasNext(); edges.next()) {
    const edge = edges.item();
    print('edge', node.id(), edge.type(), edge.name(), edge.node().id());
  }
  for (const retainer of snapshot.createRetainingEdgesProvider(node.nodeIndex).serializeItemsRange(0, 20).items as any[])
    print('retainer', node.id(), retainer.node.id, retainer.name, retainer.node.distance);
}
flush();
process.exit(0);
