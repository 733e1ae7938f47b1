// What is said of states: one place, since rows, drawer and state line say the same.
import { t } from '@grafana/i18n';

import { explain } from '../datasource/texts';
import { troubleOf } from '../feed/upstream';
import { type Delivery, type DeliveryState, type EventDetail, type Severity, type Transport } from './feed';
import { cut, latencyText, severityOf, visible } from './state/format';
import { type FilterKey, type FilterProblem } from './state/filter';
import { type Mark } from './state/rows';
import { type Snapshot } from './state/snapshot';

/** Foreign text in a sentence. It is rendered as text, so it must not be escaped twice. */
export const raw = (values: Record<string, unknown>) => ({ ...values, interpolation: { escapeValue: false } });

/** What went wrong with a question to the daemon. */
export const wordsOf = (error: unknown): string => explain(troubleOf(error));

/** What rows say again and again. Looking a text up costs more than drawing it, and the language stays. */
const said = new Map<string, string>();
function once(what: string, say: () => string): string {
  const known = said.get(what);
  if (known !== undefined) {
    return known;
  }
  const text = say();
  said.set(what, text);
  return text;
}

/** Those of this version; a newer server may know more, and says them itself. */
const STATES: readonly string[] = [
  'pending',
  'delivered',
  'in_progress',
  'nacked',
  'acked',
  'terminated',
  'max_deliveries',
  'settled',
] satisfies DeliveryState[];

/** A text with a place for a value that is put in each time. */
const PLACE = '\u0000';

export function deliveryText(delivery: Delivery): string {
  const { state, attempts, latency_ms } = delivery;
  if (!STATES.includes(state)) {
    return visible(cut(String(state), 40));
  }
  const known = `${state}${latency_ms === null}`;
  const value = state === 'acked' ? latencyText(latency_ms) : String(attempts);
  return once(known, () => outcomeText(state, latency_ms === null)).replace(PLACE, value);
}

function outcomeText(state: string, isUnseen: boolean): string {
  const attempts = PLACE;
  switch (state) {
    case 'acked':
      return isUnseen
        ? t('panel.delivery.acked-unseen', 'Processed')
        : t('panel.delivery.acked', 'Processed in {{latency}}', { latency: PLACE });
    case 'settled':
      return t('panel.delivery.settled', 'Processed, time not seen');
    case 'nacked':
      return t('panel.delivery.nacked', 'Refused, to be delivered again ({{attempts}} so far)', { attempts });
    case 'terminated':
      return t('panel.delivery.terminated', 'Terminated');
    case 'max_deliveries':
      return t('panel.delivery.max', 'Given up after {{attempts}} deliveries', { attempts });
    case 'in_progress':
      return t('panel.delivery.progress', 'In progress');
    case 'delivered':
      return t('panel.delivery.delivered', 'Delivered, not acknowledged yet');
    default:
      return t('panel.delivery.pending', 'Waiting');
  }
}

export function severityText(severity: string): string {
  const known = severityOf(severity);
  return once(`severity.${known}`, () => severityName(known));
}
export const fieldText = (key: FilterKey): string => once(`field.${key}`, () => fieldName(key));
export const guessedText = (): string => once('guessed', () => t('panel.row.guessed', 'guessed'));
export const consumersText = (consumers: number): string =>
  once('consumers', () => t('panel.row.consumers', 'Consumers: {{consumers}}', { consumers: PLACE })).replace(
    PLACE,
    String(consumers)
  );

function severityName(severity: Severity): string {
  switch (severity) {
    case 'error':
      return t('panel.severity.error', 'Error');
    case 'warning':
      return t('panel.severity.warning', 'Warning');
    default:
      return t('panel.severity.info', 'Info');
  }
}

