// What is a list in the API, as lines of one cell.
import { type Delivery, type JsonValue } from '../../feed/types';
import { type Item } from './table';

const MARKS: Partial<Record<string, string>> = {
  pending: '🕓',
  delivered: '📨',
  in_progress: '⏳',
  nacked: '🔁',
  acked: '✅',
  settled: '✅',
  terminated: '❌',
  max_deliveries: '❌',
};

function took(ms: number): string {
  if (ms < 1000) {
    return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  }
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Where an event stands at each consumer: `context ✅ 15 ms`, `planning 🔁 ×3`. */
export const deliveryLines = (deliveries: Delivery[]): string =>
  deliveries
    .map(({ consumer, state, attempts, latency_ms }) =>
      [consumer, MARKS[state] ?? state, attempts > 1 && `×${attempts}`, latency_ms !== null && took(latency_ms)]
        .filter(Boolean)
        .join(' ')
    )
    .join('\n');

function taskLine(task: JsonValue): JsonValue {
  if (typeof task !== 'object' || task === null || Array.isArray(task)) {
    return task;
  }
  const { task_id, outcome, duration_ms, tokens, error } = task;
  const parts = [
    outcome,
    typeof duration_ms === 'number' && took(duration_ms),
    typeof tokens === 'number' && `${tokens} tokens`,
    task_id,
    error,
  ];
  return parts.filter(Boolean).join(' · ');
}

/** How the last tasks of an agent went: `completed · 2.3 s · 384 tokens · T-1`. */
export const withTaskLines = (agent: Item): Item => ({
  ...agent,
  tasks: Array.isArray(agent.tasks) ? agent.tasks.map(taskLine).join('\n') : agent.tasks,
});
