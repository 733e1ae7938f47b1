import { config, type FetchError, type FetchResponse, getBackendSrv } from '@grafana/runtime';
import { lastValueFrom, map, Observable } from 'rxjs';
import { FeedError, type Params, type Route, type Socket, type Trouble, type Upstream } from '../feed/upstream';

/** The daemon behind Grafana's data source proxy, which adds the token of the route. */
export class GrafanaUpstream implements Upstream {
  /** `proxy`: the data source's path in Grafana. */
  constructor(private readonly proxy: string) {}

  async get<T>(route: Route, path: string, params: Params = {}): Promise<T> {
    const url = `${this.proxy}/${route}/${path}${queryOf(params)}`;
    const request = { url, method: 'GET', showErrorAlert: false, showSuccessAlert: false, hideFromInspector: true };
    try {
      const { data } = await lastValueFrom(getBackendSrv().fetch<T>(request));
      if (typeof data !== 'object' || data === null) {
        throw new FeedError({ kind: 'not_json' });
      }
      return data;
    } catch (error) {
      throw error instanceof FeedError ? error : new FeedError(troubleOfFetch(error));
    }
  }

  chunks(route: Route, path: string, params: Params = {}): Observable<Uint8Array> {
    // A whole URL: Grafana handles relative ones here differently from version to version.
    const url = `${window.location.origin}${this.path(route, path)}${queryOf(params)}`;
    const headers = { Accept: 'application/x-ndjson', 'X-Grafana-Org-Id': String(config.bootData?.user?.orgId ?? 1) };
    return new Observable<Uint8Array>((observer) =>
      getBackendSrv()
        .chunked({ url, method: 'GET', headers, showErrorAlert: false })
        .pipe(map(bytesOf))
        .subscribe({
          next: (bytes) => bytes && observer.next(bytes),
          error: (error) => observer.error(error instanceof FeedError ? error : new FeedError(troubleOfFetch(error))),
          complete: () => observer.complete(),
        })
    );
  }

  socket(route: Route, path: string): Socket {
    const scheme = window.location.protocol === 'https:' ? 'wss:' : 'ws:';
    return new WebSocket(`${scheme}//${window.location.host}${this.path(route, path)}`);
  }

  /** Grafana may be served under a path of its own. */
  private path(route: Route, path: string): string {
    const prefix = (config.appSubUrl ?? '').replace(/\/$/, '');
    const proxy = prefix && this.proxy.startsWith(`${prefix}/`) ? this.proxy : `${prefix}${this.proxy}`;
    return `${proxy}/${route}/${path}`;
  }
}

function bytesOf(response: FetchResponse<Uint8Array | undefined>): Uint8Array | undefined {
  if (!response.ok) {
    throw new FeedError(troubleOfStatus(response.status));
  }
  return response.data;
}

function queryOf(params: Params): string {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== '');
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return query === '' ? '' : `?${query}`;
}

/** What is wrong, by the answer's status and what the daemon, or Grafana, says about it. */
function troubleOfStatus(status: number, detail?: string): Trouble {
  const kinds = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 429: 'busy' } as const;
  if (status in kinds) {
    return { kind: kinds[status as keyof typeof kinds], status, detail };
  }
  return { kind: status >= 400 && status < 500 ? 'refused' : 'unreachable', status: status || undefined, detail };
}

const isFetchError = (error: unknown): error is FetchError =>
  typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number';

function troubleOfFetch(error: unknown): Trouble {
  if (!isFetchError(error)) {
    return { kind: 'unreachable', detail: error instanceof Error ? error.message : String(error) };
  }
  const { status, data } = error;
  const words = typeof data === 'object' && data !== null ? (data.detail ?? data.message) : undefined;
  return troubleOfStatus(status, typeof words === 'string' ? words : undefined);
}
