// What is asked for: typed text → a filter, chips of it, and what the dashboard's variables add.
import { type EventFilter } from '../feed';

export const FIELDS = ['story', 'task', 'role', 'agent', 'type', 'severity', 'source', 'producer'] as const;
export type Field = (typeof FIELDS)[number];
export type FilterKey = Field | 'q';

/** The server takes no more than this, and says so with an error; better said before it is asked. */
const MAX_VALUES = 50;
const MAX_BYTES = 256;
const SEVERITIES = ['info', 'warning', 'error'];

export type FilterProblem =
  | { problem: 'unknown'; key: string }
  | { problem: 'empty'; key: string }
  | { problem: 'long'; key: string }
  | { problem: 'many'; key: string }
  | { problem: 'severity'; key: string };

export type Parsed = { filter: EventFilter } | FilterProblem;

export interface Chip {
  key: FilterKey;
  value: string;
  /** It comes from the dashboard and cannot be taken away here. */
  locked: boolean;
}

const KEYED = /^([a-z_]\w*):(.*)$/i;
const isField = (key: string): key is Field => (FIELDS as readonly string[]).includes(key);
const bytes = (text: string) => new TextEncoder().encode(text).length;
export const valuesOf = (value: string | undefined): string[] =>
  (value ?? '')
    .split(',')
    .map((v) => v.trim())
    .filter(Boolean);

/** `story:US-1 type:agent.*,ray.* some words`; in quotes anything is text. */
export function parse(text: string): Parsed {
  const found = new Map<FilterKey, string[]>();
  const words: string[] = [];
  for (const [word, quoted] of text.matchAll(/"([^"]*)"|\S+/g)) {
    const [, key, value] = (quoted === undefined && KEYED.exec(word)) || [];
    if (!key) {
      words.push(quoted ?? word);
    } else if (!isField(key)) {
      return { problem: 'unknown', key };
    } else if (valuesOf(value).length === 0) {
      return { problem: 'empty', key };
    } else {
      found.set(key, key === 'severity' ? [value] : [...(found.get(key) ?? []), ...valuesOf(value)]);
    }
  }
  if (words.length > 0) {
    found.set('q', [words.join(' ')]);
  }
  return problemOf(found) ?? { filter: Object.fromEntries([...found].map(([key, values]) => [key, values.join(',')])) };
}

function problemOf(found: Map<FilterKey, string[]>): FilterProblem | undefined {
  for (const [key, values] of found) {
    if (values.length > MAX_VALUES) {
      return { problem: 'many', key };
    }
    if (values.some((value) => bytes(value) > MAX_BYTES)) {
      return { problem: 'long', key };
    }
  }
  const severity = found.get('severity')?.[0];
  return severity && !SEVERITIES.includes(severity) ? { problem: 'severity', key: severity } : undefined;
}

/** Text that would be read as a field goes back into quotes. */
const quote = (text: string) =>
  text
    .split(/\s+/)
    .map((word) => (KEYED.test(word) ? `"${word}"` : word))
    .join(' ');

/** A filter as it would be typed. */
export function textOf(filter: EventFilter): string {
  const keyed = FIELDS.filter((key) => filter[key]).map((key) => `${key}:${valuesOf(filter[key]).join(',')}`);
  return [...keyed, ...(filter.q ? [quote(filter.q)] : [])].join(' ');
}

/** What the dashboard asks for and what is asked for here, as far as the latter does not replace the former. */
export function chipsOf(own: EventFilter, outer: EventFilter): Chip[] {
  const chips = (filter: EventFilter, locked: boolean): Chip[] =>
    [...FIELDS, 'q' as const].flatMap((key) =>
      (key === 'q' ? [filter.q ?? ''].filter(Boolean) : valuesOf(filter[key])).map((value) => ({ key, value, locked }))
    );
  return [...chips(outer, true).filter(({ key }) => !own[key]), ...chips(own, false)];
}

export function without(filter: EventFilter, key: FilterKey, value: string): EventFilter {
  const left =
    key === 'q'
      ? ''
      : valuesOf(filter[key])
          .filter((v) => v !== value)
          .join(',');
  return clean({ ...filter, [key]: left });
}

/** For one field, the choice here stands instead of the dashboard's. */
export const merge = (outer: EventFilter, own: EventFilter): EventFilter => clean({ ...outer, ...clean(own) });

/** Without empty fields, in one order: equal filters are equal as text. */
export function clean(filter: EventFilter): EventFilter {
  const entries = Object.entries(filter).filter(([, value]) => typeof value === 'string' && value.trim() !== '');
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Variables that narrow the stream by their name alone. */
const FOLLOWED = ['story', 'task', 'role', 'agent', 'type'] as const;
/** A choice of all is no filter. */
const ALL = ['', '*', '.*', '.+', '$__all', 'All'];

/** A variable that does not exist is left as it was written. */
const UNKNOWN = /^(\$\w+|\$\{[^}]*\}|\[\[[^\]]*\]\])$/;

/** Replaces variables in a filter, and follows the dashboard's own where the query does not say. */
export function resolve(filter: EventFilter, replace: (text: string) => string, follow: boolean): EventFilter {
  const resolved: EventFilter = {};
  const take = (key: keyof EventFilter, text: string) => {
    const value = replace(text);
    const values = valuesOf(value);
    // All values of a long list one by one say as much as none, and the server would refuse them.
    const all = values.length === 0 || values.length > MAX_VALUES || values.some((v) => ALL.includes(v));
    if (!all && !UNKNOWN.test(value)) {
      resolved[key] = value;
    }
  };
  for (const [key, text] of Object.entries(clean(filter))) {
    take(key as keyof EventFilter, text);
  }
  for (const key of follow ? FOLLOWED : []) {
    if (!filter[key]) {
      take(key, `\${${key}:csv}`);
    }
  }
  return clean(resolved);
}
