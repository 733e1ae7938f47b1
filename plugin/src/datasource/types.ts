import { type DataSourceJsonData } from '@grafana/data';
import { type DataQuery } from '@grafana/schema';
import { type EventFilter } from '../feed/source';

export type { EventFilter } from '../feed/source';

export const QUERY_TYPES = [
  'events',
  'agents',
  'councils',
  'stories',
  'story_timeline',
  'ray_jobs',
  'llm_requests',
  'graph',
  'cache_keys',
  'cache_activity',
  'components',
  'consumers',
  'alerts',
] as const;

export type QueryType = (typeof QUERY_TYPES)[number];

export interface FleetQuery extends DataQuery {
  queryType: QueryType;
  /** Template variables are allowed in each field. */
  filter?: EventFilter;
  /** Events as they come, instead of once a refresh. */
  live?: boolean;
  limit?: number;
}

export const VARIABLE_KINDS = [
  'story',
  'task',
  'role',
  'agent',
  'type',
  'consumer',
  'model',
  'council',
  'producer',
] as const;

export type VariableKind = (typeof VARIABLE_KINDS)[number];

export interface FleetVariableQuery extends DataQuery {
  kind: VariableKind;
  filter?: EventFilter;
}

/** What every user of Grafana may read. */
export interface FleetOptions extends DataSourceJsonData {
  /** The daemon's address: the data source's own URL once more, where the routes of plugin.json can read it. */
  url?: string;
  /** Data source in which traces open. */
  tempoUid?: string;
}

/** What only Grafana's server reads. */
export interface FleetSecrets {
  token?: string;
  debugToken?: string;
}
