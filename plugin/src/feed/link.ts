import { Backoff } from './backoff';
import { type Carrier } from './carrier';
import { wireFilter } from './filter';
import { PollCarrier } from './poll';
import { SocketLine } from './socket';
import { StreamCarrier } from './stream';
import { type Subscription } from './subscription';
import { type Hello, type Told } from './types';
import { isLasting, type Route, type Trouble, troubleOf, type Upstream } from './upstream';

/** Tries that end before the hello, though the daemon answers, until a WebSocket is taken for impossible here. */
const REFUSALS = 2;
/** How often a WebSocket is tried again meanwhile. */
const PROBE_MS = 60_000;
/** A browser opens six connections to a host, and Grafana needs some of them. */
const MAX_STREAMS = 2;
/** A panel that is drawn anew comes back at once. */
const LINGER_MS = 2_000;

export interface LinkOptions {
  explain(trouble: Trouble): string;
  /** The daemon refuses what a subscription asks for. True = somebody else takes it over. */
  refused?(subscription: Subscription, trouble: Trouble): boolean;
  random?: () => number;
}

/**
 * All subscriptions of one route: over one WebSocket; where none opens, over streams; where these are held back, by
 * asking again and again. A WebSocket is tried again from time to time.
 */
export class Link {
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly carriers = new Map<Subscription, Carrier>();
  private readonly backoff: Backoff;
  private readonly random: () => number;
  private line: SocketLine | undefined;
  private hello: Hello | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private linger: ReturnType<typeof setTimeout> | undefined;
  private refusals = 0;
  /** Why it is not the WebSocket. */
  private obstacle: Trouble | undefined;
  private isStreamHeldBack = false;
  private malformed = 0;
  private names = 0;

  constructor(
    private readonly upstream: Upstream,
    private readonly route: Route,
    private readonly options: LinkOptions
  ) {
    this.random = options.random ?? Math.random;
    this.backoff = new Backoff(500, 15_000, this.random);
  }

  add(subscription: Subscription): void {
    clearTimeout(this.linger);
    const name = this.name(subscription);
    if (this.hello) {
      subscription.status('connecting', 'websocket');
      this.subscribe(name, subscription);
    } else if (this.obstacle) {
      this.carry(subscription);
    } else {
      subscription.status('connecting', 'websocket');
      if (!this.line && this.timer === undefined) {
        void this.connect();
      }
    }
  }

  remove(subscription: Subscription): void {
    for (const [name, other] of this.subscriptions) {
      if (other === subscription) {
        this.subscriptions.delete(name);
        this.line?.send({ type: 'unsubscribe', id: name });
      }
    }
    this.carriers.get(subscription)?.stop();
    this.carriers.delete(subscription);
    if (this.subscriptions.size === 0) {
      clearTimeout(this.linger);
      this.linger = setTimeout(() => this.close(), LINGER_MS);
    }
  }

  /** Ends the connection and forgets what was found out about it. */
  close(): void {
    clearTimeout(this.linger);
    this.later(undefined);
    this.line?.close();
    this.line = this.hello = this.obstacle = undefined;
    this.isStreamHeldBack = false;
    this.refusals = 0;
    this.backoff.reset();
    this.stopCarriers();
  }

  /** Tries at once: the network is back. */
  retry(): void {
    if (this.timer !== undefined && !this.line) {
      this.later(undefined);
      void this.connect();
    }
  }

  private async connect(): Promise<void> {
    const line = new SocketLine(this.upstream, this.route, {
      told: (id, frame) => this.told(id, frame),
      malformed: (count) => this.garbled(count),
      lost: (trouble) => this.lost(trouble),
    });
    this.line = line;
    try {
      const hello = await line.open();
      if (this.line === line) {
        this.greeted(hello, line);
      }
    } catch (error) {
      if (this.line === line) {
        this.line = undefined;
        this.failed(troubleOf(error));
      }
    }
  }

  private greeted(hello: Hello, line: SocketLine): void {
    if (hello.subscriptions === undefined) {
      line.close();
      this.line = undefined;
      return this.fallBack({ kind: 'old_server', detail: hello.version });
    }
    this.hello = hello;
    this.obstacle = undefined;
    this.refusals = 0;
    this.backoff.reset();
    this.stopCarriers();
    // New names: frames that the connection before may still bring are of nobody.
    const all = [...this.subscriptions.values()];
    this.subscriptions.clear();
    for (const subscription of all) {
      subscription.status('connecting', 'websocket');
      this.subscribe(this.name(subscription), subscription);
    }
  }

