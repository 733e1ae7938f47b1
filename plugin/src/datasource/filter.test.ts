import { type TemplateSrv } from '@grafana/runtime';
import { readFileSync } from 'fs';
import { join } from 'path';
import { wireFilter } from '../feed/filter';
import { crowdedFields, fits, interpolate, select } from './filter';

/** The daemon's tests read the same file. */
const filters: {
  read: Array<{ text: string; printed: string }>;
  interpolated: Array<{ text: string; values: Record<string, string | string[]>; sent: string }>;
} = JSON.parse(readFileSync(join(__dirname, '../../../tests/fixtures/filter/filters.json'), 'utf8'));

const values: Record<string, string> = { story: 'US-1,US-2', all: '$__all', text: 'a,b' };
const templates = {
  replace: (text = '') => text.replace(/\$(\w+)/g, (whole, name: string) => values[name] ?? whole),
} as TemplateSrv;

describe('a filter with variables', () => {
  it('takes several values, and leaves out what stands for any', () => {
    const filter = { story: '$story', role: '$all', agent: '*', task: ' ', type: 'agent.*', q: '$text' };
    expect(interpolate(filter, templates)).toEqual({ story: 'US-1,US-2', type: 'agent.*', q: 'a,b' });
    expect(interpolate(undefined, templates)).toEqual({});
  });

  it('says which fields are too many', () => {
    const many = Array.from({ length: 51 }, (_, n) => `US-${n}`).join(',');
    expect(crowdedFields({ story: many, role: 'DEV', q: many })).toEqual(['story']);
  });
});

describe('a filter in the filter language', () => {
  it.each(filters.interpolated)('takes variables: $text', ({ text, values: given, sent }) => {
    const replace = (target = '', _scoped?: unknown, format?: unknown) => {
      const formatted = format as (value: string | string[]) => string;
      return target.replace(/\$(\w+)/g, (whole, name: string) => formatted(given[name] ?? whole));
    };
    const filter = interpolate({ filter: text }, { replace } as TemplateSrv);
    expect(filter).toEqual({ filter: sent });
    expect(wireFilter(filter)).toEqual({ filter: sent });
  });

  it.each(filters.read.map(({ printed }) => printed))('is left as it is without: %s', (text) => {
    expect(interpolate({ filter: text }, { replace: (target = '') => target } as TemplateSrv)).toEqual(
      text === '' ? {} : { filter: text }
    );
  });

  it('is one text, however many commas it has', () => {
    expect(crowdedFields({ filter: 'role:' + ','.repeat(60) })).toEqual([]);
    expect(select([{ id: 'a' }], { filter: 'role:DEV' }, {})).toHaveLength(1);
  });
});

describe('items selected here', () => {
  const items = [
    { id: 'a', role: 'DEV', agents: ['x', 'y'], note: 'Fine' },
    { id: 'b', role: 'qa', agents: ['y'], note: null },
    { id: 'c', role: null, agents: [], note: 'fine.' },
  ];
  const ids = (filter: Parameters<typeof select>[1]) =>
    select(items, filter, { role: 'role', agent: 'agents' }).map(({ id }) => id);

  it('fit every field by any of its values', () => {
    expect(ids({})).toEqual(['a', 'b', 'c']);
    expect(ids({ role: 'dev,QA' })).toEqual(['a', 'b']);
    expect(ids({ role: 'D*', agent: 'y' })).toEqual(['a']);
    expect(ids({ agent: 'z' })).toEqual([]);
    expect(ids({ q: 'FINE' })).toEqual(['a', 'c']);
    expect(ids({ story: 'US-1' })).toEqual(['a', 'b', 'c']);
  });

  it('take patterns as text but for the star', () => {
    expect([fits('agent.*', 'agent.response'), fits('agent.*', 'agentXresponse')]).toEqual([true, false]);
    expect([fits('(a|b)', 'a'), fits('[ab]', 'a'), fits('a+', 'a+')]).toEqual([false, false, true]);
    expect(fits('*.failed', 'line\nbreak.failed')).toBe(true);
  });
});
