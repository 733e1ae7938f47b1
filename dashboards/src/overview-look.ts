// The overview's last part: alerts and failures.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { CELL, field, to, toAgent, toStory } from './links';
import { other, row } from './panels';
import { fleet } from './sources';
import { TIME, table } from './table';
import { SEVERITIES } from './values';

export const needsALook = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('What needs a look'))
    .withPanel(
      other(
        'alertlist',
        {
          title: 'Alerts',
          text: 'Alerts of Fleetscope that are pending or fire, as Prometheus has them.',
          unit: 'none',
          size: [8, 10],
          queries: [],
          empty: 'No alert fires, or Prometheus does not have alerts/fleet.rules.yaml',
        },
        {
          viewMode: 'list',
          groupMode: 'default',
          maxItems: 20,
          sortOrder: 3,
          alertName: 'Fleet',
          stateFilter: { firing: true, pending: true, noData: false, normal: false, error: true },
        },
      ),
    )
    .withPanel(
      table(
        {
          title: 'Alerts that came in',
          text: 'Alerts as Alertmanager sent them to Fleetscope, with the story they are about.',
          size: [16, 10],
          queries: [fleet('alerts', { limit: 50 })],
          empty: 'No alert came in: set alerts.ingest and name Fleetscope as a receiver in Alertmanager',
        },
        [
          { field: 'starts_at', name: 'Since', unit: TIME, width: 125 },
          {
            field: 'name',
            name: 'Alert',
            width: 200,
            links: [{ title: 'Where it comes from', url: '${__data.fields["generator_url"]}' }],
          },
          { field: 'severity', name: 'Severity', mappings: SEVERITIES, width: 90 },
          { field: 'status', name: 'Status', width: 90 },
          { field: 'ends_at', name: 'Until', unit: TIME, width: 125 },
          { field: 'summary', name: 'Summary', cell: 'wrap' },
          { field: 'story_id', name: 'Story', links: [toStory], width: 150 },
          { field: 'generator_url', name: 'Source', width: 90 },
        ],
      ),
    )
    .withPanel(
      table(
        {
          title: 'Last failures',
          text: 'The latest events that tell of a failure; the time opens them in the event stream, with their payload.',
          size: [24, 9],
          queries: [fleet('events', { filter: { severity: 'error' }, limit: 20 })],
          empty: 'Nothing failed in this time',
        },
        [
          {
            field: 'timestamp',
            name: 'Time',
            unit: TIME,
            width: 125,
            links: [to('events', 'Event stream: its payload', { story: field('story_id') })],
          },
          {
            field: 'type',
            name: 'Event',
            width: 230,
            links: [to('events', 'Events of this type', { type: CELL })],
          },
          { field: 'summary', name: 'Summary', cell: 'wrap' },
          { field: 'story_id', name: 'Story', links: [toStory], width: 150 },
          { field: 'agent_id', name: 'Agent', links: [toAgent], width: 150 },
          { field: 'source', name: 'Told by', width: 90 },
          { field: 'trace_id', name: 'Trace', width: 150 },
        ],
      ),
    );
