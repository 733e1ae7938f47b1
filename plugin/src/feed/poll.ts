import { Backoff } from './backoff';
import { type Carrier, type CarrierHandlers } from './carrier';
import { readEvent } from './decode';
import { wireFilter } from './filter';
import { type Subscription } from './subscription';
import { type DeliveryChange, type EventPage, type FeedEvent } from './types';
import { isLasting, type Route, troubleOf, type Upstream } from './upstream';

const INTERVAL_MS = 2_000;
const PAGE = 200;
/** Pages read in one round; what lies further back becomes a gap. */
const MAX_PAGES = 25;
/** Rounds between two looks at whether the journal was restored. */
const ROUNDS = 5;

/** Carries one subscription by asking again and again for the newest events. */
export class PollCarrier implements Carrier {
  private readonly backoff: Backoff;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isStopped = false;
  private rounds = 0;
  /** Deliveries as last told, of the newest events. */
  private deliveries = new Map<number, string>();

  constructor(
    private readonly upstream: Upstream,
    private readonly route: Route,
    private readonly subscription: Subscription,
    private readonly handlers: CarrierHandlers,
    private readonly random: () => number
  ) {
    this.backoff = new Backoff(INTERVAL_MS, 30_000, random);
    subscription.status('connecting', 'polling', handlers.because());
    void this.round();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private async round(): Promise<void> {
    const { subscription, handlers } = this;
    try {
      await this.ask();
      this.backoff.reset();
      if (!this.isStopped) {
        subscription.status('live', 'polling', handlers.because());
        this.timer = setTimeout(() => void this.round(), INTERVAL_MS * (0.75 + this.random() / 2));
      }
    } catch (error) {
      const trouble = troubleOf(error);
      if (!this.isStopped) {
        subscription.status(isLasting(trouble) ? 'failed' : 'reconnecting', 'polling', handlers.explain(trouble));
        this.timer = setTimeout(() => void this.round(), this.backoff.next());
      }
    }
  }

  private async ask(): Promise<void> {
    const { subscription } = this;
    if (this.rounds++ % ROUNDS === 0) {
      await this.lookForRestore();
    }
    const known = subscription.position;
    const since = known === undefined ? subscription.options.since : undefined;
    let page = await this.page({ since });
    const newest = readable(page);
    const found = [...newest];
    const isDone = () => page.next === null || found.some((event) => event.seq <= (known ?? -1));
    const wanted = known !== undefined || since !== undefined;
    let pages = 1;
    for (; wanted && !isDone() && pages < MAX_PAGES && !this.isStopped; pages++) {
      page = await this.page({ since, cursor: page.next ?? undefined });
      found.push(...readable(page));
    }
    if (this.isStopped) {
      return;
    }
    const last = newest[0]?.seq ?? known ?? 0;
    if (!wanted) {
      subscription.position = last;
    } else {
      if (known !== undefined && !isDone()) {
        subscription.tell({ type: 'gap', from: known + 1, to: (found.at(-1)?.seq ?? last) - 1, reason: 'slow' });
      }
      subscription.tell({ type: 'events', up_to: last, items: found });
    }
    this.compare(newest, known ?? -1);
  }

  private page(where: { since?: string | number; cursor?: string }): Promise<EventPage> {
    const { filter, payload } = this.subscription.options;
    return this.upstream.get<EventPage>(this.route, 'api/events', {
      ...wireFilter(filter),
      ...where,
      limit: PAGE,
      payload,
    });
  }

  /** Tells deliveries that changed since an event was told. */
  private compare(newest: FeedEvent[], known: number): void {
    const changes: DeliveryChange[] = [];
    const now = new Map<number, string>();
    for (const event of newest) {
      const told = JSON.stringify(event.deliveries);
      now.set(event.seq, told);
      if (event.seq <= known && this.deliveries.has(event.seq) && this.deliveries.get(event.seq) !== told) {
        changes.push(...event.deliveries.map((delivery) => ({ ...delivery, seq: event.seq })));
      }
    }
    this.deliveries = now;
    this.subscription.tell({ type: 'deliveries', items: changes });
  }

  /** A journal that ends before what was told is another one: what it holds would be taken for known. */
  private async lookForRestore(): Promise<void> {
    const known = this.subscription.position;
    const { journal } = await this.upstream.get<{ journal?: { last_seq?: number } }>(this.route, 'status');
    if (known !== undefined && typeof journal?.last_seq === 'number' && journal.last_seq < known) {
      this.subscription.tell({ type: 'gap', from: journal.last_seq + 1, to: known, reason: 'future' });
    }
  }
}

function readable(page: EventPage): FeedEvent[] {
  return page.items.map(readEvent).filter((event): event is FeedEvent => event !== undefined);
}
