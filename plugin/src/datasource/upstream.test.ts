import { type BackendSrv, config, setBackendSrv } from '@grafana/runtime';
import { lastValueFrom, of, throwError, toArray } from 'rxjs';
import { type Trouble, troubleOf } from '../feed/upstream';
import { explain } from './texts';
import { GrafanaUpstream } from './upstream';

const upstream = new GrafanaUpstream('/api/datasources/proxy/uid/fleetscope-feed');
const asked: Array<{ url: string }> = [];

function answering(fetch: () => unknown, chunked: () => unknown = fetch) {
  const record = (answer: () => unknown) => (options: { url: string }) => {
    asked.push(options);
    return answer();
  };
  setBackendSrv({ fetch: record(fetch), chunked: record(chunked) } as unknown as BackendSrv);
}

const trouble = (promise: Promise<unknown>): Promise<Trouble> =>
  promise.then(
    () => Promise.reject(new Error('it was answered')),
    (error) => troubleOf(error)
  );

beforeEach(() => asked.splice(0));
afterEach(() => (config.appSubUrl = ''));

describe('the way through Grafana', () => {
  it('is the route of the data source', async () => {
    answering(() => of({ data: { items: [] } }));
    await upstream.get('debug', 'api/events', { story: 'US 1', cursor: undefined, q: '', limit: 5 });
    expect(asked[0]).toMatchObject({
      url: '/api/datasources/proxy/uid/fleetscope-feed/debug/api/events?story=US+1&limit=5',
      showErrorAlert: false,
    });
  });

  it.each([
    [401, undefined, 'unauthorized'],
    [403, { message: 'plugin proxy route access denied' }, 'forbidden'],
    [404, '<html>', 'not_found'],
    [429, undefined, 'busy'],
    [400, { detail: '`limit` is `0`' }, 'refused'],
    [502, undefined, 'unreachable'],
    [0, undefined, 'unreachable'],
  ])('tells what is wrong: %s', async (status, data, kind) => {
    answering(() => throwError(() => ({ status, data, config: {} })));
    const found = await trouble(upstream.get('feed', 'status'));
    expect(found.kind).toBe(kind);
    expect(explain(found)).not.toContain('undefined');
    const words = typeof data === 'object' ? Object.values(data)[0] : undefined;
    expect(found.detail).toBe(words);
  });

  it('takes no page for an answer', async () => {
    answering(() => of({ data: '<html>Sign in</html>' }));
    expect((await trouble(upstream.get('feed', 'status'))).kind).toBe('not_json');
  });

  it('hands bytes on as they come, and refusals', async () => {
    const parts = [new Uint8Array([1]), undefined, new Uint8Array([2])];
    answering(() => of(...parts.map((data) => ({ ok: true, status: 200, data }))));
    const got = await lastValueFrom(upstream.chunks('feed', 'api/feed', { since: 4 }).pipe(toArray()));
    expect(got).toEqual([parts[0], parts[2]]);
    expect(asked[0].url).toBe('http://localhost/api/datasources/proxy/uid/fleetscope-feed/feed/api/feed?since=4');
    answering(() => of({ ok: false, status: 403 }));
    expect((await trouble(lastValueFrom(upstream.chunks('feed', 'api/feed')))).kind).toBe('forbidden');
  });

  it.each([
    ['', '/api/datasources/proxy/uid/f', 'ws://localhost/api/datasources/proxy/uid/f/feed/ws'],
    ['/grafana', '/api/datasources/proxy/uid/f', 'ws://localhost/grafana/api/datasources/proxy/uid/f/feed/ws'],
    ['/grafana/', '/grafana/api/datasources/proxy/uid/f', 'ws://localhost/grafana/api/datasources/proxy/uid/f/feed/ws'],
  ])('opens the WebSocket beneath Grafana’s own path "%s"', (prefix, proxy, url) => {
    config.appSubUrl = prefix;
    const opened: string[] = [];
    const original = window.WebSocket;
    window.WebSocket = class {
      constructor(address: string) {
        opened.push(address);
      }
    } as unknown as typeof WebSocket;
    new GrafanaUpstream(proxy).socket('feed', 'ws');
    window.WebSocket = original;
    expect(opened).toEqual([url]);
  });
});
