import { client } from '../testing/client';
import { event, events } from '../testing/feed';
import { FakeUpstream, settle } from '../testing/upstream';

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
    socket.tell({
      type: 'deliveries',
      items: [{ seq: 5, consumer: 'c', state: 'acked', attempts: 1, latency_ms: 2 }],
      id: String(first),
    });
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
    expect(told.gaps).toEqual([
      [11, 50, 'future'],
      [12, 20, 'slow'],
    ]);
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
