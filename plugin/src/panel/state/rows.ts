// What stands in the stream: events and the marks between them.
import { type FeedEvent } from '../feed';

export type Mark = { kind: 'gap'; from: number; to: number; reason: string } | { kind: 'omitted'; count: number };

export interface EventRow {
  kind: 'event';
  /** Place in the stream. A mark stands at a half, so that it is between events. */
  at: number;
  event: FeedEvent;
}
export interface MarkRow {
  kind: 'mark';
  at: number;
  mark: Mark;
}
export type Row = EventRow | MarkRow;

export type Density = 'comfortable' | 'compact';

/** Deliveries told one by one; the rest is counted. */
export const SHOWN_DELIVERIES = 4;
/** Heights in pixels. The styles use the same numbers, so a row never has to be measured. */
export const LINE = 20;
export const PADDING = 6;
export const COMPACT = 24;
export const MARK = 30;

export const hasFacts = (event: FeedEvent): boolean =>
  Boolean(event.producer || event.story_id || event.task_id || event.role || event.agent_id || event.ceremony_id);

/** Lines of a row: what it is, about whom, what it says, and who took it. */
export function linesOf(event: FeedEvent): number {
  const deliveries = event.deliveries?.length ?? 0;
  const taken = deliveries === 0 ? 0 : 1 + Math.min(deliveries, SHOWN_DELIVERIES + 1);
  return 1 + Number(hasFacts(event)) + Number(Boolean(event.summary)) + taken;
}

export function heightOf(row: Row, density: Density): number {
  if (row.kind === 'mark') {
    return MARK;
  }
  return density === 'compact' ? COMPACT : linesOf(row.event) * LINE + 2 * PADDING;
}

/** Index of the row at a place, or -1. Rows are in order of their places. */
export function indexOf(rows: readonly Row[], at: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (rows[middle].at === at) {
      return middle;
    }
    if (rows[middle].at < at) {
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return -1;
}
