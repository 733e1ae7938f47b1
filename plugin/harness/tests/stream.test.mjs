import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byId, emit, eventually, harness, rowOf, seqs, told } from '../browser.mjs';
import { event, events } from '../events.mjs';

const { scripted } = harness();
const following = (page) => byId(page, 'stream').getAttribute('data-following');

test('shows an event as the plan draws it', async () => {
  const { page, errors } = await scripted([event(5)]);
  const text = await rowOf(page, 5).innerText();
  for (const part of ['planning.plan.approved', 'Publisher: planning-service', 'Story: US-2', 'Role: QA', '📋']) {
    assert.ok(text.includes(part), `${part} in ${text}`);
  }
  assert.match(text, /├─\s+Consumers: 2/);
  assert.match(text, /├─>\s+context\s+✅ Processed in 15 ms/);
  assert.match(text, /└─>\s+orchestrator\s+✅ Processed in 15 ms/);
  assert.deepEqual(errors, []);
});

test('tells later what became of deliveries', async () => {
  const { page } = await scripted([event(5)]);
  const delivery = { seq: 5, consumer: 'context', state: 'nacked', attempts: 3, latency_ms: 20 };
  const pending = { seq: 5, consumer: 'late', state: 'max_deliveries', attempts: 5, latency_ms: null };
  await emit(page, { kind: 'deliveries', deliveries: [delivery, pending] });
  await rowOf(page, 5).getByText('🔁 Refused, to be delivered again (3 so far)').waitFor();
  await rowOf(page, 5).getByText('❌ Given up after 5 deliveries').waitFor();
});

test('follows the newest, until one scrolls away, and again when one is back', async () => {
  const { page } = await scripted(events(1, 200));
  await emit(page, told(events(201, 300)));
  await rowOf(page, 300).waitFor();
  await byId(page, 'stream').hover();
  await page.mouse.wheel(0, -2000);
  await eventually(() => following(page), 'false');
  const before = await seqs(page);
  await emit(page, told(events(301, 400)));
  await eventually(
    () =>
      byId(page, 'state')
        .innerText()
        .then((text) => text.includes('400')),
    true
  );
  assert.deepEqual(await seqs(page), before);
  await byId(page, 'follow').click();
  await rowOf(page, 400).waitFor();
  assert.equal(await following(page), 'true');
});

test('draws the newest rows in the frame in which they come', async () => {
  const { page } = await scripted(events(1, 100));
  for (let seq = 101; seq < 600; seq += 100) {
    const below = await page.evaluate(
      (more) =>
        new Promise((resolve) => {
          window.fleet.emit({ kind: 'events', events: more });
          // After the panel's own, in the same frame.
          requestAnimationFrame(() => {
            const edge = document.querySelector('[role=feed]').getBoundingClientRect().bottom;
            const row = document.querySelector(`[data-at="${more.at(-1).seq}"]`);
            resolve(row && Math.round(edge - row.getBoundingClientRect().bottom));
          });
        }),
      events(seq, seq + 99)
    );
    assert.ok(below !== null && below >= 0 && below <= 2, `the newest row is ${below} pixels above the edge`);
  }
});

test('keeps the place of who reads while old rows are given up', async () => {
  const { page } = await scripted(events(1, 500), { capacity: '1000', density: 'compact' });
  await byId(page, 'stream').hover();
  await page.mouse.wheel(0, -3000);
  await eventually(() => following(page), 'false');
  const top = () =>
    page.evaluate(() => {
      const edge = document.querySelector('[role=feed]').getBoundingClientRect().top;
      const row = [...document.querySelectorAll('article')].find((r) => r.getBoundingClientRect().bottom > edge + 1);
      return [row.dataset.at, Math.round(row.getBoundingClientRect().top)];
    });
  const before = await top();
  for (let seq = 501; seq <= 1300; seq += 100) {
    await emit(page, told(events(seq, seq + 99)));
  }
  await eventually(() => page.getByText('Shown: 1,000').count(), 1);
  assert.deepEqual(await top(), before);
});

test('stands still while paused, counts, and shows all of it after', async () => {
  const { page } = await scripted(events(1, 5));
  await byId(page, 'pause').click();
  await emit(page, told(events(6, 8)));
  await byId(page, 'follow').getByText('New: 3. Show them').waitFor();
  assert.deepEqual(await seqs(page), [1, 2, 3, 4, 5]);
  await byId(page, 'follow').click();
  await eventually(() => seqs(page), [1, 2, 3, 4, 5, 6, 7, 8]);
});

test('marks a gap where it is, and loads what was left out', async () => {
  const { page } = await scripted(events(1, 2));
  await emit(page, { kind: 'gap', from: 3, to: 4, reason: 'slow' }, told([event(5)]));
  await byId(page, 'mark').getByText('Gap: records 3 to 4 were not shown').waitFor();
  await byId(page, 'refill').click();
  await eventually(() => page.evaluate(() => window.fleet.subscriptions.at(-1).since), 2);
  await emit(page, told(events(3, 5)));
  await eventually(() => seqs(page), [1, 2, 3, 4, 5]);
  assert.equal(await byId(page, 'mark').count(), 0);
});

