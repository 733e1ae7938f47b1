// Tables: of what a query gives, the columns that are named, in that order.
import * as common from '@grafana/grafana-foundation-sdk/common';
import type {
  DataTransformerConfig,
  DynamicConfigValue,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as tables from '@grafana/grafana-foundation-sdk/table';
import { type About, show } from './panels';
import type { DataLink } from './links';
import { FEED } from './sources';
import { GREEN, GREY, RED, YELLOW, steps } from './values';

/** A moment, as short as can be; the year is known. */
export const TIME = 'time:MM-DD HH:mm:ss';

export interface Column {
  /** Name of the field. */
  field: string;
  /** What stands above it. */
  name: string;
  unit?: string;
  width?: number;
  links?: DataLink[];
  /** Values as coloured cells. */
  mappings?: ValueMapping[];
  cell?: 'json' | 'gauge' | 'wrap';
}

const CELLS: Record<NonNullable<Column['cell']>, DynamicConfigValue[]> = {
  json: [
    { id: 'custom.cellOptions', value: { type: 'json-view' } },
    { id: 'custom.inspect', value: true },
  ],
  gauge: [
    { id: 'custom.cellOptions', value: { type: 'gauge', mode: 'basic' } },
    { id: 'min', value: 0 },
    { id: 'max', value: 1 },
    { id: 'thresholds', value: steps(RED, [0.8, YELLOW], [0.95, GREEN]).build() },
  ],
  // The first until Grafana 12, the second since.
  wrap: [
    { id: 'custom.cellOptions', value: { type: 'auto', wrapText: true } },
    { id: 'custom.wrapText', value: true },
  ],
};

function properties({ unit, width, links, mappings, cell }: Column): DynamicConfigValue[] {
  return [
    ...(unit ? [{ id: 'unit', value: unit }] : []),
    ...(width ? [{ id: 'custom.width', value: width }] : []),
    ...(links ? [{ id: 'links', value: links }] : []),
    ...(mappings
      ? [
          { id: 'mappings', value: mappings },
          { id: 'custom.cellOptions', value: { type: 'color-text' } },
        ]
      : []),
    ...(cell ? CELLS[cell] : []),
  ];
}

/** Keeps the rows whose field has this value. */
export const only = (fieldName: string, value: string): DataTransformerConfig => ({
  id: 'filterByValue',
  options: { type: 'include', match: 'all', filters: [{ fieldName, config: { id: 'equal', options: { value } } }] },
});

/** `first` is done to the rows before columns are chosen. */
export function table(
  about: Omit<About, 'unit'>,
  columns: Column[],
  first: DataTransformerConfig[] = [],
): tables.PanelBuilder {
  const named = columns.filter(({ field, name }) => field !== name);
  const panel = show(new tables.PanelBuilder(), { source: FEED, ...about, unit: 'none' })
    .cellHeight(common.TableCellHeight.Sm)
    .thresholds(steps(GREY))
    // What says why there are no rows is not what an empty cell says.
    .overrideByRegexp('/.*/', [{ id: 'noValue', value: '' }])
    // Ids that look like numbers stay as they are.
    .overrideByFieldType('string', [{ id: 'unit', value: 'string' }])
    .transformations([
      ...first,
      { id: 'filterFieldsByName', options: { include: { names: columns.map(({ field }) => field) } } },
      {
        id: 'organize',
        options: {
          excludeByName: {},
          indexByName: Object.fromEntries(columns.map(({ field }, at) => [field, at])),
          renameByName: Object.fromEntries(named.map(({ field, name }) => [field, name])),
        },
      },
    ]);
  for (const column of columns) {
    const given = properties(column);
    if (given.length > 0) {
      panel.overrideByName(column.name, given);
    }
  }
  return panel;
}

/** Sorted by a column, what is greatest first. */
export const sorted = (panel: tables.PanelBuilder, name: string): tables.PanelBuilder =>
  panel.sortBy([new common.TableSortByFieldStateBuilder().displayName(name).desc(true)]);
