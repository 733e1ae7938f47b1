import { createDataFrame, type DataFrame, FieldType, type QueryResultMetaNotice } from '@grafana/data';
import { type JsonValue } from '../../feed/types';
import { type Column, MAPS } from './columns';

export type Item = { [name: string]: JsonValue | undefined };

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Joins the fields of nested objects to one level: `error.type`. */
export function flatten(item: Item, prefix = ''): Item {
  return Object.entries(item).reduce<Item>((flat, [name, value]) => {
    const path = `${prefix}${name}`;
    return Object.assign(
      flat,
      isObject(value) && !MAPS.includes(name) ? flatten(value, `${path}.`) : { [path]: value }
    );
  }, {});
}

/** A value as a cell shows it. */
function cell(value: JsonValue | undefined, type: FieldType): string | number | boolean | null {
  if (value === undefined || value === null) {
    return null;
  }
  switch (type) {
    case FieldType.time: {
      const at = Date.parse(String(value));
      return Number.isNaN(at) ? null : at;
    }
    case FieldType.number:
      return typeof value === 'number' ? value : null;
    case FieldType.boolean:
      return typeof value === 'boolean' ? value : null;
    default:
      return words(value);
  }
}

function words(value: JsonValue): string {
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object' || one === null)) {
    return value.join(', ');
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/** What a column that a newer daemon sends is of. */
function guess(values: Array<JsonValue | undefined>): FieldType {
  const value = values.find((one) => one !== undefined && one !== null);
  if (typeof value === 'number') {
    return FieldType.number;
  }
  if (typeof value === 'boolean') {
    return FieldType.boolean;
  }
  return typeof value === 'string' && RFC_3339.test(value) ? FieldType.time : FieldType.string;
}

/** Items as a table: the columns that are known, then what else they have. */
export function toTable(
  refId: string,
  items: Item[],
  columns: Column[],
  notices: QueryResultMetaNotice[] = []
): DataFrame {
  const rows = items.map((item) => flatten(item));
  const known = new Set(columns.map((column) => column.name));
  const more = new Set(rows.flatMap((row) => Object.keys(row)).filter((name) => !known.has(name)));
  // An object that is null here and not there is not a column of its own.
  const parents = new Set([...known, ...more].flatMap((name) => name.split('.').slice(0, -1)));
  const extra = [...more].filter((name) => !parents.has(name));
  const all: Column[] = [...columns, ...extra.map((name) => ({ name, type: guess(rows.map((row) => row[name])) }))];
  return createDataFrame({
    refId,
    name: refId,
    meta: { preferredVisualisationType: 'table', ...(notices.length > 0 ? { notices } : {}) },
    fields: all.map(({ name, type, unit }) => ({
      name,
      type,
      config: unit ? { unit } : {},
      values: rows.map((row) => cell(row[name], type)),
    })),
  });
}
