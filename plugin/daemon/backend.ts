import { type BackendSrv, type BackendSrvRequest, type FetchResponse } from '@grafana/runtime';
import { get, type IncomingMessage } from 'http';
import { Observable } from 'rxjs';

/** Asks as Grafana's own service does: JSON where it is JSON, text where it is not, and an error by its status. */
function open(options: BackendSrvRequest, answered: (answer: IncomingMessage) => void, failed: (error: Error) => void) {
  const url = new URL(options.url, window.location.href);
  return get(url, { headers: { ...options.headers, cookie: 'grafana_session=1', origin: url.origin } }, answered).on(
    'error',
    failed
  );
}

const responseOf = <T>(options: BackendSrvRequest, { statusCode = 0, statusMessage = '' }: IncomingMessage, data: T) =>
  ({
    status: statusCode,
    statusText: statusMessage,
    ok: statusCode >= 200 && statusCode < 300,
    data,
    config: options,
  }) as FetchResponse<T>;

export const backend: Pick<BackendSrv, 'fetch' | 'chunked'> = {
  fetch: <T>(options: BackendSrvRequest) =>
    new Observable<FetchResponse<T>>((observer) => {
      const outgoing = open(
        options,
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8');
            const response = responseOf(options, answer, parsed(text) as T);
            if (response.ok) {
              observer.next(response);
              observer.complete();
            } else {
              observer.error(response);
            }
          });
        },
        () => observer.error({ status: 0, data: undefined, config: options })
      );
      return () => outgoing.destroy();
    }),

  chunked: (options: BackendSrvRequest) =>
    new Observable<FetchResponse<Uint8Array | undefined>>((observer) => {
      const outgoing = open(
        options,
        (answer) => {
          answer.on('data', (part: Buffer) => observer.next(responseOf(options, answer, new Uint8Array(part))));
          answer.on('end', () => observer.complete());
          answer.on('error', (error) => observer.error(error));
        },
        (error) => observer.error(error)
      );
      return () => outgoing.destroy();
    }),
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
