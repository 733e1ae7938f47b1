// What is shown, as the lines of a file.
import { type FeedEvent } from '../feed';
import { markOf } from './format';
import { type Row } from './rows';

const COLUMNS = [
  'seq',
  'id',
  'timestamp',
  'source',
  'type',
  'subject',
  'severity',
  'producer',
  'producer_inferred',
  'story_id',
  'task_id',
  'role',
  'agent_id',
  'size',
  'summary',
  'deliveries',
  'trace_id',
  'span_id',
] as const satisfies ReadonlyArray<keyof FeedEvent>;

const events = (rows: readonly Row[]): FeedEvent[] => rows.flatMap((row) => (row.kind === 'event' ? [row.event] : []));

/** One JSON per line, with what is missing between events said where it is missing. */
export function ndjson(rows: readonly Row[]): string[] {
  return rows.map((row) => `${JSON.stringify(row.kind === 'event' ? row.event : { mark: row.mark })}\n`);
}

/** RFC 4180. A cell that a spreadsheet would run as a formula is led by an apostrophe. */
export function csv(rows: readonly Row[]): string[] {
  const lines = events(rows).map((event) => COLUMNS.map((column) => cell(value(event, column))).join(','));
  return [COLUMNS.join(','), ...lines].map((text) => `${text}\r\n`);
}

function value(event: FeedEvent, column: (typeof COLUMNS)[number]): string {
  if (column === 'deliveries') {
    return (event.deliveries ?? [])
      .map((d) => `${d.consumer} ${markOf(d.state)} ${d.state} ×${d.attempts} ${d.latency_ms ?? ''}`.trim())
      .join('; ');
  }
  return String(event[column] ?? '');
}

function cell(text: string): string {
  // Spreadsheets skip spaces, and take the wide forms of these signs for the signs.
  const guarded = /^[\s\u0000]*[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** `fleetscope-events-20261123-074501.csv` */
export function fileName(now: number, ending: 'ndjson' | 'csv'): string {
  const stamp = new Date(now).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `fleetscope-events-${stamp}.${ending}`;
}
