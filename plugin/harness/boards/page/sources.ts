// The data sources of a dashboard: the plugin's own, Prometheus, and those that nobody runs here.
import {
  type DataFrame,
  type DataQueryRequest,
  type DataSourceInstanceSettings,
  dateTime,
  type TimeRange,
} from '@grafana/data';
import { setBackendSrv } from '@grafana/runtime';
import { lastValueFrom } from 'rxjs';

import { FleetDataSource } from '../../../src/datasource/datasource';
import { type FleetOptions, type FleetQuery, type FleetVariableQuery } from '../../../src/datasource/types';
import { grafanaService } from '../../page/daemon';
import { type PanelJson, type SourceRef, type VariableJson } from './json';
import { labelValues, promFrames } from './prometheus';
import { type Variables } from './variables';

const PROXY = '/api/datasources/proxy/uid';
export const FEED = 'fleetscope-feed';
export const METRICS = 'fleetscope-prometheus';
export const METRICS_PROXY = `${PROXY}/${METRICS}`;

export class Sources {
  readonly feed: FleetDataSource;

  constructor(
    private readonly variables: Variables,
    private readonly range: TimeRange
  ) {
    setBackendSrv(grafanaService());
    const settings = { uid: FEED, url: `${PROXY}/${FEED}`, jsonData: { tempoUid: 'fleetscope-tempo' } };
    this.feed = new FleetDataSource(
      settings as unknown as DataSourceInstanceSettings<FleetOptions>,
      variables.service()
    );
  }

  /** What a panel is told. Traces and logs have nobody to ask here: they come back as if nothing was found. */
  async frames(panel: PanelJson, points: number): Promise<DataFrame[]> {
    const asked = { range: this.range, points, interval: panel.interval };
    const answers = (panel.targets ?? []).map((target) => {
      switch (this.uidOf(target.datasource)) {
        case FEED:
          return this.told(target as unknown as FleetQuery, panel);
        case METRICS:
          return promFrames(METRICS_PROXY, target, asked, this.variables);
        default:
          return Promise.resolve([]);
      }
    });
    return (await Promise.all(answers)).flat();
  }

  /** Whether anybody answers this panel here. */
  answers(panel: PanelJson): boolean {
    return (panel.targets ?? []).some(({ datasource }) => [FEED, METRICS].includes(this.uidOf(datasource)));
  }

  /** The values that a variable can have. */
  async values({ name, type, query, datasource }: VariableJson): Promise<string[]> {
    if (type === 'datasource') {
      return [METRICS];
    }
    if (type !== 'query' || !datasource) {
      return [String(query ?? '')];
    }
    if (this.uidOf(datasource) === FEED) {
      return this.feed.names(query as FleetVariableQuery);
    }
    const text = typeof query === 'object' && query && 'query' in query ? String(query.query) : '';
    if (!text) {
      throw new Error(`the variable ${name} asks for nothing`);
    }
    return labelValues(METRICS_PROXY, text, this.variables);
  }

  request(panel: PanelJson): DataQueryRequest<FleetQuery> {
    return {
      app: 'dashboard',
      requestId: `Q${panel.id}`,
      interval: '1s',
      intervalMs: 1000,
      range: this.range,
      scopedVars: {},
      timezone: 'utc',
      startTime: dateTime().valueOf(),
      targets: (panel.targets ?? []) as unknown as FleetQuery[],
      panelPluginId: panel.type,
    };
  }

  private uidOf = ({ uid }: SourceRef): string => this.variables.replace(uid);

  private async told(target: FleetQuery, panel: PanelJson): Promise<DataFrame[]> {
    const answer = await lastValueFrom(this.feed.query({ ...this.request(panel), targets: [target] }));
    const [failed] = answer.errors ?? [];
    if (failed) {
      throw new Error(`${target.queryType}: ${failed.message}`);
    }
    return answer.data as DataFrame[];
  }
}
