// JSON → the lines of a tree, as far as it is opened: never more than a budget, whatever is in it.
import { type JsonValue } from '../feed';
import { cut, visible } from './format';

/** Children told before "more" has to be asked for, and again with each asking. */
export const STEP = 100;
/** Lines at most, however much is opened. */
export const MOST_LINES = 3000;
/** Characters of a text before "more" has to be asked for. */
export const TEXT = 500;
const MOST_TEXT = 100_000;
const KEY = 120;
/** What is opened at first: the outer two levels, as far as they are small. */
const OPEN_DEPTH = 2;
const OPEN_CHILDREN = 50;

/** Path → how many children (or, of a text, steps) are shown; 0 = closed. */
export type Opened = ReadonlyMap<string, number>;

export interface TreeLine {
  path: string;
  depth: number;
  /** `more`: children that are not shown; `end`: the budget is spent. */
  kind: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null' | 'more' | 'end';
  name?: string;
  /** What is shown of a value. */
  text: string;
  /** Children, or characters of a text. */
  size: number;
  open: boolean;
  /** What is not shown of a text, in characters. */
  left: number;
  masked: boolean;
}

const MASKED = /\[(masked|redacted|withheld)(:[a-z_]+)?\]/i;
export const isMasked = (text: string): boolean => MASKED.test(text);

const isBranch = (value: JsonValue): value is JsonValue[] | { [key: string]: JsonValue } =>
  value !== null && typeof value === 'object';

/** The text of a value that is no object and no list. */
function leaf(
  value: string | number | boolean | null,
  steps: number
): Pick<TreeLine, 'kind' | 'text' | 'size' | 'left'> {
  if (typeof value !== 'string') {
    const kind = value === null ? 'null' : (typeof value as 'number' | 'boolean');
    return { kind, text: String(value), size: 0, left: 0 };
  }
  const shown = Math.min(TEXT * 20 ** Math.max(0, steps - 1), MOST_TEXT);
  return {
    kind: 'string',
    text: visible(cut(value, shown)),
    size: value.length,
    left: Math.max(0, value.length - shown),
  };
}

/** Depth first, and by hand: what is deeply nested must not exhaust the stack. */
export function lines(root: JsonValue, opened: Opened): TreeLine[] {
  const out: TreeLine[] = [];
  const todo: Array<{ value: JsonValue; path: string; depth: number; name?: string } | TreeLine> = [
    { value: root, path: '$', depth: 0 },
  ];
  for (let next = todo.pop(); next; next = todo.pop()) {
    if ('kind' in next) {
      out.push(next);
    } else if (out.length >= MOST_LINES) {
      out.push({ ...BLANK, path: `${next.path}!`, depth: next.depth, kind: 'end' });
      return out;
    } else if (isBranch(next.value)) {
      branch(next.value, next, opened, out, todo);
    } else {
      const steps = opened.get(next.path) ?? 1;
      const told = leaf(next.value, steps);
      const masked = typeof next.value === 'string' && isMasked(told.text);
      out.push({ ...BLANK, path: next.path, depth: next.depth, name: next.name, ...told, masked });
    }
  }
  return out;
}

const BLANK = { text: '', size: 0, open: false, left: 0, masked: false };

function branch(
  value: JsonValue[] | { [key: string]: JsonValue },
  at: { path: string; depth: number; name?: string },
  opened: Opened,
  out: TreeLine[],
  todo: Array<{ value: JsonValue; path: string; depth: number; name?: string } | TreeLine>
): void {
  const keys = Array.isArray(value) ? undefined : Object.keys(value);
  const size = keys ? keys.length : (value as JsonValue[]).length;
  const first = at.depth < OPEN_DEPTH && size <= OPEN_CHILDREN ? STEP : 0;
  const shown = Math.min(opened.get(at.path) ?? first, size);
  const kind = keys ? 'object' : 'array';
  out.push({ ...BLANK, ...at, kind, text: keys ? `{${size}}` : `[${size}]`, size, open: shown > 0 || size === 0 });
  if (shown > 0 && shown < size) {
    const more = { ...BLANK, path: `${at.path}+`, depth: at.depth + 1, kind: 'more' as const, size: size - shown };
    todo.push(more);
  }
  for (let i = shown - 1; i >= 0; i--) {
    const key = keys ? keys[i] : i;
    const child = (value as Record<string | number, JsonValue>)[key];
    const name = keys ? visible(cut(String(key), KEY)) : String(key);
    todo.push({ value: child, path: `${at.path}/${i}`, depth: at.depth + 1, name });
  }
}

/** Opens what is closed, closes what is open, shows more of what has more. */
export function toggled(opened: Opened, line: TreeLine, all: readonly TreeLine[]): Opened {
  const next = new Map(opened);
  if (line.kind === 'more') {
    const parent = line.path.slice(0, -1);
    const size = all.find((l) => l.path === parent)?.size ?? 0;
    next.set(parent, size - line.size + STEP);
  } else if (line.kind === 'string') {
    next.set(line.path, (opened.get(line.path) ?? 1) + 1);
  } else if (line.kind === 'object' || line.kind === 'array') {
    next.set(line.path, line.open ? 0 : STEP);
  }
  return next;
}

/** The payload as text to be copied. */
export function copyText(data: JsonValue): string {
  return typeof data === 'string' ? data : JSON.stringify(data, null, 2);
}
