// Makes the archive that Grafana installs, and its checksum: artifacts/<id>-<version>.zip, .zip.sha256.
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';

const ROOT = new URL('..', import.meta.url).pathname;
const DIST = join(ROOT, 'dist');
const { id, info } = JSON.parse(readFileSync(join(DIST, 'plugin.json'), 'utf8'));
// The same files make the same archive.
const mtime = new Date(`${info.updated}T00:00:00Z`);

const files = readdirSync(DIST, { recursive: true, encoding: 'utf8' })
  .map((name) => join(DIST, name))
  .filter((path) => statSync(path).isFile())
  .sort();
const zip = new ZipFile();
for (const path of files) {
  zip.addBuffer(readFileSync(path), `${id}/${relative(DIST, path)}`, {
    mtime,
    mode: 0o100644,
    forceDosTimestamp: true,
  });
}
zip.end();

const target = join(ROOT, 'artifacts', `${id}-${info.version}.zip`);
mkdirSync(join(ROOT, 'artifacts'), { recursive: true });
await pipeline(zip.outputStream, createWriteStream(target));
const sum = createHash('sha256').update(readFileSync(target)).digest('hex');
writeFileSync(`${target}.sha256`, `${sum}  ${basename(target)}\n`);
console.log(
  `${relative(ROOT, target)}: ${files.length} files, ${(statSync(target).size / 1024).toFixed(0)} KiB, sha256 ${sum}`
);
