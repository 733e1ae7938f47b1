import { type DataFrame, type QueryResultMetaNotice } from '@grafana/data';
import { t } from '@grafana/i18n';
import { type EventFilter } from '../feed/source';
import { type FeedEvent, type Page } from '../feed/types';
import { troubleOf, type Params } from '../feed/upstream';
import { crowdedFields, FILTER_FIELDS, type Matching, MAX_VALUES, select, valuesOf } from './filter';
import { COLUMNS } from './frames/columns';
import { type GraphEdge, type GraphNode, toGraph } from './frames/graph';
import { withTaskLines } from './frames/lines';
import { type Item, toTable } from './frames/table';
import { timeline } from './frames/timeline';
import { type QueryType } from './types';

export type Get = <T>(path: string, params?: Params) => Promise<T>;

/** The state of something, as it is now. */
export type StateType = Exclude<QueryType, 'events'>;

interface Listed {
  path: string;
  /** Fields of the filter, and what they are about: all others do not apply. */
  matching: Matching;
  /** Parameters by which the daemon filters itself. */
  params?: (filter: EventFilter) => Params;
  /** Whether it comes page by page. */
  isPaged?: boolean;
  /** Items have no time of their own: they are as of when they were asked for. */
  isAsOf?: boolean;
  /** How items are shown, where that is not as they come. */
  shown?: (item: Item) => Item;
}

/** Query types that are a list of the API, as it is. */
const LISTS: Record<Exclude<StateType, 'graph' | 'story_timeline' | 'cache_activity'>, Listed> = {
  agents: {
    path: 'api/agents',
    matching: { agent: 'agent_id', role: 'role', story: 'story_id', task: 'task_id', model: 'model' },
    shown: withTaskLines,
  },
  councils: { path: 'api/councils', matching: { role: 'council', agent: 'agents', model: 'models' } },
  stories: { path: 'api/stories', isPaged: true, matching: { story: 'story_id', agent: 'agents' } },
  ray_jobs: {
    path: 'api/ray/jobs',
    matching: { story: 'story_id', task: 'task_id', role: 'role', agent: 'agent_id' },
  },
  llm_requests: {
    path: 'api/llm/requests',
    isPaged: true,
    matching: { story: 'story_id', task: 'task_id', role: 'role', agent: 'agent_id', model: 'model' },
    params: ({ story, agent, model }) => ({ story: single(story), agent: single(agent), model: single(model) }),
  },
  cache_keys: { path: 'api/cache/keys', isAsOf: true, matching: {} },
  components: { path: 'api/components', isAsOf: true, matching: {} },
  consumers: { path: 'api/consumers', matching: { consumer: 'consumer' } },
  alerts: { path: 'api/alerts', matching: { story: 'story_id', severity: 'severity' } },
};

export const DEFAULT_LIMIT = 100;
const MAX_PAGE = 1000;
/** Pages read for one query at most: what does not fit is a matter of the filter. */
const MAX_PAGES = 10;

/** The one value there is; the daemon takes no more of some fields. */
function single(value: string | undefined): string | undefined {
  const values = valuesOf(value);
  return values.length === 1 && !values[0].includes('*') ? values[0] : undefined;
}

const warning = (text: string): QueryResultMetaNotice => ({ severity: 'warning', text });

/** Fields of the filter that are understood by a query type; all of them for events. */
export function fieldsOf(type: QueryType): ReadonlyArray<keyof EventFilter> {
  switch (type) {
    case 'events':
      return FILTER_FIELDS.filter((field) => field !== 'model');
    case 'graph':
    case 'story_timeline':
      return ['story'];
    case 'cache_activity':
      return ['q'];
    default:
      return FILTER_FIELDS.filter((field) => field === 'q' || LISTS[type].matching[field] !== undefined);
  }
}

/** What is to be known about an answer besides its rows. */
export function noticesOf(type: QueryType, filter: EventFilter, staleBecause?: string | null): QueryResultMetaNotice[] {
  const understood = fieldsOf(type);
  const ignored = FILTER_FIELDS.filter((field) => filter[field] !== undefined && !understood.includes(field));
  const fields = ignored.join(', ');
  const notices = staleBecause
    ? [warning(t('notices.stale', 'This may be out of date: {{why}}', { why: staleBecause }))]
    : [];
  if (ignored.length > 0) {
    notices.push(warning(t('notices.ignored', 'This query has no filter by {{fields}}: it is left out.', { fields })));
  }
  if (type === 'events' && crowdedFields(filter).length > 0) {
    const crowded = crowdedFields(filter).join(', ');
    const values = { most: MAX_VALUES, crowded };
    notices.push(
      warning(
        t(
          'notices.crowded',
          'More than {{most}} values of {{crowded}}: give the variable "*" as its value for all.',
          values
        )
      )
    );
  }
  return notices;
}

