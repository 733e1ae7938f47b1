import {
  CustomVariableSupport,
  type DataQueryRequest,
  type DataQueryResponse,
  FieldType,
  createDataFrame,
} from '@grafana/data';
import { from, map, type Observable } from 'rxjs';
import { type EventFilter } from '../feed/source';
import { type FeedEvent, type Page } from '../feed/types';
import { VariableEditor } from './components/VariableEditor';
import { type FleetDataSource } from './datasource';
import { select } from './filter';
import { type Item } from './frames/table';
import { type Get } from './queries';
import { type FleetOptions, type FleetQuery, type FleetVariableQuery, type VariableKind } from './types';

/** The newest events that are looked through for types and producers. */
const EVENTS = 1000;
const MAX_PAGES = 5;

const agents = (field: string) => async (get: Get, filter: EventFilter) => {
  const { items } = await get<Page<Item>>('api/agents');
  const matching = { agent: 'agent_id', role: 'role', story: 'story_id', task: 'task_id', model: 'model' };
  return select(items, filter, matching).map((item) => item[field]);
};

/** Stories: those of the API, live ones first. */
async function stories(get: Get, filter: EventFilter): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await get<Page<Item>>('api/stories', { limit: 1000, cursor });
    items.push(...page.items);
    cursor = page.next ?? undefined;
    if (cursor === undefined) {
      break;
    }
  }
  return select(items, filter, { story: 'story_id', agent: 'agents' });
}

const events = (field: keyof FeedEvent) => async (get: Get, filter: EventFilter) => {
  const { story, task, role, agent, type, producer, source, severity } = filter;
  const wire = { story, task, role, agent, type, producer, source, severity };
  const { items } = await get<Page<FeedEvent>>('api/events', { ...wire, limit: EVENTS });
  return items.map((event) => event[field]);
};

const NAMES: Record<VariableKind, (get: Get, filter: EventFilter) => Promise<unknown[]>> = {
  story: async (get, filter) => (await stories(get, filter)).map((story) => story.story_id),
  task: async (get, filter) =>
    (await stories(get, filter)).flatMap((story) =>
      [story.tasks].flat().map((task) => (typeof task === 'object' && task !== null ? (task as Item).task_id : null))
    ),
  role: agents('role'),
  agent: agents('agent_id'),
  model: agents('model'),
  council: async (get, filter) => {
    const { items } = await get<Page<Item>>('api/councils');
    return select(items, filter, { role: 'council', agent: 'agents', model: 'models' }).map((item) => item.council);
  },
  consumer: async (get, filter) => {
    const { items } = await get<Page<Item>>('api/consumers');
    return select(items, filter, { consumer: 'consumer' }).map((item) => item.consumer);
  },
  type: events('type'),
  producer: events('producer'),
};

/** Stories stay in the order of the API, the latest first; all others are sorted. */
export async function namesOf(get: Get, kind: VariableKind, filter: EventFilter): Promise<string[]> {
  const found = await NAMES[kind](get, filter);
  const names = [...new Set(found.filter((name): name is string => typeof name === 'string' && name !== ''))];
  return kind === 'story' || kind === 'task' ? names : names.sort((a, b) => a.localeCompare(b));
}

export class FleetVariables extends CustomVariableSupport<
  FleetDataSource,
  FleetVariableQuery,
  FleetQuery,
  FleetOptions
> {
  editor = VariableEditor;

  constructor(private readonly source: FleetDataSource) {
    super();
  }

  query(request: DataQueryRequest<FleetVariableQuery>): Observable<DataQueryResponse> {
    const [query] = request.targets;
    return from(this.source.names(query, request.scopedVars)).pipe(
      map((names) => ({
        data: [createDataFrame({ fields: [{ name: 'text', type: FieldType.string, values: names }] })],
      }))
    );
  }
}
