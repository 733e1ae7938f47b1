// A dashboard as Grafana lays it out: its name and variables, rows, panels side by side.
import { type GrafanaTheme2 } from '@grafana/data';
import { ErrorBoundary, Icon, PanelChrome } from '@grafana/ui';
import React, { type ComponentType, useEffect } from 'react';

import { type PanelJson } from './json';
import { AlertList } from './kinds/AlertList';
import { type Drawing } from './kinds/drawing';
import { Events } from './kinds/Events';
import { NodeGraph } from './kinds/NodeGraph';
import { Bars, Stat } from './kinds/numbers';
import { Lines, Table } from './kinds/rows';
import { Said } from './kinds/Said';
import { StateTimeline } from './kinds/StateTimeline';
import { GAP, heightOf, type Ready, ROW, type Told, widthOf } from './load';

const KINDS: Record<string, ComponentType<Drawing>> = {
  stat: Stat,
  bargauge: Bars,
  table: Table,
  timeseries: Lines,
  'state-timeline': StateTimeline,
  nodeGraph: NodeGraph,
  alertlist: AlertList,
  'underpass-fleetscopeevents-panel': Events,
};

/** Kinds that are not on npm and have nobody to ask here. */
const SAYS_ONLY = ['traces', 'logs'];

interface Props {
  ready: Ready;
  width: number;
  theme: GrafanaTheme2;
  onDrawn: () => void;
  onError: (title: string, error: Error) => void;
}

function Content({
  told,
  ready,
  theme,
  width,
  height,
}: Omit<Props, 'onDrawn' | 'onError'> & { told: Told; height: number }) {
  const { panel, frames } = told;
  const Kind = KINDS[panel.type];
  if (!Kind && !SAYS_ONLY.includes(panel.type)) {
    throw new Error(`nothing draws a ${panel.type}`);
  }
  const isAsked = ready.sources.answers(panel) || panel.type === 'alertlist';
  return Kind && isAsked ? (
    <Kind panel={panel} frames={frames} width={width} height={height} theme={theme} {...ready} />
  ) : (
    <Said panel={panel} />
  );
}

function Failed({ error }: { error: Error }) {
  return <pre style={{ whiteSpace: 'pre-wrap' }}>{error.stack}</pre>;
}

function Panel({ told, ready, width, theme, onError }: Omit<Props, 'onDrawn'> & { told: Told }) {
  const { panel, error, notices } = told;
  const { w, h } = panel.gridPos;
  const marks = notices.map(({ text, severity }) => (
    <Icon key={text} name={severity === 'info' ? 'info-circle' : 'exclamation-triangle'} title={text} />
  ));
  return (
    <PanelChrome
      title={ready.variables.replace(panel.title)}
      description={panel.description}
      titleItems={marks}
      statusMessage={error}
      width={widthOf(w, width)}
      height={heightOf(h)}
      padding={panel.type === 'table' || panel.type.startsWith('underpass') ? 'none' : 'md'}
    >
      {(innerWidth, innerHeight) => (
        <ErrorBoundary onError={(thrown) => onError(panel.title, thrown)}>
          {({ error: thrown }) =>
            thrown ? (
              <Failed error={thrown} />
            ) : (
              <Content told={told} ready={ready} theme={theme} width={innerWidth} height={innerHeight} />
            )
          }
        </ErrorBoundary>
      )}
    </PanelChrome>
  );
}

function Heading({ ready: { board, variables, range } }: { ready: Ready }) {
  const shown = board.templating.list;
  return (
    <header style={{ padding: `${GAP}px 0`, display: 'flex', flexWrap: 'wrap', gap: 16, alignItems: 'baseline' }}>
      <h4 style={{ margin: 0 }}>{board.title}</h4>
      {shown.map(({ name, label }) => (
        <span key={name}>
          <span style={{ opacity: 0.65 }}>{label ?? name}</span> {variables.text(name) || '–'}
        </span>
      ))}
      <span style={{ marginLeft: 'auto', opacity: 0.65 }}>
        {String(range.raw.from)} to {String(range.raw.to)}
      </span>
    </header>
  );
}

const HEAD = 44;

function Row({ panel, ready }: { panel: PanelJson; ready: Ready }) {
  return (
    <h6 style={{ margin: 0, lineHeight: `${ROW}px` }}>
      <Icon name="angle-down" /> {ready.variables.replace(panel.title)}
    </h6>
  );
}

export function Board({ ready, width, theme, onDrawn, onError }: Props) {
  useEffect(onDrawn, [onDrawn]);
  const { panels } = ready.board;
  const below = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const top = (y: number) => y * (ROW + GAP);
  return (
    <main style={{ position: 'relative', margin: `0 ${2 * GAP}px`, height: HEAD + top(below) + GAP }}>
      <Heading ready={ready} />
      {panels.map((panel) => {
        const { x, y } = panel.gridPos;
        const left = (x * (width + GAP)) / 24;
        const told = ready.told.find((one) => one.panel.id === panel.id);
        return (
          <section key={panel.id} style={{ position: 'absolute', left, top: HEAD + top(y) }}>
            {told ? (
              <Panel told={told} ready={ready} width={width} theme={theme} onError={onError} />
            ) : (
              <Row panel={panel} ready={ready} />
            )}
          </section>
        );
      })}
    </main>
  );
}
