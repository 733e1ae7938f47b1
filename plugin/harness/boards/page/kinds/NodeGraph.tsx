// In place of Grafana's node graph, which is not on npm: the same nodes, edges and colours, laid out in rings.
import { type DataFrame } from '@grafana/data';
import React from 'react';

import { type Drawing } from './drawing';
import { Said, StandIn } from './Said';

interface Place {
  x: number;
  y: number;
}

const NOTE = 18;
const RADIUS = 18;
const RING = 7;

const column = (frame: DataFrame, name: string): string[] =>
  frame.fields.find((field) => field.name === name)?.values ?? [];

/** Ring by ring from the middle, each with more room than the one within. */
function placesOf(ids: string[], width: number, height: number): Map<string, Place> {
  const rings: string[][] = [];
  let rest = ids;
  for (let ring = 0; rest.length > 0; ring++) {
    const many = ring === 0 ? 1 : ring * RING;
    rings.push(rest.slice(0, many));
    rest = rest.slice(many);
  }
  const step = (size: number) => (size / 2 - 3 * RADIUS) / Math.max(1, rings.length - 1);
  const places = rings.flatMap((members, ring) =>
    members.map((id, at): [string, Place] => {
      const angle = (2 * Math.PI * at) / members.length + ring;
      const [x, y] = [ring * step(width) * Math.cos(angle), ring * step(height) * Math.sin(angle)];
      return [id, { x: width / 2 + x, y: height / 2 + y }];
    })
  );
  return new Map(places);
}

/** The best connected first: it is what the rest is around. */
function byEdges(ids: string[], ends: string[]): string[] {
  const count = new Map<string, number>();
  ends.forEach((id) => count.set(id, (count.get(id) ?? 0) + 1));
  return [...ids].sort((a, b) => (count.get(b) ?? 0) - (count.get(a) ?? 0));
}

const short = (text: string) => (text.length > 22 ? `${text.slice(0, 21)}…` : text);

export function NodeGraph({ panel, frames, width, height, theme }: Drawing) {
  const nodes = frames.find(({ name }) => name === 'nodes');
  const edges = frames.find(({ name }) => name === 'edges');
  if (!nodes || nodes.length === 0) {
    return <Said panel={panel} />;
  }
  const [ids, titles, subtitles, colors] = ['id', 'title', 'subtitle', 'color'].map((name) => column(nodes, name));
  const [sources, targets, kinds] = ['source', 'target', 'mainstat'].map((name) => (edges ? column(edges, name) : []));
  const places = placesOf(byEdges(ids, [...sources, ...targets]), width, height - NOTE);
  const place = (id: string): Place => places.get(id) ?? { x: 0, y: 0 };
  const text = { fill: theme.colors.text.primary, fontSize: 10, textAnchor: 'middle' } as const;
  return (
    <div>
      <svg width={width} height={height - NOTE}>
        {sources.map((source, at) => {
          const [a, b] = [place(source), place(targets[at])];
          return (
            <g key={`${source} ${targets[at]} ${kinds[at]}`}>
              <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} stroke={theme.colors.text.disabled} />
              <text {...text} fontSize={8} opacity={0.7} x={(a.x + b.x) / 2} y={(a.y + b.y) / 2}>
                {kinds[at]}
              </text>
            </g>
          );
        })}
        {ids.map((id, at) => (
          <g key={id}>
            <circle
              cx={place(id).x}
              cy={place(id).y}
              r={RADIUS}
              fill={theme.colors.background.primary}
              stroke={theme.visualization.getColorByName(colors[at])}
              strokeWidth={3}
            />
            <text {...text} x={place(id).x} y={place(id).y + RADIUS + 11}>
              {short(titles[at])}
            </text>
            <text {...text} x={place(id).x} y={place(id).y + RADIUS + 22} opacity={0.6}>
              {subtitles[at]}
            </text>
          </g>
        ))}
      </svg>
      <StandIn what="laid out in rings here; Grafana draws a node graph" />
    </div>
  );
}
