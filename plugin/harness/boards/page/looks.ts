// What Grafana's panels know of fields: the properties that dashboards may set, and each kind's own.
import {
  applyFieldOverrides,
  booleanOverrideProcessor,
  cacheFieldDisplayNames,
  type DataFrame,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  type FieldConfigPropertyItem,
  FieldConfigOptionsRegistry,
  type FieldConfigSource,
  getFieldDisplayName,
  type GrafanaTheme2,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  type ThresholdsConfig,
  ThresholdsMode,
  thresholdsOverrideProcessor,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { type TableFieldOptions } from '@grafana/schema';
import { lastValueFrom } from 'rxjs';

import { type PanelJson } from './json';
import { type Variables } from './variables';

type Process = FieldConfigPropertyItem['process'];

const STANDARD: Record<string, Process> = {
  displayName: displayNameOverrideProcessor,
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  fieldMinMax: booleanOverrideProcessor,
  decimals: numberOverrideProcessor,
  noValue: stringOverrideProcessor,
  color: identityOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  links: dataLinksOverrideProcessor,
  filterable: booleanOverrideProcessor,
};

/** Columns of a table: what TableNG reads. */
const TABLE: Record<keyof Omit<TableFieldOptions, 'hidden' | 'displayMode'>, true> = {
  align: true,
  cellOptions: true,
  filterable: true,
  footer: true,
  hideFrom: true,
  hideHeader: true,
  inspect: true,
  minWidth: true,
  styleField: true,
  tooltip: true,
  width: true,
  wrapHeaderText: true,
  wrapText: true,
};

/** Panels with lines: what GraphNG reads. */
const LINES: Record<string, unknown> = {
  axisBorderShow: false,
  axisCenteredZero: false,
  axisColorMode: 'text',
  axisGridShow: undefined,
  axisLabel: '',
  axisPlacement: 'auto',
  axisSoftMax: undefined,
  axisSoftMin: undefined,
  axisWidth: undefined,
  barAlignment: 0,
  barWidthFactor: 0.6,
  drawStyle: 'line',
  fillBelowTo: undefined,
  fillOpacity: 0,
  gradientMode: 'none',
  hideFrom: { legend: false, tooltip: false, viz: false },
  insertNulls: false,
  lineColor: undefined,
  lineInterpolation: 'linear',
  lineStyle: undefined,
  lineWidth: 1,
  pointColor: undefined,
  pointSize: 5,
  scaleDistribution: { type: 'linear' },
  showPoints: 'auto',
  spanNulls: false,
  stacking: { mode: 'none', group: 'A' },
  thresholdsStyle: { mode: 'off' },
  transform: undefined,
};

/** What every panel has that says nothing else. */
const THRESHOLDS: ThresholdsConfig = {
  mode: ThresholdsMode.Absolute,
  steps: [
    { value: -Infinity, color: 'green' },
    { value: 80, color: 'red' },
  ],
};

const CUSTOM: Record<string, string[]> = {
  table: Object.keys(TABLE),
  timeseries: Object.keys(LINES),
  'state-timeline': ['lineWidth', 'fillOpacity', 'hideFrom'],
};

const property = (id: string, process: Process, isCustom: boolean): FieldConfigPropertyItem => ({
  id: isCustom ? `custom.${id}` : id,
  path: id,
  name: id,
  isCustom,
  process,
  shouldApply: () => true,
  editor: () => null,
  override: () => null,
});

export function registryOf(type: string): FieldConfigOptionsRegistry {
  return new FieldConfigOptionsRegistry(() => [
    ...Object.entries(STANDARD).map(([id, process]) => property(id, process, false)),
    ...(CUSTOM[type] ?? []).map((id) => property(id, identityOverrideProcessor, true)),
  ]);
}

/** Properties that the dashboard sets and no panel of its kind knows: Grafana would leave them out without a word. */
export function unknownOf({ type, fieldConfig }: PanelJson): string[] {
  const registry = registryOf(type);
  const custom = Object.keys(fieldConfig?.defaults.custom ?? {}).map((name) => `custom.${name}`);
  const standard = Object.keys(fieldConfig?.defaults ?? {}).filter((name) => name !== 'custom');
  const overridden = (fieldConfig?.overrides ?? []).flatMap(({ properties }) => properties.map(({ id }) => id));
  return [...custom, ...standard, ...overridden].filter((id) => !registry.getIfExists(id));
}

interface Step {
  value: number | null;
}

/** JSON has no -Infinity, where thresholds begin. */
function begun(config: FieldConfigSource): FieldConfigSource {
  const all = [
    config.defaults.thresholds,
    ...config.overrides.flatMap(({ properties }) => properties.map(({ id, value }) => id === 'thresholds' && value)),
  ];
  for (const thresholds of all) {
    const steps: Step[] = (thresholds && thresholds.steps) || [];
    steps.forEach((step) => (step.value ??= -Infinity));
  }
  return config;
}

/** The field configuration of a panel with what its kind adds where nothing is said. */
export function configOf({ type, fieldConfig }: PanelJson): FieldConfigSource {
  const { defaults: said, overrides } = begun(structuredClone(fieldConfig ?? { defaults: {}, overrides: [] }));
  const defaults = { ...said, thresholds: said.thresholds ?? THRESHOLDS };
  if (type !== 'timeseries') {
    return { defaults, overrides };
  }
  const color = defaults.color ?? { mode: 'palette-classic' };
  return { defaults: { ...defaults, color, custom: { ...LINES, ...defaults.custom } }, overrides };
}

export function registerTransformations(): void {
  standardTransformersRegistry.setInit(() =>
    // Some stand there under two names.
    [...new Map(Object.values(standardTransformers).map((info) => [info.id, info])).values()].map((info) => ({
      id: info.id,
      name: info.name,
      transformation: () => Promise.resolve(info),
      editor: () => null,
      imageDark: '',
      imageLight: '',
    }))
  );
}

interface Choice {
  include?: { names?: string[] };
}

/** Fields that a panel chooses, and that do not come: it would show what is left without a word. */
function absentOf({ transformations = [] }: PanelJson, frames: DataFrame[]): string[] {
  const there = new Set(frames.flatMap(({ fields }) => fields.map(({ name }) => name)));
  const chosen = transformations.flatMap(({ id, options }) =>
    id === 'filterFieldsByName' ? ((options as Choice).include?.names ?? []) : []
  );
  return frames.length > 0 ? chosen.filter((name) => !there.has(name)) : [];
}

/** Columns that the panel gives looks to, and that nothing is called after its transformations. */
function unmatchedOf({ fieldConfig }: PanelJson, frames: DataFrame[]): string[] {
  const shown = new Set(frames.flatMap((frame) => frame.fields.map((one) => getFieldDisplayName(one, frame, frames))));
  const byName = (fieldConfig?.overrides ?? []).flatMap(({ matcher: { id, options } }) =>
    id === 'byName' ? options : []
  );
  return byName.filter((name: string) => !shown.has(name));
}

/** What a panel draws of what its queries gave. */
export async function drawn(
  panel: PanelJson,
  frames: DataFrame[],
  variables: Variables,
  theme: GrafanaTheme2
): Promise<DataFrame[]> {
  const interpolate = (text: string) => variables.replace(text);
  const steps = panel.transformations ?? [];
  const missing = steps.filter(({ id }) => !standardTransformersRegistry.getIfExists(id));
  if (missing.length > 0) {
    throw new Error(`no transformation ${missing.map(({ id }) => id).join(', ')}`);
  }
  const absent = absentOf(panel, frames);
  if (absent.length > 0) {
    throw new Error(`no field ${absent.join(', ')}`);
  }
  const data = await lastValueFrom(transformDataFrame(steps, frames, { interpolate }));
  const unmatched = panel.type === 'table' && data.length > 0 ? unmatchedOf(panel, data) : [];
  if (unmatched.length > 0) {
    throw new Error(`no column ${unmatched.join(', ')}`);
  }
  const looking = applyFieldOverrides({
    data,
    fieldConfig: configOf(panel),
    replaceVariables: (text, scoped, format) => variables.replace(text, scoped, format as string),
    theme,
    timeZone: 'utc',
    fieldConfigRegistry: registryOf(panel.type),
  });
  cacheFieldDisplayNames(looking);
  return looking;
}
