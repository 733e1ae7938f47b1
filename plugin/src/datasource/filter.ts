import { type ScopedVars } from '@grafana/data';
import { type TemplateSrv } from '@grafana/runtime';
import { type EventFilter } from '../feed/source';
import { type Item } from './frames/table';

/** The fields, in the order in which they are shown. */
export const FILTER_FIELDS = [
  'story',
  'task',
  'role',
  'agent',
  'type',
  'producer',
  'source',
  'severity',
  'consumer',
  'model',
  'q',
  'filter',
] as const satisfies ReadonlyArray<keyof EventFilter>;

/** Values that stand for "any": what a variable's "All" may be set to. */
const ANY = ['*', '.*', '.+', '$__all'];
/** Most values of a field that the daemon takes. */
export const MAX_VALUES = 50;

/** The values of a field; none = any. */
export function valuesOf(value: string | undefined): string[] {
  const values = (value ?? '').split(',').map((one) => one.trim());
  return values.some((one) => ANY.includes(one)) ? [] : values.filter((one) => one !== '');
}

/** Fields that hold one text, not a list of values. */
export const isText = (field: keyof EventFilter): boolean => field === 'q' || field === 'filter';

/** A value as the filter language wants it: in quotes where it would be read as something else. */
const quoted = (value: string) => (/^[^\s",]+$/.test(value) ? value : `"${escaped(value)}"`);
const escaped = (value: string) => value.replace(/["\\]/g, '\\$&');

/** A filter in the filter language with the values of variables in it; terms for "any" are left out. */
function terms(text: string, variables: TemplateSrv, scoped?: ScopedVars): string {
  const cut = text.match(/(?:"(?:\\.|[^"\\])*"?|[^\s"])+/g) ?? [];
  const put = cut.map((term) => {
    // Within quotes a value is a part of the text.
    const inQuotes = term.includes('"');
    const format = (value: string | string[]) =>
      inQuotes ? escaped([value].flat().join(',')) : [value].flat().map(quoted).join(',');
    return variables.replace(term, scoped, format);
  });
  return put.filter((term) => !ANY.includes(term.replace(/^-?\w+:/, '').replace(/^"(.*)"$/, '$1'))).join(' ');
}

/** Puts the values of variables in. Several of one variable are separated by commas; fields for "any" are left out. */
export function interpolate(filter: EventFilter | undefined, variables: TemplateSrv, scoped?: ScopedVars): EventFilter {
  const given = FILTER_FIELDS.map((field): [string, string] => {
    if (field === 'filter') {
      return [field, terms(filter?.filter ?? '', variables, scoped)];
    }
    const value = variables.replace(filter?.[field] ?? '', scoped, field === 'q' ? undefined : 'csv').trim();
    return [field, field === 'q' ? (ANY.includes(value) ? '' : value) : valuesOf(value).join(',')];
  });
  return Object.fromEntries(given.filter(([, value]) => value !== ''));
}

/** Fields of a filter that hold more values than the daemon takes. */
export const crowdedFields = (filter: EventFilter): string[] =>
  FILTER_FIELDS.filter((field) => !isText(field) && valuesOf(filter[field]).length > MAX_VALUES);

/** Whether a text fits a pattern: `*` stands for any run of characters, case is ignored. */
export function fits(pattern: string, text: string): boolean {
  const quoted = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${quoted.join('.*')}$`, 'is').test(text);
}

/** Which of an item's fields a field of the filter is about. */
export type Matching = Partial<Record<keyof EventFilter, string>>;

/** Keeps the items that fit, where the daemon does not do it. */
export function select<T extends Item>(items: T[], filter: EventFilter, matching: Matching): T[] {
  const wanted = FILTER_FIELDS.flatMap((field) => {
    const path = matching[field];
    const values = valuesOf(filter[field]);
    return !isText(field) && path !== undefined && values.length > 0 ? [{ path, values }] : [];
  });
  const text = filter.q?.toLowerCase();
  const has = (item: T, path: string, values: string[]) =>
    [item[path]].flat().some((one) => typeof one === 'string' && values.some((value) => fits(value, one)));
  return items.filter(
    (item) =>
      wanted.every(({ path, values }) => has(item, path, values)) &&
      (text === undefined || JSON.stringify(item).toLowerCase().includes(text))
  );
}
