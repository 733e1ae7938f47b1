import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byId, emit, eventually, harness, rowOf, seqs, told } from '../browser.mjs';
import { event, events, timeOf } from '../events.mjs';

const { scripted } = harness();

async function travelling(past = events(1, 590)) {
  const opened = await scripted(past);
  await byId(opened.page, 'travel').click();
  await byId(opened.page, 'travel-bar').waitFor();
  return opened;
}

/** Puts the slider to a time. */
const seek = (page, time) =>
  byId(page, 'slider').evaluate((slider, value) => {
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    set.call(slider, value);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  }, time);
const last = async (page) => (await seqs(page)).at(-1);
const positionIsSliders = async (page) => {
  const told = () => byId(page, 'position').innerText();
  await eventually(told, clock(await byId(page, 'slider').evaluate((slider) => Number(slider.value))));
};
const clock = (time) => new Date(time).toISOString().replace('T', ' ').slice(0, 19);

test('goes to a time and shows what was before it', async () => {
  const { page, errors } = await travelling();
  await byId(page, 'state').getByText('Time travel').waitFor();
  await seek(page, timeOf(450) + 500);
  await eventually(() => last(page), 450);
  await positionIsSliders(page);
  assert.equal(await page.evaluate(() => window.fleet.connected), 0);
  assert.deepEqual(errors, []);
});

test('replays faster than it was, and stops when told', async () => {
  const { page } = await travelling();
  await seek(page, timeOf(400) + 500);
  await eventually(() => last(page), 400);
  await byId(page, 'speed').click();
  await page.getByText('100×').click();
  const begun = Date.now();
  await byId(page, 'play').click();
  await byId(page, 'state').getByText('Replaying').waitFor();
  await eventually(async () => (await last(page)) >= 500, true);
  const took = Date.now() - begun;
  assert.ok(took > 700, `100 s at 100× took ${took} ms`);
  await byId(page, 'play').click();
  await byId(page, 'state').getByText('Time travel').waitFor();
  const stopped = await last(page);
  const rendered = await seqs(page);
  assert.deepEqual(
    rendered,
    rendered.map((_, i) => stopped - rendered.length + 1 + i)
  );
});

test('steps event by event, on and back', async () => {
  const { page } = await travelling();
  await seek(page, timeOf(450) + 500);
  await eventually(() => last(page), 450);
  await byId(page, 'step').click();
  await eventually(() => last(page), 451);
  await byId(page, 'step').click();
  await eventually(() => last(page), 452);
  await byId(page, 'step-back').click();
  await eventually(() => last(page), 451);
  await eventually(() => byId(page, 'position').innerText(), clock(timeOf(451)));
});

test('spans five minutes, an hour, a day, or the dashboard’s time', async () => {
  const { page } = await travelling();
  const span = async () => {
    const [from, to] = await byId(page, 'slider').evaluate((s) => [Number(s.min), Number(s.max)]);
    return Math.round((to - from) / 60_000);
  };
  await eventually(span, 5);
  for (const [name, minutes] of [
    ['1 h', 60],
    ['24 h', 1440],
    ['Dashboard', 60],
    ['5 min', 5],
  ]) {
    await page.getByRole('radio', { name, exact: true }).click();
    await eventually(span, minutes);
  }
});

test('comes back to live, with what happened meanwhile', async () => {
  const { page } = await travelling();
  await seek(page, timeOf(450) + 500);
  await eventually(() => last(page), 450);
  await page.evaluate((more) => (window.fleet.past = window.fleet.past.concat(more)), [event(591)]);
  await byId(page, 'back-to-live').click();
  await rowOf(page, 591).waitFor();
  await emit(page, told([event(592)]));
  await rowOf(page, 592).waitFor();
  assert.equal(await byId(page, 'travel-bar').count(), 0);
});

test('says why it cannot go on', async () => {
  const { page } = await travelling();
  await page.evaluate(() => (window.fleet.failing = 'no answer'));
  await seek(page, timeOf(450));
  await byId(page, 'state').getByText('no answer').waitFor();
});

test('is used by keyboard alone', async () => {
  const { page } = await scripted(events(1, 590));
  await byId(page, 'stream').focus();
  await page.keyboard.press('t');
  await byId(page, 'slider').focus();
  await page.keyboard.press('Home');
  await eventually(() => byId(page, 'slider').evaluate((slider) => slider.value === slider.min), true);
  await eventually(() => seqs(page), []);
  await byId(page, 'stream').focus();
  await page.keyboard.press('.');
  await eventually(async () => (await seqs(page)).length, 1);
  await page.keyboard.press('.');
  await eventually(async () => (await seqs(page)).length, 2);
  const before = await last(page);
  await page.keyboard.press(',');
  await eventually(() => last(page), before - 1);
  await page.keyboard.press('t');
  await byId(page, 'travel-bar').waitFor({ state: 'detached' });
});
