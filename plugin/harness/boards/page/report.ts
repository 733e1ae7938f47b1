// What became of a dashboard, for those who hold it to something: `window.board`.
import { type DataFrame, FieldType } from '@grafana/data';

import { type Ready, type Told } from './load';

export interface PanelReport {
  title: string;
  type: string;
  /** Whether there is any value to show; not told of the event panel, which reads for itself. */
  hasData: boolean;
  error?: string;
  notices: string[];
  /** Addresses of the links of the first row. */
  links: string[];
}

export interface BoardReport {
  title: string;
  panels: PanelReport[];
}

const isValue = (value: unknown) => value !== null && value !== undefined && value !== '' && !Number.isNaN(value);

const hasData = (frame: DataFrame) =>
  frame.fields.some(({ type, values }) => type !== FieldType.time && values.some(isValue));

/** Only a table shows links of times. */
function linksOf(frame: DataFrame, type: string): string[] {
  return frame.fields
    .filter((field) => type === 'table' || field.type !== FieldType.time)
    .flatMap((field) => {
      const at = field.values.findIndex(isValue);
      return (at >= 0 && field.getLinks?.({ valueRowIndex: at })) || [];
    })
    .map(({ href }) => href);
}

const reportOf = ({ panel, frames, notices, error }: Told): PanelReport => ({
  title: panel.title,
  type: panel.type,
  hasData: frames.some(hasData),
  error,
  notices: notices.map(({ text }) => text),
  links: frames.flatMap((frame) => linksOf(frame, panel.type)),
});

export const report = ({ board, told }: Ready): BoardReport => ({ title: board.title, panels: told.map(reportOf) });
