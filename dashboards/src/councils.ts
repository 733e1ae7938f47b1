// Panel 2 of the plan: councils, their agents, and what each is doing.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, labelled, marks } from './board';
import { built, label, to, toAgent, toStory, toTaskEvents } from './links';
import { agentStates, bars, lines, painted, quantiles, row, stacked } from './panels';
import { METRICS, fleet, now, range, rows } from './sources';
import { table } from './table';
import { AGENT_STATES, A_SECOND, GREEN, RED, YELLOW, steps, words } from './values';

const NONE = 'No agent was heard of yet: set nats.url; orchestrator.address shows registered ones too';
const MINE = { role: '$council', agent: '$agent' };

export const councils = (): DashboardBuilder =>
  board({
    name: 'councils',
    title: 'Councils and agents',
    description: 'Councils, their agents, what each is doing and for how long, and how deliberations go.',
    refresh: '1s',
    from: 'now-15m',
  })
    .withVariable(labelled('council', 'Council', 'label_values(fleet_council_agents, council)'))
    .withVariable(labelled('agent', 'Agent', 'label_values(fleet_agent_state{council=~"$council"}, agent)'))
    .annotation(marks('Failed answers', 'orange', 'events', { type: 'agent.response.failed' }))
    .withRow(row('Now'))
    .withPanel(
      table(
        {
          title: 'Councils',
          text: 'Each council with its agents by state, its open deliberations, its model, and what its language model requests took and cost.',
          size: [24, 8],
          queries: [fleet('councils', { filter: MINE })],
          empty: NONE,
        },
        [
          {
            field: 'council',
            name: 'Council',
            width: 145,
            links: [to('councils', 'Only this council', { council: '${__value.raw:percentencode}' })],
          },
          { field: 'agents', name: 'Agents', cell: 'wrap' },
          { field: 'idle', name: 'Idle', width: 50 },
          { field: 'deliberating', name: 'Deliberating', width: 105 },
          { field: 'completed', name: 'Completed', width: 95 },
          { field: 'failed', name: 'Failed', width: 65 },
          { field: 'open_deliberations', name: 'Open', width: 60 },
          { field: 'models', name: 'Model', width: 145 },
          { field: 'llm.input_tokens', name: 'Tokens in', width: 90 },
          { field: 'llm.output_tokens', name: 'Tokens out', width: 95 },
          { field: 'llm.cost', name: 'Cost', width: 70 },
          { field: 'last_event', name: 'Last heard of', unit: 'dateTimeFromNow', width: 140 },
        ],
      ),
    )
    .withPanel(
      table(
        {
          title: 'Agents',
          text: 'Each agent with its role, state, the time it has been in it, task, story and model; its name leads to its last ten tasks.',
          size: [24, 12],
          queries: [fleet('agents', { filter: MINE, limit: 500 })],
          empty: NONE,
        },
        [
          { field: 'agent_id', name: 'Agent', links: [toAgent], width: 175 },
          { field: 'council', name: 'Council', width: 125 },
          { field: 'role', name: 'Role', width: 120 },
          { field: 'state', name: 'State', mappings: AGENT_STATES, width: 110 },
          { field: 'since', name: 'In this state since', unit: 'dateTimeFromNow', width: 140 },
          {
            field: 'silent',
            name: 'Silent',
            mappings: words({ true: ['silent', RED], false: ['no', GREEN] }),
            width: 65,
          },
          { field: 'task_id', name: 'Task', links: [toTaskEvents] },
          { field: 'story_id', name: 'Story', links: [toStory] },
          { field: 'model', name: 'Model', width: 145 },
          { field: 'success_rate', name: 'Success', unit: 'percentunit', cell: 'gauge', width: 120 },
          { field: 'mean_duration_ms', name: 'Mean answer', unit: 'ms', width: 105 },
          { field: 'last_event', name: 'Last heard of', unit: 'dateTimeFromNow', width: 130 },
        ],
      ),
    )
    .withRow(row('Over time'))
    .withPanel(
      agentStates({
        title: 'States of agents',
        text: 'Idle, deliberating, completed or failed, by agent over time.',
        unit: 'none',
        size: [24, 11],
        queries: [
          range(
            '1 * max by (agent) (fleet_agent_state{council=~"$council",agent=~"$agent",state="deliberating"}) + 2 * max by (agent) (fleet_agent_state{council=~"$council",agent=~"$agent",state="completed"}) + 3 * max by (agent) (fleet_agent_state{council=~"$council",agent=~"$agent",state="failed"})',
            '{{agent}}',
          ),
        ],
        empty: NONE,
      }).dataLinks(built([to('agent', 'Agent: its last ten tasks', { agent: label('agent') })])),
    )
    .withPanel(
      bars({
        title: 'Time in the present state',
        text: 'How long each agent has been in the state it is in.',
        unit: 's',
        size: [6, 9],
        queries: [
          now(
            'time() - max by (agent) (fleet_agent_state_entered_timestamp_seconds{council=~"$council",agent=~"$agent"})',
            '{{agent}}',
          ),
        ],
        empty: NONE,
      })
        .thresholds(steps(GREEN, [60, YELLOW], [300, RED]))
        .dataLinks(built([to('agent', 'Agent: its last ten tasks', { agent: label('agent') })])),
    )
    .withPanel(
      bars({
        title: 'Time since last heard of',
        text: 'How long each agent has said nothing; one that deliberates is called silent after agents.silent_after.',
        unit: 's',
        size: [6, 9],
        queries: [
          now(
            'time() - max by (agent) (fleet_agent_last_event_timestamp_seconds{council=~"$council",agent=~"$agent"})',
            '{{agent}}',
          ),
          now('max(fleet_agent_silent_after_seconds)', 'agents.silent_after'),
        ],
        empty: NONE,
      })
        .thresholds(steps(GREEN, [30, YELLOW]))
        // Not of the limit, which is nobody's.
        .overrideByQuery('A', [
          { id: 'links', value: [to('agent', 'Agent: its last ten tasks', { agent: label('agent') })] },
        ]),
    )
    .withPanel(
      painted(
        stacked({
          title: 'Agents by state',
          text: 'How many agents are in each state.',
          unit: 'short',
          size: [6, 9],
          queries: [range('sum by (state) (fleet_council_agents{council=~"$council"})', '{{state}}')],
          empty: NONE,
        }),
      ),
    )
    .withPanel(
      lines({
        title: 'Deliberations',
        text: 'Deliberations that wait for answers, and those that have waited longer than deliberations.timeout.',
        unit: 'short',
        size: [6, 9],
        queries: [
          range('sum by (council) (fleet_deliberations_open{council=~"$council"})', '{{council}} open'),
          range('sum by (council) (fleet_deliberations_overdue{council=~"$council"}) > 0', '{{council}} overdue'),
        ],
        empty: 'No deliberation yet',
      }),
    )
    .withPanel(
      quantiles({
        title: 'Time of answers',
        text: 'Median and 95th percentile of the time answers took, as agents tell it.',
        unit: 's',
        size: [8, 8],
        queries: [
          range(
            'histogram_quantile(0.5, sum by (le, council) (rate(fleet_agent_response_duration_seconds_bucket{council=~"$council"}[$__rate_interval])))',
            '{{council}} median',
          ),
          range(
            'histogram_quantile(0.95, sum by (le, council) (rate(fleet_agent_response_duration_seconds_bucket{council=~"$council"}[$__rate_interval])))',
            '{{council}} 95 %',
          ),
        ],
        empty: 'No answer in this time',
      }),
    )
    .withPanel(
      quantiles({
        title: 'Time of deliberations',
        text: 'The 95th percentile of the time from a deliberation’s start to its last answer.',
        unit: 's',
        size: [8, 8],
        queries: [
          range(
            'histogram_quantile(0.95, sum by (le, council) (rate(fleet_deliberation_duration_seconds_bucket{council=~"$council"}[$__rate_interval])))',
            '{{council}}',
          ),
        ],
        empty: 'No deliberation ended in this time',
      }),
    )
    .withPanel(
      painted(
        stacked({
          title: 'Answers',
          text: 'Answers of agents a second, by how they ended.',
          unit: A_SECOND,
          size: [8, 8],
          queries: [
            range(
              'sum by (outcome) (rate(fleet_agent_tasks_total{council=~"$council",agent=~"$agent"}[$__rate_interval]))',
              '{{outcome}}',
            ),
          ],
          empty: 'No answer in this time',
        }),
      ),
    )
    .withPanel(
      bars({
        title: 'Success by agent',
        text: 'Share of the answers within the time shown that did not fail.',
        unit: 'percentunit',
        size: [12, 8],
        queries: [
          now(
            'sum by (agent) (increase(fleet_agent_tasks_total{council=~"$council",agent=~"$agent",outcome="completed"}[$__range])) / sum by (agent) (increase(fleet_agent_tasks_total{council=~"$council",agent=~"$agent"}[$__range]))',
            '{{agent}}',
          ),
        ],
        empty: 'No answer in this time',
      })
        .max(1)
        .thresholds(steps(RED, [0.8, YELLOW], [0.95, GREEN]))
        .dataLinks(built([to('agent', 'Agent: its last ten tasks', { agent: label('agent') })])),
    )
    .withPanel(
      table(
        {
          title: 'Models of councils',
          text: 'Which language models the agents of each council use.',
          size: [12, 8],
          source: METRICS,
          queries: [rows('max by (council, model) (fleet_council_info{council=~"$council"})')],
          empty: 'No message told of a model yet',
        },
        [
          { field: 'council', name: 'Council' },
          { field: 'model', name: 'Model' },
        ],
      ),
    );
