import { type TemplateSrv } from '@grafana/runtime';
import { crowdedFields, fits, interpolate, select } from './filter';

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
