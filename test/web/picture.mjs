// Reads a PNG as Chromium writes it (8 bits, RGB or RGBA) to say whether there is something in the picture.
import { inflateSync } from "node:zlib";

/** {width, height, colours: how many (in steps of 16), inked: the part of the points that has not the most frequent colour}. */
export function picture(data) {
  let at = 8;
  const parts = [];
  let head = null;
  while (at < data.length) {
    const length = data.readUInt32BE(at);
    const type = data.toString("latin1", at + 4, at + 8);
    const body = data.subarray(at + 8, at + 8 + length);
    if (type === "IHDR") head = { width: body.readUInt32BE(0), height: body.readUInt32BE(4), depth: body[8], colour: body[9] };
    if (type === "IDAT") parts.push(body);
    at += length + 12;
  }
  const bytes = { 2: 3, 6: 4 }[head.colour];
  if (head.depth !== 8 || !bytes) throw new Error("a PNG of another kind");
  const rows = unfilter(inflateSync(Buffer.concat(parts)), head.width * bytes, head.height, bytes);
  const counts = new Map();
  for (let i = 0; i < rows.length; i += bytes) {
    const colour = ((rows[i] >> 4) << 8) | ((rows[i + 1] >> 4) << 4) | (rows[i + 2] >> 4);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const points = head.width * head.height;
  return { width: head.width, height: head.height, colours: counts.size, inked: 1 - Math.max(...counts.values()) / points };
}

function unfilter(raw, stride, height, bytes) {
  const out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const here = y * stride + x;
      const left = x >= bytes ? out[here - bytes] : 0;
      const up = y > 0 ? out[here - stride] : 0;
      const corner = x >= bytes && y > 0 ? out[here - stride - bytes] : 0;
      out[here] = raw[y * (stride + 1) + 1 + x] + [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
    }
  }
  return out;
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
