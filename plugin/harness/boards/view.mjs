// A dashboard on the harness's page, as high as it is.
import { mkdirSync } from 'node:fs';

const WIDTH = 1600;
const MOST_MS = 30_000;

/** Where dashboards are opened one after the other: what the browser compiled for one serves the next. */
export const viewer = (browser) =>
  browser.newContext({ viewport: { width: WIDTH, height: 1000 }, timezoneId: 'UTC', locale: 'en-US' });

/** Opens a dashboard; gives the page, what became of its panels, and what was thrown. */
export async function view(context, url, asked) {
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.stack ?? String(error)));
  page.setDefaultTimeout(MOST_MS);
  await page.goto(`${url}boards.html?${new URLSearchParams(asked)}`);
  await page.waitForFunction(() => window.board ?? window.broken);
  const broken = await page.evaluate(() => window.broken);
  if (broken) {
    throw new Error(`${asked.board}: ${broken}`);
  }
  // Tables draw the rows that are in sight.
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: WIDTH, height });
  const streams = page.getByTestId('fleetscope-panel');
  for (const stream of await streams.all()) {
    await stream.locator('article').first().waitFor();
  }
  return { page, errors, panels: await page.evaluate(() => window.board.panels) };
}

export const folder = (path) => mkdirSync(path, { recursive: true });
