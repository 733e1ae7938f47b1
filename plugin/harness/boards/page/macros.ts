// What links of fields may name: `${__value.raw}`, `${__data.fields["x"]}`, `${__field.labels.x}`.
import {
  type DataContextScopedVar,
  formattedValueToString,
  getDisplayProcessor,
  getFieldDisplayValuesProxy,
  type ScopedVars,
} from '@grafana/data';

type Context = DataContextScopedVar['value'];

function valueOf({ field, rowIndex, calculatedValue }: Context, path: string): unknown {
  if (calculatedValue) {
    return path === 'raw' || path === 'numeric' ? calculatedValue.numeric : formattedValueToString(calculatedValue);
  }
  if (rowIndex === undefined) {
    return undefined;
  }
  const value: unknown = field.values[rowIndex];
  const display = field.display ?? getDisplayProcessor();
  return path === 'raw' ? value : formattedValueToString(display(value));
}

function dataOf({ frame, rowIndex }: Context, path: string): unknown {
  const [, name] = /^fields\["(.*)"\]$/.exec(path) ?? [];
  if (name === undefined || rowIndex === undefined) {
    return undefined;
  }
  const fields: Record<string, unknown> = getFieldDisplayValuesProxy({ frame, rowIndex });
  return fields[name];
}

const fieldOf = ({ field }: Context, path: string): unknown =>
  path.startsWith('labels.') ? field.labels?.[path.slice('labels.'.length)] : undefined;

const MACROS: Record<string, (context: Context, path: string) => unknown> = {
  __value: valueOf,
  __data: dataOf,
  __field: fieldOf,
};

/** What a macro stands for; nothing where it is none, or does not fit what was clicked. */
export function macro(name: string, path: string, scoped: ScopedVars | undefined): string | undefined {
  const context = scoped?.__dataContext?.value as Context | undefined;
  const found = context && MACROS[name]?.(context, path);
  return found === undefined || found === null ? undefined : String(found);
}
