// The newest rows of the stream, in order and each once, in bounded memory.
import { type DeliveryChange, type FeedEvent } from '../feed';
import { indexOf, type Mark, type Row } from './rows';

export class Ring {
  private kept: Row[] = [];
  /** Rows given up at the old end since the ring began. */
  dropped = 0;

  constructor(readonly capacity: number) {}

  get rows(): readonly Row[] {
    return this.kept;
  }

  get length(): number {
    return this.kept.length;
  }

  /** Seq of the newest event, 0 without one. */
  get last(): number {
    for (let i = this.kept.length - 1; i >= 0; i--) {
      const row = this.kept[i];
      if (row.kind === 'event') {
        return row.at;
      }
    }
    return 0;
  }

  clear(): void {
    this.kept = [];
    this.dropped = 0;
  }

  /** Adds events wherever they belong; one that is there already is replaced by what is told now. */
  add(events: readonly FeedEvent[]): void {
    const late: FeedEvent[] = [];
    for (const event of events) {
      const end = this.kept[this.kept.length - 1];
      if (!end || event.seq > end.at) {
        this.kept.push({ kind: 'event', at: event.seq, event });
      } else {
        late.push(event);
      }
    }
    if (late.length > 0) {
      this.merge(late);
    }
    this.trim();
  }

  /** Adds older events; those for which there is no room are left out. */
  addOlder(events: readonly FeedEvent[]): void {
    const room = this.capacity - this.kept.length;
    if (room > 0) {
      this.merge(events.slice(-room));
    }
  }

  mark(mark: Mark): void {
    const end = this.kept[this.kept.length - 1];
    const place = mark.kind === 'gap' ? mark.to + 0.5 : (end?.at ?? 0) + 0.5;
    // Two marks in a row at the end stay in the order in which they came.
    const at = end && place <= end.at && end.at - place < 1 ? end.at + 0.001 : place;
    if (mark.kind === 'gap') {
      this.unmark(mark.from, mark.to);
    }
    const row: Row = { kind: 'mark', at, mark };
    const index = this.indexAfter(at);
    if (index === this.kept.length) {
      this.kept.push(row);
    } else {
      this.kept = [...this.kept.slice(0, index), row, ...this.kept.slice(index)];
    }
    this.trim();
  }

  /** Takes away the mark of a gap that is asked for again. */
  unmark(from: number, to: number): void {
    this.kept = this.kept.filter(
      (row) => row.kind === 'event' || row.mark.kind !== 'gap' || row.mark.from !== from || row.mark.to !== to
    );
  }

  /** What became known later about events; of one that is gone, nothing is kept. */
  deliver(changes: readonly DeliveryChange[]): void {
    for (const { seq, ...delivery } of changes) {
      const index = indexOf(this.kept, seq);
      const row = this.kept[index];
      if (row?.kind !== 'event') {
        continue;
      }
      const before = row.event.deliveries ?? [];
      const known = before.some((d) => d.consumer === delivery.consumer);
      const deliveries = known
        ? before.map((d) => (d.consumer === delivery.consumer ? delivery : d))
        : [...before, delivery];
      this.kept[index] = { ...row, event: { ...row.event, deliveries } };
    }
  }

  /** Takes the newest event away, with the marks after it. */
  pop(): FeedEvent | undefined {
    for (let row = this.kept.pop(); row; row = this.kept.pop()) {
      if (row.kind === 'event') {
        return row.event;
      }
    }
    return undefined;
  }

  /** Index of the first row after this place. */
  private indexAfter(at: number): number {
    let low = 0;
    let high = this.kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.kept[middle].at <= at) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private merge(events: readonly FeedEvent[]): void {
    const places = new Map<number, Row>(this.kept.map((row) => [row.at, row]));
    for (const event of events) {
      places.set(event.seq, { kind: 'event', at: event.seq, event });
    }
    this.kept = [...places.values()].sort((a, b) => a.at - b.at);
  }

  /** A piece at a time: taking one row from the front for each that comes would move all of them each time. */
  private trim(): void {
    const slack = Math.ceil(this.capacity / 50);
    if (this.kept.length > this.capacity + slack) {
      const extra = this.kept.length - this.capacity;
      this.kept.splice(0, extra);
      this.dropped += extra;
    }
  }
}
