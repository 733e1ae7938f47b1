import { type Observable } from 'rxjs';

/** Which of the data source's routes: each brings a token of its own. */
export type Route = 'feed' | 'debug';

export type Params = Record<string, string | number | undefined>;

/** The part of a WebSocket that is used. */
export type Socket = Pick<WebSocket, 'readyState' | 'send' | 'close' | 'onopen' | 'onmessage' | 'onclose' | 'onerror'>;

/** How the daemon is reached. */
export interface Upstream {
  /** A JSON document. Fails with a `FeedError`. */
  get<T>(route: Route, path: string, params?: Params): Promise<T>;
  /** The bytes of a long answer as they come. Fails with a `FeedError`. */
  chunks(route: Route, path: string, params?: Params): Observable<Uint8Array>;
  socket(route: Route, path: string): Socket;
}

export type TroubleKind =
  /** 401. */
  | 'unauthorized'
  /** 403. */
  | 'forbidden'
  /** 404. */
  | 'not_found'
  /** Another 4xx: what was asked for is wrong. */
  | 'refused'
  /** 429. */
  | 'busy'
  /** No answer, or 5xx. */
  | 'unreachable'
  /** An answer that is no JSON: a login page, another service. */
  | 'not_json'
  /** The WebSocket does not open, though the daemon answers. */
  | 'no_upgrade'
  /** The stream opens, but nothing comes: somebody on the way holds it back. */
  | 'held_back'
  /** The connection was open and fell silent. */
  | 'silent'
  /** The connection ended. */
  | 'closed'
  /** The daemon is older than this plugin. */
  | 'old_server'
  /** Frames came that could not be understood. */
  | 'malformed'
  /** Payloads were asked for, and are for another role. */
  | 'no_payloads'
  /** There are more subscriptions than the transport carries as they come. */
  | 'crowded';

/** What is wrong, for those who put it into words. */
export interface Trouble {
  kind: TroubleKind;
  status?: number;
  detail?: string;
  count?: number;
}

export class FeedError extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble.detail ?? trouble.kind);
    this.name = 'FeedError';
  }
}

/** What is wrong, of anything that was thrown. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof FeedError) {
    return error.trouble;
  }
  return { kind: 'unreachable', detail: error instanceof Error ? error.message : String(error) };
}

/** Trouble that waiting alone does not end: somebody has to change something. */
export const isLasting = (trouble: Trouble): boolean =>
  ['unauthorized', 'forbidden', 'not_found', 'refused', 'not_json'].includes(trouble.kind);
