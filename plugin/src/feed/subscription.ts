import { passes } from './filter';
import { type FeedUpdate, type SubscribeOptions, type Transport } from './source';
import { type FeedEvent, type Told } from './types';

type State = Extract<FeedUpdate, { kind: 'status' }>['state'];

/**
 * One subscription, whatever carries it: knows up to where it was told, so that the next connection begins there, and
 * nothing is told twice.
 */
export class Subscription {
  /** The last record that was told, or is known to be of no interest. */
  position: number | undefined;
  /** Whether it stands at the live edge now. */
  isLive = false;
  private wasLive = false;
  private told = '';

  constructor(
    readonly options: SubscribeOptions,
    private readonly emit: (update: FeedUpdate) => void
  ) {
    this.position = typeof options.since === 'number' ? options.since : undefined;
  }

  /** Where to begin: after what was told, or where the subscriber wanted to. */
  get since(): string | number | undefined {
    return this.position ?? this.options.since;
  }

  tell(frame: Told): void {
    switch (frame.type) {
      case 'events':
        return this.events(frame.items, frame.up_to);
      case 'deliveries':
        return frame.items.length > 0 ? this.emit({ kind: 'deliveries', deliveries: frame.items }) : undefined;
      case 'gap':
        // A restored journal counts anew from where it ends.
        this.position = frame.reason === 'future' ? frame.from - 1 : Math.max(this.position ?? 0, frame.to);
        return this.emit({ kind: 'gap', from: frame.from, to: frame.to, reason: frame.reason });
      case 'omitted':
        return this.emit({ kind: 'omitted', count: frame.count });
      case 'replay':
        this.position = Math.max(this.position ?? 0, frame.at);
    }
  }

  /** Tells how it stands; the same thing only once. */
  status(state: State, transport: Transport, detail?: string, head?: number): void {
    this.isLive = state === 'live';
    this.wasLive ||= this.isLive;
    const shown = state === 'connecting' && this.wasLive ? 'reconnecting' : state;
    const told = `${shown} ${transport} ${detail}`;
    if (told !== this.told) {
      this.told = told;
      this.emit({ kind: 'status', state: shown, transport, detail, head });
    }
  }

  private events(items: FeedEvent[], upTo: number): void {
    let last = this.position ?? -1;
    const inOrder = [...items].sort((a, b) => a.seq - b.seq);
    const fresh = inOrder.filter((event) => {
      const isNew = event.seq > last;
      last = Math.max(last, event.seq);
      return isNew;
    });
    this.position = Math.max(last, upTo);
    const events = fresh.filter((event) => passes(this.options.filter, event));
    if (events.length > 0) {
      this.emit({ kind: 'events', events });
    }
  }
}
