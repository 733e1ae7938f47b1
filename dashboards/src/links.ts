// Ways from one dashboard to the next: the time stays as it is, and so does the choice of Prometheus.
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import type { DashboardLink } from '@grafana/grafana-foundation-sdk/dashboard';

export interface DataLink {
  title: string;
  url: string;
  targetBlank?: boolean;
}

export type BoardName =
  | 'overview'
  | 'councils'
  | 'events'
  | 'events-logs'
  | 'ray-llm'
  | 'graph-cache'
  | 'story'
  | 'agent'
  | 'consumers'
  | 'self';

/** The cell that was clicked, and another cell of its row, made fit for an address. */
export const CELL = '${__value.raw:percentencode}';
export const field = (name: string): string => '${__data.fields["' + name + '"]:percentencode}';
/** The label of the series that was clicked. */
export const label = (name: string): string => '${__field.labels.' + name + ':percentencode}';

/** A dashboard, with values for its variables. */
export function to(board: BoardName, title: string, values: Record<string, string> = {}): DataLink {
  const given = Object.entries(values).map(([name, value]) => `var-${name}=${value}`);
  const url = `/d/fleetscope-${board}?${[...given, '${datasource:queryparam}', '${__url_time_range}'].join('&')}`;
  return { title, url };
}

export const toStory = to('story', 'Story', { story: CELL });
export const toAgent = to('agent', 'Agent: its last ten tasks', { agent: CELL });
export const toTaskEvents = to('events', 'Events of this task, with payloads', { task: CELL });

/** What the daemon answers, as it is: through Grafana's proxy, so it needs no other login. */
export const raw = (title: string, path: string): DataLink => ({
  title,
  url: `/api/datasources/proxy/uid/fleetscope-feed/feed/${path}`,
  targetBlank: true,
});

/** For the builders of panels, which ask for more than a data link is. */
export const built = (links: DataLink[]): Array<cog.Builder<DashboardLink>> =>
  links.map((link) => ({ build: () => link as DashboardLink }));