function fieldName(key: FilterKey): string {
  switch (key) {
    case 'story':
      return t('panel.field.story', 'Story');
    case 'task':
      return t('panel.field.task', 'Task');
    case 'role':
      return t('panel.field.role', 'Role');
    case 'agent':
      return t('panel.field.agent', 'Agent');
    case 'type':
      return t('panel.field.type', 'Type');
    case 'severity':
      return t('panel.field.severity', 'Severity');
    case 'source':
      return t('panel.field.source', 'Source');
    case 'producer':
      return t('panel.field.producer', 'Publisher');
    case 'q':
      return t('panel.field.text', 'Text');
  }
}

export function transportText(transport: Transport | undefined): string {
  switch (transport) {
    case 'websocket':
      return t('panel.transport.websocket', 'WebSocket');
    case 'stream':
      return t('panel.transport.stream', 'HTTP stream');
    case 'polling':
      return t('panel.transport.polling', 'Polling');
    default:
      return '';
  }
}

export function stateText({ mode, state, paused, travel }: Snapshot): string {
  if (mode === 'travel') {
    return travel?.playing ? t('panel.state.replay', 'Replaying') : t('panel.state.travel', 'Time travel');
  }
  if (state === 'live') {
    if (paused) {
      return t('panel.state.paused', 'Paused');
    }
    return mode === 'range' ? t('panel.state.range', 'Past time range') : t('panel.state.live', 'Live');
  }
  switch (state) {
    case 'reconnecting':
      return t('panel.state.reconnecting', 'Connection lost, trying again');
    case 'failed':
      return t('panel.state.failed', 'Failed, trying again');
    default:
      return t('panel.state.connecting', 'Connecting');
  }
}

export function markText(mark: Mark): string {
  if (mark.kind === 'omitted') {
    return t('panel.mark.omitted', '{{events}} events were left out at this rate.', { events: mark.count });
  }
  const { from, to } = mark;
  switch (mark.reason) {
    case 'slow':
      return t('panel.mark.slow', 'Gap: records {{from}} to {{to}} were not shown; this page was too slow.', {
        from,
        to,
      });
    case 'purged':
      return t('panel.mark.purged', 'Gap: records {{from}} to {{to}} have expired.', { from, to });
    case 'future':
      return t('panel.mark.future', 'Gap: records {{from}} to {{to}} are gone; the journal was restored.', {
        from,
        to,
      });
    case 'unreadable':
      return t('panel.mark.unreadable', 'Gap: records {{from}} to {{to}} could not be read.', { from, to });
    default:
      return t('panel.mark.gap', 'Gap: records {{from}} to {{to}} were not shown.', { from, to });
  }
}

export function problemText(problem: FilterProblem): string {
  const key = problem.key;
  switch (problem.problem) {
    case 'unknown':
      return t(
        'panel.search.unknown',
        '{{key}}: is no filter. Filters are story, task, role, agent, type, severity, source, producer; put text with a colon in quotes.',
        raw({ key })
      );
    case 'empty':
      return t('panel.search.empty', '{{key}}: needs a value, as in {{key}}:something.', raw({ key }));
    case 'long':
      return t('panel.search.long', '{{key}}: a value is too long (256 bytes at most).', raw({ key }));
    case 'many':
      return t('panel.search.many', '{{key}}: has too many values (50 at most).', raw({ key }));
    case 'severity':
      return t('panel.search.severity', 'severity: is info, warning or error, not {{key}}.', raw({ key }));
  }
}

/** What is odd about a payload, in the order of how much it matters. */
export function notesOf(detail: EventDetail): string[] {
  const notes: string[] = [];
  if (detail.undecodable) {
    notes.push(t('panel.drawer.undecodable', 'Could not be decoded: {{reason}}', raw({ reason: detail.undecodable })));
  }
  if (detail.masked > 0) {
    notes.push(t('panel.drawer.masked', 'Secrets masked: {{masked}}', { masked: detail.masked }));
  }
  if (detail.truncated) {
    notes.push(t('panel.drawer.truncated', 'The payload was longer than what is kept.'));
  }
  if (detail.violations?.length) {
    const rules = detail.violations.join(', ');
    notes.push(t('panel.drawer.violations', 'Not as the contract says: {{rules}}', raw({ rules })));
  }
  return notes;
}
