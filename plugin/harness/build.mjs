// Bundles the harness page into harness/dist, and lays beside it what Grafana would serve.
import { build } from 'esbuild';
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const DIST = join(here, 'dist');

export async function bundle() {
  await mkdir(DIST, { recursive: true });
  await build({
    entryPoints: [join(here, 'page/main.tsx')],
    outfile: join(DIST, 'page.js'),
    bundle: true,
    format: 'iife',
    target: 'chrome120',
    minify: true,
    jsx: 'automatic',
    loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff2': 'dataurl', '.css': 'empty', '.scss': 'empty' },
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    logLevel: 'error',
  });
  await cp(join(here, 'page/index.html'), join(DIST, 'index.html'));
  const icons = join(here, '../node_modules/@grafana/ui/dist/public/img/icons');
  await cp(icons, join(DIST, 'public/build/img/icons'), { recursive: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle();
}
