import {
  CoreApp,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceInstanceSettings,
  dateTime,
  FieldType,
  LoadingState,
} from '@grafana/data';
import { type BackendSrv, setBackendSrv, type TemplateSrv } from '@grafana/runtime';
import { lastValueFrom } from 'rxjs';
import { FleetDataSource } from '../src/datasource/datasource';
import { COLUMNS } from '../src/datasource/frames/columns';
import {
  type FleetOptions,
  type FleetQuery,
  QUERY_TYPES,
  type QueryType,
  VARIABLE_KINDS,
} from '../src/datasource/types';
import { type SubscribeOptions } from '../src/feed/source';
import { Told } from '../src/testing/upstream';
import { backend } from './backend';
import { GrafanaProxy } from './grafana';
import { Daemon, TOKENS, until } from './process';

const daemon = new Daemon();
let grafana: GrafanaProxy;
const running: Array<() => void> = [];

const templates: Pick<TemplateSrv, 'replace' | 'getVariables'> = {
  replace: (text) => text ?? '',
  getVariables: () => [],
};

function source(options: FleetOptions = { url: `http://127.0.0.1:${daemon.port}`, tempoUid: 'tempo' }) {
  const settings = { uid: 'fleetscope-feed', url: '/api/datasources/proxy/uid/fleetscope-feed', jsonData: options };
  return new FleetDataSource(settings as DataSourceInstanceSettings<FleetOptions>, templates as TemplateSrv);
}

function subscribe(options: Partial<SubscribeOptions> = {}, from = source()) {
  const told = new Told();
  const subscription = from
    .feed()
    .subscribe({ filter: {}, payload: 'summary', ...options })
    .subscribe(told.take);
  running.push(() => subscription.unsubscribe());
  return told;
}

async function frames(query: Partial<FleetQuery>, app = CoreApp.Dashboard): Promise<DataFrame[]> {
  const range = { from: dateTime(0), to: dateTime(Date.now() + 60_000) };
  const targets = [{ refId: 'A', queryType: 'events', ...query }];
  const request = { targets, app, range, scopedVars: {} } as unknown as DataQueryRequest<FleetQuery>;
  const response: DataQueryResponse = await lastValueFrom(source().query(request));
  expect(response.errors).toBeUndefined();
  expect(response.state).toBe(LoadingState.Done);
  return response.data;
}

/** The newest event there is. */
async function newest(): Promise<number> {
  const { items } = await source().feed().history({ filter: {}, limit: 1 });
  return items[0].seq;
}

/** Compares what was told after a seq with the history: each event once and in order, none missing but in a gap. */
async function expectAll(told: Told, after: number): Promise<void> {
  // More may come while the history is read.
  const seqs = told.seqs;
  const upTo = seqs.at(-1) ?? 0;
  const all: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await source().feed().history({ filter: {}, limit: 1000, cursor });
    all.unshift(...page.items.map(({ seq }) => seq).reverse());
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && all[0] > after);
  // Where this machine is too busy to read, the daemon drops frames and says which.
  const inGap = (seq: number) => told.gaps.some(([from, to]) => seq >= Number(from) && seq <= Number(to));
  const seen = new Set(seqs);
  const wanted = all.filter((seq) => seq > after && seq <= upTo && (seen.has(seq) || !inGap(seq)));
  expect(seqs).toEqual(wanted);
  expect(told.gaps.filter(([, , reason]) => reason !== 'slow')).toEqual([]);
}

const isLive = (told: Told) => () => told.state?.startsWith('live') ?? false;
const column = (frame: DataFrame, name: string): unknown[] =>
  frame.fields.find((one) => one.name === name)?.values ?? [];

beforeAll(async () => {
  setBackendSrv(backend as BackendSrv);
  await daemon.demo(10);
  grafana = new GrafanaProxy({ daemon: daemon.port });
  await grafana.listen(Number(process.env.FLEETSCOPE_GRAFANA_PORT));
});

afterEach(() => {
  running.splice(0).forEach((stop) => stop());
  Object.assign(grafana.settings, { role: 'Editor', upgrades: true, holdsBack: false, page: undefined });
});

afterAll(async () => {
  await grafana.close();
  await daemon.remove();
});

