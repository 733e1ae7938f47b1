// A dashboard made ready to draw: its time, its variables' values, what each panel is told.
import {
  type DataFrame,
  dateMath,
  dateTime,
  type GrafanaTheme2,
  type QueryResultMetaNotice,
  type TimeRange,
} from '@grafana/data';

import { type BoardJson, type PanelJson, type VariableJson } from './json';
import { drawn, unknownOf } from './looks';
import { Sources } from './sources';
import { Variables } from './variables';

/** Between panels, and of a row of the grid: as in Grafana. */
export const GAP = 8;
export const ROW = 30;

export const heightOf = (rows: number): number => rows * ROW + (rows - 1) * GAP;
export const widthOf = (columns: number, all: number): number => (columns * (all + GAP)) / 24 - GAP;

export interface Told {
  panel: PanelJson;
  frames: DataFrame[];
  notices: QueryResultMetaNotice[];
  error?: string;
}

export interface Ready {
  board: BoardJson;
  range: TimeRange;
  variables: Variables;
  sources: Sources;
  told: Told[];
}

function rangeOf({ from, to }: BoardJson['time']): TimeRange {
  const time = (text: string, isEnd: boolean) => dateMath.toDateTime(text, { roundUp: isEnd }) ?? dateTime(text);
  return { from: time(from, false), to: time(to, true), raw: { from, to } };
}

/** What stands in the address; else what the dashboard says, where it is there; else the first there is. */
async function choose(variable: VariableJson, asked: URLSearchParams, sources: Sources): Promise<string | string[]> {
  const given = asked.get(`var-${variable.name}`);
  if (given !== null) {
    return given;
  }
  const current = variable.current?.value ?? '';
  const values = await sources.values(variable);
  const isThere = [current].flat().every((value) => value === '$__all' || values.includes(value));
  return isThere && [current].flat().length > 0 ? current : (values[0] ?? '');
}

async function tell(panel: PanelJson, ready: Omit<Ready, 'told'>, width: number, theme: GrafanaTheme2): Promise<Told> {
  const { sources, variables } = ready;
  try {
    const unknown = unknownOf(panel);
    if (unknown.length > 0) {
      throw new Error(`a ${panel.type} has no ${unknown.join(', ')}`);
    }
    const points = Math.round(widthOf(panel.gridPos.w, width));
    const frames = await sources.frames(panel, points);
    const notices = frames.flatMap(({ meta }) => meta?.notices ?? []);
    return { panel, notices, frames: await drawn(panel, frames, variables, theme) };
  } catch (error) {
    return { panel, notices: [], frames: [], error: error instanceof Error ? error.message : String(error) };
  }
}

/** `width`: of all panels side by side. */
export async function load(asked: URLSearchParams, width: number, theme: GrafanaTheme2): Promise<Ready> {
  const name = asked.get('board') ?? 'overview';
  const board: BoardJson = await (await fetch(`/boards/${name}.json`)).json();
  const range = rangeOf({ from: asked.get('from') ?? board.time.from, to: asked.get('to') ?? board.time.to });
  const variables = new Variables(range);
  const sources = new Sources(variables, range);
  for (const variable of board.templating.list) {
    variables.set(variable, await choose(variable, asked, sources));
  }
  const ready = { board, range, variables, sources };
  const panels = board.panels.filter(({ type }) => type !== 'row');
  return { ...ready, told: await Promise.all(panels.map((panel) => tell(panel, ready, width, theme))) };
}
