// Tables and time series, by Grafana's own components.
import { type DataFrame, FieldType } from '@grafana/data';
import {
  LegendDisplayMode,
  type LegendPlacement,
  TableCellHeight,
  type TableSortByFieldState,
  type VizLegendOptions,
} from '@grafana/schema';
import { TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React from 'react';

import { type Drawing, optionsOf } from './drawing';
import { Said } from './Said';

export function Table({ panel, frames, width, height, range }: Drawing) {
  const options = optionsOf(panel, {
    showHeader: true,
    cellHeight: TableCellHeight.Sm,
    sortBy: [] as TableSortByFieldState[],
  });
  const frame: DataFrame | undefined = frames.find(({ fields }) => fields.length > 0);
  return frame ? (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      sortBy={options.sortBy}
      cellHeight={options.cellHeight}
      noValue={panel.fieldConfig?.defaults.noValue}
      fieldConfig={panel.fieldConfig}
      timeRange={range}
      structureRev={1}
      // All rows, also those that are out of sight: what a picture does not show is not drawn otherwise.
      enableVirtualization={true}
    />
  ) : (
    <Said panel={panel} />
  );
}

/** As the panel of Grafana prepares them: what is no number is no point. */
const finite = (frame: DataFrame): DataFrame => ({
  ...frame,
  fields: frame.fields.map((field) =>
    field.type === FieldType.number
      ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) }
      : field
  ),
});

export function Lines({ panel, frames, width, height, range }: Drawing) {
  const { legend } = optionsOf(panel, {
    legend: {
      displayMode: LegendDisplayMode.List,
      placement: 'bottom' as LegendPlacement,
      showLegend: true,
      calcs: [],
    } satisfies VizLegendOptions as VizLegendOptions,
  });
  return frames.length > 0 ? (
    <TimeSeries
      frames={frames.map(finite)}
      structureRev={1}
      timeRange={range}
      timeZone="utc"
      width={width}
      height={height}
      legend={legend}
      options={panel.options}
    />
  ) : (
    <Said panel={panel} />
  );
}
