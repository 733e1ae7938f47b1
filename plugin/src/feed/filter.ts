import { type EventFilter } from './source';
import { type FeedEvent } from './types';
import { type Params } from './upstream';

/** The fields that the daemon filters events by. */
const WIRE = ['filter', 'story', 'task', 'role', 'agent', 'type', 'producer', 'source', 'severity', 'q'] as const;

/** What the daemon is asked for: fields that are empty are left out. */
export function wireFilter(filter: EventFilter): Params {
  const given = WIRE.map((field) => [field, filter[field]?.trim() ?? ''] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== ''));
}

/** What the daemon does not filter by: the consumers that an event was given to. */
export function passes(filter: EventFilter, event: FeedEvent): boolean {
  const consumers = (filter.consumer ?? '').split(',').map((name) => name.trim());
  const wanted = consumers.filter((name) => name !== '');
  return wanted.length === 0 || event.deliveries.some((delivery) => wanted.includes(delivery.consumer));
}
