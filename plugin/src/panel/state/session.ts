// What the panel shows and how it comes: live, a range of the past, or travelling in it. No React.
import { type Subscription } from 'rxjs';

import { type EventFilter, type FeedEvent, type FeedSource, type FeedUpdate } from '../feed';
import { type Frames } from './frames';
import { Player } from './player';
import { Ring } from './ring';
import { initial, type Snapshot, type Window } from './snapshot';

export const FIRST_PAGE = 500;
const OLDER_PAGE = 1000;
/** Updates in hand after which a frame is not waited for. */
const MOST_PENDING = 2000;
/** Events kept while paused; beyond it they are fetched again when the stream goes on. */
export const MOST_HELD = 5000;
const RETRY_MS = [1000, 2000, 5000, 10_000];

export interface Surroundings {
  source: FeedSource;
  filter: EventFilter;
  window: Window;
  capacity: number;
  frames: Frames;
  now: () => number;
  /** Puts what went wrong into words. */
  explain: (error: unknown) => string;
}

export class Session {
  private readonly ring: Ring;
  private readonly listeners = new Set<() => void>();
  private snapshot: Snapshot;
  private pending: FeedUpdate[] = [];
  private pendingEvents = 0;
  private held: FeedUpdate[] = [];
  private subscription: Subscription | undefined;
  private player: Player | undefined;
  private cursor: string | undefined;
  /** What the last subscription began with. */
  private since: number | string = 0;
  private generation = 0;
  private failures = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private ticker: ReturnType<typeof setInterval> | undefined;
  private counted = 0;

