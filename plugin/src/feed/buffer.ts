import { type FeedUpdate } from './source';
import { type DeliveryChange, type FeedEvent } from './types';

/** What was not told, between two events. */
export interface GapMarker {
  from: number;
  to: number;
  reason: string;
}

export type Row = { kind: 'event'; seq: number; event: FeedEvent } | { kind: 'gap'; seq: number; gap: GapMarker };

/** How far beyond its bound the buffer grows before it is cut: cutting each time would move all of it each time. */
const SLACK = 1.25;

/** The newest events in the order of their seq, each once, with marks where some are missing. */
export class EventBuffer {
  private list: Row[] = [];
  private readonly bySeq = new Map<number, FeedEvent>();

  constructor(private readonly capacity: number) {}

  /** Oldest first. */
  rows(): readonly Row[] {
    return this.list.length > this.capacity ? this.list.slice(-this.capacity) : this.list;
  }

  events(): FeedEvent[] {
    return this.rows().flatMap((row) => (row.kind === 'event' ? [row.event] : []));
  }

  /** Takes an update in. Gives whether it changed anything. */
  apply(update: FeedUpdate): boolean {
    switch (update.kind) {
      case 'events':
        return update.events.filter((event) => this.add(event)).length > 0;
      case 'deliveries':
        return update.deliveries.filter((delivery) => this.settle(delivery)).length > 0;
      case 'gap':
        return this.mark(update);
      default:
        return false;
    }
  }

  clear(): void {
    this.list = [];
    this.bySeq.clear();
  }

  private add(event: FeedEvent): boolean {
    const isTooOld = this.list.length >= this.capacity && event.seq < this.list[this.list.length - this.capacity].seq;
    if (this.bySeq.has(event.seq) || isTooOld) {
      return false;
    }
    this.bySeq.set(event.seq, event);
    this.insert({ kind: 'event', seq: event.seq, event });
    return true;
  }

  private settle({ seq, ...delivery }: DeliveryChange): boolean {
    const event = this.bySeq.get(seq);
    if (!event) {
      return false;
    }
    const at = event.deliveries.findIndex((other) => other.consumer === delivery.consumer);
    event.deliveries =
      at < 0 ? [...event.deliveries, delivery] : event.deliveries.map((other, n) => (n === at ? delivery : other));
    return true;
  }

  private mark({ from, to, reason }: GapMarker): boolean {
    if (reason === 'future') {
      // Another journal counts anew: what is here would be taken for what is still to come.
      this.list = this.list.filter((row) => row.seq < from);
      [...this.bySeq.keys()].filter((seq) => seq >= from).forEach((seq) => this.bySeq.delete(seq));
    }
    const seq = reason === 'future' ? from - 0.5 : to + 0.5;
    if (this.list.some((row) => row.kind === 'gap' && row.gap.from === from && row.gap.to === to)) {
      return false;
    }
    this.insert({ kind: 'gap', seq, gap: { from, to, reason } });
    return true;
  }

  private insert(row: Row): void {
    const last = this.list[this.list.length - 1];
    if (!last || last.seq < row.seq) {
      this.list.push(row);
    } else {
      this.list.splice(this.place(row.seq), 0, row);
    }
    if (this.list.length > this.capacity * SLACK) {
      const cut = this.list.length - this.capacity;
      this.list.slice(0, cut).forEach((old) => this.bySeq.delete(old.seq));
      this.list = this.list.slice(cut);
    }
  }

  /** Where a row belongs: before the first one that is not older. */
  private place(seq: number): number {
    let [low, high] = [0, this.list.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.list[middle].seq < seq) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
