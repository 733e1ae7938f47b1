import { event, events } from './fixtures';
import { Ring } from './ring';

const places = (ring: Ring) => ring.rows.map((row) => (row.kind === 'event' ? row.at : row.mark.kind));

describe('Ring', () => {
  it('keeps events in order and each once, however they come', () => {
    const ring = new Ring(100);
    ring.add(events(1, 3));
    ring.add([event(2), event(6), event(3), event(5), event(4)]);
    expect(places(ring)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(ring.last).toBe(6);
  });

  it('keeps what is told later about an event that comes again', () => {
    const ring = new Ring(100);
    ring.add(events(1, 3));
    ring.add([event(2, { severity: 'error' })]);
    expect(ring.rows[1]).toMatchObject({ event: { seq: 2, severity: 'error' } });
  });

  it('gives up the oldest, a piece at a time, and never holds much more than its capacity', () => {
    const ring = new Ring(1000);
    let most = 0;
    for (let seq = 1; seq <= 5000; seq++) {
      ring.add([event(seq)]);
      most = Math.max(most, ring.length);
    }
    expect(most).toBeLessThanOrEqual(1021);
    expect(ring.last).toBe(5000);
    expect(ring.rows[0].at).toBe(5000 - ring.length + 1);
    expect(ring.dropped + ring.length).toBe(5000);
  });

  it('puts a gap where it is, and takes its mark away when it is asked for again', () => {
    const ring = new Ring(100);
    ring.add([...events(1, 3), ...events(8, 9)]);
    ring.mark({ kind: 'gap', from: 4, to: 7, reason: 'slow' });
    expect(places(ring)).toEqual([1, 2, 3, 'gap', 8, 9]);
    ring.mark({ kind: 'gap', from: 4, to: 7, reason: 'slow' });
    expect(places(ring)).toEqual([1, 2, 3, 'gap', 8, 9]);
    ring.unmark(4, 7);
    ring.add(events(4, 7));
    expect(places(ring)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('puts what was omitted after the newest, before what comes next', () => {
    const ring = new Ring(100);
    ring.add(events(1, 2));
    ring.mark({ kind: 'omitted', count: 5 });
    ring.mark({ kind: 'omitted', count: 6 });
    ring.add(events(8, 8));
    expect(places(ring)).toEqual([1, 2, 'omitted', 'omitted', 8]);
    expect(ring.last).toBe(8);
  });

  it('changes one delivery and adds another, and leaves the event itself as it was', () => {
    const ring = new Ring(100);
    const before = event(1);
    ring.add([before]);
    ring.deliver([
      { seq: 1, consumer: 'context', state: 'nacked', attempts: 2, latency_ms: 20 },
      { seq: 1, consumer: 'orchestrator', state: 'pending', attempts: 0, latency_ms: null },
      { seq: 7, consumer: 'context', state: 'acked', attempts: 1, latency_ms: 1 },
    ]);
    expect(ring.rows[0]).toMatchObject({
      event: { deliveries: [{ consumer: 'context', state: 'nacked' }, { consumer: 'orchestrator' }] },
    });
    expect(before.deliveries).toHaveLength(1);
    expect(ring.length).toBe(1);
  });

  it('adds older events before the others, as far as there is room', () => {
    const ring = new Ring(5);
    ring.add(events(10, 12));
    ring.addOlder(events(5, 9));
    expect(places(ring)).toEqual([8, 9, 10, 11, 12]);
  });

  it('takes the newest event away', () => {
    const ring = new Ring(10);
    ring.add(events(1, 2));
    ring.mark({ kind: 'omitted', count: 1 });
    expect(ring.pop()?.seq).toBe(2);
    expect(places(ring)).toEqual([1]);
    expect(ring.pop()?.seq).toBe(1);
    expect(ring.pop()).toBeUndefined();
  });
});
