import { chipsOf, merge, parse, resolve, textOf, without } from './filter';

describe('parse', () => {
  it('takes fields and text, and writes them back', () => {
    const text = 'story:US-1,US-2 type:agent.* severity:error time out';
    expect(parse(text)).toEqual({
      filter: { story: 'US-1,US-2', type: 'agent.*', severity: 'error', q: 'time out' },
    });
    const parsed = parse(text);
    expect('filter' in parsed && textOf(parsed.filter)).toBe(text);
  });

  it('adds up one field said twice', () => {
    expect(parse('role:DEV role:QA')).toEqual({ filter: { role: 'DEV,QA' } });
  });

  it('takes anything in quotes as text', () => {
    const parsed = parse('"http://a:8080 story:x"');
    expect(parsed).toEqual({ filter: { q: 'http://a:8080 story:x' } });
    expect('filter' in parsed && parse(textOf(parsed.filter))).toEqual(parsed);
  });

  it.each([
    ['sotry:US-1', { problem: 'unknown', key: 'sotry' }],
    ['story:', { problem: 'empty', key: 'story' }],
    ['story:,', { problem: 'empty', key: 'story' }],
    ['severity:bad', { problem: 'severity', key: 'bad' }],
    [`story:${'é'.repeat(129)}`, { problem: 'long', key: 'story' }],
    [`role:${Array.from({ length: 51 }, (_, i) => i).join(',')}`, { problem: 'many', key: 'role' }],
  ])('says what is wrong with %s', (text, problem) => {
    expect(parse(text)).toEqual(problem);
  });
});

describe('chips', () => {
  it('are one per value; what the dashboard chose is locked, unless it is replaced here', () => {
    expect(chipsOf({ role: 'DEV,QA' }, { role: 'OPS', story: 'US-1' })).toEqual([
      { key: 'story', value: 'US-1', locked: true },
      { key: 'role', value: 'DEV', locked: false },
      { key: 'role', value: 'QA', locked: false },
    ]);
    expect(merge({ role: 'OPS', story: 'US-1' }, { role: 'DEV,QA' })).toEqual({ role: 'DEV,QA', story: 'US-1' });
  });

  it('are taken away one by one', () => {
    expect(without({ role: 'DEV,QA', q: 'x' }, 'role', 'DEV')).toEqual({ q: 'x', role: 'QA' });
    expect(without({ role: 'QA', q: 'x' }, 'role', 'QA')).toEqual({ q: 'x' });
    expect(without({ role: 'QA', q: 'x' }, 'q', 'x')).toEqual({ role: 'QA' });
  });
});

describe('resolve', () => {
  const variables: Record<string, string> = { story: 'US-1,US-2', role: '$__all', type: '*', agent: '' };
  const replace = (text: string) =>
    text.replace(/\$\{?(\w+)(:csv)?\}?/g, (whole, name: string) => variables[name] ?? whole);

  it('replaces variables, and takes a choice of all as no filter', () => {
    const filter = { story: '$story', role: '$role', type: '${type}', q: 'costs $5' };
    expect(resolve(filter, replace, false)).toEqual({ story: 'US-1,US-2', q: 'costs $5' });
  });

  it('leaves out a variable that is not there', () => {
    expect(resolve({ task: '$task', producer: '${nobody:csv}' }, replace, false)).toEqual({});
  });

  it('follows the variables of the dashboard if it shall', () => {
    expect(resolve({}, replace, true)).toEqual({ story: 'US-1,US-2' });
    expect(resolve({ story: 'US-9' }, replace, true)).toEqual({ story: 'US-9' });
    expect(resolve({}, replace, false)).toEqual({});
  });

  it('asks for no list that the server would refuse', () => {
    const many = Array.from({ length: 51 }, (_, i) => `US-${i}`).join(',');
    expect(resolve({ story: many }, (text) => text, false)).toEqual({});
  });
});
