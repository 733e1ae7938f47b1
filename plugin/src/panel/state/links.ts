// Addresses of what is beside the panel.
import { type FeedEvent } from '../feed';

const HOUR = 3_600_000;

/** The event's trace in Explore. By its id, never by a search: a trace backend finds by id at once. */
export function tracePath(event: Pick<FeedEvent, 'trace_id' | 'timestamp'>, tempoUid: string): string | undefined {
  if (!event.trace_id || !/^[0-9a-f]{32}$/i.test(event.trace_id)) {
    return undefined;
  }
  const at = Date.parse(event.timestamp);
  const range = Number.isFinite(at)
    ? { from: String(at - HOUR), to: String(at + HOUR) }
    : { from: 'now-1h', to: 'now' };
  const datasource = { type: 'tempo', uid: tempoUid };
  const queries = [{ refId: 'A', datasource, queryType: 'traceql', query: event.trace_id }];
  const panes = JSON.stringify({ trace: { datasource: tempoUid, queries, range } });
  return `/explore?${new URLSearchParams({ schemaVersion: '1', panes })}`;
}

/** The story's dashboard, in the same time. */
export function storyPath(story: string, range: { from: string; to: string }): string {
  return `/d/fleetscope-story?${new URLSearchParams({ 'var-story': story, from: range.from, to: range.to })}`;
}
