import { FieldType } from '@grafana/data';
import { type QueryType } from '../types';

/** A column that is always there, in this order, also while there are no rows. */
export interface Column {
  name: string;
  type: FieldType;
  unit?: string;
}

const time = (name: string): Column => ({ name, type: FieldType.time });
const text = (...names: string[]): Column[] => names.map((name) => ({ name, type: FieldType.string }));
const flag = (...names: string[]): Column[] => names.map((name) => ({ name, type: FieldType.boolean }));
const number = (unit: string | undefined, ...names: string[]): Column[] =>
  names.map((name) => ({ name, type: FieldType.number, ...(unit ? { unit } : {}) }));

/** What LLM requests took. */
const SPEND = [
  ...number(undefined, 'llm.requests', 'llm.input_tokens', 'llm.output_tokens', 'llm.cost'),
  ...text('llm.currency'),
  ...number('s', 'llm.gpu_seconds'),
  ...number('percentunit', 'llm.inferred_share'),
  ...number(undefined, 'llm.inferred_requests', 'llm.unpriced_tokens'),
];

/** The columns of each query type: the names are those of the API's JSON, the time that matters comes first. */
export const COLUMNS: Record<Exclude<QueryType, 'graph'>, Column[]> = {
  events: [
    time('timestamp'),
    ...text('summary', 'severity', 'type', 'source', 'producer', 'story_id', 'role', 'agent_id', 'task_id'),
    ...text('ceremony_id', 'plan_id', 'subject', 'deliveries', 'trace_id', 'span_id'),
    ...number('bytes', 'size'),
    ...number(undefined, 'seq'),
    ...text('id'),
    ...flag('producer_inferred'),
    time('received'),
  ],
  agents: [
    time('last_event'),
    ...text('agent_id', 'role', 'council', 'state'),
    time('since'),
    ...flag('silent', 'registered'),
    ...text('story_id', 'task_id', 'model'),
    ...number('percentunit', 'success_rate'),
    ...number('ms', 'mean_duration_ms'),
    ...number(undefined, 'completed', 'failed', 'tokens'),
    ...text('tasks'),
    ...SPEND,
  ],
  councils: [
    time('last_event'),
    ...text('council', 'agents'),
    ...number(undefined, 'idle', 'deliberating', 'completed', 'failed', 'open_deliberations'),
    ...text('models'),
    ...flag('registered'),
    ...SPEND,
  ],
  stories: [
    time('last_event'),
    ...text('story_id', 'title', 'phase'),
    ...flag('closed'),
    time('first_event'),
    ...number(undefined, 'events', 'failures', 'tokens'),
    ...number('ms', 'agent_ms'),
    ...text('agents', 'epic_id', 'plans', 'ceremonies', 'phases', 'tasks', 'trace_id'),
    ...number(undefined, 'first_seq'),
    ...SPEND,
  ],
  story_timeline: [
    time('from'),
    time('until'),
    ...text('kind', 'state', 'story_id', 'phase', 'task_id', 'title', 'role', 'agent_id'),
  ],
  ray_jobs: [
    time('submitted'),
    ...text('id', 'kind', 'status', 'story_id', 'task_id', 'agent_id', 'role'),
    time('started'),
    time('ended'),
    ...number('s', 'duration_seconds'),
    ...text('error_type', 'error_message'),
    ...number(undefined, 'exit_code'),
    ...text('entrypoint', 'description', 'actors', 'task_names'),
    ...number(undefined, 'tasks.total', 'tasks.running', 'tasks.pending', 'tasks.finished', 'tasks.failed'),
    ...number(undefined, 'tasks.retries', 'llm_requests'),
    ...text('outcome', 'job_id', 'submission_id', 'node_id', 'node_ip', 'pid', 'namespaces', 'ceremony_id', 'plan_id'),
    ...text('ids_from', 'unknown'),
  ],
  llm_requests: [
    time('start'),
    ...text('model', 'status', 'story_id', 'agent_id', 'task_id', 'role'),
    ...number('s', 'seconds', 'time_to_first_token_seconds', 'queue_seconds'),
    ...number(undefined, 'input_tokens', 'output_tokens'),
    ...text('error', 'join', 'client', 'request_id', 'trace_id', 'span_id'),
    ...number(undefined, 'seq'),
    time('end'),
    ...text('unknown'),
  ],
  cache_keys: [
    time('as_of'),
    ...text('key', 'key_prefix', 'type'),
    ...number('bytes', 'memory_bytes'),
    ...number('s', 'ttl_seconds'),
    ...number(undefined, 'frequency'),
  ],
  cache_activity: [time('at'), ...text('event', 'key')],
  components: [
    time('as_of'),
    ...text('component'),
    ...flag('up'),
    ...text('version'),
    ...number(undefined, 'pods', 'ready', 'wanted', 'restarts'),
    time('started'),
    ...number('s', 'uptime_seconds'),
    ...number(undefined, 'cpu_cores'),
    ...number('bytes', 'memory_bytes'),
    ...number(undefined, 'gpus'),
    ...number('percentunit', 'gpu_utilization_ratio'),
    ...text('reason', 'detail', 'probe'),
  ],
  consumers: [
    time('as_of'),
    ...text('consumer', 'stream', 'health', 'mode'),
    ...number(undefined, 'pending', 'ack_pending', 'redelivered', 'waiting'),
    ...number('s', 'ack_floor_age_seconds'),
    time('ack_floor_at'),
    time('delivered_at'),
    ...number(undefined, 'delivered_seq', 'ack_floor_seq', 'max_deliver', 'max_ack_pending'),
    ...number('s', 'ack_wait_seconds'),
    ...text('ack_policy', 'filters'),
    ...flag('paused', 'tapped'),
  ],
  alerts: [
    time('starts_at'),
    ...text('name', 'severity', 'status'),
    time('ends_at'),
    ...text('summary', 'description', 'story_id', 'labels', 'annotations', 'generator_url', 'fingerprint'),
  ],
};

/** Objects whose names are not known beforehand: one column each, as JSON. */
export const MAPS = ['unknown', 'labels', 'annotations'];
