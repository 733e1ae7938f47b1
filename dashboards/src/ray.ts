// Tables that several dashboards show: jobs of Ray, requests to language models.
import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/table';
import { CELL, field, raw, to, toAgent, toStory, toTaskEvents } from './links';
import { type EventFilter, fleet } from './sources';
import { table } from './table';
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
      { field: 'submitted', name: 'Submitted', width: 170 },
      {
        field: 'status',
        name: 'State',
        mappings: JOB_STATES,
        width: 115,
        links: [to('events', 'What Ray told of it', { type: 'ray.*', task: field('task_id') })],
      },
      {
        field: 'id',
        name: 'Job',
        links: [
          raw('The last lines of its log', `api/ray/jobs/${CELL}/logs`),
          raw('All that is known of it, its error too', `api/ray/jobs/${CELL}`),
        ],
      },
      { field: 'description', name: 'Description' },
      { field: 'entrypoint', name: 'Command' },
      { field: 'agent_id', name: 'Agent', links: [toAgent] },
      { field: 'story_id', name: 'Story', links: [toStory] },
      { field: 'task_id', name: 'Task', links: [toTaskEvents] },
      { field: 'node_ip', name: 'Worker', width: 110 },
      { field: 'started', name: 'Started', width: 170 },
      { field: 'ended', name: 'Ended', width: 170 },
      { field: 'duration_seconds', name: 'Duration', unit: 's', width: 90 },
      { field: 'llm_requests', name: 'LLM requests', width: 110 },
      { field: 'error_type', name: 'Error type' },
      { field: 'error_message', name: 'Error', cell: 'wrap' },
      { field: 'tasks.retries', name: 'Retries', width: 75 },
      { field: 'outcome', name: 'Answers', width: 100 },
      { field: 'unknown', name: 'Not known, because', cell: 'json' },
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
      { field: 'start', name: 'Time', width: 170 },
      { field: 'agent_id', name: 'Agent', links: [toAgent] },
      { field: 'client', name: 'Client address', width: 120 },
      { field: 'model', name: 'Model' },
      { field: 'status', name: 'Status', mappings: REQUEST_STATES, width: 95 },
      { field: 'input_tokens', name: 'Tokens in', width: 90 },
      { field: 'output_tokens', name: 'Tokens out', width: 95 },
      { field: 'seconds', name: 'Duration', unit: 's', width: 90 },
      { field: 'time_to_first_token_seconds', name: 'First token', unit: 's', width: 95 },
      { field: 'queue_seconds', name: 'Waited', unit: 's', width: 80 },
      { field: 'story_id', name: 'Story', links: [toStory] },
      { field: 'task_id', name: 'Task', links: [toTaskEvents] },
      { field: 'join', name: 'Agent known by', width: 125 },
      { field: 'error', name: 'Error', cell: 'wrap' },
      { field: 'trace_id', name: 'Trace' },
      { field: 'unknown', name: 'Not known, because', cell: 'json' },
    ],
  );
