// Bundles the harness pages into harness/dist, and lays beside them what Grafana would serve.
import { build } from 'esbuild';
import { cp, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const DASHBOARDS = join(here, '../../dashboards');
export const DIST = join(here, 'dist');

/** Files of the folder beside this project that are dashboards, by name. */
export async function boards() {
  const files = (await readdir(DASHBOARDS)).filter((file) => file.endsWith('.json'));
  return files.filter((file) => !/^(package(-lock)?|tsconfig)\.json$/.test(file)).map((file) => file.slice(0, -5));
}

export async function bundle() {
  await mkdir(join(DIST, 'boards'), { recursive: true });
  await build({
    entryPoints: { page: join(here, 'page/main.tsx'), boards: join(here, 'boards/page/main.tsx') },
    outdir: DIST,
    bundle: true,
    format: 'iife',
    target: 'chrome120',
    minify: true,
    jsx: 'automatic',
    loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff2': 'dataurl', '.ttf': 'empty', '.scss': 'empty' },
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    logLevel: 'error',
  });
  await cp(join(here, 'page/index.html'), join(DIST, 'index.html'));
  await cp(join(here, 'boards/page/index.html'), join(DIST, 'boards.html'));
  for (const name of await boards()) {
    await cp(join(DASHBOARDS, `${name}.json`), join(DIST, 'boards', `${name}.json`));
  }
  const icons = join(here, '../node_modules/@grafana/ui/dist/public/img/icons');
  await cp(icons, join(DIST, 'public/build/img/icons'), { recursive: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle();
}
