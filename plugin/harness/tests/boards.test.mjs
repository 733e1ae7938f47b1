// Every dashboard, as it is committed, on the demo's fleet: nothing throws, every query is answered, and what must have
// data has.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { missing, startPrometheus } from '../boards/prometheus.mjs';
import { view, viewer } from '../boards/view.mjs';
import { launch } from '../browser.mjs';
import { boards } from '../build.mjs';
import { startDaemon } from '../daemon.mjs';
import { serve } from '../server.mjs';

const MOST_MS = 60_000;
/** What each link to a dashboard takes with it. */
const KEPT = /[?&]var-datasource=fleetscope-prometheus&from=now-\d+[mh]&to=now$/;
/** Kinds that read for themselves: the stream's rows are waited for, the others are stand-ins. */
const OWN = ['underpass-fleetscopeevents-panel', 'alertlist'];

/** Panels that may be empty: nothing of the kind need happen in the demo, or who would tell is not there. */
const MAY_BE_EMPTY = {
  overview: ['Restarts', 'Alerts that came in', 'Last failures', 'Failures'],
  councils: ['Deliberations'],
  'events-logs': ['Events by type', 'Event stream'],
  'ray-llm': [
    'Failed jobs',
    'Requests in traces',
    'Queue of vLLM',
    'KV cache of vLLM',
    'Preemptions of vLLM',
    'Last errors of GPUs (XID)',
  ],
  'graph-cache': ['Recent activity'],
  story: ['Tasks', 'Agents', 'Ray jobs', 'Requests to language models', 'Traces of the story', 'Trace'],
  consumers: [
    'Lag',
    'Given and not settled, by consumer',
    'Nak loops',
    'Time without moving on',
    'Redelivered',
    'Messages that could not be decoded',
    'Secrets masked',
  ],
  self: [
    'Trace backend',
    'Lag of sources',
    'Failures of sources',
    'Waiting before ingest',
    'Given up and left out',
    'Records removed, commits that failed',
    'States of the past asked for',
    'Time to make one',
    'Spans',
    'Spans that wait',
    'Requests to the trace backend',
    'Latency of the live feed',
    'Viewers, and what they were not sent',
    'Exports',
    'Bytes of exports',
    'Log records',
    'Log records that wait',
    'Requests to the log backend',
  ],
};

const why = missing();
assert.ok(!why || !process.env.CI, why);

const all = {};
before(async () => {
  if (!why) {
    all.daemon = await startDaemon();
    all.prometheus = await startPrometheus(all.daemon);
    all.server = await serve(all);
    all.browser = await launch();
  }
});
after(async () => {
  await all.browser?.close();
  await all.server?.close();
  await all.prometheus?.stop();
  await all.daemon?.stop();
});

/** Draws it until all that must have data has, or time is up; then says what has none. */
async function draw(context, board) {
  const end = Date.now() + MOST_MS;
  const may = MAY_BE_EMPTY[board] ?? [];
  for (;;) {
    const { page, errors, panels } = await view(context, all.server.url, { board });
    await page.close();
    const failed = panels.filter(({ error }) => error).map(({ title, error }) => `${title}: ${error}`);
    assert.deepEqual([...failed, ...errors], [], board);
    const titles = panels.map(({ title }) => title);
    assert.deepEqual(
      may.filter((title) => !titles.includes(title)),
      [],
      `${board}: no such panels`
    );
    const due = panels.filter(({ title, type }) => !OWN.includes(type) && !may.includes(title));
    const empty = due.filter(({ hasData }) => !hasData).map(({ title }) => title);
    if (empty.length === 0) {
      return panels;
    }
    assert.ok(Date.now() < end, `${board}: nothing in ${empty.join(', ')}`);
    await wait(500);
  }
}

test('dashboards are drawn as they are committed', { skip: why }, async () => {
  const names = await boards();
  let linked = 0;
  // What is behind another page of its context is not drawn.
  const drawOnes = async () => {
    const context = await viewer(all.browser);
    for (let board = names.pop(); board; board = names.pop()) {
      const links = (await draw(context, board)).flatMap((panel) => panel.links);
      // A link whose variables are left in it, or that has no time, leads elsewhere.
      const astray = links.filter((link) => link.includes('${') || (link.startsWith('/d/') && !KEPT.test(link)));
      assert.deepEqual(astray, [], board);
      linked += links.length;
    }
  };
  await Promise.all([drawOnes(), drawOnes()]);
  assert.ok(linked > 50, `only ${linked} links`);
});
