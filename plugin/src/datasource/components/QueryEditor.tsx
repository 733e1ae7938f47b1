import { type QueryEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Combobox, InlineField, InlineFieldRow, InlineSwitch, Input, Stack } from '@grafana/ui';
import React from 'react';
import { type FleetDataSource } from '../datasource';
import { DEFAULT_LIMIT, fieldsOf } from '../queries';
import { testIds } from '../testIds';
import { type FleetOptions, type FleetQuery, QUERY_TYPES, type QueryType } from '../types';
import { FilterFields } from './FilterFields';
import { queryTypeLabels } from './labels';

export interface Props extends QueryEditorProps<FleetDataSource, FleetQuery, FleetOptions> {
  /** Which types can be chosen; all where it is left out. */
  types?: readonly QueryType[];
}

const MAX_LIMIT = 10_000;

export function QueryEditor({ datasource, query, onChange, onRunQuery, types = QUERY_TYPES }: Props) {
  const labels = queryTypeLabels();
  const queryType = query.queryType ?? types[0];
  const change = (part: Partial<FleetQuery>) => {
    onChange({ ...query, queryType, ...part });
    onRunQuery();
  };
  const changeLimit = (text: string) => {
    const limit = Number.parseInt(text, 10);
    change({ limit: Number.isNaN(limit) ? undefined : Math.min(Math.max(limit, 1), MAX_LIMIT) });
  };
  return (
    <Stack direction="column" gap={0}>
      <InlineFieldRow>
        <InlineField label={t('editor.query', 'Query')} labelWidth={12}>
          <Combobox
            id={testIds.queryType}
            data-testid={testIds.queryType}
            aria-label={t('editor.query', 'Query')}
            width={28}
            value={queryType}
            options={types.map((value) => ({ value, ...labels[value] }))}
            onChange={(option) => change({ queryType: option.value })}
          />
        </InlineField>
        <InlineField
          label={t('editor.limit', 'Limit')}
          tooltip={t('editor.limit_help', 'Most rows, 1 to {{most}}', { most: MAX_LIMIT })}
        >
          <Input
            data-testid={testIds.limit}
            aria-label={t('editor.limit', 'Limit')}
            type="number"
            width={12}
            placeholder={String(DEFAULT_LIMIT)}
            defaultValue={query.limit}
            onBlur={(event: React.FocusEvent<HTMLInputElement>) => changeLimit(event.currentTarget.value)}
          />
        </InlineField>
        {queryType === 'events' && (
          <InlineSwitch
            data-testid={testIds.live}
            label={t('editor.live', 'Live')}
            showLabel
            value={query.live ?? false}
            onChange={(event: React.FormEvent<HTMLInputElement>) => change({ live: event.currentTarget.checked })}
          />
        )}
      </InlineFieldRow>
      <InlineFieldRow>
        <FilterFields
          datasource={datasource}
          fields={fieldsOf(queryType)}
          filter={query.filter ?? {}}
          onChange={(filter) => change({ filter })}
        />
      </InlineFieldRow>
    </Stack>
  );
}
