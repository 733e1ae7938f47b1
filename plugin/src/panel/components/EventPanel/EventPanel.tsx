import { dateTime, type PanelProps, type TimeRange } from '@grafana/data';
import { t } from '@grafana/i18n';
import { EmptyState, LoadingPlaceholder } from '@grafana/ui';
import React, { useState } from 'react';

import { type FleetQuery } from '../../../datasource/types';
import { resolve } from '../../state/filter';
import { line } from '../../state/format';
import { type Density } from '../../state/rows';
import { type Window } from '../../state/snapshot';
import { type Options, TEMPO_UID } from '../../types';
import { raw } from '../../words';
import { EventStream } from '../EventStream/EventStream';
import { type Found, useFeed } from './useFeed';

/** Brings together what Grafana gives (query, variables, time, options) and the stream. */
export function EventPanel({ data, options, timeRange, timeZone, replaceVariables }: PanelProps<Options>) {
  const target = (data.request?.targets as FleetQuery[] | undefined)?.find((query) => query.datasource?.uid);
  const found = useFeed(target?.datasource);
  const [density, setDensity] = useDensity(options.density);
  const window = useWindow(timeRange);
  if (found.state !== 'found') {
    return <NotFound found={found} />;
  }
  const replace = (text: string) => replaceVariables(text, data.request?.scopedVars, 'csv');
  return (
    <EventStream
      source={found.source}
      outer={resolve(target?.filter ?? {}, replace, options.followVariables)}
      window={window}
      range={{ from: rawText(timeRange.raw.from), to: rawText(timeRange.raw.to) }}
      capacity={options.capacity}
      density={density}
      showToolbar={options.showToolbar}
      tempoUid={options.tempoUid || found.tempoUid || TEMPO_UID}
      timeZone={timeZone}
      onDensity={setDensity}
    />
  );
}

function NotFound({ found }: { found: Exclude<Found, { state: 'found' }> }) {
  switch (found.state) {
    case 'loading':
      return <LoadingPlaceholder text={t('panel.source.loading', 'Loading the data source…')} />;
    case 'none':
      return (
        <EmptyState
          variant="call-to-action"
          hideImage
          message={t('panel.source.none', 'Choose a Fleetscope data source in the query of this panel.')}
        />
      );
    case 'failed':
      return (
        <EmptyState
          variant="not-found"
          hideImage
          message={t(
            'panel.source.failed',
            'This panel needs a data source of type Fleetscope: {{problem}}',
            raw({ problem: line(found.problem, 200) })
          )}
        />
      );
  }
}

/** The option says how it begins; the button in the panel changes it for who looks. */
function useDensity(option: Density): [Density, (density: Density) => void] {
  const [chosen, setChosen] = useState<{ option: Density; density: Density }>({ option, density: option });
  const density = chosen.option === option ? chosen.density : option;
  return [density, (next) => setChosen({ option, density: next })];
}

const isNow = (raw: TimeRange['raw']['to']) => typeof raw === 'string' && raw.startsWith('now');
const rawText = (raw: TimeRange['raw']['to']) => (typeof raw === 'string' ? raw : String(raw.valueOf()));

/** Where the stream begins. A range up to now moves with each refresh; the stream goes on by itself. */
function useWindow(range: TimeRange): Window {
  const live = isNow(range.raw.to);
  const key = `${rawText(range.raw.from)}/${rawText(range.raw.to)}`;
  const given: Window = live
    ? { from: dateTime(range.from).valueOf() }
    : { from: dateTime(range.from).valueOf(), until: dateTime(range.to).valueOf() };
  const [kept, setKept] = useState({ key, window: given });
  if (kept.key !== key) {
    setKept({ key, window: given });
    return given;
  }
  return kept.window;
}
