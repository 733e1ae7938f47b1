// A picture with the 256 colours that it has most of: a third of the bytes, and nobody sees the difference.
import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** In the page: decodes the picture, and finds for each point the nearest of the most frequent colours. */
async function toPalette(png) {
  const blob = await (await fetch(`data:image/png;base64,${png}`)).blob();
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  // Neighbouring colours count as one, and are drawn as their mean.
  const groups = new Map();
  const keyOf = (at) => ((data[at] >> 2) << 12) | ((data[at + 1] >> 2) << 6) | (data[at + 2] >> 2);
  for (let at = 0; at < data.length; at += 4) {
    const key = keyOf(at);
    const group = groups.get(key) ?? groups.set(key, { count: 0, sum: [0, 0, 0] }).get(key);
    group.count += 1;
    group.sum.forEach((_, i) => (group.sum[i] += data[at + i]));
  }
  const all = [...groups].map(([key, { count, sum }]) => ({ key, count, color: sum.map((one) => one / count) }));
  all.sort((a, b) => b.count - a.count);
  const far = (a, b) => a.reduce((sum, one, i) => sum + (one - b[i]) ** 2, 0);
  // The most frequent ones; then always the one that those before stand for worst, the more the more of it there is.
  const chosen = all.slice(0, 32);
  const open = all
    .slice(32)
    .map((one) => ({ ...one, off: Math.min(...chosen.map(({ color }) => far(color, one.color))) }));
  while (chosen.length < 256 && open.length > 0) {
    const worst = open.reduce((best, one) => (one.off * one.count ** 0.6 > best.off * best.count ** 0.6 ? one : best));
    chosen.push(worst);
    open.forEach((one) => (one.off = Math.min(one.off, far(one.color, worst.color))));
  }
  const palette = chosen.map(({ color }) => color.map(Math.round));
  const nearest = (color) =>
    palette.reduce((best, one, i) => (far(one, color) < far(palette[best], color) ? i : best), 0);
  const index = new Map(all.map(({ key, color }) => [key, nearest(color)]));
  const points = new Uint8Array(width * height);
  for (let at = 0; at < data.length; at += 4) {
    points[at / 4] = index.get(keyOf(at));
  }
  let text = '';
  for (let at = 0; at < points.length; at += 0x8000) {
    text += String.fromCharCode(...points.subarray(at, at + 0x8000));
  }
  return { width, height, palette, points: btoa(text) };
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** `page`: any page of the browser; `png`: what it took of itself. */
export async function shrink(page, png) {
  const { width, height, palette, points } = await page.evaluate(toPalette, png.toString('base64'));
  const pixels = Buffer.from(points, 'base64');
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  // Each line begins with the number of its filter: none.
  const lines = Array.from({ length: height }, (_, y) => [
    Buffer.alloc(1),
    pixels.subarray(y * width, (y + 1) * width),
  ]);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', head),
    chunk('PLTE', Buffer.from(palette.flat())),
    chunk('IDAT', deflateSync(Buffer.concat(lines.flat()), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
