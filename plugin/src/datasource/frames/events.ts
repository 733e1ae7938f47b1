import { createDataFrame, type DataFrame, DataFrameType, type DataLink, FieldType } from '@grafana/data';
import { type FeedEvent } from '../../feed/types';
import { COLUMNS } from './columns';
import { deliveryLines } from './lines';
import { type Item, toTable } from './table';

/** Opens the trace that a field names. */
export function traceLink(tempoUid: string | undefined, title: string): DataLink[] {
  return tempoUid
    ? [
        {
          title,
          url: '',
          internal: {
            datasourceUid: tempoUid,
            datasourceName: '',
            query: { queryType: 'traceql', query: '${__value.raw}' },
          },
        },
      ]
    : [];
}

/** Adds the link to each field that holds a trace's id. */
export function withTraceLinks(frame: DataFrame, links: DataLink[]): DataFrame {
  const fields = frame.fields.map((field) =>
    field.name === 'trace_id' && links.length > 0 ? { ...field, config: { ...field.config, links } } : field
  );
  return { ...frame, fields };
}

/** An event as a row. */
const itemOf = (event: FeedEvent): Item => {
  const item = { ...event, deliveries: deliveryLines(event.deliveries) };
  return item as unknown as Item;
};

/** Events as a table. */
export function eventTable(refId: string, events: FeedEvent[]): DataFrame {
  return toTable(refId, events.map(itemOf), COLUMNS.events);
}

const LABELS = [
  'source',
  'type',
  'producer',
  'story_id',
  'task_id',
  'role',
  'agent_id',
  'plan_id',
  'ceremony_id',
] as const;

/** Events as log lines, as Explore shows them. */
export function eventLogs(refId: string, events: FeedEvent[]): DataFrame {
  const labels = (event: FeedEvent) =>
    Object.fromEntries(LABELS.map((name) => [name, event[name]]).filter(([, value]) => value !== null && value !== ''));
  const field = <T>(name: string, type: FieldType, value: (event: FeedEvent) => T) => ({
    name,
    type,
    config: {},
    values: events.map(value),
  });
  return createDataFrame({
    refId,
    name: refId,
    meta: { type: DataFrameType.LogLines, typeVersion: [0, 1], preferredVisualisationType: 'logs' },
    fields: [
      field('timestamp', FieldType.time, (event) => Date.parse(event.timestamp)),
      field('body', FieldType.string, (event) => `${event.type}: ${event.summary}`),
      field('severity', FieldType.string, (event) => event.severity),
      field('id', FieldType.string, (event) => String(event.seq)),
      field('labels', FieldType.other, labels),
      field('trace_id', FieldType.string, (event) => event.trace_id),
      field('deliveries', FieldType.string, (event) =>
        event.deliveries.map(({ consumer, state, attempts }) => `${consumer} ${state} ×${attempts}`).join(', ')
      ),
    ],
  });
}