/** Asks for the state of something, and makes frames of it. */
export async function stateFrames(
  get: Get,
  query: { refId: string; type: StateType; filter: EventFilter; limit?: number },
  now: number
): Promise<DataFrame[]> {
  const { refId, type, filter, limit = DEFAULT_LIMIT } = query;
  const table = (items: Item[], stale?: string | null) => [
    toTable(refId, items, COLUMNS[type as Exclude<QueryType, 'graph'>], noticesOf(type, filter, stale)),
  ];
  switch (type) {
    case 'graph':
      return graph(get, refId, filter, now);
    case 'story_timeline': {
      const stories = await storiesOf(get, filter, limit);
      return table(stories.flatMap(timeline));
    }
    case 'cache_activity': {
      const { items, stale } = await cacheActivity(get, filter, limit);
      return table(items, stale);
    }
    default: {
      const { items, stale } = await listed(get, LISTS[type], filter, limit);
      return table(items, stale);
    }
  }
}

interface CacheActivity {
  stale_because?: string | null;
  events: { recent: Item[]; not_available?: { detail: string } | null };
}

/** Keyspace events; where the server tells none, what Fleetscope saw happen to keys. */
async function cacheActivity(get: Get, filter: EventFilter, limit: number) {
  const activity = await get<CacheActivity>('api/cache/activity');
  const why = activity.events.not_available?.detail ?? activity.stale_because;
  const heard = select(activity.events.recent, filter, {}).slice(0, limit);
  if (heard.length > 0 || !activity.events.not_available) {
    return { items: heard, stale: why };
  }
  const params = { source: 'ValKey', q: filter.q, limit: Math.min(limit, MAX_PAGE) };
  const seen = await get<Page<FeedEvent>>('api/events', params);
  return {
    items: seen.items.map(({ timestamp, type, summary }) => ({ at: timestamp, event: type, key: summary })),
    stale: why,
  };
}

async function listed(get: Get, list: Listed, filter: EventFilter, limit: number) {
  // What is left out here has to be read all the same.
  const size = Object.keys(filter).length > 0 ? MAX_PAGE : Math.min(limit, MAX_PAGE);
  const params = { ...list.params?.(filter), ...(list.isPaged ? { limit: size } : {}) };
  const found: Item[] = [];
  let cursor: string | undefined;
  let stale: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await get<Page<Item>>(list.path, { ...params, cursor });
    const items = list.isAsOf ? page.items.map((item) => ({ as_of: page.as_of, ...item })) : page.items;
    found.push(...select(items, filter, list.matching));
    stale = page.stale_because;
    cursor = page.next ?? undefined;
    if (cursor === undefined || found.length >= limit) {
      break;
    }
  }
  const items = found.slice(0, limit);
  return { items: list.shown ? items.map(list.shown) : items, stale };
}

type Story = Parameters<typeof timeline>[0];

/** The stories that are named, each asked for by itself, also closed ones; the latest where none is. */
async function storiesOf(get: Get, filter: EventFilter, limit: number): Promise<Story[]> {
  const names = valuesOf(filter.story).filter((name) => !name.includes('*'));
  if (names.length === 0) {
    const { items } = await listed(get, LISTS.stories, { story: filter.story }, limit);
    return items as unknown as Story[];
  }
  const asked = names.slice(0, limit).map((name) => get<Story>(`api/stories/${encodeURIComponent(name)}`));
  const answers = await Promise.allSettled(asked);
  const failed = answers.find(
    (answer) => answer.status === 'rejected' && troubleOf(answer.reason).kind !== 'not_found'
  );
  if (failed?.status === 'rejected') {
    throw failed.reason;
  }
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
}

/** What is around a story; nothing where the graph does not hold it, yet or any more. */
async function graphOf(get: Get, story: string): Promise<{ nodes: GraphNode[]; edges: GraphEdge[] }> {
  try {
    const [nodes, edges] = await Promise.all([
      get<Page<GraphNode>>('api/graph/nodes', { story }),
      get<Page<GraphEdge>>('api/graph/edges', { story }),
    ]);
    return { nodes: nodes.items, edges: edges.items };
  } catch (error) {
    if (troubleOf(error).kind !== 'not_found') {
      throw error;
    }
    return { nodes: [], edges: [] };
  }
}

/** The graph around the stories that are named; the newest nodes where none is. */
async function graph(get: Get, refId: string, filter: EventFilter, now: number): Promise<DataFrame[]> {
  const names = valuesOf(filter.story);
  const notices = noticesOf('graph', filter);
  if (names.length === 0) {
    const nodes = await get<Page<GraphNode>>('api/graph/nodes');
    const text = t('notices.graph_story', 'These are the newest nodes. Name a story to see what is around it.');
    const stale = noticesOf('graph', filter, nodes.stale_because);
    return toGraph(refId, nodes.items, [], now, [...stale, { severity: 'info', text }]);
  }
  const around = await Promise.all(names.map((story) => graphOf(get, story)));
  const once = <T extends { id: string }>(items: T[]) => [...new Map(items.map((item) => [item.id, item])).values()];
  const nodes = once(around.flatMap((one) => one.nodes));
  if (nodes.length === 0 && notices.length === 0) {
    // So that the panel says why it may be empty.
    return [];
  }
  return toGraph(refId, nodes, once(around.flatMap((one) => one.edges)), now, notices);
}
