/**
 * What the daemon says: the JSON of its API and of its live feed, as it is on the wire.
 * The files in tests/fixtures/feed hold the daemon and these types together.
 */

export type Severity = 'info' | 'warning' | 'error';

export type DeliveryState =
  'pending' | 'delivered' | 'in_progress' | 'nacked' | 'acked' | 'terminated' | 'max_deliveries' | 'settled';

/** Where an event stands at one durable consumer. */
export interface Delivery {
  consumer: string;
  state: DeliveryState;
  attempts: number;
  /** Stored to last settlement; null where that was not seen. */
  latency_ms: number | null;
}

/** A delivery as the feed tells it later: with the event it belongs to. */
export interface DeliveryChange extends Delivery {
  seq: number;
}

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

export interface FeedEvent {
  /** Place in the journal: grows, never reused. */
  seq: number;
  /** `<stream>:<sequence>`. */
  id: string;
  /** The system it comes from: `NATS`, `Ray`, `vLLM`, … */
  source: string;
  /** The subject with its ids replaced by `*`. */
  type: string;
  subject: string;
  /** RFC 3339, when the server stored it. */
  timestamp: string;
  /** RFC 3339, when Fleetscope saw it. */
  received: string;
  producer: string | null;
  producer_inferred: boolean;
  story_id: string | null;
  task_id: string | null;
  ceremony_id: string | null;
  plan_id: string | null;
  role: string | null;
  agent_id: string | null;
  /** Bytes of the body. */
  size: number;
  severity: Severity;
  summary: string;
  trace_id: string | null;
  span_id: string | null;
  deliveries: Delivery[];
  /** The payload, masked: JSON as it was, or text. Only with payload `full`. */
  data?: JsonValue;
}

/** One event with all that is known about it (`/api/events/{seq}`). */
export interface EventDetail extends FeedEvent {
  stream: string;
  stream_seq: number;
  incarnation: number;
  form: string;
  message_id: string | null;
  traceparent: string | null;
  claimed: string | null;
  deliberation_id: string | null;
  project_id: string | null;
  epic_id: string | null;
  facts: { [key: string]: JsonValue };
  violations: string[];
  undecodable: string | null;
  truncated: boolean;
  /** How many secrets were masked in the payload. */
  masked: number;
  /** Why a field is null, by field. */
  unknown: { [field: string]: string };
  /** The role that sees the payload, where the token's does not. */
  data_needs_role?: string;
}

/** A page of a list. `next` is the cursor of the next page; null = that was all. */
export interface Page<T> {
  items: T[];
  next: string | null;
  as_of: string;
  /** Why the items may be out of date. */
  stale_because?: string;
}

export type EventPage = Page<FeedEvent>;

/** `/api/ticket`. */
export interface Ticket {
  ticket: string;
  expires_in: number;
  role: string;
  required: boolean;
}

/** An error answer, RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  parameter?: string;
  allowed?: string;
}

/** Why records were not told: `slow` (this client), `purged` (expired), `future` (the journal was restored), `unreadable`. */
export type GapReason = string;

/** `subscriptions`: how many may share the connection; absent from daemons where none do. */
export interface Hello {
  type: 'hello';
  version: string;
  head: number;
  oldest: number;
  as_of: string;
  subscriptions?: number;
}

/** What belongs to a subscription, named by `id` where several share the connection. */
export type Told =
  | { type: 'events'; up_to: number; items: FeedEvent[] }
  | { type: 'deliveries'; items: DeliveryChange[] }
  | { type: 'gap'; from: number; to: number; reason: GapReason }
  | { type: 'omitted'; count: number; from: number; to: number }
  | { type: 'replay'; at: number; until: number; done: boolean }
  | { type: 'error'; detail: string; parameter: string; allowed: string };

export type Frame = Hello | (Told & { id?: string });
