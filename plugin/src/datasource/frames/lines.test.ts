import { type Delivery } from '../../feed/types';
import { fixture } from '../../testing/feed';
import { deliveryLines, withTaskLines } from './lines';
import { type Item } from './table';

const delivery = (more: Partial<Delivery>): Delivery => ({
  consumer: 'context',
  state: 'acked',
  attempts: 1,
  latency_ms: 14.6,
  ...more,
});

describe('lists in a cell', () => {
  it('say where an event stands at each consumer', () => {
    const given = [
      delivery({}),
      delivery({ consumer: 'planning', state: 'nacked', attempts: 3, latency_ms: null }),
      delivery({ consumer: 'slow', latency_ms: 2300 }),
      delivery({ consumer: 'quick', latency_ms: 1.25 }),
      delivery({ consumer: 'newer', state: 'parked' as Delivery['state'], latency_ms: null }),
    ];
    expect(deliveryLines(given).split('\n')).toEqual([
      'context ✅ 15 ms',
      'planning 🔁 ×3',
      'slow ✅ 2.3 s',
      'quick ✅ 1.3 ms',
      'newer parked',
    ]);
    expect(deliveryLines([])).toBe('');
  });

  it('say how the last tasks of an agent went', () => {
    const tasks = [
      { task_id: 'T-2', outcome: 'completed', duration_ms: 2300, tokens: 384, error: null },
      { task_id: 'T-1', outcome: 'failed', duration_ms: null, tokens: null, error: 'no answer' },
    ];
    expect(withTaskLines({ tasks }).tasks).toBe('completed · 2.3 s · 384 tokens · T-2\nfailed · T-1 · no answer');
    expect(withTaskLines({ tasks: ['T-9', null] }).tasks).toBe('T-9\n');
    expect(withTaskLines({}).tasks).toBeUndefined();
  });

  it('are those that the daemon tells', () => {
    const { items } = fixture<{ items: Item[] }>('state-agents');
    const agent = items.find(({ tasks }) => Array.isArray(tasks) && tasks.length > 0);
    expect(withTaskLines(agent ?? {}).tasks).toMatch(/^(completed|failed) · .*T-2/);
  });
});
