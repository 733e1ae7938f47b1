// The real feed client over the address of Grafana's data source proxy, with as much of Grafana's HTTP service as it uses.
import { type BackendSrv, type BackendSrvRequest, type FetchResponse, setBackendSrv } from '@grafana/runtime';
import { from, Observable } from 'rxjs';

import { explain } from '../../src/datasource/texts';
import { GrafanaUpstream } from '../../src/datasource/upstream';
import { FeedClient } from '../../src/feed/client';
import { type FeedSource } from '../../src/panel/feed';

async function ask<T>(request: BackendSrvRequest): Promise<FetchResponse<T>> {
  const response = await fetch(request.url, { method: request.method, headers: request.headers });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  const told = { status: response.status, statusText: response.statusText, data: isJson ? JSON.parse(text) : text };
  if (!response.ok) {
    throw told;
  }
  const { ok, headers, redirected, type, url } = response;
  return { ...told, ok, headers, redirected, type, url, config: request };
}

function chunked(request: BackendSrvRequest): Observable<FetchResponse<Uint8Array | undefined>> {
  return new Observable((observer) => {
    const abort = new AbortController();
    const read = async () => {
      const response = await fetch(request.url, { headers: request.headers, signal: abort.signal });
      const { ok, status, statusText, headers, redirected, type, url } = response;
      const told = { ok, status, statusText, headers, redirected, type, url, config: request };
      const reader = response.body?.getReader();
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
        observer.next({ ...told, data: part.value });
      }
      observer.complete();
    };
    read().catch((error) => !abort.signal.aborted && observer.error(error));
    return () => abort.abort();
  });
}

export const grafanaService = (): BackendSrv => {
  const service = { fetch: <T>(request: BackendSrvRequest) => from(ask<T>(request)), chunked };
  return service as unknown as BackendSrv;
};

export function daemonFeed(proxy: string): FeedSource {
  setBackendSrv(grafanaService());
  return new FeedClient(new GrafanaUpstream(proxy), { explain });
}
