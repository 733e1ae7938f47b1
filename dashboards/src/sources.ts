// Where panels take their data from: data sources by the uids that provisioning gives them, and a query of each.
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import * as loki from '@grafana/grafana-foundation-sdk/loki';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as tempo from '@grafana/grafana-foundation-sdk/tempo';

/** Chosen on each dashboard, since Prometheus is often there before. */
export const METRICS: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };
export const FEED: DataSourceRef = { type: 'underpass-fleetscope-datasource', uid: 'fleetscope-feed' };
export const TRACES: DataSourceRef = { type: 'tempo', uid: 'fleetscope-tempo' };
/** Where events are kept as logs, if they are: docs/LOGS.md. */
export const LOGS: DataSourceRef = { type: 'loki', uid: 'fleetscope-loki' };

export interface Query extends cog.Builder<cog.Dataquery> {
  refId(id: string): this;
}

/** A series over the time of the dashboard. */
export const range = (expr: string, legend = ''): prometheus.DataqueryBuilder =>
  new prometheus.DataqueryBuilder().datasource(METRICS).expr(expr).legendFormat(legend).range();

/** The same, with the traces that went into it, where the metric keeps them. */
export const exemplars = (expr: string, legend = ''): Query => range(expr, legend).exemplar(true);

/** How it is now. */
export const now = (expr: string, legend = ''): prometheus.DataqueryBuilder =>
  new prometheus.DataqueryBuilder().datasource(METRICS).expr(expr).legendFormat(legend).instant();

/** How it is now, a row for each series. */
export const rows = (expr: string): Query => now(expr).format(prometheus.PromQueryFormat.Table);

/** A search of traces. Not for live numbers: it is slower than the refresh. */
export const search = (query: string): Query =>
  new tempo.DataqueryBuilder()
    .datasource(TRACES)
    .queryType('traceql')
    .query(query)
    .limit(50)
    .tableType(tempo.SearchTableType.Traces);

/** One trace, by its id: found at once. */
export const trace = (id: string): Query =>
  new tempo.DataqueryBuilder().datasource(TRACES).queryType('traceql').query(id);

/** Log lines, or a series made of them. */
export const lines = (expr: string, legend = ''): loki.DataqueryBuilder =>
  new loki.DataqueryBuilder().datasource(LOGS).queryType('range').expr(expr).legendFormat(legend);

// plugin/src/datasource/types.ts
export type FleetType =
  | 'events'
  | 'agents'
  | 'councils'
  | 'stories'
  | 'story_timeline'
  | 'ray_jobs'
  | 'llm_requests'
  | 'graph'
  | 'cache_keys'
  | 'cache_activity'
  | 'components'
  | 'consumers'
  | 'alerts';

export interface EventFilter {
  story?: string;
  task?: string;
  role?: string;
  agent?: string;
  type?: string;
  severity?: string;
  consumer?: string;
  model?: string;
  q?: string;
}

interface Wanted {
  filter?: EventFilter;
  limit?: number;
  live?: boolean;
}

class FleetQueryBuilder implements Query {
  private id = 'A';

  constructor(
    private readonly queryType: FleetType,
    private readonly wanted: Wanted,
  ) {}

  refId(id: string): this {
    this.id = id;
    return this;
  }

  build(): cog.Dataquery {
    const query = { refId: this.id, datasource: FEED, queryType: this.queryType, ...this.wanted };
    return { ...query, _implementsDataqueryVariant: () => undefined } as cog.Dataquery;
  }
}

/** What the daemon's API tells, by the plugin's data source. */
export const fleet = (queryType: FleetType, wanted: Wanted = {}): Query => new FleetQueryBuilder(queryType, wanted);
