import { LoadingState } from '@grafana/data';
import { Observable } from 'rxjs';
import { EventBuffer } from '../feed/buffer';
import { type EventFilter, type FeedSource, type FeedUpdate } from '../feed/source';
import { type FeedEvent } from '../feed/types';

/** What a query for events gives: newest first. */
export interface ToldEvents {
  events: FeedEvent[];
  state: LoadingState;
  /** What is to be known about it. */
  detail?: string;
}

export interface AskedEvents {
  filter: EventFilter;
  limit: number;
  from: string;
  to: string;
}

/** How often a live query is drawn at most. */
const DRAW_MS = 250;
const MAX_PAGE = 1000;

/** The newest events of the time range. */
export async function pastEvents(feed: FeedSource, asked: AskedEvents): Promise<ToldEvents> {
  const { filter, limit, from, to } = asked;
  const events: FeedEvent[] = [];
  let cursor: string | undefined;
  do {
    const wanted = Math.min(MAX_PAGE, limit - events.length);
    const page = await feed.history({ filter, since: from, until: to, limit: wanted, cursor });
    events.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && events.length < limit);
  return { events: events.slice(0, limit), state: LoadingState.Done };
}

/** The newest events of the time range, and then what comes, until nobody listens. */
export function liveEvents(feed: FeedSource, asked: AskedEvents): Observable<ToldEvents> {
  return new Observable((observer) => {
    const buffer = new EventBuffer(asked.limit);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let detail: string | undefined;
    const draw = () => {
      timer = undefined;
      observer.next({ events: buffer.events().reverse(), state: LoadingState.Streaming, detail });
    };
    const take = (update: FeedUpdate) => {
      const isChanged = buffer.apply(update);
      const told = update.kind === 'status' ? update.detail : detail;
      if (isChanged || told !== detail) {
        detail = told;
        timer ??= setTimeout(draw, DRAW_MS);
      }
    };
    let running: { unsubscribe(): void } | undefined;
    let isOver = false;
    const begin = async () => {
      // What is live begins now, whatever the time range ends with.
      const past = await pastEvents(feed, { ...asked, to: '' });
      if (isOver) {
        return;
      }
      buffer.apply({ kind: 'events', events: [...past.events].reverse() });
      draw();
      const since = past.events[0]?.seq;
      running = feed.subscribe({ filter: asked.filter, payload: 'summary', since }).subscribe(take);
    };
    begin().catch((error: unknown) => observer.error(error));
    return () => {
      isOver = true;
      clearTimeout(timer);
      running?.unsubscribe();
    };
  });
}