describe('on a fleet at work', () => {
  it('opens a WebSocket through the proxy, which hides the browser', async () => {
    expect(await source().testDatasource()).toEqual({
      status: 'success',
      message: expect.stringMatching(/^Fleetscope \d.*role debug.*over a WebSocket\.$/),
    });
    const handshake = grafana.passed.find(({ path }) => path === '/ws');
    expect(Object.keys(handshake?.headers ?? {})).not.toEqual(expect.arrayContaining(['origin']));
    expect(grafana.passed.some(({ headers }) => 'cookie' in headers || 'origin' in headers)).toBe(false);
  });

  it('is told each event once and in order, over one socket', async () => {
    const from = source();
    const sockets = () => grafana.passed.filter(({ path }) => path === '/ws').length;
    const before = sockets();
    const [all, errors, full] = [
      subscribe({ since: 0 }, from),
      subscribe({ since: 0, filter: { severity: 'error' } }, from),
      subscribe({ since: 0, filter: { source: 'NATS' }, payload: 'summary' }, from),
    ];
    for (const told of [all, errors, full]) {
      await until('it is live', isLive(told));
    }
    const head = all.seqs.at(-1) ?? 0;
    await until('more comes', () => (all.seqs.at(-1) ?? 0) > head + 50);
    const last = all.seqs.at(-1) ?? 0;
    await expectAll(all, 0);
    expect(all.states).toEqual(['connecting websocket', 'live websocket']);
    expect(errors.seqs.every((seq) => all.seqs.includes(seq) || seq > last)).toBe(true);
    expect(full.seqs.length).toBeGreaterThan(errors.seqs.length);
    expect(sockets() - before).toBe(1);
    expect(all.updates.some(({ kind }) => kind === 'deliveries')).toBe(true);
  });

  it('comes back after a restart of the daemon without a duplicate or a hole', async () => {
    const told = subscribe();
    await until('it is live', isLive(told));
    await until('something comes', () => told.seqs.length > 0);
    const first = told.seqs[0];
    await daemon.stop();
    await until('the loss is told', () => told.state?.startsWith('reconnecting') ?? false);
    await daemon.demo(10);
    await until('it is live again', isLive(told));
    const again = told.seqs.at(-1) ?? 0;
    await until('more comes', () => (told.seqs.at(-1) ?? 0) > again);
    await expectAll(told, first - 1);
  });

  it('takes a stream where no WebSocket opens, and polls where streams are held back', async () => {
    grafana.settings.upgrades = false;
    const since = await newest();
    const told = subscribe({ since });
    await until('a stream is live', () => told.state?.startsWith('live stream No WebSocket opens') ?? false);
    await until('something comes', () => told.seqs.length > 0);
    await expectAll(told, since);
    grafana.settings.holdsBack = true;
    const late = subscribe({ since });
    await until('it polls', () => late.state?.startsWith('live polling No WebSocket opens') ?? false);
    const polled = late.seqs.length;
    await until('more comes', () => late.seqs.length > polled);
    await expectAll(late, since);
  });

  it('says that a page is no daemon', async () => {
    grafana.settings.page = '<html>Sign in</html>';
    const told = subscribe();
    await until(
      'it is told',
      () => told.state?.startsWith('failed websocket The answer is not from Fleetscope') ?? false
    );
    expect(await source().testDatasource()).toMatchObject({
      status: 'error',
      message: expect.stringContaining('login page'),
    });
  });
});

/** Alerts come from Alertmanager, and nobody sends any here. */
type Table = Exclude<QueryType, 'graph' | 'alerts'>;
/** The simulated cache has keyspace events off, and seldom something else to tell. */
const QUIET: Table[] = ['cache_activity'];
const tables = QUERY_TYPES.filter((type): type is Table => type !== 'graph' && type !== 'alerts');

