import { createDataFrame, type DataFrame, type Field, FieldType, type QueryResultMetaNotice } from '@grafana/data';

export interface GraphNode {
  id: string;
  title: string;
  subtitle: string;
  mainstat: string;
  labels: string[];
  properties: Record<string, string>;
  created_at: string | null;
  created_by: string | null;
}

export interface GraphEdge {
  id: string;
  source: string;
  target: string;
  mainstat: string;
  properties: Record<string, string>;
}

/** Properties shown of each node or edge at most: the most frequent ones. */
const MAX_DETAILS = 24;
/** How long a node is marked as new. */
const NEW_MS = 60_000;
const NEW_COLOR = 'green';
const COLORS = ['blue', 'purple', 'orange', 'yellow', 'dark-blue', 'dark-purple', 'dark-orange', 'light-blue'];

/** Two frames as the Node graph panel takes them. Edges whose ends are not shown are left out. */
export function toGraph(
  refId: string,
  nodes: GraphNode[],
  edges: GraphEdge[],
  now: number,
  notices: QueryResultMetaNotice[] = []
): DataFrame[] {
  const ids = new Set(nodes.map((node) => node.id));
  const drawn = edges.filter((edge) => ids.has(edge.source) && ids.has(edge.target));
  const kinds = [...new Set(nodes.map((node) => node.labels[0] ?? ''))].sort();
  const color = (node: GraphNode) => {
    const age = node.created_at === null ? Infinity : now - Date.parse(node.created_at);
    return age < NEW_MS ? NEW_COLOR : COLORS[kinds.indexOf(node.labels[0] ?? '') % COLORS.length];
  };
  const meta = { preferredVisualisationType: 'nodeGraph', ...(notices.length > 0 ? { notices } : {}) } as const;
  return [
    createDataFrame({
      refId,
      name: 'nodes',
      meta,
      fields: [
        column('id', nodes, (node) => node.id),
        column('title', nodes, (node) => node.title),
        column('subtitle', nodes, (node) => node.subtitle),
        column('mainstat', nodes, (node) => node.mainstat),
        column('color', nodes, color),
        detail('labels', nodes, (node) => node.labels.join(', ')),
        detail('created_at', nodes, (node) => node.created_at),
        detail('created_by', nodes, (node) => node.created_by),
        ...details(nodes),
      ],
    }),
    createDataFrame({
      refId,
      name: 'edges',
      meta,
      fields: [
        column('id', drawn, (edge) => edge.id),
        column('source', drawn, (edge) => edge.source),
        column('target', drawn, (edge) => edge.target),
        column('mainstat', drawn, (edge) => edge.mainstat),
        ...details(drawn),
      ],
    }),
  ];
}

type Column = Pick<Field, 'name' | 'type' | 'config' | 'values'>;

function column<T>(name: string, items: T[], value: (item: T) => string | null, config = {}): Column {
  return { name, type: FieldType.string, config, values: items.map(value) };
}

const detail = <T>(name: string, items: T[], value: (item: T) => string | null): Column =>
  column(`detail__${name}`, items, value, { displayName: name });

function details<T extends { properties: Record<string, string> }>(items: T[]): Column[] {
  const counts = new Map<string, number>();
  items
    .flatMap((item) => Object.keys(item.properties))
    .forEach((name) => counts.set(name, (counts.get(name) ?? 0) + 1));
  const frequent = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, MAX_DETAILS);
  // A property that is called as one of ours would be a second column of the name.
  return frequent
    .filter(([name]) => !['labels', 'created_at', 'created_by'].includes(name))
    .map(([name]) => detail(name, items, (item) => item.properties[name] ?? null));
}
