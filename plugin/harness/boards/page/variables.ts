// The dashboard's variables: their values, and texts with these put in, in the formats that Grafana knows.
import { type ScopedVars, type TimeRange } from '@grafana/data';
import { type TemplateSrv } from '@grafana/runtime';

import { type VariableJson } from './json';
import { macro } from './macros';

const ALL = '$__all';
const NAMED = /\$(\w+)|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g;

export type Format = string | ((value: string | string[], variable: { name: string; multi: boolean }) => string);

interface Value {
  value: string | string[];
  /** What stands for all of them, as it is. */
  all?: string;
  isMany: boolean;
  /** What is shown for it, where that is not the value. */
  label?: string;
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** As Grafana's data source for Prometheus puts values into PromQL. */
export const promQl: Format = (value, { multi }) => {
  const quoted = (text: string) =>
    multi
      ? text.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&')
      : text.replace(/\\/g, '\\\\').replace(/'/g, "\\\\'");
  const values = [value].flat().map(quoted);
  return values.length === 1 ? values[0] : `(${values.join('|')})`;
};

function formatted(name: string, values: string[], format: string): string {
  switch (format) {
    case 'percentencode':
      return encodeURIComponent(values.length === 1 ? values[0] : `{${values.join(',')}}`);
    case 'queryparam':
      return values.map((value) => `var-${name}=${encodeURIComponent(value)}`).join('&');
    case 'uriencode':
      return encodeURI(values.join(','));
    case 'regex':
      return values.length === 1 ? escaped(values[0]) : `(${values.map(escaped).join('|')})`;
    case 'csv':
    case 'raw':
    case 'text':
      return values.join(',');
    default:
      return values.length === 1 ? values[0] : `{${values.join(',')}}`;
  }
}

export class Variables {
  private readonly known = new Map<string, Value>();

  constructor(private readonly range: TimeRange) {}

  set(variable: VariableJson, value: string | string[]): void {
    const isMany = (variable.multi ?? false) || (variable.includeAll ?? false);
    const { value: said, text } = variable.current ?? {};
    const label = said === value && typeof text === 'string' ? text : undefined;
    this.known.set(variable.name, { value, all: variable.allValue, isMany, label });
  }

  text(name: string): string {
    const { value = '', label } = this.known.get(name) ?? {};
    return label ?? ([value].flat().includes(ALL) ? 'All' : [value].flat().join(' + '));
  }

  replace(text = '', scoped?: ScopedVars, format: Format = 'glob'): string {
    return text.replace(NAMED, (whole: string, plain?: string, braced?: string, path?: string, own?: string) => {
      const name = plain ?? braced ?? '';
      if (name.startsWith('__')) {
        return this.builtIn(name, path ?? '', scoped, own) ?? whole;
      }
      const known = this.known.get(name);
      return known ? this.put(name, known, own ?? format) : whole;
    });
  }

  /** As much of Grafana's service as data sources use. */
  service(): TemplateSrv {
    const service = {
      replace: this.replace.bind(this),
      containsTemplate: (text = '') => [...text.matchAll(NAMED)].length > 0,
      getVariables: () => [],
      updateTimeRange: () => {},
    };
    return service as unknown as TemplateSrv;
  }

  private put(name: string, { value, all, isMany }: Value, format: Format): string {
    const isAll = [value].flat().includes(ALL);
    if (isAll && format === 'queryparam') {
      return `var-${name}=${ALL}`;
    }
    if (isAll && all !== undefined) {
      return all;
    }
    return typeof format === 'string'
      ? formatted(name, [value].flat(), format)
      : format(value, { name, multi: isMany });
  }

  private builtIn(name: string, path: string, scoped: ScopedVars | undefined, format?: string): string | undefined {
    if (name === '__url_time_range') {
      const { from, to } = this.range.raw;
      return `from=${encodeURIComponent(String(from))}&to=${encodeURIComponent(String(to))}`;
    }
    const told = scoped?.[name] ? String(scoped[name]?.value) : macro(name, path, scoped);
    return told === undefined ? undefined : formatted(name, [told], format ?? 'glob');
  }
}
