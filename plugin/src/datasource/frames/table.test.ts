import { FieldType } from '@grafana/data';
import { type EventPage } from '../../feed/types';
import { event, fixture } from '../../testing/feed';
import { COLUMNS } from './columns';
import { eventLogs, eventTable, traceLink, withTraceLinks } from './events';
import { type Item, toTable } from './table';

const agents = () => fixture<{ items: Item[] }>('state-agents').items;
const row = (frame: { fields: Array<{ name: string; values: unknown[] }> }, n = 0) =>
  Object.fromEntries(frame.fields.map(({ name, values }) => [name, values[n]]));

describe('tables', () => {
  it('join nested fields, and know times and units', () => {
    const frame = toTable('A', agents(), COLUMNS.agents);
    expect(frame.fields.map(({ name }) => name)).toEqual(COLUMNS.agents.map(({ name }) => name));
    expect(row(frame)).toMatchObject({
      last_event: Date.UTC(2026, 1, 14, 9, 12, 33, 20),
      agent_id: 'agent-dev-001',
      silent: false,
      success_rate: 1,
      'llm.requests': 0,
      'llm.cost': null,
    });
    expect(JSON.parse(String(row(frame).tasks))).toMatchObject([{ task_id: 'T-2' }]);
    expect(frame.fields.find(({ name }) => name === 'mean_duration_ms')?.config.unit).toBe('ms');
  });

  it('have their columns also without rows', () => {
    const frame = toTable('A', [], COLUMNS.consumers);
    expect([frame.length, frame.fields[0].type]).toEqual([0, FieldType.time]);
  });

  it('show what a newer daemon tells, and survive what it changes', () => {
    const items: Item[] = [
      { at: '2026-02-14T09:12:33Z', event: 7, key: { is: ['an', 'object'] }, more: { one: 1.5 }, list: [1, 'two'] },
      { at: 'never', event: null, more: null, born: '2026-02-14T09:12:33Z', yes: true },
    ];
    const frame = toTable('A', items, COLUMNS.cache_activity);
    const types = frame.fields.map(({ name, type }) => [name, type]);
    expect(types).toEqual([
      ['at', FieldType.time],
      ['event', FieldType.string],
      ['key', FieldType.string],
      ['key.is', FieldType.string],
      ['more.one', FieldType.number],
      ['list', FieldType.string],
      ['born', FieldType.time],
      ['yes', FieldType.boolean],
    ]);
    expect(row(frame)).toMatchObject({ event: '7', 'key.is': 'an, object', 'more.one': 1.5, list: '1, two' });
    expect(row(frame, 1)).toMatchObject({ at: null, event: null, 'more.one': null, yes: true });
  });

  it('keep maps whole', () => {
    const items: Item[] = [{ submitted: null, id: 'j', unknown: { pid: 'no driver' } }];
    expect(row(toTable('A', items, COLUMNS.ray_jobs)).unknown).toBe('{"pid":"no driver"}');
  });
});

describe('events', () => {
  const { items } = fixture<EventPage>('list');

  it('are a table', () => {
    const frame = eventTable('A', items);
    expect(frame.fields.map(({ name }) => name)).toEqual(COLUMNS.events.map(({ name }) => name));
    expect(row(frame)).toMatchObject({ timestamp: Date.UTC(2026, 1, 14, 9, 12, 33, 10), seq: 1, story_id: 'US-1' });
  });

  it('are log lines in Explore, with a link to the trace', () => {
    const frame = withTraceLinks(eventLogs('A', [event(7, { severity: 'error' })]), traceLink('tempo', 'Open trace'));
    expect(frame.meta).toMatchObject({ preferredVisualisationType: 'logs', type: 'log-lines' });
    expect(row(frame)).toMatchObject({ id: '7', severity: 'error', labels: { story_id: 'US-1', source: 'NATS' } });
    const link = frame.fields.find(({ name }) => name === 'trace_id')?.config.links?.[0];
    expect(link?.internal).toMatchObject({ datasourceUid: 'tempo', query: { query: '${__value.raw}' } });
  });

  it('have no link where there is no Tempo', () => {
    const frame = withTraceLinks(eventTable('A', items), traceLink(undefined, 'Open trace'));
    expect(frame.fields.every(({ config }) => config.links === undefined)).toBe(true);
  });
});
