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
  const subscription = from.feed().subscribe({ filter: {}, payload: 'summary', ...options }).subscribe(told.take);
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

/** All seqs of the history after one, up to another. */
async function seqs(after: number, upTo: number): Promise<number[]> {
  const all: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await source().feed().history({ filter: {}, order: 'asc', limit: 1000, cursor });
    all.push(...page.items.map(({ seq }) => seq));
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return all.filter((seq) => seq > after && seq <= upTo);
}

const isLive = (told: Told) => () => told.state?.startsWith('live') ?? false;
const column = (frame: DataFrame, name: string): unknown[] => frame.fields.find((one) => one.name === name)?.values ?? [];

beforeAll(async () => {
  setBackendSrv(backend as BackendSrv);
  await daemon.demo(40);
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
    expect(all.seqs).toEqual(await seqs(0, last));
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
    await daemon.demo(40);
    await until('it is live again', isLive(told));
    const again = told.seqs.at(-1) ?? 0;
    await until('more comes', () => (told.seqs.at(-1) ?? 0) > again);
    expect(told.seqs).toEqual(await seqs(first - 1, told.seqs.at(-1) ?? 0));
    expect(told.gaps).toEqual([]);
  });

  it('takes a stream where no WebSocket opens, and polls where streams are held back', async () => {
    grafana.settings.upgrades = false;
    const told = subscribe({ since: 0 });
    await until('a stream is live', () => told.state?.startsWith('live stream No WebSocket opens') ?? false);
    const head = told.seqs.at(-1) ?? 0;
    await until('more comes', () => (told.seqs.at(-1) ?? 0) > head);
    expect(told.seqs).toEqual(await seqs(0, told.seqs.at(-1) ?? 0));
    grafana.settings.holdsBack = true;
    const late = subscribe({ since: head });
    await until('it polls', () => late.state?.startsWith('live polling') ?? false);
    const polled = late.seqs.at(-1) ?? 0;
    await until('more comes', () => (late.seqs.at(-1) ?? 0) > polled);
    expect(late.seqs).toEqual(await seqs(head, late.seqs.at(-1) ?? 0));
  });

  it('says that a page is no daemon', async () => {
    grafana.settings.page = '<html>Sign in</html>';
    const told = subscribe();
    await until('it is told', () => told.state?.startsWith('failed websocket The answer is not from Fleetscope') ?? false);
    expect(await source().testDatasource()).toMatchObject({
      status: 'error',
      message: expect.stringContaining('login page'),
    });
  });
});

describe('queries', () => {
  // Alerts come from Alertmanager, and nobody sends any here.
  const tables = QUERY_TYPES.filter((type): type is keyof typeof COLUMNS => type !== 'graph' && type !== 'alerts');

  it.each(tables)('have rows of the columns that are known: %s', async (queryType) => {
    let [frame] = await frames({ queryType });
    await until('there are rows', async () => {
      [frame] = await frames({ queryType });
      return frame.length > 0;
    });
    const known = COLUMNS[queryType].map(({ name }) => name);
    const names = frame.fields.map(({ name }) => name);
    expect(names.slice(0, known.length)).toEqual(known);
    // What comes besides is told by name, so that a new field of the API is noticed here.
    expect(names.slice(known.length).sort()).toEqual(MORE[queryType] ?? []);
    expect(frame.fields[0].type).toBe(FieldType.time);
    for (const { name, type } of COLUMNS[queryType]) {
      expect(frame.fields.find((field) => field.name === name)?.type).toBe(type);
    }
    const empty = known.filter((name) => column(frame, name).every((value) => value === null));
    expect(empty.filter((name) => !(OFTEN_EMPTY[queryType] ?? []).includes(name))).toEqual([]);
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
    const { items } = await source().feed().history({ filter: { source: 'NATS' }, limit: 1 });
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
    await until('it makes do with less', () => less.state?.startsWith('live websocket Payloads are for editors') ?? false);
    expect(less.updates.find(({ kind }) => kind === 'events')).not.toHaveProperty('events.0.data');
  });

  it('says that a token is wrong, and goes on once it is right', async () => {
    grafana.settings.token = 'not-a-token-of-the-daemon';
    const told = subscribe();
    await until('it is told', () => told.state?.startsWith('failed websocket Fleetscope refuses the token (401)') ?? false);
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

/** Fields of the API that have no column of their own, by query type. */
const MORE: Partial<Record<QueryType, string[]>> = {};
/** Columns that a simulated fleet may leave empty. */
const OFTEN_EMPTY: Partial<Record<QueryType, string[]>> = {};