describe('queries', () => {
  it.each(tables)('have rows of the columns that are known: %s', async (queryType) => {
    let [frame] = await frames({ queryType });
    await until('there are rows', async () => {
      [frame] = await frames({ queryType });
      return frame.length > 0 || QUIET.includes(queryType);
    });
    const known = COLUMNS[queryType].map(({ name }) => name);
    const names = frame.fields.map(({ name }) => name);
    expect(names.slice(0, known.length)).toEqual(known);
    // A field that is new in the API is to get its place among the columns.
    expect(names.slice(known.length)).toEqual([]);
    expect(frame.fields[0].type).toBe(FieldType.time);
    for (const { name, type } of COLUMNS[queryType]) {
      expect(frame.fields.find((field) => field.name === name)?.type).toBe(type);
    }
    for (const name of frame.length > 0 ? FILLED[queryType] : []) {
      expect([name, column(frame, name).some((value) => value !== null && value !== '')]).toEqual([name, true]);
    }
  });

  it('make a graph around a story', async () => {
    const stories = await source().names({ kind: 'story' });
    let [nodes, edges]: DataFrame[] = [];
    await until('a story is in the graph', async () => {
      for (const story of stories.slice(0, 20)) {
        const found = await frames({ queryType: 'graph', filter: { story } }).catch(() => []);
        [nodes, edges] = found;
        if (edges?.length > 0) {
          return true;
        }
      }
      return false;
    });
    expect([nodes.name, edges.name]).toEqual(['nodes', 'edges']);
    const ids = new Set(column(nodes, 'id'));
    expect(column(edges, 'source').every((id) => ids.has(id))).toBe(true);
    expect(column(edges, 'target').every((id) => ids.has(id))).toBe(true);
  });

  it('show log lines with their trace in Explore', async () => {
    const [frame] = await frames({ queryType: 'events', limit: 1500, filter: { source: 'NATS' } }, CoreApp.Explore);
    expect(frame.meta).toMatchObject({ type: 'log-lines', preferredVisualisationType: 'logs' });
    const times = column(frame, 'timestamp') as number[];
    expect(times.length).toBeGreaterThan(100);
    expect(frame.fields.find(({ name }) => name === 'trace_id')?.config.links?.[0].internal).toMatchObject({
      datasourceUid: 'tempo',
    });
  });

  it.each(VARIABLE_KINDS)('name what variables choose from: %s', async (kind) => {
    await until('there are names', async () => (await source().names({ kind })).length > 0);
    const names = await source().names({ kind });
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('with tokens', () => {
  let payloads = 0;

  beforeAll(async () => {
    await daemon.stop();
    await daemon.guarded();
    payloads = (await lastEvent()).seq;
  });

  beforeEach(() => Object.assign(grafana.settings, { token: TOKENS.viewer, debugToken: TOKENS.debug }));

  async function lastEvent() {
    grafana.settings.token = TOKENS.viewer;
    const { items } = await source()
      .feed()
      .history({ filter: { source: 'NATS' }, limit: 1 });
    return items[0];
  }

  it('opens the feed by a ticket', async () => {
    const told = subscribe({ since: payloads - 1 });
    await until('it is live', isLive(told));
    expect(told.seqs).toContain(payloads);
    expect(await source().testDatasource()).toMatchObject({ message: expect.stringContaining('role viewer') });
  });

  it('shows payloads to editors, and to no one else', async () => {
    expect(await source().feed().event(payloads)).toHaveProperty('data');
    const told = subscribe({ since: payloads - 1, payload: 'full' });
    await until('it is live', isLive(told));
    expect(told.updates.find(({ kind }) => kind === 'events')).toHaveProperty('events.0.data');
    grafana.settings.role = 'Viewer';
    const event = await source().feed().event(payloads);
    expect(event).not.toHaveProperty('data');
    expect(event.data_needs_role).toBe('debug');
    const less = subscribe({ since: payloads - 1, payload: 'full' });
    await until(
      'it makes do with less',
      () => less.state?.startsWith('live websocket Payloads are for editors') ?? false
    );
    expect(less.updates.find(({ kind }) => kind === 'events')).not.toHaveProperty('events.0.data');
  });

  it('says that a token is wrong, and goes on once it is right', async () => {
    grafana.settings.token = 'not-a-token-of-the-daemon';
    const told = subscribe();
    await until(
      'it is told',
      () => told.state?.startsWith('failed websocket Fleetscope refuses the token (401)') ?? false
    );
    expect(await source().testDatasource()).toMatchObject({ status: 'error', message: expect.stringContaining('401') });
    grafana.settings.token = TOKENS.viewer;
    await until('it is live', isLive(told));
  });

  it('gives nothing to a path of no route', async () => {
    const url = '/api/datasources/proxy/uid/fleetscope-feed/api/events';
    await expect(lastValueFrom(backend.fetch({ url }))).rejects.toMatchObject({ status: 401 });
  });

  it('gives nothing to a socket without a ticket', async () => {
    const url = `ws://${window.location.host}/api/datasources/proxy/uid/fleetscope-feed/feed/ws`;
    const frames: string[] = [];
    const code = await new Promise<number>((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', since: 0 }));
      socket.onmessage = ({ data }) => frames.push(String(JSON.parse(data).type));
      socket.onclose = (close) => resolve(close.code);
    });
    expect([code, frames]).toEqual([1008, ['error']]);
  });
});

/** Columns that have a value wherever there is a row. */
const FILLED: Record<Table, string[]> = {
  events: [
    'timestamp',
    'summary',
    'severity',
    'type',
    'source',
    'story_id',
    'trace_id',
    'size',
    'seq',
    'id',
    'received',
  ],
  agents: ['last_event', 'agent_id', 'role', 'council', 'state', 'silent', 'tokens', 'tasks', 'llm.requests'],
  councils: ['last_event', 'council', 'agents', 'idle', 'deliberating', 'models', 'llm.input_tokens'],
  stories: ['last_event', 'story_id', 'phase', 'closed', 'events', 'agents', 'phases', 'tasks', 'trace_id'],
  story_timeline: ['from', 'kind', 'state', 'story_id', 'phase', 'task_id'],
  ray_jobs: ['id', 'kind', 'status', 'story_id'],
  llm_requests: ['start', 'end', 'model', 'status', 'seconds', 'input_tokens', 'join', 'request_id', 'seq'],
  cache_keys: ['as_of', 'key', 'key_prefix', 'type', 'memory_bytes'],
  cache_activity: ['at', 'event', 'key'],
  components: ['as_of', 'component', 'probe'],
  consumers: ['as_of', 'consumer', 'stream', 'health', 'pending', 'ack_wait_seconds'],
};
