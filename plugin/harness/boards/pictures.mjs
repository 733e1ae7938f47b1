// Pictures of all dashboards on the demo's fleet, for docs/DASHBOARDS.md. `SECONDS` = of history before (300); `ONLY` =
// the names of some, with commas.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { launch } from '../browser.mjs';
import { boards, bundle } from '../build.mjs';
import { startDaemon } from '../daemon.mjs';
import { serve } from '../server.mjs';
import { missing, startPrometheus } from './prometheus.mjs';
import { shrink } from './shrink.mjs';
import { folder, view, viewer } from './view.mjs';

const OUT = join(dirname(fileURLToPath(import.meta.url)), '../../../docs/dashboards');
const LIGHT = ['overview', 'story'];
/** Needs a Loki, which is not here. */
const WITHOUT = ['events-logs'];
const only = process.env.ONLY?.split(',');
const MOST_BYTES = 400_000;
/** Before and after a story, so that its phases are not at the edge. */
const AROUND_MS = 5_000;
const seconds = Number(process.env.SECONDS ?? 300);

/** The story of which there is most to see, and its time. */
async function story(daemon) {
  const answer = await fetch(`http://${daemon.host}:${daemon.port}/api/stories?limit=200`);
  const { items } = await answer.json();
  // Of the last ones: a graph does not keep all.
  const last = items.filter(({ closed }) => closed).sort((a, b) => b.last_event.localeCompare(a.last_event));
  const [most] = last.slice(0, 20).sort((a, b) => b.events - a.events);
  const at = (time, more) => new Date(Date.parse(time) + more).toISOString();
  return {
    'var-story': most.story_id,
    from: at(most.first_event, -AROUND_MS),
    to: at(most.last_event, AROUND_MS),
  };
}

/** The last minutes; of the graph what is around a story. */
async function askedOf(name, daemon) {
  const last = { from: `now-${Math.max(1, Math.round(seconds / 60))}m` };
  switch (name) {
    case 'story':
      return story(daemon);
    case 'graph-cache':
      return { ...(await story(daemon)), ...last, to: 'now' };
    default:
      return last;
  }
}

async function take(context, url, name, asked) {
  const { page, errors, panels } = await view(context, url, asked);
  const failed = panels.filter(({ error }) => error).map(({ title, error }) => `${title}: ${error}`);
  if (failed.length + errors.length > 0) {
    throw new Error([name, ...failed, ...errors].join('\n'));
  }
  // Fonts and the last sizes settle.
  await page.waitForTimeout(1_500);
  const png = await shrink(page, await page.screenshot({ animations: 'disabled' }));
  writeFileSync(join(OUT, `${name}.png`), png);
  console.log(`${name}.png: ${Math.ceil(png.length / 1000)} kB`);
  if (png.length > MOST_BYTES) {
    throw new Error(`${name}.png is larger than ${MOST_BYTES / 1000} kB`);
  }
  await page.close();
}

const why = missing();
if (why) {
  throw new Error(why);
}
await bundle();
folder(OUT);
const daemon = await startDaemon();
const prometheus = await startPrometheus(daemon);
const server = await serve({ daemon, prometheus });
const browser = await launch();
try {
  const context = await viewer(browser);
  await wait(seconds * 1000);
  for (const name of (await boards()).filter((board) => only?.includes(board) ?? !WITHOUT.includes(board))) {
    const more = await askedOf(name, daemon);
    await take(context, server.url, name, { board: name, ...more });
    if (LIGHT.includes(name)) {
      await take(context, server.url, `${name}-light`, { board: name, theme: 'light', ...more });
    }
  }
} finally {
  await browser.close();
  await server.close();
  await prometheus.stop();
  await daemon.stop();
}
