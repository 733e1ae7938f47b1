// The panel, the feed client, a proxy like Grafana's and a real daemon, together.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { byId, eventually, launch, open } from '../browser.mjs';
import { startDaemon } from '../daemon.mjs';
import { serve } from '../server.mjs';

const all = {};
before(async () => {
  all.daemon = await startDaemon();
  all.server = await serve({ daemon: all.daemon });
  all.browser = await launch();
});
after(async () => {
  await all.browser?.close();
  await all.server?.close();
  await all.daemon?.stop();
});

const shown = async (page) => {
  await byId(page, 'exports').click();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByText('As NDJSON').click()]);
  const text = await (await file.createReadStream()).toArray().then((parts) => Buffer.concat(parts).toString());
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
};

/** What the daemon has between two events. */
async function history(first, last) {
  const seqs = [];
  for (let cursor = ''; cursor !== null;) {
    const query = new URLSearchParams({ limit: '1000', order: 'desc', ...(cursor && { cursor }) });
    const answer = await fetch(`http://${all.daemon.host}:${all.daemon.port}/api/events?${query}`);
    const page = await answer.json();
    seqs.push(...page.items.map((event) => event.seq));
    cursor = seqs.at(-1) > first ? page.next : null;
  }
  return seqs.filter((seq) => seq >= first && seq <= last).reverse();
}

test('shows what the daemon tells, over a WebSocket, and nothing twice or never when the connection breaks', async () => {
  const { page, errors } = await open(all.browser, all.server.url, { feed: 'daemon' });
  const state = byId(page, 'state');
  await state.getByText('WebSocket').waitFor();
  const rows = async () => Number((await state.innerText()).match(/Shown: ([\d,]+)/)[1].replaceAll(',', ''));
  const grows = async () => {
    const before = await rows();
    await eventually(async () => (await rows()) > before, true);
  };
  await eventually(() => state.getAttribute('data-state'), 'live');
  await grows();
  for (let cut = 0; cut < 3; cut++) {
    all.server.cut();
    await state.getByText('Connection lost, trying again').waitFor();
    await eventually(() => state.getAttribute('data-state'), 'live');
    await grows();
  }
  await byId(page, 'pause').click();
  const events = await shown(page);
  const seqs = events.map((event) => event.seq);
  assert.deepEqual(
    events.filter((event) => event.mark),
    []
  );
  assert.deepEqual(seqs, await history(seqs[0], seqs.at(-1)));
  assert.deepEqual(errors, []);
});

test('opens the payload of an event of the daemon, and narrows to its story', async () => {
  const { page } = await open(all.browser, all.server.url, { feed: 'daemon' });
  await byId(page, 'search').fill('type:agent.response.completed');
  await page.keyboard.press('Enter');
  await byId(page, 'chip').getByText('Type: agent.response.completed').waitFor();
  await byId(page, 'pause').click();
  const row = page.locator('article', { hasText: 'Story:' }).last();
  await row.click({ position: { x: 600, y: 12 } });
  await byId(page, 'tree-line').getByText('payload: ').first().waitFor();
  await byId(page, 'to-story').click();
  await byId(page, 'chip').getByText('Story: ').waitFor();
  await page.locator('article').first().waitFor();
  const story = (await byId(page, 'chip').getByText('Story: ').innerText()).replace('Story: ', '');
  await byId(page, 'pause').click();
  const events = await shown(page);
  // What belongs to the story's plans and ceremonies comes with it.
  assert.ok(events.some((event) => event.story_id === story));
  assert.ok(events.every((event) => event.type === 'agent.response.completed'));
});

test('travels in the daemon’s history', async () => {
  const { page } = await open(all.browser, all.server.url, { feed: 'daemon' });
  await page.locator('article').first().waitFor();
  await byId(page, 'travel').click();
  await byId(page, 'slider').waitFor();
  await byId(page, 'step-back').click();
  const seq = () => page.$$eval('article', (found) => Number(found.at(-1).dataset.at));
  const before = await seq();
  await byId(page, 'step-back').click();
  await eventually(async () => (await seq()) < before, true);
  await byId(page, 'step').click();
  await eventually(seq, before);
});
