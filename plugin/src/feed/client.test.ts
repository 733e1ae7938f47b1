import { event, events } from '../testing/feed';
import { FakeUpstream, line, settle, Told } from '../testing/upstream';
import { FeedClient } from './client';
import { type SubscribeOptions } from './source';
import { type Trouble } from './upstream';

const explain = ({ kind, count }: Trouble) => [kind, count].filter(Boolean).join(' ');

function client(upstream: FakeUpstream) {
  const feed = new FeedClient(upstream, { explain, random: () => 0 });
  const subscribe = (options: Partial<SubscribeOptions> = {}) => {
    const told = new Told();
    const running = feed.subscribe({ filter: {}, payload: 'summary', ...options }).subscribe(told.take);
    return { told, stop: () => running.unsubscribe() };
  };
  return { feed, subscribe };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('over a WebSocket', () => {
  it('shows the ticket first, then asks for each subscription on the same socket', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    subscribe({ filter: { story: 'US-1', consumer: 'context', role: ' ' }, since: 7 });
    subscribe({ filter: { type: 'agent.*' }, payload: 'summary', since: '5m' });
    const socket = await upstream.opened();
    expect(upstream.sockets).toHaveLength(1);
    expect(socket.said).toEqual([
      { type: 'ticket', ticket: 'ticket-1' },
      { type: 'subscribe', id: 's3', filter: { story: 'US-1' }, since: 7, payload: 'summary', topics: [] },
      { type: 'subscribe', id: 's4', filter: { type: 'agent.*' }, since: '5m', payload: 'summary', topics: [] },
    ]);
  });

  it('tells each subscriber its own, and says when it is live', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const [a, b] = [subscribe(), subscribe()];
    const socket = await upstream.opened(4);
    const [first, second] = socket.subscriptions.map(({ id }) => id);
    socket.tell({ ...events(5), id: String(first) });
    socket.tell({ ...events(6), id: String(second) });
    socket.tell({ ...events(7), id: 'nobody' });
    socket.tell({ type: 'replay', at: 6, until: 6, done: true, id: String(second) });
    socket.tell({ type: 'deliveries', items: [{ seq: 5, consumer: 'c', state: 'acked', attempts: 1, latency_ms: 2 }], id: String(first) });
    expect([a.told.seqs, b.told.seqs]).toEqual([[5], [6]]);
    expect([a.told.state, b.told.state]).toEqual(['connecting websocket', 'live websocket']);
    expect(a.told.updates.at(-1)).toMatchObject({ kind: 'deliveries', deliveries: [{ seq: 5, state: 'acked' }] });
  });

  it('comes back where it was, and takes nothing twice', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const { told } = subscribe({ since: 0 });
    const socket = await upstream.opened();
    const old = socket.id;
    socket.tell({ ...events(1, 2), id: old });
    socket.tell({ type: 'replay', at: 9, until: 9, done: true, id: old });
    socket.end(1001, 'the daemon stops');
    expect(told.state).toBe('reconnecting websocket closed');
    await jest.advanceTimersByTimeAsync(1_000);
    const next = await upstream.opened();
    expect(next).not.toBe(socket);
    expect(next.subscriptions).toEqual([expect.objectContaining({ since: 9 })]);
    next.tell({ ...events(3), id: old });
    next.tell({ ...events(9, 10, 10, 12, 11), id: next.id });
    next.tell({ type: 'replay', at: 12, until: 12, done: true, id: next.id });
    expect(told.seqs).toEqual([1, 2, 10, 11, 12]);
    expect(told.state).toBe('live websocket');
  });

  it('passes gaps on, and follows a journal that was restored', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const { told } = subscribe({ since: 50 });
    const socket = await upstream.opened(10);
    socket.tell({ type: 'gap', from: 11, to: 50, reason: 'future', id: socket.id });
    socket.tell({ ...events(11), id: socket.id });
    socket.tell({ type: 'gap', from: 12, to: 20, reason: 'slow', id: socket.id });
    socket.tell({ ...events(15, 21), id: socket.id });
    expect(told.gaps).toEqual([[11, 50, 'future'], [12, 20, 'slow']]);
    expect(told.seqs).toEqual([11, 21]);
  });

  it('keeps events of other consumers to itself', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const { told } = subscribe({ filter: { consumer: 'planner,context' } });
    const socket = await upstream.opened();
    const other = event(2, { deliveries: [{ consumer: 'other', state: 'acked', attempts: 1, latency_ms: 1 }] });
    socket.tell({ type: 'events', up_to: 3, items: [event(1), other, event(3, { deliveries: [] })], id: socket.id });
    expect(told.seqs).toEqual([1]);
  });

  it('asks whether somebody is there when nothing comes, and starts anew when nobody is', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const { told } = subscribe();
    const socket = await upstream.opened();
    await jest.advanceTimersByTimeAsync(15_000);
    expect(socket.said.at(-1)).toEqual({ type: 'hello' });
    socket.hello(3);
    await jest.advanceTimersByTimeAsync(15_000);
    expect(told.state).toBe('connecting websocket');
    await jest.advanceTimersByTimeAsync(10_000);
    expect(told.state).toBe('reconnecting websocket silent');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(upstream.sockets).toHaveLength(2);
  });

  it('waits longer each time, and comes back at once when the network does', async () => {
    const upstream = new FakeUpstream();
    upstream.trouble.feed = { kind: 'unreachable' };
    const { feed, subscribe } = client(upstream);
    const { told } = subscribe();
    await settle();
    const tries = [upstream.asked.length];
    for (const ms of [250, 500, 1_000, 2_000]) {
      await jest.advanceTimersByTimeAsync(ms);
      tries.push(upstream.asked.length);
    }
    expect(tries).toEqual([1, 2, 3, 4, 5]);
    expect(told.state).toBe('reconnecting websocket unreachable');
    upstream.trouble = {};
    feed.retry();
    const socket = await upstream.opened();
    socket.tell({ type: 'replay', at: 1, until: 1, done: true, id: socket.id });
    expect(told.state).toBe('live websocket');
  });

  it('ends with its last subscriber, but not for one that comes back at once', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const first = subscribe();
    const socket = await upstream.opened();
    first.stop();
    expect(socket.said.at(-1)).toEqual({ type: 'unsubscribe', id: socket.id });
    const second = subscribe();
    await jest.advanceTimersByTimeAsync(5_000);
    expect([upstream.sockets.length, socket.readyState]).toEqual([1, 1]);
    second.stop();
    await jest.advanceTimersByTimeAsync(5_000);
    expect(socket.readyState).toBe(3);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('counts what it cannot understand, and goes on', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const { told } = subscribe();
    const socket = await upstream.opened();
    socket.tell({ type: 'replay', at: 0, until: 0, done: true, id: socket.id });
    for (const garbage of ['<html>', '{"type":"events"}', new ArrayBuffer(4), '{"type":"tomorrow"}']) {
      socket.raw(garbage);
    }
    socket.tell({ ...events(1), id: socket.id });
    expect(told.state).toBe('live websocket malformed 2');
    expect(told.seqs).toEqual([1]);
  });
});

