// Panels as this project draws them: each has a title, a sentence, a unit, and words for when there is nothing to show.
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as nodegraph from '@grafana/grafana-foundation-sdk/nodegraph';
import * as stats from '@grafana/grafana-foundation-sdk/stat';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { AGENT_STATE_NUMBERS, BLUE, GREEN, ORANGE, PALE, RED, YELLOW, known, steps } from './values';
import { FEED, METRICS, type Query } from './sources';

export interface About {
  title: string;
  /** One sentence. */
  text: string;
  unit: string;
  /** Width (of 24) and height. */
  size: [width: number, height: number];
  source?: common.DataSourceRef;
  queries: Query[];
  /** What it says while there is nothing to show: what turns its data on. */
  empty: string;
}

/** What the builders of all kinds of panels have in common. */
interface Panel {
  title(text: string): this;
  description(text: string): this;
  unit(unit: string): this;
  noValue(text: string): this;
  span(width: number): this;
  height(height: number): this;
  datasource(source: common.DataSourceRef): this;
  withTarget(query: cog.Builder<cog.Dataquery>): this;
}

export function show<P extends Panel>(panel: P, about: About): P {
  const [width, height] = about.size;
  panel.title(about.title).description(about.text).unit(about.unit).noValue(about.empty).span(width).height(height);
  panel.datasource(about.source ?? METRICS);
  about.queries.forEach((query, at) => panel.withTarget(query.refId(String.fromCharCode(65 + at))));
  return panel;
}

const last = (): common.ReduceDataOptionsBuilder => new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']);

export const stat = (about: About): stats.PanelBuilder =>
  show(new stats.PanelBuilder(), about)
    .reduceOptions(last())
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.Auto)
    .thresholds(known(GREEN));

const sizes = (title: number, value: number): common.VizTextDisplayOptionsBuilder =>
  new common.VizTextDisplayOptionsBuilder().titleSize(title).valueSize(value);

/** A tile for each series, coloured all over. */
export const tiles = (about: About): stats.PanelBuilder =>
  stat(about)
    .colorMode(common.BigValueColorMode.Background)
    .textMode(common.BigValueTextMode.ValueAndName)
    .text(sizes(13, 24));

/** Numbers of the first row of a table: what each field is called here, in this order. */
export function facts(about: About, fields: Record<string, string>): stats.PanelBuilder {
  const names = Object.keys(fields);
  const indexByName = Object.fromEntries(names.map((name, at) => [name, at]));
  return (
    stat({ ...about, source: FEED })
      .textMode(common.BigValueTextMode.ValueAndName)
      .text(sizes(13, 26))
      // One number may be unknown while the others are there.
      .overrideByRegexp('/.*/', [{ id: 'noValue', value: '–' }])
      .transformations([
        { id: 'filterFieldsByName', options: { include: { names } } },
        { id: 'organize', options: { excludeByName: {}, indexByName, renameByName: fields } },
      ])
  );
}

export const bars = (about: About): bargauge.PanelBuilder =>
  show(new bargauge.PanelBuilder(), about)
    .reduceOptions(last())
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .orientation(common.VizOrientation.Horizontal)
    // As high as a line, however few there are.
    .sizing(common.BarGaugeSizing.Manual)
    .minVizHeight(20)
    .maxVizHeight(34)
    .text(sizes(13, 15))
    .min(0)
    .thresholds(steps(GREEN));

export const lines = (about: About): timeseries.PanelBuilder =>
  show(new timeseries.PanelBuilder(), about)
    .lineWidth(1)
    .fillOpacity(10)
    .showPoints(common.VisibilityMode.Never)
    .axisSoftMin(0)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    );

/** Percentiles of what may be rare: over a quarter of a minute at least, and no hole where nothing happened for a while. */
export const quantiles = (about: About): timeseries.PanelBuilder => lines(about).interval('15s').spanNulls(120_000);

/** Series whose name says how something ended, or how somebody is. */
const COLORS: Array<[names: string, color: string]> = [
  ['completed|ack|succeeded|journaled|exported|ok', GREEN],
  ['failed|term|max_deliveries|error|refused|rejected|dead_lettered', RED],
  ['nak|aborted|timed_out|warn|retried|partial', YELLOW],
  ['redelivered', ORANGE],
  ['deliberating|progress|info', BLUE],
  ['idle|debug|trace', PALE],
];

export function painted(panel: timeseries.PanelBuilder): timeseries.PanelBuilder {
  for (const [names, fixedColor] of COLORS) {
    panel.overrideByRegexp(`/^(${names})$/`, [{ id: 'color', value: { mode: 'fixed', fixedColor } }]);
  }
  return panel;
}

/** The same, one upon the other. */
export const stacked = (about: About): timeseries.PanelBuilder =>
  lines(about).fillOpacity(40).stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));

export const states = (about: About): statetimeline.PanelBuilder =>
  show(new statetimeline.PanelBuilder(), about)
    .mergeValues(true)
    .perPage(20)
    .showValue(common.VisibilityMode.Auto)
    .rowHeight(0.8)
    .fillOpacity(80);

/** States of agents as fleet_agent_state tells them, a number each. */
export const agentStates = (about: About): statetimeline.PanelBuilder =>
  states(about)
    .mappings(AGENT_STATE_NUMBERS)
    .thresholds(steps(PALE, [1, BLUE], [2, GREEN], [3, RED]));

export const graph = (about: About): nodegraph.PanelBuilder =>
  show(new nodegraph.PanelBuilder(), { ...about, source: FEED }).zoomMode(nodegraph.ZoomMode.Cooperative);

/** The live stream of events. */
export const events = (about: About, options: Record<string, unknown> = {}): dashboard.PanelBuilder =>
  show(new dashboard.PanelBuilder(), { ...about, source: FEED })
    .type('underpass-fleetscopeevents-panel')
    .options({ density: 'comfortable', capacity: 10_000, followVariables: true, showToolbar: true, ...options });

/** A kind of panel that the SDK has no builder for. */
export const other = (type: string, about: About, options: Record<string, unknown>): dashboard.PanelBuilder =>
  show(new dashboard.PanelBuilder(), about).type(type).options(options);

export const row = (title: string): dashboard.RowBuilder => new dashboard.RowBuilder(title);
