// Time travel: pages of history, given out again with the spacing they had.
import { type EventFilter, type FeedEvent, type FeedSource } from '../feed';
import { ReplayClock } from './clock';

const PAGE = 1000;
/** Events in hand below which the next page is asked for. */
const LOW = 500;
/** Events shown before the place one travels to. */
const CONTEXT = 100;

export interface Travel {
  from: number;
  until: number;
  position: number;
  playing: boolean;
  speed: number;
  loading: boolean;
  problem?: string;
}

export interface PlayerSurroundings {
  source: Pick<FeedSource, 'history'>;
  filter: EventFilter;
  now: () => number;
  explain: (error: unknown) => string;
}

interface Due {
  at: number;
  event: FeedEvent;
}

const iso = (ms: number) => new Date(ms).toISOString();

export class Player {
  private readonly clock: ReplayClock;
  private queue: Due[] = [];
  private taken = 0;
  private begin: number;
  /** Up to here it is known what happened. */
  private horizon: number;
  private cursor: string | undefined;
  private complete = false;
  private loading: Promise<void> | undefined;
  /** What was before the place is not known yet. */
  private seeking = false;
  private generation = 0;
  private problem: string | undefined;

  constructor(
    private readonly around: PlayerSurroundings,
    readonly from: number,
    readonly until: number,
    private readonly changed: () => void
  ) {
    this.clock = new ReplayClock(until);
    this.begin = until;
    this.horizon = until;
  }

  get travel(): Travel {
    return {
      from: this.from,
      until: this.until,
      position: this.position(),
      playing: this.clock.playing,
      speed: this.clock.speed,
      loading: this.seeking || this.loading !== undefined,
      problem: this.problem,
    };
  }

  /** Goes to a time. `take` is given what happened before it, oldest first, before anything after it is given out. */
  async seek(to: number, take: (before: FeedEvent[]) => void): Promise<void> {
    const position = Math.min(Math.max(to, this.from), this.until);
    const mine = ++this.generation;
    this.queue = [];
    this.taken = 0;
    this.cursor = undefined;
    this.complete = false;
    this.loading = undefined;
    this.seeking = true;
    this.begin = position;
    this.horizon = position;
    this.clock.seek(position, this.around.now());
    const query = { filter: this.around.filter, since: iso(this.from), until: iso(position), limit: CONTEXT };
    try {
      const page = await this.around.source.history({ ...query, order: 'desc' });
      if (mine === this.generation) {
        this.problem = undefined;
        this.seeking = false;
        take([...page.items].reverse());
        void this.fill();
      }
    } catch (error) {
      if (mine === this.generation) {
        this.fail(error);
      }
    }
  }

  play(): void {
    this.problem = undefined;
    this.clock.play(this.around.now());
    void this.fill();
  }

  pause(): void {
    this.clock.seek(this.position(), this.around.now());
    this.clock.pause(this.around.now());
  }

  setSpeed(speed: number): void {
    this.clock.setSpeed(speed, this.around.now());
  }

  /** What has become due since it was asked last. */
  due(): FeedEvent[] {
    const position = this.position();
    let end = this.taken;
    while (end < this.queue.length && this.queue[end].at <= position) {
      end++;
    }
    const events = this.queue.slice(this.taken, end).map(({ event }) => event);
    this.taken = end;
    if (this.clock.playing) {
      if (this.complete && position >= this.until) {
        this.pause();
      } else if (!this.complete && position >= this.horizon) {
        // Not known what comes next: time stands until it is.
        this.clock.seek(position, this.around.now());
      }
      void this.fill();
    }
    return events;
  }

  /** The next event, whenever it was, and time with it. */
  async step(): Promise<FeedEvent | undefined> {
    this.pause();
    const mine = this.generation;
    if (this.taken >= this.queue.length) {
      await this.fill();
    }
    const next = mine === this.generation ? this.queue[this.taken] : undefined;
    if (next) {
      this.taken++;
      this.clock.seek(next.at, this.around.now());
    } else if (mine === this.generation && this.complete) {
      this.clock.seek(this.until, this.around.now());
    }
    return next?.event;
  }

  /** Back before an event that was given out; `before` is the one that stands now. */
  stepBack(event: FeedEvent, before: FeedEvent | undefined): void {
    this.pause();
    const at = this.timeOf(event);
    if (this.taken > 0 && this.queue[this.taken - 1].event.seq === event.seq) {
      this.taken--;
    } else {
      this.queue = [{ at, event }, ...this.queue.slice(this.taken)];
      this.taken = 0;
    }
    this.clock.seek(before ? this.timeOf(before) : Math.max(this.from, at - 1), this.around.now());
  }

  close(): void {
    this.generation++;
  }

  private position(): number {
    return Math.min(this.clock.at(this.around.now()), this.complete ? this.until : this.horizon);
  }

  private timeOf(event: FeedEvent): number {
    const at = Date.parse(event.timestamp);
    return Number.isFinite(at) ? at : this.horizon;
  }

  private fill(): Promise<void> {
    if (this.seeking || this.complete || this.problem || this.queue.length - this.taken > LOW) {
      return Promise.resolve();
    }
    this.loading ??= this.load(this.generation);
    return this.loading;
  }

  private async load(mine: number): Promise<void> {
    const range = { since: iso(this.begin), until: iso(this.until) };
    try {
      const page = await this.around.source.history({
        filter: this.around.filter,
        ...range,
        limit: PAGE,
        cursor: this.cursor,
        order: 'asc',
      });
      if (mine === this.generation) {
        this.take(page.items, page.next ?? undefined);
      }
    } catch (error) {
      if (mine === this.generation) {
        this.fail(error);
      }
    }
    if (mine === this.generation) {
      this.loading = undefined;
      this.changed();
    }
  }

  /** Time never runs backwards, whatever the clocks of the systems said. */
  private take(events: readonly FeedEvent[], next: string | undefined): void {
    const fresh = events.map((event) => {
      this.horizon = Math.min(Math.max(this.horizon, this.timeOf(event)), this.until);
      return { at: this.horizon, event };
    });
    this.queue = [...this.queue.slice(this.taken), ...fresh];
    this.taken = 0;
    this.cursor = next;
    this.complete = next === undefined;
  }

  private fail(error: unknown): void {
    this.pause();
    this.seeking = false;
    this.problem = this.around.explain(error);
    this.changed();
  }
}
