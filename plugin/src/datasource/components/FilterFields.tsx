import { getTemplateSrv } from '@grafana/runtime';
import { Combobox, InlineField, Input } from '@grafana/ui';
import React from 'react';
import { type EventFilter } from '../../feed/source';
import { type FleetDataSource } from '../datasource';
import { isText } from '../filter';
import { testIds } from '../testIds';
import { complete } from './completion';
import { fieldLabels } from './labels';

interface Props {
  datasource: FleetDataSource;
  fields: ReadonlyArray<keyof EventFilter>;
  filter: EventFilter;
  onChange(filter: EventFilter): void;
}

/** One field each, with what the fleet has to choose from. */
export function FilterFields({ datasource, fields, filter, onChange }: Props) {
  const labels = fieldLabels();
  const change = (field: keyof EventFilter, value: string | undefined) => {
    const { [field]: _, ...rest } = filter;
    onChange(value ? { ...rest, [field]: value } : rest);
  };
  const options = (field: keyof EventFilter) => (typed: string) => {
    const variables = getTemplateSrv().getVariables();
    return complete(
      datasource,
      variables.map((variable) => variable.name),
      field,
      typed
    );
  };
  return (
    <>
      {fields.map((field) => (
        <InlineField key={field} label={labels[field].label} tooltip={labels[field].tooltip} labelWidth={12}>
          {isText(field) ? (
            <TextField field={field} value={filter[field] ?? ''} onCommit={(value) => change(field, value)} />
          ) : (
            <Combobox
              id={testIds.filter(field)}
              data-testid={testIds.filter(field)}
              aria-label={labels[field].label}
              width={28}
              isClearable
              createCustomValue
              value={filter[field] ?? null}
              options={options(field)}
              onChange={(option: { value: string } | null) => change(field, option?.value)}
            />
          )}
        </InlineField>
      ))}
    </>
  );
}

interface TextProps {
  field: keyof EventFilter;
  value: string;
  onCommit(value: string): void;
}

/** Text that counts once it is done: each letter would be a query. */
function TextField({ field, value, onCommit }: TextProps) {
  const commit = (text: string) => text !== value && onCommit(text);
  return (
    <Input
      key={value}
      id={testIds.filter(field)}
      data-testid={testIds.filter(field)}
      aria-label={fieldLabels()[field].label}
      width={field === 'filter' ? 60 : 28}
      defaultValue={value}
      onBlur={(event: React.FocusEvent<HTMLInputElement>) => commit(event.currentTarget.value)}
      onKeyDown={(event: React.KeyboardEvent<HTMLInputElement>) =>
        event.key === 'Enter' && commit(event.currentTarget.value)
      }
    />
  );
}
