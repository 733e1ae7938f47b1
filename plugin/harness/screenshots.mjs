// Pictures of the panel with a real daemon behind it, for plugin.json and the documents.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { byId, eventually, launch, open } from './browser.mjs';
import { bundle } from './build.mjs';
import { startDaemon } from './daemon.mjs';
import { serve } from './server.mjs';

const OUT = join(dirname(fileURLToPath(import.meta.url)), '../src/img');
const SIZE = { width: 1280, height: 800 };

const PICTURES = {
  'events-dark': [{}],
  'events-light': [{ theme: 'light', density: 'compact' }],
  payload: [
    {},
    async (page) => {
      await byId(page, 'search').fill('type:agent.response.completed,orchestration.*');
      await page.keyboard.press('Enter');
      await byId(page, 'chip').first().waitFor();
      await page.locator('article', { hasText: 'agent.response.completed' }).first().waitFor();
      await byId(page, 'pause').click();
      const row = page.locator('article', { hasText: 'agent.response.completed' }).last();
      await row.click({ position: { x: 600, y: 12 } });
      await byId(page, 'tree-line').getByText('payload: ').first().waitFor();
    },
  ],
  'time-travel': [
    { filter: JSON.stringify({ source: 'NATS' }) },
    async (page) => {
      await byId(page, 'travel').click();
      await byId(page, 'slider').focus();
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('ArrowLeft');
      }
      await byId(page, 'speed').click();
      await page.getByText('2×').click();
      await byId(page, 'play').click();
      await byId(page, 'state').getByText('Replaying').waitFor();
      await eventually(async () => /[1-9]\d*\/s/.test(await byId(page, 'state').innerText()), true);
    },
  ],
};

await bundle();
const daemon = await startDaemon();
const server = await serve({ daemon });
const browser = await launch();
try {
  // A while of history, so that there is something to travel in.
  const first = await open(browser, server.url, { feed: 'daemon' }, SIZE);
  const enough = async () => (await first.page.locator('article', { hasText: '✅' }).count()) > 0;
  await eventually(enough, true);
  await first.page.waitForTimeout(25_000);
  await first.page.context().close();
  for (const [name, [asked, act]] of Object.entries(PICTURES)) {
    const { page } = await open(browser, server.url, { feed: 'daemon', ...asked }, SIZE);
    await eventually(() => byId(page, 'state').getAttribute('data-state'), 'live');
    await eventually(async () => (await page.locator('article', { hasText: '✅' }).count()) > 0, true);
    await act?.(page);
    await page.screenshot({ path: join(OUT, `${name}.png`), animations: 'disabled' });
    await page.context().close();
  }
} finally {
  await browser.close();
  await server.close();
  await daemon.stop();
}
