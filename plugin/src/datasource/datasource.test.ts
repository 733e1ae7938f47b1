import {
  CoreApp,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceInstanceSettings,
  dateTime,
  LoadingState,
} from '@grafana/data';
import { type TemplateSrv } from '@grafana/runtime';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { event, events } from '../testing/feed';
import { FakeUpstream, settle } from '../testing/upstream';
import { FleetDataSource } from './datasource';
import { type FleetOptions, type FleetQuery, type FleetVariableQuery } from './types';

const templates = {
  replace: (text = '') => text.replace('$story', 'US-7'),
  getVariables: () => [],
} as unknown as TemplateSrv;
const settings = { url: '/proxy', jsonData: { url: 'http://fleetscope:8080', tempoUid: 'tempo' } };

const source = (upstream: FakeUpstream, jsonData: FleetOptions = settings.jsonData) =>
  new FleetDataSource({ ...settings, jsonData } as DataSourceInstanceSettings<FleetOptions>, templates, upstream);

const request = (query: Partial<FleetQuery>, more: object = {}) =>
  ({
    targets: [{ refId: 'A', queryType: 'events', ...query }],
    app: CoreApp.Dashboard,
    scopedVars: {},
    range: { from: dateTime('2026-02-14T09:00:00Z'), to: dateTime('2026-02-14T10:00:00Z') },
    ...more,
  }) as unknown as DataQueryRequest<FleetQuery>;

const seqs = (response: DataQueryResponse) =>
  response.data[0].fields.find(({ name }: { name: string }) => name === 'seq').values;

const history = (...numbers: number[]) =>
  new FakeUpstream(() => ({ items: numbers.map((seq) => event(seq)), next: null, as_of: '' }));

describe('queries', () => {
  it('are of the time range, with variables put in', async () => {
    const upstream = history(3, 2);
    const response = await lastValueFrom(source(upstream).query(request({ filter: { story: '$story' }, limit: 50 })));
    expect(upstream.asked).toEqual([
      {
        route: 'feed',
        path: 'api/events',
        params: expect.objectContaining({
          story: 'US-7',
          since: '2026-02-14T09:00:00.000Z',
          until: '2026-02-14T10:00:00.000Z',
          limit: 50,
        }),
      },
    ]);
    expect(seqs(response)).toEqual([3, 2]);
    expect(response).toMatchObject({ state: LoadingState.Done, key: 'A' });
  });

  it('say what is wrong, each by itself', async () => {
    const upstream = history();
    upstream.trouble.feed = { kind: 'unauthorized', status: 401 };
    const response = await lastValueFrom(source(upstream).query(request({ queryType: 'agents' })));
    expect(response.errors).toEqual([{ refId: 'A', message: expect.stringContaining('401') }]);
    expect(response.state).toBe(LoadingState.Error);
  });

  it('are left out where they are hidden, or empty', async () => {
    const upstream = history();
    const asked = request({ hide: true });
    expect(await lastValueFrom(source(upstream).query(asked))).toEqual({ data: [], state: LoadingState.Done });
    expect(upstream.asked).toEqual([]);
  });

  it('are left to the event panel, which takes the feed itself', async () => {
    const upstream = history(1);
    const asked = request({ live: true }, { panelPluginId: 'underpass-fleetscopeevents-panel' });
    expect(await lastValueFrom(source(upstream).query(asked))).toEqual({ data: [], state: LoadingState.Done });
    expect(upstream.asked).toEqual([]);
  });

  it('take the value of a log line’s label as a filter', () => {
    const query: FleetQuery = { refId: 'A', queryType: 'events', filter: { role: 'DEV' } };
    const modify = (key: string) =>
      source(history()).modifyQuery(query, { type: 'ADD_FILTER', options: { key, value: 'x' } }).filter;
    expect(modify('story_id')).toEqual({ role: 'DEV', story: 'x' });
    expect(modify('weather')).toEqual({ role: 'DEV' });
  });
});

describe('live queries', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('begin with what is there, go on with what comes, and end', async () => {
    const upstream = history(2, 1);
    const got: DataQueryResponse[] = [];
    const running = source(upstream)
      .query(request({ live: true, limit: 3 }))
      .subscribe((response) => got.push(response));
    await settle();
    expect(seqs(got[0])).toEqual([2, 1]);
    const socket = await upstream.opened(2);
    expect(socket.subscriptions.at(-1)).toMatchObject({ since: 2 });
    socket.tell({ ...events(3, 4), id: socket.id });
    socket.tell({
      type: 'deliveries',
      items: [{ seq: 4, consumer: 'c', state: 'acked', attempts: 1, latency_ms: 2 }],
      id: socket.id,
    });
    await jest.advanceTimersByTimeAsync(300);
    expect(got).toHaveLength(2);
    expect(seqs(got[1])).toEqual([4, 3, 2]);
    expect(got.every(({ state, key }) => state === LoadingState.Streaming && key === 'A')).toBe(true);
    running.unsubscribe();
    await jest.advanceTimersByTimeAsync(5_000);
    expect([socket.readyState, jest.getTimerCount()]).toEqual([3, 0]);
  });

  it('show in the frame what is wrong with the feed', async () => {
    const upstream = history(1);
    const got: DataQueryResponse[] = [];
    const running = source(upstream)
      .query(request({ live: true }))
      .subscribe((response) => got.push(response));
    await settle();
    const socket = await upstream.opened(2);
    socket.end();
    await jest.advanceTimersByTimeAsync(300);
    expect(got.at(-1)?.data[0].meta.notices[0].text).toContain('The connection was closed');
    running.unsubscribe();
  });

  it('ask for nothing once nobody listens', async () => {
    const upstream = history(1);
    source(upstream)
      .query(request({ live: true }))
      .subscribe()
      .unsubscribe();
    await settle();
    expect([upstream.sockets.length, jest.getTimerCount()]).toEqual([0, 0]);
  });
});

