// One agent: what it does, its last ten tasks, how often it succeeds.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, labelled, marks, single } from './board';
import { toStory, toTaskEvents } from './links';
import { agentStates, events, facts, painted, row, stacked, stat } from './panels';
import { llmRequests, rayJobs } from './ray';
import { fleet, now, range } from './sources';
import { TIME, table } from './table';
import { AGENT_STATES, ANSWERS, A_SECOND, GREEN, RED, YELLOW, known, words } from './values';

const AGENT = { agent: '$agent' };
const NONE = 'No such agent was heard of: choose one above';

export const agent = (): DashboardBuilder =>
  board({
    name: 'agent',
    title: 'Agent',
    description: 'One agent: what it does, its last ten tasks, how often it succeeds and how long it takes.',
    refresh: '5s',
    from: 'now-1h',
  })
    .withVariable(single(labelled('agent', 'Agent', 'label_values(fleet_agent_state, agent)')))
    .annotation(marks('Failures', 'orange', 'events', { ...AGENT, severity: 'error' }))
    .withRow(row('$agent'))
    .withPanel(
      table(
        {
          title: 'Agent',
          text: 'Role, council, state and how long it has been in it, task, story and model.',
          size: [24, 4],
          queries: [fleet('agents', { filter: AGENT, limit: 1 })],
          empty: NONE,
        },
        [
          { field: 'agent_id', name: 'Agent' },
          { field: 'role', name: 'Role' },
          { field: 'council', name: 'Council' },
          { field: 'state', name: 'State', mappings: AGENT_STATES },
          { field: 'since', name: 'In this state since', unit: 'dateTimeFromNow' },
          { field: 'silent', name: 'Silent', mappings: words({ true: ['silent', RED], false: ['no', GREEN] }) },
          { field: 'task_id', name: 'Task', links: [toTaskEvents] },
          { field: 'story_id', name: 'Story', links: [toStory] },
          { field: 'model', name: 'Model' },
          { field: 'last_event', name: 'Last heard of', unit: 'dateTimeFromNow' },
        ],
      ),
    )
    .withPanel(
      facts(
        {
          title: 'Since Fleetscope knows it',
          text: 'Success rate, mean time of an answer, answers, tokens, and what its requests to models took and cost.',
          unit: 'short',
          size: [18, 4],
          queries: [fleet('agents', { filter: AGENT, limit: 1 })],
          empty: NONE,
        },
        {
          success_rate: 'Success',
          mean_duration_ms: 'Mean answer',
          completed: 'Completed',
          failed: 'Failed',
          tokens: 'Tokens',
          'llm.requests': 'LLM requests',
          'llm.cost': 'Cost',
          'llm.gpu_seconds': 'GPU time',
        },
      ),
    )
    .withPanel(
      stat({
        title: 'Success in this time',
        text: 'Share of its answers within the time shown that did not fail.',
        unit: 'percentunit',
        size: [6, 4],
        queries: [
          now(
            'sum(increase(fleet_agent_tasks_total{agent="$agent",outcome="completed"}[$__range])) / sum(increase(fleet_agent_tasks_total{agent="$agent"}[$__range]))',
          ),
        ],
        empty: 'No answer in this time',
      }).thresholds(known(RED, [0.8, YELLOW], [0.95, GREEN])),
    )
    .withPanel(
      table(
        {
          title: 'Last ten answers',
          text: 'The last ten tasks the agent answered, with outcome, story and trace; a task leads to its events and payloads.',
          size: [24, 10],
          queries: [fleet('events', { filter: { ...AGENT, type: 'agent.response.*' }, limit: 10 })],
          empty: 'No answer in this time: choose a longer one',
        },
        [
          { field: 'timestamp', name: 'Time', unit: TIME, width: 125 },
          {
            field: 'type',
            name: 'Outcome',
            mappings: ANSWERS,
            width: 110,
          },
          { field: 'task_id', name: 'Task', links: [toTaskEvents], width: 200 },
          { field: 'story_id', name: 'Story', links: [toStory], width: 290 },
          { field: 'summary', name: 'Summary', cell: 'wrap' },
          { field: 'trace_id', name: 'Trace', width: 270 },
        ],
      ),
    )
    .withPanel(
      table(
        {
          title: 'Last ten tasks, also those never answered',
          text: 'What the daemon keeps of its last ten tasks, whatever the time shown: outcome, duration, tokens, error.',
          size: [24, 9],
          queries: [fleet('agents', { filter: AGENT, limit: 1 })],
          empty: NONE,
        },
        [
          { field: 'agent_id', name: 'Agent', width: 220 },
          { field: 'tasks', name: 'Tasks, the last one first', cell: 'wrap' },
        ],
      ),
    )
    .withRow(row('Over time'))
    .withPanel(
      agentStates({
        title: 'State',
        text: 'Idle, deliberating, completed or failed, over time.',
        unit: 'none',
        size: [12, 6],
        queries: [
          range(
            '1 * max by (agent) (fleet_agent_state{agent="$agent",state="deliberating"}) + 2 * max by (agent) (fleet_agent_state{agent="$agent",state="completed"}) + 3 * max by (agent) (fleet_agent_state{agent="$agent",state="failed"})',
            '{{agent}}',
          ),
        ],
        empty: NONE,
      }),
    )
    .withPanel(
      painted(
        stacked({
          title: 'Answers',
          text: 'Answers a second by how they ended.',
          unit: A_SECOND,
          size: [12, 6],
          queries: [
            range('sum by (outcome) (rate(fleet_agent_tasks_total{agent="$agent"}[$__rate_interval]))', '{{outcome}}'),
          ],
          empty: 'No answer in this time',
        }),
      ),
    )
    .withPanel(rayJobs(AGENT, [24, 8]))
    .withPanel(llmRequests(AGENT, [24, 9]))
    .withPanel(
      events({
        title: 'Events of the agent',
        text: 'What it was told and what it said, as it happens; a click shows the payload.',
        unit: 'none',
        size: [24, 16],
        queries: [fleet('events', { filter: AGENT, live: true, limit: 1000 })],
        empty: 'Nothing happened in this time',
      }),
    );
