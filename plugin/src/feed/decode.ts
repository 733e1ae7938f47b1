import { type Delivery, type DeliveryChange, type FeedEvent, type Frame } from './types';

/** A line of the feed, understood or not. */
export type Decoded =
  | { kind: 'frame'; frame: Frame; malformed: number }
  /** A kind of frame that this version does not know, or does not ask for. */
  | { kind: 'ignored' }
  | { kind: 'malformed' };

type Fields = Record<string, unknown>;

const SEVERITIES = ['info', 'warning', 'error'] as const;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSeq = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const count = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);

/** One frame. Items that cannot be understood are left out and counted; the rest of the frame holds. */
export function decode(line: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: 'malformed' };
  }
  if (!isFields(value) || typeof value.type !== 'string') {
    return { kind: 'malformed' };
  }
  const frame = read(value);
  if (frame === undefined) {
    return { kind: 'ignored' };
  }
  if (frame === null) {
    return { kind: 'malformed' };
  }
  const sent = Array.isArray(value.items) ? value.items.length : 0;
  const kept = 'items' in frame ? frame.items.length : sent;
  if (typeof value.id === 'string' && frame.type !== 'hello') {
    frame.id = value.id;
  }
  return { kind: 'frame', frame, malformed: sent - kept };
}

/** Null = malformed, undefined = of no interest. */
function read(value: Fields): Frame | null | undefined {
  switch (value.type) {
    case 'hello':
      return isSeq(value.head) ? hello(value, value.head) : null;
    case 'events':
      return Array.isArray(value.items) && isSeq(value.up_to)
        ? { type: 'events', up_to: value.up_to, items: all(value.items, readEvent) }
        : null;
    case 'deliveries':
      return Array.isArray(value.items) ? { type: 'deliveries', items: all(value.items, change) } : null;
    case 'gap':
      return isSeq(value.from) && isSeq(value.to)
        ? { type: 'gap', from: value.from, to: value.to, reason: text(value.reason) }
        : null;
    case 'omitted':
      return isSeq(value.count)
        ? { type: 'omitted', count: value.count, from: count(value.from), to: count(value.to) }
        : null;
    case 'replay':
      return isSeq(value.at)
        ? { type: 'replay', at: value.at, until: count(value.until), done: value.done === true }
        : null;
    case 'error':
      return {
        type: 'error',
        detail: text(value.detail),
        parameter: text(value.parameter),
        allowed: text(value.allowed),
      };
    default:
      return undefined;
  }
}

function hello(value: Fields, head: number): Frame {
  return {
    type: 'hello',
    version: text(value.version),
    head,
    oldest: count(value.oldest),
    as_of: text(value.as_of),
    ...(isSeq(value.subscriptions) ? { subscriptions: value.subscriptions } : {}),
  };
}

function all<T>(items: unknown[], one: (item: unknown) => T | undefined): T[] {
  return items.map(one).filter((item): item is T => item !== undefined);
}

/** An event. What an older server does not tell is empty; what a newer one tells besides is kept. */
export function readEvent(value: unknown): FeedEvent | undefined {
  if (!isFields(value) || !isSeq(value.seq) || typeof value.timestamp !== 'string') {
    return undefined;
  }
  if (Number.isNaN(Date.parse(value.timestamp))) {
    return undefined;
  }
  return {
    ...value,
    seq: value.seq,
    id: text(value.id),
    source: text(value.source),
    type: text(value.type),
    subject: text(value.subject),
    timestamp: value.timestamp,
    received: typeof value.received === 'string' ? value.received : value.timestamp,
    producer: textOrNull(value.producer),
    producer_inferred: value.producer_inferred === true,
    story_id: textOrNull(value.story_id),
    task_id: textOrNull(value.task_id),
    ceremony_id: textOrNull(value.ceremony_id),
    plan_id: textOrNull(value.plan_id),
    role: textOrNull(value.role),
    agent_id: textOrNull(value.agent_id),
    size: count(value.size),
    severity: SEVERITIES.find((known) => known === value.severity) ?? 'info',
    summary: text(value.summary),
    trace_id: textOrNull(value.trace_id),
    span_id: textOrNull(value.span_id),
    deliveries: Array.isArray(value.deliveries) ? all(value.deliveries, delivery) : [],
  };
}

function delivery(value: unknown): Delivery | undefined {
  if (!isFields(value) || typeof value.consumer !== 'string' || typeof value.state !== 'string') {
    return undefined;
  }
  return {
    consumer: value.consumer,
    // A state that a newer server has is passed on: whoever shows it falls back to its name.
    state: value.state as Delivery['state'],
    attempts: count(value.attempts),
    latency_ms: typeof value.latency_ms === 'number' ? value.latency_ms : null,
  };
}

function change(value: unknown): DeliveryChange | undefined {
  const told = delivery(value);
  return told !== undefined && isFields(value) && isSeq(value.seq) ? { ...told, seq: value.seq } : undefined;
}