describe('where something is wrong', () => {
  it.each(['unauthorized', 'forbidden', 'not_found', 'not_json'] as const)('says what: %s', async (kind) => {
    const upstream = new FakeUpstream();
    upstream.trouble.feed = { kind };
    const { subscribe } = client(upstream);
    const { told } = subscribe();
    await settle();
    expect(told.states).toEqual(['connecting websocket', `failed websocket ${kind}`]);
    upstream.trouble = {};
    await jest.advanceTimersByTimeAsync(1_000);
    const socket = await upstream.opened();
    socket.tell({ type: 'replay', at: 1, until: 1, done: true, id: socket.id });
    expect(told.state).toBe('live websocket');
  });

  it('says what the daemon refuses', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const { told } = subscribe({ filter: { severity: 'awful' } });
    const socket = await upstream.opened();
    socket.tell({ type: 'error', parameter: 'severity', detail: 'no', allowed: 'info', id: socket.id });
    expect(told.state).toBe('failed websocket refused');
  });

  it('lets those who may not see payloads have the rest', async () => {
    const upstream = new FakeUpstream();
    upstream.trouble.debug = { kind: 'forbidden' };
    const { subscribe } = client(upstream);
    const { told } = subscribe({ payload: 'full', since: 3 });
    await settle();
    const socket = await upstream.opened();
    expect(socket.route).toBe('feed');
    expect(socket.subscriptions.at(-1)).toMatchObject({ payload: 'full', since: 3 });
    socket.tell({ type: 'error', parameter: 'payload', detail: 'no', allowed: 'summary', id: socket.id });
    expect(socket.subscriptions.at(-1)).toMatchObject({ payload: 'summary', since: 3 });
    socket.tell({ type: 'replay', at: 3, until: 3, done: true, id: socket.id });
    expect(told.state).toBe('live websocket no_payloads');
    subscribe({ payload: 'full' });
    expect(upstream.asked.filter(({ route }) => route === 'debug')).toHaveLength(1);
  });
});

