import { client } from '../testing/client';
import { event, events } from '../testing/feed';
import { FakeUpstream, line, settle } from '../testing/upstream';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

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
    const given = (seq: number) => ({
      consumer: seq % 4 === 0 ? 'mine' : 'other',
      state: 'acked',
      attempts: 1,
      latency_ms: 1,
    });
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
