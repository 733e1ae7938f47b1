import {
  type AdHocVariableFilter,
  CoreApp,
  type DataQueryRequest,
  type DataQueryResponse,
  DataSourceApi,
  type DataSourceInstanceSettings,
  LoadingState,
  type QueryFixAction,
  type ScopedVars,
  type TestDataSourceResponse,
} from '@grafana/data';
import { t } from '@grafana/i18n';
import { getTemplateSrv, type TemplateSrv } from '@grafana/runtime';
import { catchError, from, map, merge, type Observable, of } from 'rxjs';
import { FeedClient } from '../feed/client';
import { type EventFilter, type FeedSource } from '../feed/source';
import { troubleOf, type Upstream } from '../feed/upstream';
import { annotationsOf } from './annotations';
import { interpolate } from './filter';
import { eventLogs, eventTable, traceLink, withTraceLinks } from './frames/events';
import { checkHealth } from './health';
import { liveEvents, pastEvents } from './live';
import { DEFAULT_LIMIT, type Get, noticesOf, stateFrames } from './queries';
import { explain } from './texts';
import { type FleetOptions, type FleetQuery, type FleetVariableQuery } from './types';
import { GrafanaUpstream } from './upstream';
import { FleetVariables, namesOf } from './variables';

/** It takes the feed itself: rows that it does not look at would be read twice. */
const EVENT_PANEL = 'underpass-fleetscopeevents-panel';

/** Labels of log lines, and the fields of the filter that they are for. */
const LABELS: Record<string, keyof EventFilter> = {
  story_id: 'story',
  task_id: 'task',
  role: 'role',
  agent_id: 'agent',
  type: 'type',
  producer: 'producer',
  source: 'source',
};

export class FleetDataSource extends DataSourceApi<FleetQuery, FleetOptions> {
  readonly get: Get;
  private readonly client: FeedClient;

  constructor(
    private readonly settings: DataSourceInstanceSettings<FleetOptions>,
    private readonly templateSrv: TemplateSrv = getTemplateSrv(),
    private readonly upstream: Upstream = new GrafanaUpstream(settings.url ?? '')
  ) {
    super(settings);
    this.client = new FeedClient(upstream, { explain });
    this.get = (path, params) => upstream.get('feed', path, params);
    this.variables = new FleetVariables(this);
    this.annotations = annotationsOf();
    window.addEventListener('online', () => this.client.retry());
  }

  /** The live feed and the history, for the event panel. */
  feed(): FeedSource {
    return this.client;
  }

  getDefaultQuery(app: CoreApp): Partial<FleetQuery> {
    return { queryType: 'events', limit: app === CoreApp.Explore ? 500 : DEFAULT_LIMIT };
  }

  filterQuery(query: FleetQuery): boolean {
    return !query.hide && query.queryType !== undefined;
  }

  getQueryDisplayText(query: FleetQuery): string {
    const filter = Object.entries(query.filter ?? {}).map(([field, value]) => `${field}:${value}`);
    return [query.queryType, ...filter].join(' ');
  }

  interpolateVariablesInQueries(
    queries: FleetQuery[],
    scoped: ScopedVars,
    _filters?: AdHocVariableFilter[]
  ): FleetQuery[] {
    return queries.map((query) => ({ ...query, filter: this.filterOf(query, scoped) }));
  }

  /** "Filter for value" in Explore. */
  modifyQuery(query: FleetQuery, action: QueryFixAction): FleetQuery {
    const { key, value } = action.options ?? {};
    const field = key ? LABELS[key] : undefined;
    if (action.type !== 'ADD_FILTER' || !field || !value) {
      return query;
    }
    return { ...query, filter: { ...query.filter, [field]: value } };
  }

  query(request: DataQueryRequest<FleetQuery>): Observable<DataQueryResponse> {
    const targets = request.targets.filter((query) => this.filterQuery(query));
    if (targets.length === 0 || request.panelPluginId === EVENT_PANEL) {
      return of({ data: [], state: LoadingState.Done });
    }
    return merge(...targets.map((query) => this.one(query, request)));
  }

  testDatasource(): Promise<TestDataSourceResponse> {
    return checkHealth(this.upstream, this.settings);
  }

  /** The names there are of something: for variables, and to complete what is typed. */
  names(query: Pick<FleetVariableQuery, 'kind' | 'filter'>, scoped?: ScopedVars): Promise<string[]> {
    return namesOf(this.get, query.kind, this.filterOf(query, scoped));
  }

  private filterOf(query: { filter?: EventFilter }, scoped?: ScopedVars): EventFilter {
    return interpolate(query.filter, this.templateSrv, scoped);
  }

  private one(query: FleetQuery, request: DataQueryRequest<FleetQuery>): Observable<DataQueryResponse> {
    const failed = (error: unknown) =>
      of({
        data: [],
        key: query.refId,
        state: LoadingState.Error,
        errors: [{ refId: query.refId, message: explain(troubleOf(error)) }],
      });
    const filter = this.filterOf(query, request.scopedVars);
    const { refId, queryType, limit = DEFAULT_LIMIT } = query;
    if (queryType === 'events') {
      return this.events(query, request, filter, limit).pipe(catchError(failed));
    }
    const frames = stateFrames(this.get, { refId, type: queryType, filter, limit }, Date.now());
    return from(frames).pipe(
      map((data) => ({ data: data.map((frame) => this.linked(frame)), key: refId, state: LoadingState.Done })),
      catchError(failed)
    );
  }

  private events(
    query: FleetQuery,
    request: DataQueryRequest<FleetQuery>,
    filter: EventFilter,
    limit: number
  ): Observable<DataQueryResponse> {
    const isExplore = request.app === CoreApp.Explore;
    const notices = noticesOf('events', filter);
    const asked = { filter, limit, from: request.range.from.toISOString(), to: request.range.to.toISOString() };
    const isLive = (query.live ?? false) || request.liveStreaming === true;
    const told = isLive ? liveEvents(this.client, asked) : from(pastEvents(this.client, asked));
    return told.pipe(
      map(({ events, state, detail }) => {
        // Explore shows log lines newest first, tables show them as they are.
        const frame = (isExplore ? eventLogs : eventTable)(query.refId, events);
        const more = detail ? [...notices, { severity: 'warning' as const, text: detail }] : notices;
        const meta = { ...frame.meta, ...(more.length > 0 ? { notices: more } : {}) };
        return { data: [this.linked({ ...frame, meta })], key: query.refId, state };
      })
    );
  }

  private linked(frame: Parameters<typeof withTraceLinks>[0]) {
    return withTraceLinks(frame, traceLink(this.settings.jsonData.tempoUid, t('links.trace', 'Open trace')));
  }
}
