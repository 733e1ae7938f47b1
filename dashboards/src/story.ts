// One story, all the way down: phases, tasks, agents, cost, traces, events, graph.
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, marks, single, told, traceId } from './board';
import { CELL, to, toAgent, toTaskEvents } from './links';
import { events, facts, graph, other, row, states } from './panels';
import { llmRequests, rayJobs } from './ray';
import { FEED, TRACES, fleet, search, trace } from './sources';
import { TIME, only, table } from './table';
import { AGENT_STATES, PALE, PHASES, TASK_STATES, YES, steps } from './values';

const STORY = { story: '$story' };
const NONE = 'No such story: choose one above';
const TEMPO = 'No trace found: set otlp.endpoint; a new trace is in searches after a moment';
/** A trace of the list, shown below. */
const showTrace = to('story', 'Show this trace below', { story: '${story:percentencode}', traceId: CELL });

export const story = (): DashboardBuilder =>
  board({
    name: 'story',
    title: 'Story',
    description: 'One story: its phases, tasks and agents, what it took and cost, its traces, events and graph.',
    refresh: '5s',
    from: 'now-1h',
  })
    .withVariable(single(told('story', 'Story')))
    .withVariable(told('task', 'Task', STORY))
    .withVariable(traceId())
    .annotation(marks('Phases', 'blue', 'story_timeline', STORY))
    .annotation(marks('Failures', 'orange', 'events', { ...STORY, severity: 'error' }))
    .withRow(row('$story'))
    .withPanel(
      facts(
        {
          title: 'What it took',
          text: 'Events and failures of the story, tokens of its answers, and what its requests to models took and cost (cost.prices, cost.gpu_second).',
          unit: 'short',
          size: [24, 4],
          queries: [fleet('stories', { filter: STORY, limit: 1 })],
          empty: NONE,
        },
        {
          events: 'Events',
          failures: 'Failures',
          tokens: 'Tokens of answers',
          agent_ms: 'Time of agents',
          'llm.requests': 'LLM requests',
          'llm.input_tokens': 'Tokens in',
          'llm.output_tokens': 'Tokens out',
          'llm.cost': 'Cost',
          'llm.gpu_seconds': 'GPU time',
        },
      ),
    )
    .withPanel(
      table(
        {
          title: 'Story',
          text: 'Title, phase, agents, plans and reviews; its trace is shown below by a click, by its id and thus at once.',
          size: [24, 6],
          queries: [fleet('stories', { filter: STORY, limit: 1 })],
          empty: NONE,
        },
        [
          { field: 'story_id', name: 'Story', width: 290 },
          { field: 'title', name: 'Title', width: 185 },
          { field: 'phase', name: 'Phase', mappings: PHASES, width: 150 },
          { field: 'closed', name: 'Closed', mappings: YES, width: 65 },
          { field: 'first_event', name: 'First event', unit: TIME, width: 125 },
          { field: 'last_event', name: 'Last event', unit: TIME, width: 125 },
          { field: 'agents', name: 'Agents', cell: 'wrap', width: 380 },
          { field: 'trace_id', name: 'Trace', links: [showTrace], width: 270 },
          { field: 'epic_id', name: 'Epic', width: 290 },
          { field: 'plans', name: 'Plans', width: 290 },
          { field: 'ceremonies', name: 'Reviews', width: 290 },
          { field: 'llm.currency', name: 'Cost is in', width: 85 },
        ],
      ),
    )
    .withPanel(
      states({
        title: 'Phases',
        text: 'The phases of the story over time.',
        unit: 'none',
        size: [24, 5],
        source: FEED,
        queries: [fleet('story_timeline', { filter: STORY })],
        empty: NONE,
      })
        .withTransformation(only('kind', 'phase'))
        .withTransformation({ id: 'filterFieldsByName', options: { include: { names: ['from', 'state'] } } })
        .mappings(PHASES)
        .thresholds(steps(PALE))
        .overrideByName('state', [{ id: 'displayName', value: 'Phase' }]),
    )
    .withPanel(
      table(
        {
          title: 'Tasks',
          text: 'Tasks of the story with state, role and agent; a task leads to its events, an agent to its last ten tasks.',
          size: [24, 8],
          queries: [fleet('story_timeline', { filter: STORY })],
          empty: 'The story has no task yet',
        },
        [
          { field: 'from', name: 'Since', unit: TIME, width: 125 },
          { field: 'until', name: 'Until', unit: TIME, width: 125 },
          { field: 'state', name: 'State', mappings: TASK_STATES, width: 160 },
          { field: 'title', name: 'Title' },
          { field: 'role', name: 'Role', width: 120 },
          { field: 'agent_id', name: 'Agent', links: [toAgent] },
          { field: 'task_id', name: 'Task', links: [toTaskEvents] },
        ],
        [only('kind', 'task')],
      ),
    )
    .withRow(row('Agents, jobs, requests'))
    .withPanel(
      table(
        {
          title: 'Agents',
          text: 'Agents at work on the story at the moment.',
          size: [24, 5],
          queries: [fleet('agents', { filter: STORY })],
          empty: 'No agent works on this story at the moment',
        },
        [
          { field: 'agent_id', name: 'Agent', links: [toAgent] },
          { field: 'role', name: 'Role' },
          { field: 'state', name: 'State', mappings: AGENT_STATES },
          { field: 'since', name: 'In this state since', unit: 'dateTimeFromNow' },
          { field: 'task_id', name: 'Task', links: [toTaskEvents] },
          { field: 'model', name: 'Model' },
        ],
      ),
    )
    .withPanel(rayJobs({ ...STORY, task: '$task' }, [24, 8]))
    .withPanel(llmRequests({ ...STORY, task: '$task' }, [24, 9]))
    .withRow(row('Traces'))
    .withPanel(
      other(
        'table',
        {
          title: 'Traces of the story',
          text: 'Traces that hold spans of the story, by a search; a click shows one below.',
          unit: 'none',
          size: [24, 7],
          source: TRACES,
          queries: [search('{ span.fleet.story.id = "$story" }')],
          empty: TEMPO,
        },
        { cellHeight: 'sm', showHeader: true },
      ).overrideByName('traceID', [{ id: 'links', value: [showTrace] }]),
    )
    .withPanel(
      other(
        'traces',
        {
          title: 'Trace',
          text: 'The trace whose id stands above, span by span: events, deliveries, agents, jobs, requests to models.',
          unit: 'none',
          size: [24, 14],
          source: TRACES,
          queries: [trace('$traceId')],
          empty: 'No trace chosen: click one in the table above; or its id is not in Tempo',
        },
        {},
      ),
    )
    .withRow(row('Events and graph'))
    .withPanel(
      events({
        title: 'Events of the story',
        text: 'What happened, as it happens; a click shows the payload.',
        unit: 'none',
        size: [14, 18],
        queries: [fleet('events', { filter: { ...STORY, task: '$task' }, live: true, limit: 1000 })],
        empty: 'Nothing happened in this time',
      }),
    )
    .withPanel(
      graph({
        title: 'Graph around the story',
        text: 'What Neo4j holds around the story; a click on a node shows its properties.',
        unit: 'none',
        size: [10, 18],
        queries: [fleet('graph', { filter: STORY })],
        empty: 'No data: set neo4j.uri, or the graph does not hold this story',
      }),
    );
