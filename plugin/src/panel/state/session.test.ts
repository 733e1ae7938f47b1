import { Subject } from 'rxjs';

import { type FeedEvent, type FeedSource, type FeedUpdate } from '../feed';
import { event, events, historyOf, settled, START } from './fixtures';
import { FIRST_PAGE, MOST_HELD, Session } from './session';
import { type Window } from './snapshot';

const told = (found: FeedEvent[]): FeedUpdate => ({ kind: 'events', events: found });
const LIVE: FeedUpdate = { kind: 'status', state: 'live', transport: 'websocket' };

function setUp(past: FeedEvent[], window: Window = { from: START }, capacity = 100_000) {
  const feeds: Array<Subject<FeedUpdate>> = [];
  let frame: (() => void) | undefined;
  const time = { now: START };
  const source = {
    history: jest.fn(historyOf(past)),
    event: jest.fn(),
    subscribe: jest.fn<ReturnType<FeedSource['subscribe']>, Parameters<FeedSource['subscribe']>>(() => {
      const feed = new Subject<FeedUpdate>();
      feeds.push(feed);
      return feed;
    }),
  };
  const frames = { request: (callback: () => void) => (frame = callback), cancel: jest.fn() };
  const now = () => time.now;
  const session = new Session({ source, filter: { story: 'US-1' }, window, capacity, frames, now, explain: String });
  const draw = () => {
    const run = frame;
    frame = undefined;
    run?.();
  };
  const rows = () => session.getSnapshot().rows.map((row) => (row.kind === 'event' ? row.at : row.mark.kind));
  return { session, source, feeds, draw, rows, time, now: () => session.getSnapshot() };
}

