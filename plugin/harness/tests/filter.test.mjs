import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byId, eventually, harness, rowOf } from '../browser.mjs';
import { event, events } from '../events.mjs';

const { scripted } = harness();
const asked = (page) => page.evaluate(() => window.fleet.subscriptions.at(-1).filter);
const chips = (page) => byId(page, 'chip').allInnerTexts();

test('asks the server for what is typed, with chips that can be taken away', async () => {
  const { page } = await scripted(events(1, 3));
  await byId(page, 'search').fill('story:US-1,US-2 type:agent.* time out');
  await page.keyboard.press('Enter');
  await eventually(() => asked(page), { q: 'time out', story: 'US-1,US-2', type: 'agent.*' });
  await eventually(() => chips(page), ['Story: US-1', 'Story: US-2', 'Type: agent.*', 'Text: time out']);
  await page.getByRole('button', { name: 'Remove filter Story: US-1' }).click();
  await eventually(() => asked(page), { q: 'time out', story: 'US-2', type: 'agent.*' });
  assert.equal(await byId(page, 'search').inputValue(), 'story:US-2 type:agent.* time out');
});

test('says what is wrong with a filter, and keeps the one before', async () => {
  const { page } = await scripted(events(1, 3));
  const before = await page.evaluate(() => window.fleet.subscriptions.length);
  await byId(page, 'search').fill('sotry:US-1');
  await page.keyboard.press('Enter');
  await byId(page, 'search-problem').getByText('sotry: is no filter.').waitFor();
  assert.equal(await byId(page, 'search').getAttribute('aria-invalid'), 'true');
  assert.equal(await page.evaluate(() => window.fleet.subscriptions.length), before);
});

test('narrows to what is clicked in a row', async () => {
  const { page } = await scripted([event(5)]);
  await rowOf(page, 5).getByRole('button', { name: 'US-2' }).click();
  await eventually(() => asked(page), { story: 'US-2' });
  assert.equal(await byId(page, 'drawer').count(), 0);
});

test('shows errors only, and all again', async () => {
  const { page } = await scripted(events(1, 3));
  await byId(page, 'errors').click();
  await eventually(() => asked(page), { severity: 'error' });
  assert.equal(await byId(page, 'errors').getAttribute('aria-pressed'), 'true');
  await byId(page, 'errors').click();
  await eventually(() => asked(page), {});
});

test('follows query and variables of the dashboard, and shows them as its own', async () => {
  const variables = JSON.stringify({ story: 'US-7', role: '$__all', kind: 'ray.*' });
  const { page } = await scripted([], { filter: '{"type":"$kind"}', variables });
  await eventually(() => asked(page), { story: 'US-7', type: 'ray.*' });
  await eventually(() => chips(page), ['Story: US-7', 'Type: ray.*']);
  await byId(page, 'search').fill('type:agent.*');
  await page.keyboard.press('Enter');
  await eventually(() => asked(page), { story: 'US-7', type: 'agent.*' });
});

test('empties the filter with the field', async () => {
  const { page } = await scripted(events(1, 3));
  await byId(page, 'search').fill('role:QA');
  await page.keyboard.press('Enter');
  await eventually(() => asked(page), { role: 'QA' });
  await byId(page, 'search').fill('');
  await eventually(() => asked(page), {});
});
