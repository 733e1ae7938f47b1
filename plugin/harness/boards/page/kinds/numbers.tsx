// Stat and bar gauge, as Grafana's panels put them together of its components.
import {
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  type ReduceDataOptions,
  VizOrientation,
} from '@grafana/data';
import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeValueMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  type VizTextDisplayOptions,
} from '@grafana/schema';
import { BarGauge, BigValue, VizRepeater, type VizRepeaterRenderValueProps } from '@grafana/ui';
import React from 'react';

import { configOf } from '../looks';
import { type Drawing, optionsOf } from './drawing';

type One = VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors>;

interface Reduced {
  reduceOptions: ReduceDataOptions;
  orientation: VizOrientation;
  text?: VizTextDisplayOptions;
}

const REDUCED: Reduced = { reduceOptions: { calcs: ['lastNotNull'] }, orientation: VizOrientation.Auto };
/** Of bars, where the panel leaves their size to Grafana. */
const AUTO = { minVizWidth: 8, minVizHeight: 16, maxVizHeight: 300 };

/** A field is coloured by its thresholds, green where it has none, as in Grafana. */
function valuesOf({ panel, frames, variables, theme }: Drawing, reduceOptions: ReduceDataOptions) {
  return getFieldDisplayValues({
    data: frames,
    fieldConfig: configOf(panel),
    reduceOptions,
    replaceVariables: (text, scoped) => variables.replace(text, scoped),
    theme,
    timeZone: 'utc',
  });
}

export function Stat(drawing: Drawing) {
  const { panel, frames, width, height, theme } = drawing;
  const options = optionsOf(panel, {
    ...REDUCED,
    colorMode: BigValueColorMode.Value,
    graphMode: BigValueGraphMode.Area,
    justifyMode: BigValueJustifyMode.Auto,
    textMode: BigValueTextMode.Auto,
    wideLayout: true,
  });
  const text = (count: number, { name }: FieldDisplay) =>
    options.textMode === BigValueTextMode.Auto && (count === 1 || !name) ? BigValueTextMode.Value : options.textMode;
  const one = ({ value, alignmentFactors, width: wide, height: high, count }: One) => (
    <BigValue
      value={value.display}
      count={count}
      sparkline={value.sparkline}
      colorMode={options.colorMode}
      graphMode={options.graphMode}
      justifyMode={options.justifyMode}
      textMode={text(count, value)}
      text={options.text}
      alignmentFactors={alignmentFactors}
      width={wide}
      height={high}
      theme={theme}
      disableWideLayout={!options.wideLayout}
    />
  );
  return (
    <VizRepeater
      getValues={() => valuesOf(drawing, options.reduceOptions)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={one}
      width={width}
      height={height}
      source={frames}
      itemSpacing={3}
      autoGrid={true}
      renderCounter={0}
      orientation={options.orientation}
    />
  );
}

export function Bars(drawing: Drawing) {
  const { panel, frames, width, height, theme } = drawing;
  const options = optionsOf(panel, {
    ...REDUCED,
    displayMode: BarGaugeDisplayMode.Gradient,
    valueMode: BarGaugeValueMode.Color,
    namePlacement: BarGaugeNamePlacement.Auto,
    showUnfilled: true,
    sizing: 'auto',
    ...AUTO,
  });
  const size = options.sizing === 'manual' ? options : AUTO;
  const one = ({ value, alignmentFactors, width: wide, height: high, count, orientation }: One) => (
    <BarGauge
      value={value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
      alignmentFactors={count > 1 ? alignmentFactors : undefined}
      width={wide}
      height={high}
      orientation={orientation}
      theme={theme}
      text={options.text}
      itemSpacing={10}
      lcdCellWidth={12}
      displayMode={options.displayMode}
      showUnfilled={options.showUnfilled}
      valueDisplayMode={options.valueMode}
      namePlacement={options.namePlacement}
    />
  );
  return (
    <VizRepeater
      getValues={() => valuesOf(drawing, options.reduceOptions)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={one}
      width={width}
      height={height}
      minVizWidth={size.minVizWidth}
      minVizHeight={size.minVizHeight}
      maxVizHeight={size.maxVizHeight}
      source={frames}
      itemSpacing={10}
      renderCounter={0}
      orientation={options.orientation}
    />
  );
}