  private subscribe(name: string, subscription: Subscription): void {
    const { filter, payload } = subscription.options;
    const asked = { filter: wireFilter(filter), since: subscription.since ?? null, payload };
    this.line?.send({ type: 'subscribe', id: name, topics: [], ...asked });
  }

  private told(id: string | undefined, frame: Told): void {
    const subscription = id === undefined ? undefined : this.subscriptions.get(id);
    if (!subscription) {
      return;
    }
    if (frame.type === 'error') {
      return this.refuse(subscription, frame.parameter, frame.detail);
    }
    subscription.tell(frame);
    if (frame.type === 'replay' && frame.done) {
      subscription.status('live', 'websocket', this.notice(), frame.at);
    }
  }

  private refuse(subscription: Subscription, parameter: string, detail: string): void {
    const kind = parameter === 'payload' ? 'no_payloads' : parameter === 'id' ? 'crowded' : 'refused';
    if (kind === 'crowded') {
      return this.carry(subscription);
    }
    if (!this.options.refused?.(subscription, { kind, detail })) {
      subscription.status('failed', 'websocket', this.options.explain({ kind, detail }));
    }
  }

  private lost(trouble: Trouble): void {
    this.line = this.hello = undefined;
    this.again('reconnecting', trouble);
  }

  private failed(trouble: Trouble): void {
    if (this.obstacle) {
      // Others carry meanwhile.
      return this.later(PROBE_MS);
    }
    if (trouble.kind === 'no_upgrade' && ++this.refusals >= REFUSALS) {
      return this.fallBack(trouble);
    }
    if (!isLasting(trouble)) {
      return this.again('reconnecting', trouble);
    }
    for (const subscription of [...this.subscriptions.values()]) {
      if (this.options.refused?.(subscription, trouble)) {
        this.remove(subscription);
      }
    }
    this.again('failed', trouble);
  }

  private again(state: 'reconnecting' | 'failed', trouble: Trouble): void {
    const detail = this.options.explain(trouble);
    this.subscriptions.forEach((subscription) => subscription.status(state, 'websocket', detail));
    if (this.subscriptions.size > 0) {
      this.later(this.backoff.next());
    }
  }

  private fallBack(trouble: Trouble): void {
    this.obstacle = trouble;
    this.later(PROBE_MS);
    this.subscriptions.forEach((subscription) => this.carry(subscription));
  }

  /** Over a stream, if there is one to be had. */
  private carry(subscription: Subscription): void {
    this.carriers.get(subscription)?.stop();
    const streams = [...this.carriers.values()].filter((carrier) => carrier instanceof StreamCarrier);
    const room = !this.isStreamHeldBack && streams.length < MAX_STREAMS;
    const because: Trouble = this.obstacle ?? { kind: 'crowded' };
    const handlers = {
      because: () => this.notice(because),
      explain: this.options.explain,
      malformed: (count: number) => this.garbled(count),
      gaveUp: () => {
        this.isStreamHeldBack = true;
        this.carry(subscription);
      },
    };
    const carrier = room
      ? new StreamCarrier(this.upstream, this.route, subscription, handlers, this.random)
      : new PollCarrier(this.upstream, this.route, subscription, handlers, this.random);
    this.carriers.set(subscription, carrier);
  }

  private stopCarriers(): void {
    this.carriers.forEach((carrier) => carrier.stop());
    this.carriers.clear();
  }

  private garbled(count: number): void {
    const before = this.malformed;
    this.malformed += count;
    // Told at 1, 2, 4, 8, …: a server that sends nothing else must not fill the page with it.
    if (Math.floor(Math.log2(before || 0.5)) < Math.floor(Math.log2(this.malformed)) && this.hello) {
      const live = [...this.subscriptions.values()].filter((subscription) => subscription.isLive);
      live.forEach((subscription) => subscription.status('live', 'websocket', this.notice()));
    }
  }

  private notice(because?: Trouble): string | undefined {
    const troubles = [
      because,
      this.malformed > 0 ? ({ kind: 'malformed', count: this.malformed } as const) : undefined,
    ];
    const words = troubles.filter((trouble) => trouble !== undefined).map((trouble) => this.options.explain(trouble));
    return words.length > 0 ? words.join(' ') : undefined;
  }

  private name(subscription: Subscription): string {
    const name = `s${++this.names}`;
    this.subscriptions.set(name, subscription);
    return name;
  }

  private later(ms: number | undefined): void {
    clearTimeout(this.timer);
    const then = () => {
      this.timer = undefined;
      void this.connect();
    };
    this.timer = ms === undefined ? undefined : setTimeout(then, ms);
  }
}
