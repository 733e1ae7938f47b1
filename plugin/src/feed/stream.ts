import { type Subscription as Running } from 'rxjs';
import { Backoff } from './backoff';
import { decode } from './decode';
import { wireFilter } from './filter';
import { Lines } from './lines';
import { type Carrier, type CarrierHandlers } from './carrier';
import { type Subscription } from './subscription';
import { isLasting, type Route, type Trouble, troubleOf, type Upstream } from './upstream';

/** Time for the hello: after it, something on the way holds the stream back. */
const HELLO_MS = 10_000;
/** The daemon sends a heartbeat every 15 seconds. */
const SILENT_MS = 40_000;

/** Carries one subscription over a long chunked answer, one JSON document a line. */
export class StreamCarrier implements Carrier {
  private readonly backoff: Backoff;
  private running: Running | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isStopped = false;

  constructor(
    private readonly upstream: Upstream,
    private readonly route: Route,
    private readonly subscription: Subscription,
    private readonly handlers: CarrierHandlers,
    random: () => number
  ) {
    this.backoff = new Backoff(500, 15_000, random);
    this.begin();
  }

  stop(): void {
    this.isStopped = true;
    this.pause();
  }

  private begin(): void {
    const { subscription } = this;
    const lines = new Lines();
    let greeted = false;
    subscription.status('connecting', 'stream', this.handlers.because());
    const params = {
      ...wireFilter(subscription.options.filter),
      since: subscription.since,
      payload: subscription.options.payload,
    };
    this.wait(HELLO_MS, () => {
      this.stop();
      this.handlers.gaveUp({ kind: 'held_back' });
    });
    this.running = this.upstream.chunks(this.route, 'api/feed', params).subscribe({
      next: (bytes) => {
        for (const line of lines.push(bytes)) {
          greeted = this.received(line) || greeted;
        }
        if (greeted && !this.isStopped) {
          this.wait(SILENT_MS, () => this.again({ kind: 'silent' }));
        }
      },
      error: (error) => this.again(troubleOf(error)),
      complete: () => this.again({ kind: 'closed' }),
    });
  }

  /** Gives whether the line says that somebody is there. */
  private received(line: string): boolean {
    const decoded = decode(line);
    if (decoded.kind === 'malformed') {
      this.handlers.malformed(1);
    }
    if (decoded.kind !== 'frame') {
      return false;
    }
    if (decoded.malformed > 0) {
      this.handlers.malformed(decoded.malformed);
    }
    const { frame } = decoded;
    if (frame.type === 'hello') {
      this.backoff.reset();
      return true;
    }
    this.subscription.tell(frame);
    if (frame.type === 'replay' && frame.done) {
      this.subscription.status('live', 'stream', this.handlers.because(), frame.at);
    }
    return true;
  }

  private again(trouble: Trouble): void {
    if (this.isStopped) {
      return;
    }
    this.pause();
    const state = isLasting(trouble) ? 'failed' : 'reconnecting';
    this.subscription.status(state, 'stream', this.handlers.explain(trouble));
    this.wait(this.backoff.next(), () => this.begin());
  }

  private pause(): void {
    clearTimeout(this.timer);
    this.running?.unsubscribe();
  }

  private wait(ms: number, then: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(then, ms);
  }
}
