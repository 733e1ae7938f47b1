import { event } from '../testing/feed';
import { EventBuffer } from './buffer';

const seqs = (buffer: EventBuffer) => buffer.events().map(({ seq }) => seq);
const tell = (buffer: EventBuffer, ...numbers: number[]) =>
  buffer.apply({ kind: 'events', events: numbers.map((seq) => event(seq)) });

describe('the buffer', () => {
  it('keeps order and tells each event once', () => {
    const buffer = new EventBuffer(10);
    expect(tell(buffer, 3, 5)).toBe(true);
    expect(tell(buffer, 4, 1, 5, 3)).toBe(true);
    expect(tell(buffer, 4)).toBe(false);
    expect(seqs(buffer)).toEqual([1, 3, 4, 5]);
  });

  it('keeps the newest, and never more than it may', () => {
    const buffer = new EventBuffer(100);
    for (let seq = 1; seq <= 10_000; seq++) {
      tell(buffer, seq);
      expect(buffer.rows().length).toBeLessThanOrEqual(100);
    }
    expect(seqs(buffer)).toEqual(Array.from({ length: 100 }, (_, n) => 9901 + n));
    expect(tell(buffer, 5)).toBe(false);
    expect(seqs(buffer)[0]).toBe(9901);
  });

  it('marks what is missing where it is missing', () => {
    const buffer = new EventBuffer(10);
    tell(buffer, 1, 2);
    expect(buffer.apply({ kind: 'gap', from: 3, to: 6, reason: 'slow' })).toBe(true);
    expect(buffer.apply({ kind: 'gap', from: 3, to: 6, reason: 'slow' })).toBe(false);
    tell(buffer, 7);
    const rows = buffer.rows().map((row) => (row.kind === 'gap' ? row.gap.reason : row.seq));
    expect(rows).toEqual([1, 2, 'slow', 7]);
  });

  it('forgets what another journal will count again', () => {
    const buffer = new EventBuffer(10);
    tell(buffer, 1, 2, 3, 4);
    buffer.apply({ kind: 'gap', from: 3, to: 4, reason: 'future' });
    expect(tell(buffer, 3)).toBe(true);
    expect(buffer.rows().map((row) => row.kind)).toEqual(['event', 'event', 'gap', 'event']);
  });

  it('takes deliveries in where their event is', () => {
    const buffer = new EventBuffer(10);
    tell(buffer, 1);
    const settled = { consumer: 'context', state: 'nacked', attempts: 2, latency_ms: null } as const;
    const other = { consumer: 'planner', state: 'acked', attempts: 1, latency_ms: 3 } as const;
    expect(buffer.apply({ kind: 'deliveries', deliveries: [{ ...settled, seq: 9 }] })).toBe(false);
    const deliveries = [
      { ...settled, seq: 1 },
      { ...other, seq: 1 },
    ];
    expect(buffer.apply({ kind: 'deliveries', deliveries })).toBe(true);
    expect(buffer.events()[0].deliveries).toEqual([settled, other]);
  });
});
