// Debian's Chromium, and what tests ask of a page with the panel.
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { chromium } from 'playwright-core';

import { serve } from './server.mjs';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const MOST_MS = 15_000;

export const launch = () =>
  chromium.launch({
    executablePath: EXECUTABLE,
    args: ['--no-sandbox', '--enable-precise-memory-info', '--js-flags=--expose-gc', '--disable-dev-shm-usage'],
  });

/** A page with the panel, and the errors that it throws. */
export async function open(browser, url, asked = {}, size = { width: 1100, height: 760 }) {
  const page = await browser.newPage({ viewport: size, timezoneId: 'UTC', locale: 'en-US' });
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.stack ?? String(error)));
  page.setDefaultTimeout(MOST_MS);
  await page.goto(`${url}?${new URLSearchParams(asked)}`);
  if (asked.feed !== 'none') {
    await byId(page, 'panel').waitFor();
  }
  return { page, errors };
}

export const byId = (page, id) => page.getByTestId(`fleetscope-${id}`);
export const rowOf = (page, seq) => page.locator(`article[data-at="${seq}"]`);

/** The seqs of the rows that are rendered, from top to bottom. */
export const seqs = (page) => page.$$eval('article[data-at]', (rows) => rows.map((row) => Number(row.dataset.at)));

/** Reads until it is what it shall be, or time is up; then says what it was instead. */
export async function eventually(read, expected) {
  const end = Date.now() + MOST_MS;
  let found = await read();
  while (!isSame(found, expected) && Date.now() < end) {
    await wait(20);
    found = await read();
  }
  assert.deepEqual(found, expected);
}

function isSame(found, expected) {
  try {
    assert.deepEqual(found, expected);
    return true;
  } catch {
    return false;
  }
}

/** Tells the scripted feed's subscribers. */
export const emit = (page, ...updates) => page.evaluate((all) => window.fleet.emit(...all), updates);
export const told = (events) => ({ kind: 'events', events });

/** A browser and a server for the tests of a file. `scripted` gives a page whose feed begins with these events. */
export function harness() {
  const all = {};
  before(async () => {
    all.server = await serve();
    all.browser = await launch();
  });
  afterEach(async () => {
    await Promise.all(all.browser.contexts().map((context) => context.close()));
  });
  after(async () => {
    await all.browser?.close();
    await all.server?.close();
  });
  return {
    async scripted(past = [], asked = {}, size) {
      const opened = await open(all.browser, all.server.url, asked, size);
      if (past.length > 0) {
        await emit(opened.page, told(past));
        await rowOf(opened.page, past.at(-1).seq).waitFor();
      }
      return opened;
    },
    open: (asked) => open(all.browser, all.server.url, asked),
  };
}
