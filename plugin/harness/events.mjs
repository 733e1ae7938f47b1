// Events as the plan draws them, for the scripted feed.
const KINDS = [
  ['planning.plan.approved', 'planning-service', 'plan approved for DEV, DEVOPS', ['context', 'orchestrator']],
  ['orchestration.deliberation.started', 'orchestrator-service', '3 agents deliberate', ['context']],
  ['agent.response.completed', 'ray-executor', 'agent-dev-001 answered in 2.3 s', ['orchestrator', 'planning']],
  ['workflow.state.changed', 'workflow-service', 'workflow from todo to implementing by developer', []],
  ['ray.job.running', 'ray', 'job is running', []],
];

/** One event a second up to now, the last one `seq` = `count`. */
export const START = Date.now() - 600_000;
export const timeOf = (seq) => START + seq * 1000;

export function event(seq, more = {}) {
  const [type, producer, summary, consumers] = KINDS[seq % KINDS.length];
  const timestamp = new Date(timeOf(seq)).toISOString();
  return {
    seq,
    id: `EVENTS:${seq}`,
    source: type.startsWith('ray') ? 'Ray' : 'NATS',
    type,
    subject: type,
    timestamp,
    received: timestamp,
    producer,
    producer_inferred: false,
    story_id: `US-${seq % 3}`,
    task_id: `T-${seq}`,
    ceremony_id: null,
    plan_id: null,
    role: ['DEV', 'QA'][seq % 2],
    agent_id: 'agent-dev-001',
    size: 535,
    severity: 'info',
    summary: `${summary} (${seq})`,
    trace_id: 'd901dad4faeaf0f8d88dddf664d73916',
    span_id: 'c56dfa745896b4a4',
    deliveries: consumers.map((consumer) => ({ consumer, state: 'acked', attempts: 1, latency_ms: 15 })),
    ...more,
  };
}

export const events = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i));
