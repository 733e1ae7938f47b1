// In place of Grafana's state timeline, which is not on npm: the same rows and colours, as boxes.
import { type DataFrame, type Field, FieldType, formattedValueToString, getFieldDisplayName } from '@grafana/data';
import React from 'react';

import { type Drawing } from './drawing';
import { Said, StandIn } from './Said';

interface Span {
  from: number;
  to: number;
  text: string;
  color: string;
}

interface Row {
  name: string;
  spans: Span[];
}

/** Neighbours of one value are one span; the last one lasts to the end, nothing is drawn where there is no value. */
function spansOf(times: number[], field: Field, end: number): Span[] {
  const spans: Span[] = [];
  let before: unknown;
  times.forEach((from, at) => {
    const value: unknown = field.values[at];
    const to = Math.min(times[at + 1] ?? end, end);
    const last = spans.at(-1);
    if (value === null || value === undefined) {
      before = undefined;
    } else if (last && value === before) {
      last.to = to;
    } else {
      const shown = field.display?.(value);
      spans.push({
        from,
        to,
        text: shown ? formattedValueToString(shown) : String(value),
        color: shown?.color ?? '#888',
      });
      before = value;
    }
  });
  return spans;
}

function rowsOf(frames: DataFrame[], end: number): Row[] {
  return frames.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === FieldType.time);
    const others = frame.fields.filter(({ type }) => type !== FieldType.time);
    return others.map((field) => ({
      name: getFieldDisplayName(field, frame, frames),
      spans: spansOf(time?.values ?? [], field, end),
    }));
  });
}

const NAMES = 150;
const NOTE = 18;

export function StateTimeline({ panel, frames, width, height, range, theme }: Drawing) {
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const rows = rowsOf(frames, to).filter(({ spans }) => spans.length > 0);
  if (rows.length === 0) {
    return <Said panel={panel} />;
  }
  const tall = Math.min(60, (height - NOTE) / rows.length);
  const at = (time: number) => (Math.max(0, time - from) / (to - from)) * (width - NAMES);
  const box = (span: Span) =>
    ({
      position: 'absolute',
      left: at(span.from),
      width: Math.max(1, at(span.to) - at(span.from)),
      top: tall * 0.1,
      height: tall * 0.8,
      background: span.color,
      opacity: 0.85,
      color: theme.colors.getContrastText(span.color),
      fontSize: 12,
      lineHeight: `${tall * 0.8}px`,
      overflow: 'hidden',
      paddingLeft: 4,
      whiteSpace: 'nowrap',
    }) as const;
  return (
    <div>
      {rows.map(({ name, spans }) => (
        <div key={name} style={{ display: 'flex', height: tall }}>
          <div style={{ width: NAMES, lineHeight: `${tall}px`, fontSize: 12, textAlign: 'right', paddingRight: 8 }}>
            {name}
          </div>
          <div style={{ position: 'relative', flex: 1 }}>
            {spans.map((span) => (
              <div key={span.from} style={box(span)}>
                {at(span.to) - at(span.from) > 8 * span.text.length ? span.text : ''}
              </div>
            ))}
          </div>
        </div>
      ))}
      <StandIn what="drawn as boxes here; Grafana draws a state timeline with a time axis" />
    </div>
  );
}
