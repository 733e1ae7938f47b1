// Panel 3 of the plan: the stream of events, live.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, labelled, told } from './board';
import { CELL, built, label, to, toAgent, toStory } from './links';
import { events as stream, painted, quantiles, row, stacked } from './panels';
import { fleet, range } from './sources';
import { TIME, table } from './table';
import { A_SECOND, SEVERITIES, words } from './values';

const FILTER = { story: '$story', role: '$role', type: '$type', agent: '$agent', task: '$task' };

export const events = (): DashboardBuilder =>
  board({
    name: 'events',
    title: 'Event stream',
    description: 'Everything that happens, as it happens: who published what, who took it, how long that took.',
    refresh: '5s',
    from: 'now-15m',
  })
    .withVariable(told('story', 'Story'))
    .withVariable(told('role', 'Role'))
    .withVariable(labelled('agent', 'Agent', 'label_values(fleet_agent_state, agent)'))
    .withVariable(told('type', 'Type'))
    .withVariable(told('task', 'Task', { story: '$story' }))
    .withPanel(
      stream({
        title: 'Event stream',
        text: 'Events as they come, with publisher, story, and each consumer’s outcome and latency; a click shows the payload, and from there its trace.',
        unit: 'none',
        size: [24, 22],
        queries: [fleet('events', { filter: FILTER, live: true, limit: 1000 })],
        empty: 'No data: no data source with uid fleetscope-feed answers, or nothing fits the filters',
      }),
    )
    .withRow(row('Numbers'))
    .withPanel(
      stacked({
        title: 'Events by type',
        text: 'The ten most frequent types of messages, a second.',
        unit: 'eps',
        size: [8, 8],
        queries: [
          range('topk(10, sum by (event_type) (rate(fleet_events_total[$__rate_interval])))', '{{event_type}}'),
        ],
        empty: 'No data: set nats.url',
      }).dataLinks(built([to('events', 'Only this type', { type: label('event_type') })])),
    )
    .withPanel(
      stacked({
        title: 'Events by publisher',
        text: 'Messages a second by the service that published them.',
        unit: 'eps',
        size: [8, 8],
        queries: [range('sum by (producer) (rate(fleet_events_total[$__rate_interval]))', '{{producer}}')],
        empty: 'No data: set nats.url',
      }),
    )
    .withPanel(
      quantiles({
        title: 'Payload size',
        text: 'The 95th percentile of the size of messages, by stream.',
        unit: 'bytes',
        size: [8, 8],
        queries: [
          range(
            'histogram_quantile(0.95, sum by (le, stream) (rate(fleet_event_size_bytes_bucket[$__rate_interval])))',
            '{{stream}}',
          ),
        ],
        empty: 'No data: set nats.url',
      }),
    )
    .withPanel(
      quantiles({
        title: 'Latency of consumers',
        text: 'The 95th percentile of the time from a message being stored to its acknowledgement, by consumer.',
        unit: 's',
        size: [12, 8],
        queries: [
          range(
            'histogram_quantile(0.95, sum by (le, consumer) (rate(fleet_delivery_duration_seconds_bucket[$__rate_interval])))',
            '{{consumer}}',
          ),
        ],
        empty: 'No data: nats.ack_tap is off, or nothing was acknowledged',
      }).dataLinks(built([to('consumers', 'Consumer', { consumer: label('consumer') })])),
    )
    .withPanel(
      painted(
        stacked({
          title: 'Outcomes of deliveries',
          text: 'Acknowledgements, naks, redeliveries and messages given up, a second.',
          unit: A_SECOND,
          size: [12, 8],
          queries: [range('sum by (outcome) (rate(fleet_deliveries_total[$__rate_interval]))', '{{outcome}}')],
          empty: 'No data: nats.ack_tap is off, or nothing was delivered',
        }),
      ),
    )
    .withRow(row('As a table'))
    .withPanel(
      table(
        {
          title: 'Last 50 events',
          text: 'The newest events with all that is known of each; consumers stand with what each did, how often it was tried and how long it took.',
          size: [24, 14],
          queries: [fleet('events', { filter: FILTER, limit: 50 })],
          empty: 'Nothing fits the filters in this time',
        },
        [
          { field: 'timestamp', name: 'Time', unit: TIME, width: 125 },
          { field: 'severity', name: 'Severity', mappings: SEVERITIES, width: 80 },
          { field: 'type', name: 'Type', width: 190, links: [to('events', 'Only this type', { type: CELL })] },
          { field: 'subject', name: 'Subject', width: 190 },
          { field: 'producer', name: 'Publisher', width: 125 },
          { field: 'summary', name: 'Summary', width: 240 },
          { field: 'deliveries', name: 'Consumers', cell: 'wrap', width: 275 },
          { field: 'size', name: 'Size', unit: 'bytes', width: 75 },
          { field: 'story_id', name: 'Story', links: [toStory], width: 90 },
          { field: 'task_id', name: 'Task', links: [to('events', 'Only this task', { task: CELL })], width: 90 },
          { field: 'agent_id', name: 'Agent', links: [toAgent], width: 155 },
          // Beyond the edge of most screens.
          { field: 'role', name: 'Role', width: 100 },
          {
            field: 'producer_inferred',
            name: 'Publisher is',
            mappings: words({ true: ['inferred', 'text'], false: ['told', 'green'] }),
            width: 100,
          },
          { field: 'trace_id', name: 'Trace', width: 270 },
        ],
      ),
    );
