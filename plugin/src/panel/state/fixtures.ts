// Events for tests.
import { type EventDetail, type EventPage, type FeedEvent, type FeedSource } from '../feed';

export const START = Date.parse('2026-02-14T09:12:33.000Z');

export function event(seq: number, more: Partial<FeedEvent> = {}): FeedEvent {
  const timestamp = new Date(START + seq * 10).toISOString();
  return {
    seq,
    id: `AGENT_RESPONSES:${seq}`,
    source: 'NATS',
    type: 'agent.response.completed',
    subject: 'agent.response.completed',
    timestamp,
    received: timestamp,
    producer: 'ray-executor',
    producer_inferred: true,
    story_id: 'US-1',
    task_id: `T-${seq}`,
    ceremony_id: null,
    plan_id: null,
    role: 'QA',
    agent_id: 'agent-qa-001',
    size: 19,
    severity: 'info',
    summary: `answer ${seq}`,
    trace_id: 'd901dad4faeaf0f8d88dddf664d73916',
    span_id: 'c56dfa745896b4a4',
    deliveries: [{ consumer: 'context', state: 'acked', attempts: 1, latency_ms: 15 }],
    ...more,
  };
}

export const events = (from: number, to: number): FeedEvent[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => event(from + i));

export const detail = (of: FeedEvent, more: Partial<EventDetail> = {}): EventDetail => ({
  ...of,
  stream: 'AGENT_RESPONSES',
  stream_seq: of.seq,
  incarnation: 0,
  form: 'bare',
  message_id: null,
  traceparent: null,
  claimed: null,
  deliberation_id: null,
  project_id: null,
  epic_id: null,
  facts: {},
  violations: [],
  undecodable: null,
  truncated: false,
  masked: 0,
  unknown: {},
  data: { story_id: of.story_id, n: of.seq },
  ...more,
});

/** A history like the server's: `since` is included, `until` is not, and a cursor goes on after a page. */
export function historyOf(all: readonly FeedEvent[]): FeedSource['history'] {
  return ({ since, until, limit = 100, cursor, order = 'desc' }) => {
    const from = since ? Date.parse(since) : -Infinity;
    const to = until ? Date.parse(until) : Infinity;
    const found = all.filter((e) => Date.parse(e.timestamp) >= from && Date.parse(e.timestamp) < to);
    const ordered = order === 'asc' ? found : [...found].reverse();
    const begin = cursor ? Number(cursor) : 0;
    const end = begin + limit;
    const page: EventPage = {
      items: ordered.slice(begin, end),
      next: end < ordered.length ? String(end) : null,
      as_of: new Date(START).toISOString(),
    };
    return Promise.resolve(page);
  };
}

/** Lets everything happen that waits for nothing but promises. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) {
    await Promise.resolve();
  }
}
