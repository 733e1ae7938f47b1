// Text as it is shown: short, in one line, and with nothing in it that acts instead of being read.
import { type DeliveryState, type Severity } from '../feed';

/** Characters shown of a text in a row. The server sends at most 400 of a summary; others may send more. */
const ROW_TEXT = 400;

/** Controls, and the marks that turn the direction of what follows. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

const SIGNS: Record<string, string> = { '\n': '↵', '\r': '', '\t': ' ⇥ ' };
const named = (character: string): string =>
  SIGNS[character] ?? `‹U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}›`;

/** The same text with what cannot be seen made visible. */
export function visible(text: string): string {
  return text.replace(HIDDEN, named);
}

/** The beginning of a text, cut between characters. */
export function cut(text: string, most: number): string {
  if (text.length <= most) {
    return text;
  }
  const last = text.charCodeAt(most - 1);
  const whole = last >= 0xd800 && last <= 0xdbff ? most - 1 : most;
  return `${text.slice(0, whole)}…`;
}

/** A text for a row: the cut comes first, so that a megabyte costs no more than a line. */
export const line = (text: string | null | undefined, most = ROW_TEXT): string => visible(cut(text ?? '', most)).trim();

/** Ids are long and differ at both ends. */
export function shortId(id: string, most = 24): string {
  const shown = visible(cut(id, 200));
  return shown.length <= most ? shown : `${shown.slice(0, most - 7)}…${shown.slice(-6)}`;
}

const two = (n: number) => String(n).padStart(2, '0');

/** Time of day with milliseconds, in the given zone's offset (minutes east of UTC), or the browser's. */
export function clockText(ms: number, utc: boolean): string {
  if (!Number.isFinite(ms)) {
    return '--:--:--.---';
  }
  const at = new Date(ms);
  const [h, m, s] = utc
    ? [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    : [at.getHours(), at.getMinutes(), at.getSeconds()];
  return `${two(h)}:${two(m)}:${two(s)}.${String(at.getUTCMilliseconds()).padStart(3, '0')}`;
}

export function latencyText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) {
    return '';
  }
  if (ms < 1000) {
    return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
  }
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 60_000).toFixed(1)} min`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) {
    return `${bytes} B`;
  }
  return bytes < 1 << 20 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

const ICONS: ReadonlyArray<readonly [prefix: string, icon: string]> = [
  ['planning.story', '📖'],
  ['planning.epic', '📚'],
  ['planning.project', '🗂️'],
  ['planning.task', '🧩'],
  ['planning.plan', '📋'],
  ['planning.decision', '🗳️'],
  ['planning.backlog_review', '🔍'],
  ['planning.', '📋'],
  ['task.derivation', '🧮'],
  ['orchestration.deliberation', '🗣️'],
  ['orchestration.task', '🎯'],
  ['orchestration.', '🎼'],
  ['agent.response', '💬'],
  ['agent.work', '🛠️'],
  ['agent.', '🤖'],
  ['workflow.', '🔀'],
  ['context.', '🧠'],
  ['ray.', '⚙️'],
  ['llm.', '✨'],
  ['k8s.', '☸️'],
  ['graph.', '🕸️'],
  ['neo4j.', '🕸️'],
  ['cache.', '🗄️'],
  ['valkey.', '🗄️'],
  ['gpu.', '🎛️'],
  ['alert', '🚨'],
  ['observability.', '🚨'],
  ['undecodable', '❓'],
];

/** The icon of an event type; what fails is told by its severity, not by another icon. */
export function iconOf(type: string): string {
  return ICONS.find(([prefix]) => type.startsWith(prefix))?.[1] ?? '📤';
}

const MARKS: Record<DeliveryState, string> = {
  acked: '✅',
  settled: '✅',
  nacked: '🔁',
  terminated: '❌',
  max_deliveries: '❌',
  in_progress: '⏳',
  delivered: '📨',
  pending: '🕓',
};

/** A newer server may know states that this panel does not. */
export const markOf = (state: string): string => MARKS[state as DeliveryState] ?? '•';

const SEVERITIES: readonly string[] = ['info', 'warning', 'error'];
export const severityOf = (severity: string): Severity =>
  SEVERITIES.includes(severity) ? (severity as Severity) : 'info';
