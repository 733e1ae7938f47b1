// PromQL of panels → frames, as Grafana's data source for Prometheus asks and answers.
import {
  createDataFrame,
  type DataFrame,
  DataFrameType,
  FieldType,
  type Labels,
  rangeUtil,
  type ScopedVars,
  type TimeRange,
} from '@grafana/data';

import { type Target } from './json';
import { promQl, type Variables } from './variables';

/** deploy/grafana/provisioning/datasources: `timeInterval`, which is how often Fleetscope is scraped. */
const SCRAPE_MS = 1000;
/** Points of a range query that Prometheus answers with at most. */
const MOST_POINTS = 11_000;

interface Series {
  metric: Labels;
  value?: [number, string];
  values?: Array<[number, string]>;
}

interface Answer {
  status: string;
  error?: string;
  data?: { resultType: string; result: Series[] };
}

export interface Asked {
  range: TimeRange;
  /** Of the panel, in points; and the shortest interval it says it wants. */
  points: number;
  interval?: string;
}

/** How far apart points are, and what rates are taken over. */
export function intervals({ range, points, interval }: Asked): { stepMs: number; rateMs: number } {
  const least = Math.max(interval ? rangeUtil.intervalToMs(interval) : 0, SCRAPE_MS);
  const { intervalMs } = rangeUtil.calculateInterval(range, points, `${least}ms`);
  const safe = Math.ceil((range.to.valueOf() - range.from.valueOf()) / MOST_POINTS / 1000) * 1000;
  const stepMs = Math.max(intervalMs, safe);
  return { stepMs, rateMs: Math.max(stepMs + SCRAPE_MS, 4 * SCRAPE_MS) };
}

function scopedOf(asked: Asked): ScopedVars {
  const { stepMs, rateMs } = intervals(asked);
  const rangeMs = asked.range.to.valueOf() - asked.range.from.valueOf();
  const as = (value: string) => ({ text: value, value });
  return {
    __interval: as(`${stepMs / 1000}s`),
    __rate_interval: as(`${rateMs / 1000}s`),
    __range: as(`${Math.round(rangeMs / 1000)}s`),
  };
}

async function ask(proxy: string, path: string, params: Record<string, string>): Promise<Series[]> {
  const response = await fetch(`${proxy}/api/v1/${path}?${new URLSearchParams(params)}`);
  const answer: Answer = await response.json();
  if (answer.status !== 'success' || !answer.data) {
    throw new Error(`${answer.error ?? response.status}: ${params.query ?? path}`);
  }
  return answer.data.result;
}

const nameOf = (metric: Labels): string => {
  const { __name__: name = '', ...labels } = metric;
  return `${name}{${Object.entries(labels).map(([key, value]) => `${key}="${value}"`)}}`;
};

/** `{{label}}` put in; without a legend the series' own name, or the query where it has none. */
function legendOf(metric: Labels, legend: string, expr: string): string {
  if (legend) {
    return legend.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
  }
  const name = nameOf(metric);
  return name === '{}' ? expr : name;
}

const number = (text: string): number => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));

function frameOf(series: Series, target: Target, times: number[] | undefined): DataFrame {
  const told = series.values ?? (series.value ? [series.value] : []);
  const byTime = new Map(told.map(([time, value]) => [Math.round(time * 1000), number(value)]));
  const name = legendOf(series.metric, String(target.legendFormat ?? ''), String(target.expr));
  const time = times ?? [...byTime.keys()];
  return createDataFrame({
    refId: target.refId,
    name,
    meta: { type: times ? DataFrameType.TimeSeriesMulti : DataFrameType.NumericMulti },
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: time },
      {
        name: 'Value',
        type: FieldType.number,
        labels: series.metric,
        config: { displayNameFromDS: name },
        values: time.map((at) => byTime.get(at) ?? null),
      },
    ],
  });
}

/** One frame with a row for each series and a column for each label. */
function tableOf(all: Series[], refId: string): DataFrame[] {
  if (all.length === 0) {
    return [];
  }
  const labels = [...new Set(all.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return [
    createDataFrame({
      refId,
      fields: [
        { name: 'Time', type: FieldType.time, config: {}, values: all.map(({ value }) => (value?.[0] ?? 0) * 1000) },
        ...labels.map((label) => ({
          name: label,
          type: FieldType.string,
          config: { filterable: true },
          values: all.map(({ metric }) => metric[label] ?? ''),
        })),
        {
          name: 'Value',
          type: FieldType.number,
          config: {},
          values: all.map(({ value }) => number(value?.[1] ?? 'NaN')),
        },
      ],
    }),
  ];
}

export async function promFrames(
  proxy: string,
  target: Target,
  asked: Asked,
  variables: Variables
): Promise<DataFrame[]> {
  const query = variables.replace(String(target.expr), scopedOf(asked), promQl);
  const step = intervals(asked).stepMs / 1000;
  if (target.instant) {
    const found = await ask(proxy, 'query', { query, time: String(asked.range.to.valueOf() / 1000) });
    return target.format === 'table'
      ? tableOf(found, target.refId)
      : found.map((series) => frameOf(series, target, undefined));
  }
  const start = Math.floor(asked.range.from.valueOf() / 1000 / step) * step;
  const end = Math.floor(asked.range.to.valueOf() / 1000 / step) * step;
  const found = await ask(proxy, 'query_range', { query, start: `${start}`, end: `${end}`, step: `${step}` });
  const times = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, at) =>
    Math.round((start + at * step) * 1000)
  );
  return found.map((series) => frameOf(series, target, times));
}

/** What `label_values(selector, label)` gives. */
export async function labelValues(proxy: string, query: string, variables: Variables): Promise<string[]> {
  const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
  if (!label) {
    throw new Error(`not understood: ${query}`);
  }
  const match = variables.replace(selector, undefined, promQl);
  const response = await fetch(`${proxy}/api/v1/label/${label}/values?${new URLSearchParams({ 'match[]': match })}`);
  const answer: { data?: string[]; error?: string } = await response.json();
  if (!answer.data) {
    throw new Error(`${answer.error}: ${query}`);
  }
  return answer.data;
}
