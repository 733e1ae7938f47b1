import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byId, eventually, harness, rowOf } from '../browser.mjs';
import { event, events } from '../events.mjs';

const { scripted, open } = harness();
const background = (page) => page.evaluate(() => getComputedStyle(document.getElementById('panel')).backgroundColor);

test('renders hostile text as text, in rows of the height that was laid out', async () => {
  const hostile = '<img src=x onerror="window.hurt=1">\u001b[31m\u202egnp.exe\u0000';
  const fields = {
    summary: hostile.repeat(30_000),
    producer: hostile,
    story_id: hostile,
    type: hostile,
    source: hostile,
  };
  const arabic = event(2, { summary: 'الحدث اكتمل', producer: 'خدمة', severity: 'fatal', timestamp: 'never' });
  const { page, errors } = await scripted([event(1, fields), arabic, event(3, { deliveries: null })]);
  const text = await rowOf(page, 1).innerText();
  assert.ok(text.includes('<img src=x onerror="window.hurt=1">‹U+001B›[31m‹U+202E›gnp.exe‹U+0000›'));
  assert.ok(text.length < 2000, `${text.length} characters`);
  assert.equal(await page.evaluate(() => window.hurt), undefined);
  assert.equal(await page.evaluate(() => document.querySelectorAll('article img').length), 0);
  const overlap = await page.$$eval('article', (rows) => {
    const boxes = rows.map((row) => row.getBoundingClientRect());
    return boxes.some((box, i) => i > 0 && Math.abs(boxes[i - 1].bottom - box.top) > 1);
  });
  assert.equal(overlap, false);
  const spill = await page.$$eval('article', (rows) => rows.some((row) => row.scrollHeight > row.clientHeight + 1));
  assert.equal(spill, false);
  assert.deepEqual(errors, []);
});

test('has one line per event where that is wanted', async () => {
  const { page } = await scripted(events(1, 20), { density: 'compact' });
  const height = () => rowOf(page, 20).evaluate((row) => row.getBoundingClientRect().height);
  assert.equal(await height(), 24);
  await byId(page, 'density').click();
  await eventually(async () => (await height()) > 60, true);
});

test('is dark or light as Grafana is', async () => {
  const dark = await scripted([event(1)], { theme: 'dark' });
  const light = await scripted([event(1)], { theme: 'light' });
  const brightness = async (page) => Number(/\d+/.exec(await background(page))[0]);
  assert.ok((await brightness(dark.page)) < 60);
  assert.ok((await brightness(light.page)) > 200);
});

test('speaks Spanish', async () => {
  const { page } = await scripted([event(5)], { lang: 'es-ES' });
  await byId(page, 'state').getByText('En vivo').waitFor();
  await byId(page, 'pause').getByText('Pausar').waitFor();
  const text = await rowOf(page, 5).innerText();
  assert.match(text, /Publicado por: planning-service/);
  assert.match(text, /✅ Procesado en 15 ms/);
  await page.getByRole('feed', { name: 'Eventos, los más nuevos al final' }).waitFor();
});

test('fits into a narrow panel', async () => {
  const { page } = await scripted(events(1, 20), {}, { width: 360, height: 420 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
  const stream = await byId(page, 'stream').boundingBox();
  assert.ok(stream.height > 120, `the stream is ${stream.height} pixels high`);
});

test('says what is to be done where there is no feed', async () => {
  const { page } = await open({ feed: 'none' });
  await page.getByText('This panel needs a data source of type Fleetscope: Other').waitFor();
});