  constructor(private readonly around: Surroundings) {
    this.ring = new Ring(around.capacity);
    this.snapshot = initial(this.ring.rows, around.window);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly getSnapshot = (): Snapshot => this.snapshot;

  start(): void {
    this.ticker ??= setInterval(() => this.countRate(), 1000);
    void this.load();
  }

  stop(): void {
    this.generation++;
    clearInterval(this.ticker);
    this.ticker = undefined;
    this.disconnect();
    this.player?.close();
    this.around.frames.cancel();
  }

  pause(): void {
    this.publish({ paused: true });
  }

  resume(): void {
    const { waitingMore } = this.snapshot;
    const held = this.held;
    this.held = [];
    held.forEach((update) => this.apply(update));
    this.publish({ paused: false, waiting: 0, waitingMore: false });
    if (waitingMore) {
      this.connect(this.ring.last || this.since);
    }
  }

  /** Asks again for what a gap left out. */
  refill(from: number, to: number): void {
    this.ring.unmark(from, to);
    this.publish({});
    this.connect(from - 1);
  }

  async loadOlder(): Promise<void> {
    if (!this.cursor || this.snapshot.loadingOlder) {
      return;
    }
    const mine = this.generation;
    this.publish({ loadingOlder: true });
    try {
      const page = await this.around.source.history({ ...this.range(), cursor: this.cursor, limit: OLDER_PAGE });
      if (mine === this.generation) {
        this.ring.addOlder([...page.items].reverse());
        this.cursor = page.next ?? undefined;
        const room = this.ring.length < this.ring.capacity;
        this.publish({ older: Boolean(this.cursor) && room, loadingOlder: false, detail: undefined });
      }
    } catch (error) {
      if (mine === this.generation) {
        this.publish({ loadingOlder: false, detail: this.around.explain(error) });
      }
    }
  }

  async travel(from: number, until: number): Promise<void> {
    this.generation++;
    this.disconnect();
    this.player?.close();
    const player = new Player(this.around, from, until, () => this.play());
    this.player = player;
    this.held = [];
    this.publish({ mode: 'travel', paused: false, waiting: 0, waitingMore: false, older: false, detail: undefined });
    await this.seek(until);
  }

  async seek(to: number): Promise<void> {
    const sought = this.player?.seek(to, (before) => {
      this.ring.clear();
      this.ring.add(before);
      this.publish({ loaded: true });
    });
    this.publish({});
    await sought;
    this.play();
  }

  async setPlaying(on: boolean): Promise<void> {
    const travel = this.player?.travel;
    if (on && travel && travel.position >= travel.until) {
      await this.seek(travel.from);
    }
    if (on) {
      this.player?.play();
    } else {
      this.player?.pause();
    }
    this.play();
  }

  setSpeed(speed: number): void {
    this.player?.setSpeed(speed);
    this.publish({});
  }

  async step(): Promise<void> {
    const player = this.player;
    const event = await player?.step();
    if (player === this.player) {
      this.ring.add(event ? [event] : []);
      this.publish({});
    }
  }

  stepBack(): void {
    const event = this.ring.pop();
    const before = this.ring.rows[this.ring.length - 1];
    if (event) {
      this.player?.stepBack(event, before?.kind === 'event' ? before.event : undefined);
    }
    this.publish({});
  }

  backToLive(): void {
    this.player?.close();
    this.player = undefined;
    this.publish({ mode: this.around.window.until === undefined ? 'live' : 'range', loaded: false });
    void this.load();
  }

  /** History first, then what comes after it. */
  private async load(): Promise<void> {
    const mine = ++this.generation;
    this.disconnect();
    const asked = this.around.now();
    try {
      const page = await this.around.source.history({ ...this.range(), limit: FIRST_PAGE });
      if (mine !== this.generation) {
        return;
      }
      this.failures = 0;
      this.ring.clear();
      this.ring.add([...page.items].reverse());
      this.cursor = page.next ?? undefined;
      const skew = skewOf(Date.parse(page.as_of), asked, this.around.now());
      this.publish({ loaded: true, older: Boolean(this.cursor), skew, detail: undefined });
      if (this.snapshot.mode === 'live') {
        this.connect(this.ring.last || page.as_of);
      } else {
        this.publish({ state: 'live' });
      }
    } catch (error) {
      if (mine === this.generation) {
        this.publish({ state: 'failed', detail: this.around.explain(error) });
        const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
        this.retry = setTimeout(() => void this.load(), wait);
      }
    }
  }

  private range() {
    const { from, until } = this.around.window;
    const iso = (ms: number) => new Date(ms).toISOString();
    const end = until === undefined ? {} : { until: iso(until) };
    return { filter: this.around.filter, since: iso(from), ...end, order: 'desc' as const };
  }

  private connect(since: number | string): void {
    this.disconnect();
    this.since = since;
    const { source, filter } = this.around;
    this.subscription = source.subscribe({ filter, payload: 'summary', since }).subscribe({
      next: (update) => this.take(update),
      error: (error: unknown) => {
        this.publish({ state: 'failed', detail: this.around.explain(error) });
        this.retry = setTimeout(() => this.connect(this.ring.last || since), RETRY_MS[2]);
      },
    });
  }

  private disconnect(): void {
    clearTimeout(this.retry);
    this.subscription?.unsubscribe();
    this.subscription = undefined;
    this.pending = [];
    this.pendingEvents = 0;
  }

  private take(update: FeedUpdate): void {
    this.pending.push(update);
    this.pendingEvents += update.kind === 'events' ? update.events.length : 1;
    if (this.pendingEvents >= MOST_PENDING) {
      this.flush();
    } else {
      this.around.frames.request(() => this.flush());
    }
  }

  private flush(): void {
    const updates = this.pending;
    this.pending = [];
    this.pendingEvents = 0;
    if (updates.some((u) => u.kind === 'gap' && u.reason === 'future')) {
      // Another journal: what is shown has no place in it.
      void this.load();
      return;
    }
    const changes: Partial<Snapshot> = {};
    for (const update of updates) {
      if (update.kind === 'events') {
        this.counted += update.events.length;
      }
      if (update.kind === 'status') {
        const { state, transport, detail } = update;
        Object.assign(changes, { state, transport, detail });
      } else if (this.snapshot.paused) {
        this.hold(update);
      } else {
        this.apply(update);
      }
    }
    this.publish(changes);
  }

  private hold(update: FeedUpdate): void {
    const count = update.kind === 'events' ? update.events.length : 0;
    const waiting = this.snapshot.waiting + count;
    if (this.snapshot.waitingMore) {
      return;
    }
    if (waiting > MOST_HELD || this.held.length > MOST_HELD) {
      this.held = [];
      this.disconnect();
      this.snapshot = { ...this.snapshot, waiting, waitingMore: true };
      return;
    }
    this.held.push(update);
    this.snapshot = { ...this.snapshot, waiting };
  }

  private apply(update: FeedUpdate): void {
    switch (update.kind) {
      case 'events':
        return this.ring.add(update.events);
      case 'deliveries':
        return this.ring.deliver(update.deliveries);
      case 'gap':
        return this.ring.mark({ kind: 'gap', from: update.from, to: update.to, reason: update.reason });
      case 'omitted':
        return this.ring.mark({ kind: 'omitted', count: update.count });
    }
  }

  /** Gives out what is due, and asks for the next frame as long as time runs. */
  private play(): void {
    const player = this.player;
    if (!player) {
      return;
    }
    const events: FeedEvent[] = player.due();
    this.counted += events.length;
    this.ring.add(events);
    this.publish({});
    if (player.travel.playing) {
      this.around.frames.request(() => this.play());
    }
  }

  private countRate(): void {
    const rate = this.counted;
    this.counted = 0;
    if (rate !== this.snapshot.rate) {
      this.publish({ rate });
    }
  }

  private publish(changes: Partial<Snapshot>): void {
    const travel = this.snapshot.mode === 'travel' || changes.mode === 'travel' ? this.player?.travel : undefined;
    const version = this.snapshot.version + 1;
    this.snapshot = { ...this.snapshot, ...changes, travel, rows: this.ring.rows, version };
    this.listeners.forEach((listener) => listener());
  }
}

/** What the server's clock is ahead for certain: the answer was made some time between question and arrival. */
function skewOf(served: number, asked: number, arrived: number): number {
  if (served > arrived) {
    return served - arrived;
  }
  return served < asked ? served - asked : 0;
}
