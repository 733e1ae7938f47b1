import { Observable } from 'rxjs';
import { readEvent } from './decode';
import { passes, wireFilter } from './filter';
import { Link } from './link';
import { type FeedSource, type FeedUpdate, type HistoryQuery, type SubscribeOptions } from './source';
import { Subscription } from './subscription';
import { type EventDetail, type EventPage, type FeedEvent } from './types';
import { type Params, type Route, type Trouble, troubleOf, type Upstream } from './upstream';

/** Pages read for one answer where the filter is more than the daemon can do. */
const MAX_PAGES = 20;

export interface FeedClientOptions {
  /** Puts trouble into words. */
  explain(trouble: Trouble): string;
  random?: () => number;
}

/** The user, or the token, may not take the route. */
const isDenied = ({ kind }: Trouble): boolean => kind === 'unauthorized' || kind === 'forbidden';

/** Moves a subscription to where it is allowed what it asks for, or to less. */
type Move = (trouble: Trouble) => boolean;

/**
 * The feed of one data source. What needs payloads takes the route of those who may see them, and makes do with less
 * where the user may not.
 */
export class FeedClient implements FeedSource {
  private readonly links: Record<Route, Link>;
  private readonly moves = new Map<Subscription, Move>();
  private mayDebug = true;

  constructor(
    private readonly upstream: Upstream,
    private readonly options: FeedClientOptions
  ) {
    const refused = (subscription: Subscription, trouble: Trouble) => this.moves.get(subscription)?.(trouble) ?? false;
    const link = (route: Route) => new Link(upstream, route, { ...options, refused });
    this.links = { feed: link('feed'), debug: link('debug') };
  }

  subscribe(options: SubscribeOptions): Observable<FeedUpdate> {
    return new Observable((observer) => {
      let leave = () => {};
      const take = (route: Route, payload: SubscribeOptions['payload'], since: SubscribeOptions['since']) => {
        leave();
        const isLess = payload !== options.payload;
        const emit = (update: FeedUpdate) => observer.next(isLess ? this.withNotice(update) : update);
        const subscription = new Subscription({ ...options, payload, since }, emit);
        this.moves.set(subscription, (trouble) => {
          if (route === 'debug' && isDenied(trouble)) {
            this.mayDebug = false;
            take('feed', 'full', subscription.since);
            return true;
          }
          if (trouble.kind === 'no_payloads' && payload === 'full') {
            take('feed', 'summary', subscription.since);
            return true;
          }
          return false;
        });
        leave = () => {
          this.moves.delete(subscription);
          this.links[route].remove(subscription);
        };
        this.links[route].add(subscription);
      };
      take(options.payload === 'full' && this.mayDebug ? 'debug' : 'feed', options.payload, options.since);
      return () => leave();
    });
  }

  async history(query: HistoryQuery): Promise<EventPage> {
    const { filter, payload = 'summary', ...rest } = query;
    const page = (cursor: string | undefined) =>
      this.ask<EventPage>('api/events', payload === 'full', { ...wireFilter(filter), ...rest, cursor });
    const items: FeedEvent[] = [];
    let answer = await page(query.cursor);
    for (let pages = 1; ; pages++) {
      const events = answer.items.map(readEvent).filter((event): event is FeedEvent => event !== undefined);
      items.push(...events.filter((event) => passes(filter, event)));
      const isFull = items.length >= (query.limit ?? 1) || pages >= MAX_PAGES;
      if (answer.next === null || isFull) {
        return { ...answer, items };
      }
      answer = await page(answer.next);
    }
  }

  event(seq: number): Promise<EventDetail> {
    return this.ask<EventDetail>(`api/events/${seq}`, true);
  }

  /** The network is back. */
  retry(): void {
    Object.values(this.links).forEach((link) => link.retry());
  }

  close(): void {
    Object.values(this.links).forEach((link) => link.close());
  }

  /** By the route that brings payloads, where the user may take it. */
  private async ask<T>(path: string, wantsPayload: boolean, params: Params = {}): Promise<T> {
    const full = wantsPayload && path === 'api/events' ? { payload: 'full' } : {};
    if (wantsPayload && this.mayDebug) {
      try {
        return await this.upstream.get<T>('debug', path, { ...params, ...full });
      } catch (error) {
        if (!isDenied(troubleOf(error))) {
          throw error;
        }
        this.mayDebug = false;
      }
    }
    try {
      return await this.upstream.get<T>('feed', path, { ...params, ...full });
    } catch (error) {
      if ('payload' in full && troubleOf(error).kind === 'forbidden') {
        return this.upstream.get<T>('feed', path, params);
      }
      throw error;
    }
  }

  private withNotice(update: FeedUpdate): FeedUpdate {
    const words = this.options.explain({ kind: 'no_payloads' });
    return update.kind === 'status' && update.state === 'live'
      ? { ...update, detail: [update.detail, words].filter(Boolean).join(' ') }
      : update;
  }
}
