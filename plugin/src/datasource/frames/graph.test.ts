import { type GraphEdge, type GraphNode, toGraph } from './graph';

const NOW = Date.UTC(2026, 1, 14, 9, 12, 33);

const node = (id: string, fields: Partial<GraphNode> = {}): GraphNode => ({
  id,
  title: `node ${id}`,
  subtitle: 'Task',
  mainstat: 'done',
  labels: ['Task'],
  properties: {},
  created_at: null,
  created_by: null,
  ...fields,
});
const edge = (id: string, source: string, target: string): GraphEdge => ({
  id,
  source,
  target,
  mainstat: 'HAS',
  properties: { since: 'today' },
});
const values = (frame: ReturnType<typeof toGraph>[number], name: string) =>
  frame.fields.find((field) => field.name === name)?.values;

describe('the graph', () => {
  it('is two frames, and each edge has its ends', () => {
    const [nodes, edges] = toGraph('A', [node('1'), node('2')], [edge('a', '1', '2'), edge('b', '1', '9')], NOW);
    expect([nodes.name, edges.name]).toEqual(['nodes', 'edges']);
    expect(values(nodes, 'id')).toEqual(['1', '2']);
    expect([values(edges, 'id'), values(edges, 'source'), values(edges, 'target')]).toEqual([['a'], ['1'], ['2']]);
    expect(values(edges, 'detail__since')).toEqual(['today']);
    expect(nodes.meta?.preferredVisualisationType).toBe('nodeGraph');
  });

  it('marks what is new, and colours the rest by kind', () => {
    const fresh = new Date(NOW - 5_000).toISOString();
    const old = new Date(NOW - 500_000).toISOString();
    const [nodes] = toGraph(
      'A',
      [node('1', { created_at: fresh }), node('2', { created_at: old }), node('3', { labels: ['Agent'] }), node('4')],
      [],
      NOW
    );
    const [first, second, third, fourth] = values(nodes, 'color') ?? [];
    expect(first).toBe('green');
    expect([second === fourth, second === third]).toEqual([true, false]);
  });

  it('shows the most frequent properties, and each name once', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`p${n}`, 'x']));
    const [nodes] = toGraph(
      'A',
      [node('1', { properties: many }), node('2', { properties: { p99: 'y', labels: 'z' } })],
      [],
      NOW
    );
    const names = nodes.fields.map(({ name }) => name);
    expect(names).toContain('detail__p99');
    expect(names.filter((name) => name === 'detail__labels')).toHaveLength(1);
    expect(names.length).toBeLessThan(35);
    expect(values(nodes, 'detail__p99')).toEqual(['x', 'y']);
  });
});