it('keeps to the route of payloads through trouble that is not about rights', async () => {
  const upstream = new FakeUpstream();
  upstream.trouble.debug = { kind: 'not_json' };
  const { told } = client(upstream).subscribe({ payload: 'full' });
  await settle();
  expect(told.state).toBe('failed websocket not_json');
  upstream.trouble = {};
  await jest.advanceTimersByTimeAsync(1_000);
  expect((await upstream.opened()).route).toBe('debug');
});

/** Two tries in which the socket closes before the hello. */
async function refuseUpgrades(upstream: FakeUpstream) {
  for (let n = 0; n < 2; n++) {
    await settle();
    upstream.last.end();
    await jest.advanceTimersByTimeAsync(n === 0 ? 1_000 : 0);
  }
}

describe('where no WebSocket opens', () => {
  it('takes streams, and goes back as soon as one does', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const { told } = subscribe({ filter: { story: 'US-1' }, since: 4 });
    await refuseUpgrades(upstream);
    const [stream] = upstream.streams;
    expect(stream.params).toEqual({ story: 'US-1', since: 4, payload: 'summary' });
    stream.bytes.next(line({ type: 'hello', version: '0.1.0', head: 4, oldest: 1, as_of: '' }));
    stream.bytes.next(line({ type: 'replay', at: 4, until: 4, done: true }));
    stream.bytes.next(line(events(5)));
    expect(told.seqs).toEqual([5]);
    expect(told.state).toBe('live stream no_upgrade');
    stream.bytes.complete();
    expect(told.state).toBe('reconnecting stream closed');
    await jest.advanceTimersByTimeAsync(500);
    expect(upstream.streams[1].params).toMatchObject({ since: 5 });
    await jest.advanceTimersByTimeAsync(60_000);
    const socket = await upstream.opened(5);
    expect(socket.subscriptions).toEqual([expect.objectContaining({ since: 5 })]);
    expect(upstream.streams[1].bytes.observed).toBe(false);
  });

  it('starts a stream anew that fell silent', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const { told } = subscribe();
    await refuseUpgrades(upstream);
    upstream.streams[0].bytes.next(line({ type: 'hello', version: '0.1.0', head: 4, oldest: 1, as_of: '' }));
    await jest.advanceTimersByTimeAsync(39_000);
    upstream.streams[0].bytes.next(new TextEncoder().encode('\n'));
    await jest.advanceTimersByTimeAsync(39_000);
    expect(upstream.streams).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(upstream.streams).toHaveLength(2);
    expect(told.states).toContain('reconnecting stream silent');
  });

  it('opens two streams at most, and polls for the others', async () => {
    const upstream = new FakeUpstream(polled([]));
    const { subscribe } = client(upstream);
    const all = [subscribe(), subscribe(), subscribe()];
    await refuseUpgrades(upstream);
    await settle();
    expect(upstream.streams).toHaveLength(2);
    expect(all[2].told.state).toBe('live polling no_upgrade');
    all.forEach(({ stop }) => stop());
    await jest.advanceTimersByTimeAsync(5_000);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('takes an older daemon as it is', async () => {
    const upstream = new FakeUpstream();
    const { subscribe } = client(upstream);
    const { told } = subscribe();
    await settle();
    upstream.last.open();
    upstream.last.tell({ type: 'hello', version: '0.0.9', head: 1, oldest: 1, as_of: '' });
    await settle();
    expect(upstream.streams).toHaveLength(1);
    expect(told.state).toBe('connecting stream old_server');
  });
});

/** Answers of the history: the newest first, three on a page. */
function polled(seqs: number[], last = () => Math.max(0, ...seqs)) {
  return (_route: string, path: string, params: Record<string, unknown>) => {
    if (path === 'status') {
      return { journal: { last_seq: last() } };
    }
    const all = [...seqs].sort((a, b) => b - a);
    const from = params.cursor === undefined ? 0 : Number(params.cursor);
    const next = from + 3 < all.length ? String(from + 3) : null;
    return { items: all.slice(from, from + 3).map((seq) => event(seq)), next, as_of: '' };
  };
}

