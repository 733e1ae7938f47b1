import { event, fixture } from '../testing/feed';
import { FakeUpstream } from '../testing/upstream';
import { FeedError } from '../feed/upstream';
import { type Item } from './frames/table';
import { fieldsOf, stateFrames } from './queries';
import { QUERY_TYPES, type QueryType } from './types';

type Pages = Record<string, (params: Record<string, unknown>) => unknown>;

/** A daemon that answers these paths. */
function asking(pages: Pages) {
  const upstream = new FakeUpstream((_route, path, params) => {
    const page = pages[path];
    return page ? page(params) : Promise.reject(new Error(`asked for ${path}`));
  });
  const ask = (type: Exclude<QueryType, 'events'>, filter = {}, limit?: number) =>
    stateFrames((path, params) => upstream.get('feed', path, params), { refId: 'A', type, filter, limit }, 0);
  return { upstream, ask };
}

const page =
  (items: unknown[], more: object = {}) =>
  () => ({ items, next: null, as_of: '2026-02-14T09:12:33Z', ...more });
const column = (frame: { fields: Array<{ name: string; values: unknown[] }> }, name: string) =>
  frame.fields.find((field) => field.name === name)?.values;

describe('state', () => {
  it('is filtered here where the API does not', async () => {
    const items = fixture<{ items: Item[] }>('state-agents').items;
    const { ask } = asking({ 'api/agents': page([...items, { ...items[0], agent_id: 'agent-qa-001', role: 'QA' }]) });
    const [frame] = await ask('agents', { role: 'qa' });
    expect(column(frame, 'agent_id')).toEqual(['agent-qa-001']);
  });

  it('says when it is out of date, and which filter it does not have', async () => {
    const { ask } = asking({ 'api/cache/keys': page([{ key: 'k' }], { stale_because: 'it is not watched' }) });
    const [frame] = await ask('cache_keys', { model: 'm' });
    expect(column(frame, 'as_of')).toEqual([Date.UTC(2026, 1, 14, 9, 12, 33)]);
    expect(frame.meta?.notices?.map(({ text }) => text)).toEqual([
      'This may be out of date: it is not watched',
      'This query has no filter by model: it is left out.',
    ]);
  });

  it('comes page by page until there is enough', async () => {
    const stories = Array.from({ length: 7_000 }, (_, n) => ({ story_id: `US-${n}`, agents: [n % 2 ? 'a' : 'b'] }));
    const { ask, upstream } = asking({
      'api/stories': ({ cursor, limit }) => {
        const from = Number(cursor ?? 0);
        const to = from + Number(limit);
        return { items: stories.slice(from, to), next: to < stories.length ? String(to) : null, as_of: '' };
      },
    });
    const [frame] = await ask('stories', { agent: 'b' }, 700);
    expect(frame.length).toBe(700);
    expect(column(frame, 'story_id')?.slice(0, 3)).toEqual(['US-0', 'US-2', 'US-4']);
    expect(upstream.asked.map(({ params }) => params.cursor)).toEqual([undefined, '1000']);
    await ask('stories', {}, 3);
    expect(upstream.asked.at(-1)?.params).toMatchObject({ limit: 3, cursor: undefined });
  });

  it('asks the daemon for what it can filter by itself', async () => {
    const { ask, upstream } = asking({ 'api/llm/requests': page([]) });
    await ask('llm_requests', { story: 'US-1', agent: 'a,b', model: 'Qwen*' }, 5000);
    expect(upstream.asked[0].params).toMatchObject({ story: 'US-1', agent: undefined, model: undefined, limit: 1000 });
  });

  it('is of the stories that are named, as far as they are known', async () => {
    const [story] = fixture<{ items: Item[] }>('state-stories').items;
    const { ask } = asking({ 'api/stories/US-1': () => story });
    const [frame] = await ask('story_timeline', { story: 'US-1' });
    expect(column(frame, 'kind')).toEqual(['phase', 'phase', 'task']);
    expect(column(frame, 'state')).toEqual(['DRAFT', 'IN_PROGRESS', 'completed']);
    expect(column(frame, 'until')?.[1]).toBeNull();
    await expect(ask('story_timeline', { story: 'US-2' })).rejects.toThrow('asked for api/stories/US-2');
  });

  it('is each node and edge once, around several stories', async () => {
    const node = (id: string) => ({
      id,
      labels: ['Story'],
      title: id,
      subtitle: '',
      mainstat: '',
      properties: {},
      created_at: null,
    });
    const edge = (id: string, source: string, target: string) => ({ id, source, target, mainstat: '', properties: {} });
    const { ask } = asking({
      'api/graph/nodes': ({ story }) => page([node('shared'), node(String(story))])(),
      'api/graph/edges': ({ story }) => page([edge(`e-${story}`, 'shared', String(story))])(),
    });
    const [nodes, edges] = await ask('graph', { story: 'US-1,US-2' });
    expect(column(nodes, 'id')).toEqual(['shared', 'US-1', 'US-2']);
    expect(column(edges, 'id')).toEqual(['e-US-1', 'e-US-2']);
    const [newest, none] = await ask('graph');
    expect([column(newest, 'id')?.length, none.length]).toEqual([2, 0]);
    expect(newest.meta?.notices?.[0]).toMatchObject({ severity: 'info' });
  });

  it('is nothing around a story that the graph does not hold', async () => {
    const node = { id: 'US-1', title: '', subtitle: '', mainstat: '', labels: [], properties: {} };
    const { ask } = asking({
      'api/graph/nodes': ({ story }) => {
        if (story === 'US-1') {
          return page([{ ...node, created_at: null, created_by: null }])();
        }
        throw new FeedError(story === 'US-9' ? { kind: 'not_found', detail: 'no node' } : { kind: 'refused' });
      },
      'api/graph/edges': page([]),
    });
    expect(await ask('graph', { story: 'US-9' })).toEqual([]);
    const [nodes] = await ask('graph', { story: 'US-9,US-1' });
    expect(column(nodes, 'id')).toEqual(['US-1']);
    await expect(ask('graph', { story: 'US-7' })).rejects.toThrow(FeedError);
  });

  it('makes do with entries where the cache tells no activity, and says why', async () => {
    const { ask } = asking({
      'api/cache/activity': () => ({ events: { recent: [], not_available: { code: 'x', detail: 'events are off' } } }),
      'api/events': page([event(4, { type: 'cache.evicted', summary: '3 keys' })]),
    });
    const [frame] = await ask('cache_activity');
    expect([column(frame, 'event'), column(frame, 'key')]).toEqual([['cache.evicted'], ['3 keys']]);
    expect(frame.meta?.notices?.[0].text).toBe('This may be out of date: events are off');
  });

  it('is the keyspace events where the cache tells them', async () => {
    const recent = [{ at: '2026-02-14T09:12:33Z', event: 'set', key: 'story:US-1' }];
    const { ask } = asking({ 'api/cache/activity': () => ({ events: { recent, not_available: null } }) });
    const [frame] = await ask('cache_activity', { q: 'STORY' });
    expect(column(frame, 'key')).toEqual(['story:US-1']);
    expect((await ask('cache_activity', { q: 'agent' }))[0].length).toBe(0);
  });
});

it('knows for each type which filters there are', () => {
  const known = Object.fromEntries(QUERY_TYPES.map((type) => [type, fieldsOf(type).join(' ')]));
  expect(known).toMatchObject({
    events: 'story task role agent type producer source severity consumer q filter',
    graph: 'story',
    consumers: 'consumer q',
    components: 'q',
    alerts: 'story severity q',
  });
});
