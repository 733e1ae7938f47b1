// Tables that several dashboards show: jobs of Ray, requests to language models.
import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/table';
import { CELL, field, raw, to, toAgent, toStory, toTaskEvents } from './links';
import { type EventFilter, fleet } from './sources';
import { TIME, table } from './table';
import { JOB_STATES, REQUEST_STATES } from './values';

export const rayJobs = (filter: EventFilter, size: [number, number]): PanelBuilder =>
  table(
    {
      title: 'Ray jobs',
      text: 'Each job with its state, worker, agent, times, requests to models and error; its id leads to its last log lines, its state to what was told of it.',
      size,
      queries: [fleet('ray_jobs', { filter, limit: 200 })],
      empty: 'No job: set ray.url (jobs, workers, logs) or ray.executor (deliberations that run)',
    },
    [
      {
        field: 'status',
        name: 'State',
        mappings: JOB_STATES,
        width: 105,
        links: [to('events', 'What Ray told of it', { type: 'ray.*', task: field('task_id') })],
      },
      {
        field: 'id',
        name: 'Job',
        width: 175,
        links: [
          raw('The last lines of its log', `api/ray/jobs/${CELL}/logs`),
          raw('All that is known of it, its error too', `api/ray/jobs/${CELL}`),
        ],
      },
      { field: 'description', name: 'Description', width: 125 },
      { field: 'entrypoint', name: 'Command', width: 145 },
      { field: 'agent_id', name: 'Agent', links: [toAgent], width: 145 },
      { field: 'node_ip', name: 'Worker', width: 95 },
      { field: 'submitted', name: 'Submitted', unit: TIME, width: 125 },
      { field: 'ended', name: 'Ended', unit: TIME, width: 125 },
      { field: 'duration_seconds', name: 'Duration', unit: 's', width: 85 },
      { field: 'llm_requests', name: 'LLM requests', width: 105 },
      { field: 'tasks.retries', name: 'Retries', width: 65 },
      { field: 'error_message', name: 'Error', cell: 'wrap', width: 165 },
      { field: 'story_id', name: 'Story', links: [toStory], width: 105 },
      { field: 'task_id', name: 'Task', links: [toTaskEvents], width: 105 },
      // Beyond the edge of most screens.
      { field: 'error_type', name: 'Error type', width: 130 },
      { field: 'started', name: 'Started', unit: TIME, width: 125 },
      { field: 'outcome', name: 'Answers', width: 100 },
      { field: 'unknown', name: 'Not known, because', cell: 'json', width: 400 },
    ],
  );

export const llmRequests = (filter: EventFilter, size: [number, number]): PanelBuilder =>
  table(
    {
      title: 'Requests to language models',
      text: 'The latest requests with client, model, tokens, times and how they ended; the trace shows who asked.',
      size,
      queries: [fleet('llm_requests', { filter, limit: 100 })],
      empty: 'No request: set vllm.otlp or vllm.otlp_listen and point the server’s traces there',
    },
    [
      { field: 'start', name: 'Time', unit: TIME, width: 125 },
      { field: 'status', name: 'Status', mappings: REQUEST_STATES, width: 90 },
      { field: 'agent_id', name: 'Agent', links: [toAgent], width: 145 },
      { field: 'client', name: 'Client address', width: 115 },
      { field: 'model', name: 'Model', width: 150 },
      { field: 'input_tokens', name: 'Tokens in', width: 85 },
      { field: 'output_tokens', name: 'Tokens out', width: 90 },
      { field: 'seconds', name: 'Duration', unit: 's', width: 85 },
      { field: 'time_to_first_token_seconds', name: 'First token', unit: 's', width: 90 },
      { field: 'queue_seconds', name: 'Waited', unit: 's', width: 75 },
      { field: 'error', name: 'Error', cell: 'wrap', width: 195 },
      { field: 'story_id', name: 'Story', links: [toStory], width: 105 },
      { field: 'task_id', name: 'Task', links: [toTaskEvents], width: 105 },
      { field: 'join', name: 'Agent known by', width: 115 },
      // Beyond the edge of most screens.
      { field: 'trace_id', name: 'Trace', width: 270 },
      { field: 'unknown', name: 'Not known, because', cell: 'json', width: 400 },
    ],
  );
