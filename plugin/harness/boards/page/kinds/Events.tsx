// The plugin's own panel, as Grafana gives it its data.
import { EventBusSrv, FieldType, LoadingState, toDataFrame } from '@grafana/data';
import React, { useMemo } from 'react';

import { EventPanel } from '../../../../src/panel/components/EventPanel/EventPanel';
import { migrate } from '../../../../src/panel/migrations';
import { type Drawing } from './drawing';

export function Events({ panel, width, height, range, variables, sources }: Drawing) {
  const data = useMemo(
    () => ({
      state: LoadingState.Done,
      series: [toDataFrame({ fields: [{ name: 'time', type: FieldType.time, values: [] }] })],
      timeRange: range,
      request: sources.request(panel),
    }),
    [panel, range, sources]
  );
  const bus = useMemo(() => new EventBusSrv(), []);
  return (
    <EventPanel
      id={panel.id}
      title={panel.title}
      data={data}
      timeRange={range}
      timeZone="utc"
      options={migrate({ options: panel.options ?? {} })}
      fieldConfig={{ defaults: {}, overrides: [] }}
      width={width}
      height={height}
      transparent={false}
      renderCounter={0}
      eventBus={bus}
      replaceVariables={(text, scoped, format) => variables.replace(text, scoped, format as string)}
      onOptionsChange={() => {}}
      onFieldConfigChange={() => {}}
      onChangeTimeRange={() => {}}
    />
  );
}
