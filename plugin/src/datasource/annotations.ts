import { type AnnotationEvent, type AnnotationQuery, type AnnotationSupport, type DataFrame } from '@grafana/data';
import { of } from 'rxjs';
import { AnnotationEditor } from './components/AnnotationEditor';
import { type FleetQuery, type QueryType } from './types';

type Row = Record<string, unknown>;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const time = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const tags = (...values: unknown[]): string[] => values.map(text).filter((value) => value !== '');

/** A row as an annotation; nothing where it has no time. */
function annotation(type: QueryType, row: Row): AnnotationEvent | undefined {
  switch (type) {
    case 'alerts':
      return {
        time: time(row.starts_at),
        timeEnd: time(row.ends_at),
        title: text(row.name),
        text: text(row.description) || text(row.summary),
        tags: tags(row.severity, row.status, row.story_id),
      };
    case 'story_timeline':
      return row.kind === 'phase'
        ? {
            time: time(row.from),
            timeEnd: time(row.until),
            title: text(row.phase),
            text: [text(row.story_id), text(row.title)].filter(Boolean).join(': '),
            tags: tags(row.phase, row.story_id),
          }
        : undefined;
    case 'events':
      return {
        time: time(row.timestamp),
        title: text(row.type),
        text: text(row.summary),
        tags: tags(row.severity, row.source, row.story_id, row.role),
      };
    default:
      return undefined;
  }
}

function rowsOf(frame: DataFrame): Row[] {
  return Array.from({ length: frame.length }, (_, n) =>
    Object.fromEntries(frame.fields.map((field) => [field.name, field.values[n]]))
  );
}

/** Frames of a query as annotations: alerts, phases of stories, and events such as failures. */
export function toAnnotations(type: QueryType, frames: DataFrame[]): AnnotationEvent[] {
  const found = frames.flatMap(rowsOf).map((row) => annotation(type, row));
  return found.filter((one): one is AnnotationEvent => one?.time !== undefined);
}

export function annotationsOf(): AnnotationSupport<FleetQuery> {
  return {
    QueryEditor: AnnotationEditor,
    getDefaultQuery: () => ({ queryType: 'alerts' }),
    prepareQuery: ({ target }: AnnotationQuery<FleetQuery>) =>
      target && { ...target, refId: target.refId || 'Anno', live: false, limit: target.limit ?? 500 },
    processEvents: ({ target }, frames) => of(toAnnotations(target?.queryType ?? 'alerts', frames)),
  };
}
