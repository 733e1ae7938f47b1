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
export const GREY = 'text';

/** Words and colours by value: `{ 1: ['UP', GREEN] }`. */
export const words = (meaning: Record<string, [text: string, color: string]>): ValueMapping[] => [
  {
    type: MappingType.ValueToText,
    options: Object.fromEntries(
      Object.entries(meaning).map(([value, [text, color]], index) => [value, { text, color, index }]),
    ),
  },
];

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

export const UP = words({ 1: ['UP', GREEN], 0: ['DOWN', RED] });
export const IS_UP = [...words({ true: ['UP', GREEN], false: ['DOWN', RED] }), without('not known')];

/** The number that stands for a state in queries of state timelines. */
export const AGENT_STATE_NUMBERS = words({
  0: ['Idle', GREY],
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

export const TASK_STATES = words({
  dispatched: ['dispatched', GREY],
  implementing: ['implementing', BLUE],
  completed: ['completed', GREEN],
  failed: ['failed', RED],
});

/** Ray's words; COMPLETED of the fleet's own is its SUCCEEDED. */
export const JOB_STATES = words({
  PENDING: ['PENDING', GREY],
  RUNNING: ['RUNNING', BLUE],
  SUCCEEDED: ['SUCCEEDED', GREEN],
  FAILED: ['FAILED', RED],
  STOPPED: ['STOPPED', YELLOW],
  ENDED: ['ENDED (nobody told how)', GREY],
  LOST: ['LOST (Ray forgot it)', YELLOW],
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
  unattended: ['unattended: nobody takes', YELLOW],
  stuck: ['stuck', RED],
  paused: ['paused', GREY],
});