test('says how many were left out', async () => {
  const { page } = await scripted(events(1, 2));
  await emit(page, { kind: 'omitted', count: 7 });
  await byId(page, 'mark').getByText('7 events were left out at this rate.').waitFor();
});

test('says how it is connected, and why not; goes on without duplicate or hole', async () => {
  const { page } = await scripted(events(1, 3));
  const state = byId(page, 'state');
  await state.getByText('WebSocket').waitFor();
  await emit(page, { kind: 'status', state: 'reconnecting', transport: 'websocket', detail: 'closed <b>1006</b>' });
  await state.getByText('Connection lost, trying again').waitFor();
  await state.getByText('closed <b>1006</b>').waitFor();
  await emit(page, { kind: 'status', state: 'live', transport: 'polling' }, told(events(2, 6)));
  await state.getByText('Polling').waitFor();
  await eventually(() => seqs(page), [1, 2, 3, 4, 5, 6]);
});

test('says that history cannot be had, and comes back by itself', async () => {
  const { page } = await scripted([], { from: 'now-2h' });
  await page.evaluate(() => (window.fleet.failing = 'token refused'));
  await byId(page, 'errors').click();
  await byId(page, 'state').getByText('token refused').waitFor();
  await page.evaluate(() => (window.fleet.failing = undefined));
  await eventually(() => byId(page, 'state').getAttribute('data-state'), 'live');
});

test('says how far the clocks are apart', async () => {
  const { page } = await scripted([]);
  await page.evaluate(() => (window.fleet.skew = 90_000));
  await byId(page, 'errors').click();
  await byId(page, 'state').getByText('The server’s clock is 1.5 min ahead').waitFor();
});

test('has only one subscription, and none when history of the past is shown', async () => {
  const { page } = await scripted([event(1)]);
  assert.equal(await page.evaluate(() => window.fleet.connected), 1);
  const past = await scripted([], { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' });
  await byId(past.page, 'state').getByText('Past time range').waitFor();
  assert.equal(await past.page.evaluate(() => window.fleet.connected), 0);
});

/** Grafana's drawer gives the focus to its cross: the first Escape may be the one of the cross's tooltip. */
async function close(page) {
  await page.getByRole('button', { name: 'Close' }).and(page.locator(':focus')).waitFor();
  await eventually(async () => {
    await page.keyboard.press('Escape');
    return byId(page, 'drawer').count();
  }, 0);
}

test('is used by keyboard alone', async () => {
  const { page, errors } = await scripted(events(1, 50));
  await byId(page, 'stream').focus();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-at'));
  await page.keyboard.press('k');
  await eventually(focused, '50');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('k');
  await eventually(focused, '48');
  await page.keyboard.press('j');
  await eventually(focused, '49');
  await page.keyboard.press('Home');
  await eventually(focused, '1');
  await page.keyboard.press('Enter');
  await byId(page, 'drawer').waitFor();
  await close(page);
  await eventually(focused, '1');
  await page.keyboard.press('p');
  await page.getByText('Paused').waitFor();
  await page.keyboard.press('p');
  await page.keyboard.press('f');
  await rowOf(page, 50).waitFor();
  await page.keyboard.press('/');
  await eventually(() => page.evaluate(() => document.activeElement?.tagName), 'INPUT');
  await page.keyboard.type('p/jk');
  assert.equal(await byId(page, 'search').inputValue(), 'p/jk');
  assert.deepEqual(errors, []);
});

test('tells a screen reader what each row is and where', async () => {
  const { page } = await scripted([event(1), event(2, { severity: 'error', summary: 'no answer' })]);
  await page.getByRole('feed', { name: 'Events, newest last' }).waitFor();
  const row = page.getByRole('article', { name: /^Error, .*agent.response.completed\. no answer$/ });
  assert.equal(await row.getAttribute('aria-posinset'), '2');
  assert.equal(await row.getAttribute('aria-setsize'), '2');
});

test('loads older events at the beginning', async () => {
  const { page } = await scripted(events(1, 600));
  await byId(page, 'errors').click();
  await byId(page, 'older').click();
  await byId(page, 'state').getByText('Shown: 600').waitFor();
  assert.equal(await byId(page, 'older').count(), 0);
});

test('gives what is shown as a file', async () => {
  const { page } = await scripted([event(1), event(2, { summary: '=HYPERLINK("http://x")' })]);
  for (const [name, ending, count] of [
    ['As NDJSON', 'ndjson', 2],
    ['As CSV', 'csv', 3],
  ]) {
    await byId(page, 'exports').click();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByText(name).click()]);
    assert.match(file.suggestedFilename(), new RegExp(`^fleetscope-events-[\\d-]+\\.${ending}$`));
    const text = await (await file.createReadStream()).toArray().then((parts) => Buffer.concat(parts).toString());
    assert.equal(text.trim().split('\n').length, count);
    assert.ok(!/(^|,)=/.test(text));
  }
});