describe('variables', () => {
  const ask = async (upstream: FakeUpstream, query: Partial<FleetVariableQuery>) => {
    const asked = { targets: [{ refId: 'A', ...query }] } as unknown as DataQueryRequest<FleetVariableQuery>;
    const support = source(upstream).variables as unknown as {
      query(request: DataQueryRequest<FleetVariableQuery>): ReturnType<FleetDataSource['query']>;
    };
    const { data } = await firstValueFrom(support.query(asked));
    return data[0].fields[0].values;
  };

  it('are names, each once', async () => {
    const items = ['DEV', 'QA', 'DEV', null, ''].map((role, n) => ({
      role,
      agent_id: `a${9 - n}`,
      story_id: n ? 'US-7' : 'x',
    }));
    const upstream = new FakeUpstream(() => ({ items, next: null, as_of: '' }));
    expect(await ask(upstream, { kind: 'role' })).toEqual(['DEV', 'QA']);
    expect(await ask(upstream, { kind: 'agent', filter: { story: '$story' } })).toEqual(['a5', 'a6', 'a7', 'a8']);
  });

  it('are tasks of stories', async () => {
    const items = [
      { story_id: 'US-7', agents: [], tasks: [{ task_id: 'T-2' }, { task_id: 'T-1' }] },
      { story_id: 'US-8', agents: [], tasks: [] },
    ];
    const upstream = new FakeUpstream(() => ({ items, next: null, as_of: '' }));
    expect(await ask(upstream, { kind: 'task', filter: { story: 'US-7' } })).toEqual(['T-2', 'T-1']);
  });

  it('are types and producers of events', async () => {
    const upstream = history(1);
    expect(await ask(upstream, { kind: 'type', filter: { story: '$story' } })).toEqual(['planning.story.created']);
    expect(await ask(upstream, { kind: 'producer' })).toEqual(['ray-executor']);
    expect(upstream.asked[0].params).toMatchObject({ story: 'US-7', limit: 1000 });
  });
});

describe('the health check', () => {
  const status = { version: '0.1.0', role: 'viewer', ready: true };
  const daemon = (answer: object = status) => new FakeUpstream((_route, path) => (path === 'status' ? answer : {}));

  it('tells version, role and how the feed comes', async () => {
    const upstream = daemon();
    const checked = source(upstream).testDatasource();
    await upstream.opened();
    expect(await checked).toEqual({
      status: 'success',
      message: 'Fleetscope 0.1.0, role viewer. The live feed opens over a WebSocket.',
    });
    expect(upstream.last.readyState).toBe(3);
  });

  it('tells that no WebSocket opens', async () => {
    const upstream = daemon({ ...status, ready: false });
    const checked = source(upstream).testDatasource();
    await settle();
    upstream.last.end();
    expect((await checked).message).toMatch(/not ready yet.*does not pass upgrades\. The live feed falls back/);
  });

  it('tells that the daemon is too old', async () => {
    const upstream = daemon();
    const checked = source(upstream).testDatasource();
    await settle();
    upstream.last.open();
    upstream.last.tell({ type: 'hello', version: '0.0.9', head: 0, oldest: 0, as_of: '' });
    expect((await checked).message).toContain('0.0.9 is older than this plugin');
  });

  it.each([
    [{ kind: 'unauthorized' } as const, '401'],
    [{ kind: 'forbidden', detail: 'not you' } as const, 'not you'],
    [{ kind: 'not_found' } as const, 'without a path'],
    [{ kind: 'not_json' } as const, 'login page'],
    [{ kind: 'unreachable' } as const, 'cannot reach'],
  ])('tells what to change: %j', async (trouble, words) => {
    const upstream = daemon();
    upstream.trouble.feed = trouble;
    expect(await source(upstream).testDatasource()).toEqual({
      status: 'error',
      message: expect.stringContaining(words),
    });
  });

  it('tells that it is another service, or no address', async () => {
    expect((await source(daemon({ fine: true })).testDatasource()).message).toContain('not from Fleetscope');
    expect((await source(daemon(), {}).testDatasource()).message).toContain('jsonData.url');
  });
});