describe('where streams are held back', () => {
  async function polling(upstream: FakeUpstream, since?: number) {
    const { told } = client(upstream).subscribe({ since });
    await refuseUpgrades(upstream);
    // No hello within ten seconds.
    await jest.advanceTimersByTimeAsync(10_000);
    return told;
  }

  it('asks for what is new, page by page', async () => {
    const seqs = [1, 2, 3];
    const upstream = new FakeUpstream(polled(seqs));
    const told = await polling(upstream, 1);
    expect(told.state).toBe('live polling no_upgrade');
    expect(told.seqs).toEqual([2, 3]);
    seqs.push(4, 5, 6, 7, 8, 9, 10);
    await jest.advanceTimersByTimeAsync(2_500);
    expect(told.seqs).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(told.gaps).toEqual([]);
  });

  it('begins now where nothing else was asked for', async () => {
    const seqs = [1, 2, 3];
    const upstream = new FakeUpstream(polled(seqs));
    const told = await polling(upstream);
    expect(told.seqs).toEqual([]);
    seqs.push(4);
    await jest.advanceTimersByTimeAsync(2_500);
    expect(told.seqs).toEqual([4]);
  });

  it('marks what it could not catch up with', async () => {
    const seqs = [1];
    const upstream = new FakeUpstream(polled(seqs));
    const told = await polling(upstream, 1);
    seqs.push(...Array.from({ length: 200 }, (_, n) => n + 2));
    await jest.advanceTimersByTimeAsync(2_500);
    expect(told.gaps).toEqual([[2, 126, 'slow']]);
    expect(told.seqs).toEqual(Array.from({ length: 75 }, (_, n) => n + 127));
  });

  it('tells deliveries that changed', async () => {
    let state = 'pending';
    const page = () => ({
      items: [event(3, { deliveries: [{ consumer: 'c', state: state as 'acked', attempts: 1, latency_ms: null }] })],
      next: null,
    });
    const upstream = new FakeUpstream((_route, path) => (path === 'status' ? {} : page()));
    const told = await polling(upstream, 2);
    state = 'acked';
    await jest.advanceTimersByTimeAsync(2_500);
    expect(told.seqs).toEqual([3]);
    expect(told.updates.at(-1)).toMatchObject({ kind: 'deliveries', deliveries: [{ seq: 3, state: 'acked' }] });
  });

  it('notices a journal that was restored', async () => {
    const seqs = [8, 9];
    const upstream = new FakeUpstream(polled(seqs));
    const told = await polling(upstream, 8);
    expect(told.seqs).toEqual([9]);
    seqs.splice(0, 2, 1, 2);
    await jest.advanceTimersByTimeAsync(12_500);
    expect(told.gaps).toEqual([[3, 9, 'future']]);
    seqs.push(3);
    await jest.advanceTimersByTimeAsync(2_500);
    expect(told.seqs).toEqual([9, 3]);
  });
});

describe('history', () => {
  it('reads on where the daemon cannot filter', async () => {
    const given = (seq: number) => ({ consumer: seq % 4 === 0 ? 'mine' : 'other', state: 'acked', attempts: 1, latency_ms: 1 });
    const answer = polled([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const upstream = new FakeUpstream((route, path, params) => {
      const page = answer(route, path, params) as { items: Array<{ seq: number }> };
      return { ...page, items: page.items.map((item) => ({ ...item, deliveries: [given(item.seq)] })) };
    });
    const page = await client(upstream).feed.history({ filter: { consumer: 'mine', story: 'US-1' }, limit: 2 });
    expect(page.items.map(({ seq }) => seq)).toEqual([8, 4]);
    expect(page.next).toBe('6');
    expect(upstream.asked[0].params).toMatchObject({ story: 'US-1', limit: 2 });
    expect(upstream.asked[0].params).not.toHaveProperty('consumer');
  });

  it('asks for one event where payloads are shown, and makes do without', async () => {
    const upstream = new FakeUpstream((route, path) => ({ route, path }));
    const { feed } = client(upstream);
    expect(await feed.event(7)).toEqual({ route: 'debug', path: 'api/events/7' });
    upstream.trouble.debug = { kind: 'unauthorized' };
    expect(await feed.event(7)).toEqual({ route: 'feed', path: 'api/events/7' });
    upstream.trouble = {};
    expect(await feed.event(7)).toEqual({ route: 'feed', path: 'api/events/7' });
  });
});
