import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byId, emit, eventually, harness, rowOf, told } from '../browser.mjs';
import { event } from '../events.mjs';

const { scripted } = harness();

/** The drawer of an event, about which this much is known; a function makes it in the page. */
async function drawer(detail = {}) {
  const opened = await scripted([event(5)]);
  const made = typeof detail === 'function' ? `(${detail})()` : JSON.stringify(detail);
  await opened.page.evaluate(`window.fleet.details[5] = ${made}; undefined`);
  await rowOf(opened.page, 5).click({ position: { x: 500, y: 12 } });
  await byId(opened.page, 'drawer').waitFor();
  return opened;
}

test('shows payload, facts and deliveries', async () => {
  const { page, errors } = await drawer({
    data: { approved: true, plan: { roles: ['DEV', 'QA'] }, token: '[masked:secret]' },
    masked: 1,
    truncated: true,
  });
  const shown = byId(page, 'drawer');
  await byId(page, 'tree-line').getByText('plan: {1}').waitFor();
  for (const text of ['"[masked:secret]"', 'Secrets masked: 1', 'The payload was longer than what is kept.']) {
    await shown.getByText(text).waitFor();
  }
  const deliveries = await byId(page, 'delivery').allInnerTexts();
  assert.deepEqual(
    deliveries.map((text) => text.split(/\s+/)),
    [
      ['context', '✅', 'Processed', '1', '15', 'ms'],
      ['orchestrator', '✅', 'Processed', '1', '15', 'ms'],
    ]
  );
  assert.deepEqual(errors, []);
});

test('opens and closes branches, by mouse and by keyboard', async () => {
  const { page } = await drawer({ data: { a: { b: { c: { d: 1 } } } } });
  const texts = () =>
    byId(page, 'tree-line')
      .allInnerTexts()
      .then((all) => all.map((t) => t.replace(/\s+/g, ' ').trim()));
  await eventually(texts, ['▾{1}', '▾a: {1}', '▸b: {1}']);
  await byId(page, 'tree-line').nth(2).click();
  await eventually(texts, ['▾{1}', '▾a: {1}', '▾b: {1}', '▸c: {1}']);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await eventually(texts, ['▾{1}', '▾a: {1}', '▾b: {1}', '▾c: {1}', 'd: 1']);
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowLeft');
  await eventually(texts, ['▸{1}']);
});

test('copies the whole payload', async () => {
  const { page } = await drawer({ data: { a: ['x'.repeat(5000)] } });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await byId(page, 'copy').click();
  await eventually(
    () => page.evaluate(() => navigator.clipboard.readText()),
    JSON.stringify({ a: ['x'.repeat(5000)] }, null, 2)
  );
});

test('leads to the trace and to the story', async () => {
  const { page } = await drawer();
  const trace = new URL(await byId(page, 'trace').getAttribute('href'), 'http://grafana');
  const panes = JSON.parse(trace.searchParams.get('panes'));
  assert.equal(panes.trace.datasource, 'fleetscope-tempo');
  assert.equal(panes.trace.queries[0].query, 'd901dad4faeaf0f8d88dddf664d73916');
  const story = await page.getByRole('link', { name: 'Story dashboard' }).getAttribute('href');
  assert.match(story, /^\/d\/fleetscope-story\?var-story=US-2&from=now-1h&to=now$/);
  await byId(page, 'to-story').click();
  await eventually(() => page.evaluate(() => window.fleet.subscriptions.at(-1).filter), { story: 'US-2' });
  await byId(page, 'drawer').waitFor({ state: 'detached' });
});

test('shows deliveries that come while it is open', async () => {
  const { page } = await drawer();
  const delivery = { seq: 5, consumer: 'late', state: 'terminated', attempts: 2, latency_ms: 1200 };
  await emit(page, { kind: 'deliveries', deliveries: [delivery] });
  await byId(page, 'delivery').filter({ hasText: 'late' }).getByText('❌ Terminated').waitFor();
});

test('says to whom a payload is shown, and why an event cannot be loaded', async () => {
  const { page } = await drawer(() => ({ data: undefined, data_needs_role: 'debug' }));
  await byId(page, 'drawer').getByText('The payload is shown to role debug.').waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  await byId(page, 'drawer').waitFor({ state: 'detached' });
  await emit(page, told([event(6)]));
  await page.evaluate(() => (window.fleet.failing = '404 it expired'));
  await rowOf(page, 6).click({ position: { x: 500, y: 12 } });
  await byId(page, 'drawer').getByText('404 it expired').waitFor();
  await byId(page, 'drawer').getByText('Subject').waitFor();
});

test('bears ten thousand keys, a megabyte of text, deep nesting and names that are markup', async () => {
  const { page, errors } = await drawer(() => ({
    data: {
      keys: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key${i}`, i])),
      text: '<script>window.hurt=1</script>'.repeat(35_000),
      deep: JSON.parse(`${'['.repeat(500)}1${']'.repeat(500)}`),
      '<img src=x onerror="window.hurt=1">': '\u001b[2J\u202e',
    },
  }));
  const line = (text) => byId(page, 'tree-line').filter({ hasText: text });
  await line('keys: {10000}').click();
  await line('… 9900 more: show').click();
  await line('key199').waitFor();
  assert.equal(await line('key200').count(), 0);
  await line('1049500 more characters: show').locator('[data-more]').click();
  await line('‹U+001B›[2J‹U+202E›').waitFor();
  assert.equal(await page.evaluate(() => window.hurt), undefined);
  assert.ok((await page.evaluate(() => document.querySelectorAll('*').length)) < 5000);
  assert.deepEqual(errors, []);
});