describe('Session', () => {
  let stop = () => {};
  const begin = async (...given: Parameters<typeof setUp>) => {
    const all = setUp(...given);
    all.session.start();
    stop = () => all.session.stop();
    await settled();
    return all;
  };
  afterEach(() => stop());

  it('begins with history and goes on after its newest event', async () => {
    const { source, feeds, rows, draw, now } = await begin(events(1, 3));
    expect(rows()).toEqual([1, 2, 3]);
    expect(source.subscribe).toHaveBeenCalledWith({ filter: { story: 'US-1' }, payload: 'summary', since: 3 });
    feeds[0].next(LIVE);
    feeds[0].next(told([event(3), event(4)]));
    expect(rows()).toEqual([1, 2, 3]);
    draw();
    expect(rows()).toEqual([1, 2, 3, 4]);
    expect(now()).toMatchObject({ state: 'live', transport: 'websocket', loaded: true });
  });

  it('begins where the empty history ended', async () => {
    const { source } = await begin([]);
    expect(source.subscribe.mock.calls[0][0].since).toBe(new Date(START).toISOString());
  });

  it('draws once for all that came since the last frame, and does not wait for one when much came', async () => {
    const { session, feeds, draw, rows } = await begin([]);
    const drawn = jest.fn();
    session.subscribe(drawn);
    feeds[0].next(told(events(1, 5)));
    feeds[0].next(told(events(6, 9)));
    draw();
    expect(drawn).toHaveBeenCalledTimes(1);
    feeds[0].next(told(events(10, 3000)));
    expect(rows()).toHaveLength(3000);
  });

  it('keeps what comes while paused, and shows it after', async () => {
    const { session, feeds, draw, rows, now } = await begin(events(1, 2));
    session.pause();
    feeds[0].next(told(events(3, 5)));
    feeds[0].next({ kind: 'gap', from: 6, to: 7, reason: 'slow' });
    draw();
    expect(rows()).toEqual([1, 2]);
    expect(now()).toMatchObject({ paused: true, waiting: 3, waitingMore: false });
    session.resume();
    expect(rows()).toEqual([1, 2, 3, 4, 5, 'gap']);
    expect(now()).toMatchObject({ paused: false, waiting: 0 });
  });

  it('holds no more than a bound while paused: the rest is fetched from the server', async () => {
    const { session, source, feeds, rows, now } = await begin(events(1, 2));
    session.pause();
    feeds[0].next(told(events(3, MOST_HELD + 10)));
    expect(now()).toMatchObject({ waitingMore: true });
    expect(feeds[0].observed).toBe(false);
    session.resume();
    expect(rows()).toEqual([1, 2]);
    expect(source.subscribe.mock.calls[1][0].since).toBe(2);
  });

  it('marks a gap, and asks again for what it left out', async () => {
    const { session, source, feeds, draw, rows } = await begin(events(1, 2));
    feeds[0].next({ kind: 'gap', from: 3, to: 5, reason: 'slow' });
    feeds[0].next(told([event(6)]));
    draw();
    expect(rows()).toEqual([1, 2, 'gap', 6]);
    session.refill(3, 5);
    expect(source.subscribe.mock.calls[1][0].since).toBe(2);
    feeds[1].next(told(events(3, 7)));
    draw();
    expect(rows()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('begins anew when the journal is another one', async () => {
    const { source, feeds, draw, rows } = await begin(events(100, 102));
    source.history.mockImplementation(historyOf(events(1, 2)));
    feeds[0].next({ kind: 'gap', from: 3, to: 102, reason: 'future' });
    draw();
    await settled();
    expect(rows()).toEqual([1, 2]);
    expect(source.subscribe.mock.calls[1][0].since).toBe(2);
  });

  it('loads older pages until there are none', async () => {
    const { session, rows, now } = await begin(events(1, FIRST_PAGE + 200));
    expect([rows().length, now().older]).toEqual([FIRST_PAGE, true]);
    await session.loadOlder();
    expect([rows()[0], now().older]).toEqual([1, false]);
  });

  it('shows a range of the past without asking for more', async () => {
    const { source, rows, now } = await begin(events(1, 10), { from: START, until: START + 55 });
    expect(rows()).toEqual([1, 2, 3, 4, 5]);
    expect(source.subscribe).not.toHaveBeenCalled();
    expect(now()).toMatchObject({ mode: 'range', state: 'live' });
  });

  it('says why history fails, and tries again by itself', async () => {
    jest.useFakeTimers();
    try {
      const all = setUp(events(1, 2));
      all.source.history.mockRejectedValueOnce(new Error('401 token needed'));
      all.session.start();
      stop = () => all.session.stop();
      await settled();
      expect(all.now()).toMatchObject({ state: 'failed', detail: 'Error: 401 token needed', loaded: false });
      jest.advanceTimersByTime(1000);
      await settled();
      expect(all.rows()).toEqual([1, 2]);
      expect(all.now().detail).toBeUndefined();
    } finally {
      jest.useRealTimers();
    }
  });

  it('tells how far the server’s clock is from this one', async () => {
    const all = setUp([]);
    all.time.now = START - 90_000;
    all.session.start();
    stop = () => all.session.stop();
    await settled();
    expect(all.now().skew).toBe(90_000);
  });

  it('takes a slow answer for no difference of clocks', async () => {
    const all = setUp([]);
    all.time.now = START - 4000;
    all.session.start();
    all.time.now = START + 4000;
    stop = () => all.session.stop();
    await settled();
    expect(all.now().skew).toBe(0);
  });

  it('leaves nothing behind when it stops', async () => {
    const { session, feeds } = await begin(events(1, 2));
    session.stop();
    expect(feeds[0].observed).toBe(false);
  });

  it('travels, replays and comes back to live', async () => {
    const { session, feeds, draw, rows, time, now } = await begin(events(1, 20));
    await session.travel(START, START + 205);
    expect(feeds[0].observed).toBe(false);
    expect(rows()).toHaveLength(20);
    expect(now()).toMatchObject({ mode: 'travel', travel: { playing: false, position: START + 205 } });
    await session.seek(START + 100);
    await settled();
    expect(rows()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await session.setPlaying(true);
    time.now += 20;
    draw();
    expect(rows()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    await session.step();
    session.stepBack();
    session.stepBack();
    expect(rows()).toHaveLength(11);
    await session.step();
    expect(rows()).toHaveLength(12);
    session.backToLive();
    await settled();
    expect(now()).toMatchObject({ mode: 'live', travel: undefined });
    expect(feeds[1].observed).toBe(true);
    expect(rows()).toHaveLength(20);
  });

  it('plays from the beginning when it stands at the end', async () => {
    const { session, now } = await begin(events(1, 3));
    await session.travel(START, START + 1000);
    await session.setPlaying(true);
    expect(now().travel).toMatchObject({ playing: true, position: START });
  });
});
