// What all dashboards have: time, refresh, links to each other, the choice of Prometheus, alerts as annotations.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import type { BoardName } from './links';
import { type EventFilter, FEED, METRICS, TRACES, fleet } from './sources';

export const TAG = 'fleetscope';
const INTERVALS = ['1s', '5s', '10s', '30s', '1m', '5m', '15m', '1h'];

export interface Heading {
  name: BoardName;
  title: string;
  description: string;
  refresh: '1s' | '5s' | '10s' | '30s';
  from: string;
  tags?: string[];
}

export function board({ name, title, description, refresh, from, tags = [] }: Heading): dashboard.DashboardBuilder {
  return new dashboard.DashboardBuilder(`Fleetscope / ${title}`)
    .uid(`fleetscope-${name}`)
    .description(description)
    .tags([TAG, ...tags])
    .readonly()
    .timezone('browser')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from, to: 'now' })
    .refresh(refresh)
    .timepicker(new dashboard.TimePickerBuilder().refreshIntervals(INTERVALS))
    .link(
      new dashboard.DashboardLinkBuilder('Fleetscope')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true)
        .icon('external link')
        .tooltip('The other dashboards, with the same time and filters'),
    )
    .withVariable(
      new dashboard.DatasourceVariableBuilder('datasource')
        .label('Metrics')
        .description('The Prometheus that scrapes Fleetscope')
        .type('prometheus')
        .current({ text: 'Fleet metrics', value: 'fleetscope-prometheus' }),
    )
    .annotation(
      new dashboard.AnnotationQueryBuilder()
        .name('Alerts')
        .datasource(METRICS)
        .enable(true)
        .iconColor('red')
        .expr('ALERTS{alertstate="firing",alertname=~"Fleet.*",alertname!="FleetscopeWatchdog"}')
        .step('15s')
        .titleFormat('{{alertname}}')
        .textFormat('{{component}}{{consumer}}{{council}} {{agent}}{{model}}{{source}}')
        .tagKeys('severity'),
    );
}

/** Failures, or phases of a story, as marks in all panels. */
export const marks = (name: string, color: string, type: 'events' | 'story_timeline', filter: EventFilter) =>
  new dashboard.AnnotationQueryBuilder()
    .name(name)
    .datasource(FEED)
    .enable(type === 'story_timeline')
    .iconColor(color)
    .target(fleet(type, { filter, limit: 200 }).refId('Anno'));

const every = (variable: dashboard.QueryVariableBuilder, value: string) =>
  variable
    .multi(true)
    .includeAll(true)
    .allValue(value)
    .current({ text: ['All'], value: ['$__all'] });

/** By the data source of the feed: it knows what no label holds. `*` is its word for any. */
export function told(kind: 'story' | 'task' | 'role' | 'type', label: string, filter: EventFilter = {}) {
  const variable = new dashboard.QueryVariableBuilder(kind)
    .label(label)
    .description(
      'Needs the data source Fleetscope (fleetscope-feed); a name can also be typed, `*` stands for any text',
    )
    .datasource(FEED)
    .query({ refId: kind, kind, filter })
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged);
  return every(variable, '*');
}

/** By a label of a metric. */
export function labelled(name: string, label: string, query: string) {
  const variable = new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(METRICS)
    .query({ refId: name, query, qryType: 1 })
    .definition(query)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged);
  return every(variable, '.*');
}

/** One value, not all. */
export const single = (variable: dashboard.QueryVariableBuilder): dashboard.QueryVariableBuilder =>
  variable.multi(false).includeAll(false).current({ text: '', value: '' });

export const traceId = (): dashboard.TextBoxVariableBuilder =>
  new dashboard.TextBoxVariableBuilder('traceId')
    .label('Trace')
    .description(`The trace shown below, by its id; a click on a trace of ${TRACES.uid} fills it in`)
    .defaultValue('');
