// What values mean: colours, words, thresholds.
import {
  MappingType,
  SpecialValueMatch,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';

export const GREEN = 'green';
export const BLUE = 'blue';
export const YELLOW = 'yellow';
export const RED = 'red';
/** How often something happens. */
export const A_SECOND = 'suffix: /s';
/** Of words; and of areas, which would be white or black in it. */
export const GREY = 'text';
export const PALE = '#8e8e8e';
export const PURPLE = 'purple';
export const ORANGE = 'orange';

/** Words and colours by value: `{ 1: ['UP', GREEN] }`. */
export const words = (meaning: Record<string, [text: string, color: string]>): ValueMapping[] => [
  {
    type: MappingType.ValueToText,
    options: Object.fromEntries(
      Object.entries(meaning).map(([value, [text, color]], index) => [value, { text, color, index }]),
    ),
  },
];

/** Colours of words that fit a pattern; without a text the words stay as they are. */
const like = (pattern: string, color: string, index: number, text?: string): ValueMapping => ({
  type: MappingType.RegexToText,
  options: { pattern: `/${pattern}/`, result: { color, index, ...(text && { text }) } },
});

/** What is shown where there is no value. */
const without = (text: string): ValueMapping => ({
  type: MappingType.SpecialValue,
  options: { match: SpecialValueMatch.Null, result: { text, color: GREY, index: 0 } },
});

/** A colour, and others from some values on. */
export const steps = (first: string, ...more: Array<[value: number, color: string]>): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ value: null, color: first }, ...more.map(([value, color]) => ({ value, color }))]);

/** The same for numbers that are never below zero: what says why there is none has no colour. */
export const known = (first: string, ...more: Array<[value: number, color: string]>): ThresholdsConfigBuilder =>
  steps(GREY, [0, first], ...more);

export const YES = words({ true: ['yes', GREY], false: ['no', GREY] });
export const UP = words({ 1: ['UP', GREEN], 0: ['DOWN', RED] });
export const IS_UP = [...words({ true: ['UP', GREEN], false: ['DOWN', RED] }), without('not known')];

/** The number that stands for a state in queries of state timelines. */
export const AGENT_STATE_NUMBERS = words({
  0: ['Idle', PALE],
  1: ['Deliberating', BLUE],
  2: ['Completed', GREEN],
  3: ['Failed', RED],
});

export const AGENT_STATES = words({
  idle: ['Idle', GREY],
  deliberating: ['Deliberating', BLUE],
  completed: ['Completed', GREEN],
  failed: ['Failed', RED],
});

/** Words of the fleet's workflow: over, gone wrong, not begun, and else at work. */
export const TASK_STATES = [
  like('^(completed|done|.*_approved|.*_passed)$', GREEN, 0),
  like('failed|rejected|cancelled|timed_out', RED, 1),
  like('^(created|todo|dispatched|pending_.*|.*_required)$', GREY, 2),
  like('.*', BLUE, 3),
];

/** Of a story; phases that the fleet may add are grey. */
export const PHASES = [
  like('^DRAFT$', PALE, 0),
  like('^PO_REVIEW$', PURPLE, 1),
  like('^(READY_FOR_PLANNING|PLANNED)$', YELLOW, 2),
  like('^READY_FOR_EXECUTION$', ORANGE, 3),
  like('^(IN_PROGRESS|READY_FOR_REVIEW)$', BLUE, 4),
  like('^(DONE|COMPLETED|ARCHIVED)$', GREEN, 5),
];

export const ANSWERS = [
  ...words({
    'agent.response.completed': ['completed', GREEN],
    'agent.response.failed': ['failed', RED],
  }),
  like('^agent\\.response\\.completed\\..*', GREEN, 0, 'completed'),
  like('^agent\\.response\\.', YELLOW, 1),
];

/** Ray's words; COMPLETED of the fleet's own is its SUCCEEDED. ENDED: nobody told how. LOST: Ray forgot it. */
export const JOB_STATES = words({
  PENDING: ['PENDING', GREY],
  RUNNING: ['RUNNING', BLUE],
  SUCCEEDED: ['SUCCEEDED', GREEN],
  FAILED: ['FAILED', RED],
  STOPPED: ['STOPPED', YELLOW],
  ENDED: ['ENDED', GREY],
  LOST: ['LOST', YELLOW],
});

export const REQUEST_STATES = words({
  completed: ['completed', GREEN],
  failed: ['failed', RED],
  aborted: ['aborted', YELLOW],
});

export const SEVERITIES = words({
  info: ['info', BLUE],
  warning: ['warning', YELLOW],
  error: ['error', RED],
  critical: ['critical', RED],
});

/** src/sinks/feed/view/consumer.rs */
export const CONSUMER_HEALTH = words({
  ok: ['ok', GREEN],
  behind: ['behind', BLUE],
  redelivering: ['redelivering', YELLOW],
  unattended: ['unattended', YELLOW],
  stuck: ['stuck', RED],
  paused: ['paused', GREY],
});
