import { csv, fileName, ndjson } from './exports';
import { event, START } from './fixtures';
import { type Row } from './rows';

const rows = (...summaries: string[]): Row[] =>
  summaries.map((summary, i) => ({ kind: 'event', at: i + 1, event: event(i + 1, { summary }) }));

describe('CSV', () => {
  it('has a line for each event, with its deliveries', () => {
    const [header, first] = csv(rows('said "yes", twice'));
    expect(header).toMatch(/^seq,id,timestamp,.*,trace_id,span_id\r\n$/);
    expect(first).toContain('"said ""yes"", twice"');
    expect(first).toContain('context ✅ acked ×1 15');
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', ' =1', '\t=1', '\r=1', '＝1', '=HYPERLINK("http://x")'])(
    'lets no spreadsheet run %p',
    (text) => {
      const cell = /completed,info,ray-executor,true,US-1,T-1,QA,agent-qa-001,19,"?(.)/s.exec(csv(rows(text))[1]);
      expect(cell?.[1]).toBe("'");
    }
  );

  it('leaves other text alone', () => {
    expect(csv(rows('a=1'))[1]).toContain(',a=1,');
  });
});

describe('NDJSON', () => {
  it('says what is missing where it is missing', () => {
    const gap: Row = { kind: 'mark', at: 1.5, mark: { kind: 'gap', from: 2, to: 4, reason: 'slow' } };
    const lines = ndjson([...rows('one\ntwo'), gap]).map((line) => JSON.parse(line));
    expect(lines).toEqual([event(1, { summary: 'one\ntwo' }), { mark: gap.mark }]);
  });

  it('is one line each', () => {
    expect(ndjson(rows('one\ntwo'))[0].match(/\n/g)).toHaveLength(1);
  });
});

it('names the file by its time', () => {
  expect(fileName(START, 'csv')).toBe('fleetscope-events-20260214-091233.csv');
});
