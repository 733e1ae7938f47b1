import { type QueryEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Combobox, InlineField, InlineFieldRow, Stack } from '@grafana/ui';
import React from 'react';
import { type EventFilter } from '../../feed/source';
import { type FleetDataSource } from '../datasource';
import { testIds } from '../testIds';
import {
  type FleetOptions,
  type FleetQuery,
  type FleetVariableQuery,
  VARIABLE_KINDS,
  type VariableKind,
} from '../types';
import { FilterFields } from './FilterFields';
import { kindLabels } from './labels';

type Props = QueryEditorProps<FleetDataSource, FleetQuery, FleetOptions, FleetVariableQuery>;

/** By what the names of a kind can be narrowed down. */
const FIELDS: Record<VariableKind, ReadonlyArray<keyof EventFilter>> = {
  story: ['agent'],
  task: ['story', 'agent'],
  role: ['story', 'agent', 'model'],
  agent: ['story', 'role', 'model'],
  model: ['story', 'role', 'agent'],
  council: ['agent', 'model'],
  consumer: [],
  type: ['story', 'role', 'agent', 'producer', 'source', 'severity'],
  producer: ['story', 'role', 'agent', 'type', 'source', 'severity'],
};

export function VariableEditor({ datasource, query, onChange }: Props) {
  const labels = kindLabels();
  const kind = query.kind ?? 'story';
  const change = (part: Partial<FleetVariableQuery>) =>
    onChange({ ...query, refId: query.refId || 'A', kind, ...part });
  return (
    <Stack direction="column" gap={0}>
      <InlineField label={t('editor.kind', 'Names of')} labelWidth={12}>
        <Combobox
          id={testIds.kind}
          data-testid={testIds.kind}
          aria-label={t('editor.kind', 'Names of')}
          width={28}
          value={kind}
          options={VARIABLE_KINDS.map((value) => ({ value, label: labels[value] }))}
          onChange={(option) => change({ kind: option.value, filter: {} })}
        />
      </InlineField>
      <InlineFieldRow>
        <FilterFields
          datasource={datasource}
          fields={FIELDS[kind]}
          filter={query.filter ?? {}}
          onChange={(filter) => change({ filter })}
        />
      </InlineFieldRow>
    </Stack>
  );
}
