import { type Observable } from 'rxjs';
import { type DeliveryChange, type EventDetail, type EventPage, type FeedEvent } from './types';

/** Which events. Several values of one field are separated by commas; `*` in `type` stands for any run of characters. */
export interface EventFilter {
  /** Terms of the daemon's filter language (docs/FILTER.md), which must hold beside the other fields. */
  filter?: string;
  story?: string;
  task?: string;
  role?: string;
  agent?: string;
  type?: string;
  producer?: string;
  source?: string;
  /** At least this: `info`, `warning` or `error`. */
  severity?: string;
  /** Events that this durable consumer was given. */
  consumer?: string;
  /** Only for what has a model: agents, councils, LLM requests. */
  model?: string;
  /** Text in payload, subject or summary. */
  q?: string;
}

export interface SubscribeOptions {
  filter: EventFilter;
  payload: 'summary' | 'full';
  /** After this seq, or from a time on (`5m`, RFC 3339); without it, what comes next. */
  since?: string | number;
}

export interface HistoryQuery {
  filter: EventFilter;
  since?: string;
  until?: string;
  limit?: number;
  cursor?: string;
  order?: 'asc' | 'desc';
  payload?: 'summary' | 'full';
}

export type Transport = 'websocket' | 'stream' | 'polling';

export type FeedUpdate =
  /** In order of seq, each event once. */
  | { kind: 'events'; events: FeedEvent[] }
  | { kind: 'deliveries'; deliveries: DeliveryChange[] }
  /** Records `from` to `to` were not told. */
  | { kind: 'gap'; from: number; to: number; reason: string }
  | { kind: 'omitted'; count: number }
  | {
      kind: 'status';
      state: 'connecting' | 'live' | 'reconnecting' | 'failed';
      transport: Transport;
      detail?: string;
      head?: number;
    };

/** The feed of one data source. Every subscription ends when it is unsubscribed from, never by itself. */
export interface FeedSource {
  subscribe(options: SubscribeOptions): Observable<FeedUpdate>;
  history(query: HistoryQuery): Promise<EventPage>;
  /** One event, with its payload where the user may see it. */
  event(seq: number): Promise<EventDetail>;
}
