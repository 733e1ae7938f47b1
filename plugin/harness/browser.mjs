// Debian's Chromium, and what tests ask of a page with the panel.
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const launch = () =>
  chromium.launch({
    executablePath: EXECUTABLE,
    args: ['--no-sandbox', '--enable-precise-memory-info', '--js-flags=--expose-gc', '--disable-dev-shm-usage'],
  });

/** A page with the panel; it fails on any error of the page that nobody expected. */
export async function open(browser, url, asked = {}, size = { width: 1100, height: 760 }) {
  const page = await browser.newPage({ viewport: size, timezoneId: 'UTC', locale: 'en-US' });
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.stack ?? String(error)));
  page.setDefaultTimeout(10_000);
  await page.goto(`${url}?${new URLSearchParams(asked)}`);
  return { page, errors };
}

export const byId = (page, id) => page.getByTestId(`fleetscope-${id}`);
export const rowOf = (page, seq) => page.locator(`[data-at="${seq}"]`);
