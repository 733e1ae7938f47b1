// The stream of events for those who may not load the plugin: as log lines, from Loki.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as logs from '@grafana/grafana-foundation-sdk/logs';
import { board, labelled } from './board';
import { built, label, to } from './links';
import { show, stacked } from './panels';
import { LOGS, lines } from './sources';

const EMPTY = 'No data: set logs.endpoint, and give Grafana a Loki data source with uid fleetscope-loki';

const typed = (name: string, title: string, description: string, value: string): dashboard.TextBoxVariableBuilder =>
  new dashboard.TextBoxVariableBuilder(name).label(title).description(description).defaultValue(value);

// No id is a stream label, so Loki cannot list stories; what the metrics have as labels it need not.
const CHOSEN = [
  '{service_name=~".+"}',
  '|= `$text`',
  '| fleet_story_id=~`$story`',
  '| fleet_task_id=~`$task`',
  '| fleet_role=~`$role`',
  '| fleet_agent_id=~`$agent`',
  '| fleet_event_type=~`$type`',
].join(' ');

export const eventsLogs = (): dashboard.DashboardBuilder =>
  board({
    name: 'events-logs',
    title: 'Event stream (logs)',
    description: 'The events as log lines from Loki, for a Grafana without the plugin.',
    refresh: '5s',
    from: 'now-15m',
  })
    .withVariable(typed('story', 'Story', 'A story’s id, or a pattern', '.*'))
    .withVariable(typed('task', 'Task', 'A task’s id, or a pattern', '.*'))
    .withVariable(labelled('role', 'Role', 'label_values(fleet_council_agents, council)'))
    .withVariable(labelled('agent', 'Agent', 'label_values(fleet_agent_state, agent)'))
    .withVariable(labelled('type', 'Type', 'label_values(fleet_events_total, event_type)'))
    .withVariable(typed('text', 'Text', 'Words that the line has', ''))
    .withPanel(
      stacked({
        title: 'Events by type',
        text: 'Events by their type, as many as were in each interval.',
        unit: 'short',
        size: [24, 6],
        source: LOGS,
        queries: [
          lines(`sum by (fleet_event_type) (count_over_time(${CHOSEN} [$__interval]))`, '{{fleet_event_type}}'),
        ],
        empty: EMPTY,
      }).dataLinks(built([to('events-logs', 'Only this type', { type: label('fleet_event_type') })])),
    )
    .withPanel(
      show(new logs.PanelBuilder(), {
        title: 'Event stream',
        text: 'Newest first; a line opened shows its story, task, agent and stream position, and leads to its trace.',
        unit: 'none',
        size: [24, 22],
        source: LOGS,
        queries: [lines(CHOSEN).maxLines(1000)],
        empty: EMPTY,
      })
        .showTime(true)
        .wrapLogMessage(true)
        .enableLogDetails(true)
        .enableInfiniteScrolling(true)
        .sortOrder(common.LogsSortOrder.Descending)
        .dedupStrategy(common.LogsDedupStrategy.None),
    );
