// Measures of the panel in a real browser; prints them and judges nothing. `SECONDS` = how long events flow (30).
import { bundle } from './build.mjs';
import { byId, launch, open } from './browser.mjs';
import { startDaemon } from './daemon.mjs';
import { serve } from './server.mjs';

const RATE = 1000;
const CAPACITY = 100_000;
const FIRST = 10_000;
const seconds = Number(process.env.SECONDS ?? 30);

/** In the page: makes an event like those of the fleet. */
const MAKE = `(seq, at = Date.now()) => ({
  seq, id: 'EVENTS:' + seq, source: 'NATS', type: 'agent.response.completed', subject: 'agent.response.completed',
  timestamp: new Date(at).toISOString(), received: new Date(at).toISOString(), producer: 'ray-executor',
  producer_inferred: false, story_id: 'US-' + seq % 50, task_id: 'T-' + seq, ceremony_id: null, plan_id: null,
  role: 'DEV', agent_id: 'agent-dev-001', size: 535, severity: seq % 40 ? 'info' : 'error',
  summary: 'agent-dev-001 answered in 2.3 s, ' + seq + ' tokens', trace_id: 'd901dad4faeaf0f8d88dddf664d73916',
  span_id: null, deliveries: [{ consumer: 'context', state: 'acked', attempts: 1, latency_ms: 15 },
    { consumer: 'orchestrator', state: 'pending', attempts: 0, latency_ms: null }] })`;

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
const round = (value, digits = 1) => Number(value.toFixed(digits));

async function firstPaint(browser, url) {
  const { page } = await open(browser, url);
  const took = await page.evaluate(
    ([make, count]) =>
      new Promise((resolve) => {
        const one = eval(make);
        const events = Array.from({ length: count }, (_, i) => one(i + 1));
        const begun = performance.now();
        window.fleet.emit({ kind: 'events', events });
        const look = () =>
          document.querySelector(`article[data-at="${count}"]`)
            ? // The frame after the one that has it is after its paint.
              requestAnimationFrame(() => resolve(performance.now() - begun))
            : requestAnimationFrame(look);
        requestAnimationFrame(look);
      }),
    [MAKE, FIRST]
  );
  await page.context().close();
  return took;
}

async function flow(browser, url) {
  const { page } = await open(browser, url, { capacity: String(CAPACITY) });
  const found = await page.evaluate(
    async ([make, capacity, rate, time]) => {
      const one = eval(make);
      for (let seq = 1; seq <= capacity * 1.03; seq += 1000) {
        window.fleet.emit({ kind: 'events', events: Array.from({ length: 1000 }, (_, i) => one(seq + i)) });
        await new Promise(requestAnimationFrame);
      }
      window.fleet.past = [];
      const first = Math.ceil((capacity * 1.03) / 1000) * 1000 + 1;
      const heap = async () => {
        for (let i = 0; i < 4; i++) {
          window.gc();
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
        return performance.memory.usedJSHeapSize;
      };
      const frames = [];
      const painted = [];
      let running = true;
      let shown = first - 1;
      let before = 0;
      const told = new Map();
      const look = (now) => {
        if (before) {
          frames.push(now - before);
        }
        before = now;
        const rows = document.querySelectorAll('article[data-at]');
        const last = Number(rows[rows.length - 1]?.dataset.at ?? 0);
        for (let seq = shown + 1; seq <= last; seq++) {
          painted.push(performance.now() - told.get(seq));
          told.delete(seq);
        }
        shown = Math.max(shown, last);
        if (running) {
          requestAnimationFrame(look);
        }
      };
      const begun = await heap();
      requestAnimationFrame(look);
      await window.fleet.flood(first, rate, time, (seq) => {
        told.set(seq, performance.now());
        return one(seq);
      });
      await new Promise((resolve) => setTimeout(resolve, 500));
      running = false;
      told.clear();
      const ended = await heap();
      return { frames, painted, begun, ended, rows: document.querySelectorAll('*').length };
    },
    [MAKE, CAPACITY, RATE, seconds]
  );
  const shown = await byId(page, 'state').innerText();
  await page.context().close();
  return { ...found, shown };
}

/** Stored by NATS → painted, through the proxy, with the real client and a real daemon on this machine. */
async function published(browser) {
  const daemon = await startDaemon();
  const server = await serve({ daemon });
  try {
    const { page } = await open(browser, server.url, { feed: 'daemon', filter: '{"source":"NATS"}' });
    await byId(page, 'state').getByText('WebSocket').waitFor();
    // A simulated fleet begins in the past, and catches up with the present.
    const isNow = () => {
      const times = [...document.querySelectorAll('article time')].map((time) => Date.parse(time.dateTime));
      return times.length > 0 && Date.now() - Math.max(...times) < 1000;
    };
    await page.waitForFunction(isNow, undefined, { timeout: 60_000 });
    return await page.evaluate(
      (time) =>
        new Promise((resolve) => {
          const painted = [];
          let last = Infinity;
          const begun = performance.now();
          const look = () => {
            const now = Date.now();
            for (const row of document.querySelectorAll('article[data-at]')) {
              if (Number(row.dataset.at) > last) {
                painted.push(now - Date.parse(row.querySelector('time').dateTime));
              }
            }
            last = Math.max(...[...document.querySelectorAll('article')].map((row) => Number(row.dataset.at)));
            return performance.now() - begun < time * 1000 ? requestAnimationFrame(look) : resolve(painted);
          };
          requestAnimationFrame(look);
        }),
      seconds
    );
  } finally {
    await server.close();
    await daemon.stop();
  }
}

await bundle();
const server = await serve();
const browser = await launch();
try {
  const paints = [];
  for (let i = 0; i < 5; i++) {
    paints.push(await firstPaint(browser, server.url));
  }
  paints.sort((a, b) => a - b);
  console.log(`first paint of ${FIRST} events: ${round(paints[2])} ms (median of 5; aim < 200 ms)`);
  const { frames, painted, begun, ended, rows, shown } = await flow(browser, server.url);
  frames.sort((a, b) => a - b);
  painted.sort((a, b) => a - b);
  const mib = (bytes) => round(bytes / (1 << 20));
  console.log(`${RATE} events/s for ${seconds} s onto ${CAPACITY} rows:`);
  console.log(`  heap ${mib(begun)} → ${mib(ended)} MiB, growth ${mib(ended - begun)} MiB (aim < 10 MB in 5 min)`);
  console.log(`  frame p50 ${round(quantile(frames, 0.5))} p95 ${round(quantile(frames, 0.95))} ms (aim p95 < 32 ms)`);
  console.log(
    `  told → painted row p50 ${round(quantile(painted, 0.5))} p99 ${round(quantile(painted, 0.99))} ms (aim p99 < 100 ms)`
  );
  console.log(`  ${painted.length} events seen; ${rows} elements in the page; ${shown.split('\n').pop()}`);
  const latencies = (await published(browser)).sort((a, b) => a - b);
  console.log(`published → painted row, through the proxy, ${round(latencies.length / seconds)} events/s:`);
  console.log(`  p50 ${round(quantile(latencies, 0.5))} p99 ${round(quantile(latencies, 0.99))} ms (aim p99 < 100 ms)`);
} finally {
  await browser.close();
  await server.close();
}
