import { type FeedEvent, type FeedSource } from '../feed';
import { event, events, historyOf, settled, START } from './fixtures';
import { Player } from './player';

function setUp(all: FeedEvent[], history: FeedSource['history'] = historyOf(all)) {
  const time = { now: 0 };
  const asked = jest.fn(history);
  const around = { source: { history: asked }, filter: {}, now: () => time.now, explain: String };
  const player = new Player(around, START, START + 60_000, jest.fn());
  const seek = async (to: number) => {
    let found: FeedEvent[] | undefined;
    await player.seek(to, (before) => (found = before));
    return found;
  };
  return { player, time, asked, seek };
}

const seqs = (found: FeedEvent[] | undefined) => found?.map((e) => e.seq);

describe('Player', () => {
  it('shows what was before the place it goes to', async () => {
    const { player, seek } = setUp(events(1, 500));
    expect(seqs(await seek(START + 3000))).toEqual(seqs(events(200, 299)));
    expect(player.travel.position).toBe(START + 3000);
  });

  it('gives events out with the spacing they had, faster or slower', async () => {
    const { player, seek, time } = setUp(events(1, 100));
    await seek(START);
    await settled();
    player.play();
    time.now += 30;
    expect(seqs(player.due())).toEqual([1, 2, 3]);
    player.setSpeed(10);
    time.now += 10;
    expect(seqs(player.due())).toEqual(seqs(events(4, 13)));
    player.setSpeed(0.5);
    time.now += 20;
    expect(seqs(player.due())).toEqual([14]);
    player.pause();
    time.now += 1000;
    expect(player.due()).toEqual([]);
  });

  it('gives all of a long history out once, page by page, and stops at the end', async () => {
    const { player, seek, time, asked } = setUp(events(1, 5000));
    await seek(START);
    await settled();
    player.setSpeed(100);
    player.play();
    const given: number[] = [];
    for (let frames = 0; frames < 200 && player.travel.playing; frames++) {
      time.now += 16;
      given.push(...(seqs(player.due()) ?? []));
      await settled();
    }
    expect(given).toEqual(seqs(events(1, 5000)));
    expect(player.travel).toMatchObject({ playing: false, position: START + 60_000 });
    expect(asked.mock.calls.filter(([q]) => q.order === 'asc')).toHaveLength(5);
  });

  it('lets time stand while a page is on its way', async () => {
    let answer = () => {};
    const pages = historyOf(events(1, 50));
    const { player, seek, time } = setUp([], async (query) => {
      if (query.order === 'asc') {
        await new Promise<void>((resolve) => (answer = resolve));
      }
      return pages(query);
    });
    await seek(START);
    player.play();
    time.now += 5000;
    expect(player.due()).toEqual([]);
    expect(player.travel).toMatchObject({ position: START, loading: true });
    answer();
    await settled();
    time.now += 10;
    expect(seqs(player.due())).toEqual([1]);
  });

  it('steps on and back, whatever the time between', async () => {
    const far = [event(1), event(2), event(3, { timestamp: new Date(START + 50_000).toISOString() })];
    const { player, seek } = setUp(far);
    await seek(START);
    expect((await player.step())?.seq).toBe(1);
    expect((await player.step())?.seq).toBe(2);
    expect((await player.step())?.seq).toBe(3);
    expect(player.travel.position).toBe(START + 50_000);
    expect(await player.step()).toBeUndefined();
    player.stepBack(far[2], far[1]);
    expect(player.travel.position).toBe(START + 20);
    expect((await player.step())?.seq).toBe(3);
  });

  it('steps back before the place it went to', async () => {
    const { player, seek } = setUp(events(1, 10));
    const before = await seek(START + 55);
    expect(seqs(before)).toEqual([1, 2, 3, 4, 5]);
    await settled();
    player.stepBack(event(5), event(4));
    player.stepBack(event(4), event(3));
    expect((await player.step())?.seq).toBe(4);
    expect((await player.step())?.seq).toBe(5);
    expect((await player.step())?.seq).toBe(6);
  });

  it('never runs backwards, though clocks of systems did', async () => {
    const early = event(2, { timestamp: new Date(START - 5000).toISOString() });
    const none = event(3, { timestamp: 'never' });
    const pages: FeedSource['history'] = ({ order }) =>
      Promise.resolve({
        items: order === 'asc' ? [event(1), early, none, event(4)] : [],
        next: null,
        as_of: new Date(START).toISOString(),
      });
    const { player, seek, time } = setUp([], pages);
    await seek(START);
    await settled();
    player.play();
    time.now += 10;
    expect(seqs(player.due())).toEqual([1, 2, 3]);
    time.now += 30;
    expect(seqs(player.due())).toEqual([4]);
  });

  it('says why it cannot go on, and tries again when it is played', async () => {
    let broken = true;
    const pages = historyOf(events(1, 3));
    const { player, seek, time } = setUp([], (query) =>
      broken && query.order === 'asc' ? Promise.reject(new Error('503')) : pages(query)
    );
    await seek(START);
    await settled();
    expect(player.travel).toMatchObject({ problem: 'Error: 503', playing: false });
    broken = false;
    player.play();
    await settled();
    time.now += 30;
    expect(seqs(player.due())).toEqual([1, 2, 3]);
    expect(player.travel.problem).toBeUndefined();
  });

  it('gives nothing out for a place that was left meanwhile', async () => {
    const { seek } = setUp(events(1, 100));
    const first = seek(START + 100);
    const second = seek(START + 50);
    expect(await first).toBeUndefined();
    expect(seqs(await second)).toEqual([1, 2, 3, 4]);
  });
});
