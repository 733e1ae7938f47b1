// A feed that says what a test makes it say. The page has it as `window.fleet`.
import { Observable, type Subscriber } from 'rxjs';

import {
  type EventDetail,
  type EventPage,
  type FeedEvent,
  type FeedSource,
  type FeedUpdate,
} from '../../src/panel/feed';
import { detail, historyOf } from '../../src/panel/state/fixtures';
import { type HistoryQuery, type SubscribeOptions } from '../../src/feed/source';
import { FeedError } from '../../src/feed/upstream';

export class ScriptedFeed implements FeedSource {
  past: FeedEvent[] = [];
  details: Record<number, Partial<EventDetail>> = {};
  /** What the next questions fail with. */
  failing: string | undefined;
  readonly asked: HistoryQuery[] = [];
  readonly subscriptions: SubscribeOptions[] = [];
  /** How far the server's clock is ahead. */
  skew = 0;
  private readonly open = new Set<Subscriber<FeedUpdate>>();

  get connected(): number {
    return this.open.size;
  }

  subscribe(options: SubscribeOptions): Observable<FeedUpdate> {
    return new Observable((subscriber) => {
      this.subscriptions.push(options);
      this.open.add(subscriber);
      subscriber.next({ kind: 'status', state: 'live', transport: 'websocket' });
      return () => this.open.delete(subscriber);
    });
  }

  async history(query: HistoryQuery): Promise<EventPage> {
    this.asked.push(query);
    if (this.failing) {
      throw new FeedError({ kind: 'refused', detail: this.failing });
    }
    const page = await historyOf(this.past)(query);
    return { ...page, as_of: new Date(Date.now() + this.skew).toISOString() };
  }

  event(seq: number): Promise<EventDetail> {
    const found = this.past.find((event) => event.seq === seq);
    if (!found || this.failing) {
      return Promise.reject(new FeedError({ kind: 'refused', detail: this.failing ?? `event ${seq} is not there` }));
    }
    return Promise.resolve(detail(found, this.details[seq]));
  }

  /** Tells all who listen; events become history at once, as with the real one. */
  emit(...updates: FeedUpdate[]): void {
    for (const update of updates) {
      if (update.kind === 'events') {
        this.past = this.past.concat(update.events);
      }
      this.open.forEach((subscriber) => subscriber.next(update));
    }
  }

  /** Events at a rate, for a time; gives when the last one was told. Nothing of it becomes history. */
  flood(first: number, perSecond: number, seconds: number, make: (seq: number) => FeedEvent): Promise<number> {
    return new Promise((resolve) => {
      const begun = performance.now();
      let seq = first;
      const timer = setInterval(() => {
        const until = first + Math.min((performance.now() - begun) / 1000, seconds) * perSecond;
        const events: FeedEvent[] = [];
        while (seq < until) {
          events.push(make(seq++));
        }
        this.open.forEach((subscriber) => subscriber.next({ kind: 'events', events }));
        if (performance.now() - begun >= seconds * 1000) {
          clearInterval(timer);
          resolve(seq - 1);
        }
      }, 5);
    });
  }
}
