import { fixture, fixtureText } from '../testing/feed';
import { decode, readEvent } from './decode';
import { type EventDetail, type EventPage, type FeedEvent, type Problem, type Ticket } from './types';

const frames = ['hello', 'events', 'events-full', 'deliveries', 'gap', 'gap-named', 'omitted', 'replay', 'error'];

describe('what the daemon sends', () => {
  it.each(frames)('is read as it is: %s', (name) => {
    expect(decode(fixtureText(name))).toEqual({ kind: 'frame', frame: fixture(name), malformed: 0 });
  });

  it.each(['state-agents', 'state-removed'])('is passed over where it is of no interest: %s', (name) => {
    expect(decode(fixtureText(name))).toEqual({ kind: 'ignored' });
  });

  it('has the shape of the types, in answers too', () => {
    const page: EventPage = fixture('list');
    const detail: EventDetail = fixture('event');
    const ticket: Ticket = fixture('ticket');
    const problem: Problem = fixture('problem');
    expect(readEvent(page.items[0])).toEqual(page.items[0]);
    expect(detail.facts.story_id).toBe('US-1');
    expect(typeof ticket.ticket).toBe('string');
    expect(problem).toMatchObject({ status: 400, parameter: 'limit', allowed: '1 to 1000' });
  });
});

describe('what no daemon should send', () => {
  it.each(['', '{', 'null', '7', '[]', '"events"', '{}', '{"type":7}', '{"type":"hello"}', '{"type":"events"}'])(
    'is counted: %s',
    (text) => expect(decode(text)).toEqual({ kind: 'malformed' })
  );

  it.each([
    '{"type":"events","items":[],"up_to":-1}',
    '{"type":"gap","from":"1","to":2}',
    '{"type":"replay","at":1.5}',
  ])('is counted where a number is none: %s', (text) => expect(decode(text)).toEqual({ kind: 'malformed' }));

  it('costs no more than the items it spoils', () => {
    const [good] = fixture<{ items: FeedEvent[] }>('list').items;
    const items = [good, null, 7, { seq: 2 }, { ...good, seq: 'x' }, { ...good, seq: 3, timestamp: 'yesterday' }];
    const decoded = decode(JSON.stringify({ type: 'events', up_to: 9, items }));
    expect(decoded).toEqual({ kind: 'frame', malformed: 5, frame: { type: 'events', up_to: 9, items: [good] } });
  });
});

describe('another version of the daemon', () => {
  it('may tell less of an event', () => {
    const told = readEvent({ seq: 4, timestamp: '2026-02-14T09:12:33Z', severity: 'catastrophic', deliveries: 'none' });
    expect(told).toMatchObject({ seq: 4, severity: 'info', deliveries: [], story_id: null, summary: '', size: 0 });
    expect(told?.received).toBe('2026-02-14T09:12:33Z');
  });

  it('may tell more', () => {
    const told = readEvent({ seq: 4, timestamp: '2026-02-14T09:12:33Z', mood: 'fine' });
    expect(told).toMatchObject({ seq: 4, mood: 'fine' });
    expect(decode('{"type":"weather"}')).toEqual({ kind: 'ignored' });
  });
});
