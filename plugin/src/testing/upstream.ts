import { Subject, throwError } from 'rxjs';
import { type FeedUpdate } from '../feed/source';
import { type Frame } from '../feed/types';
import { FeedError, type Params, type Route, type Socket, type Trouble, type Upstream } from '../feed/upstream';

/** A daemon's end of a socket, played by a test. */
export class FakeSocket implements Socket {
  readyState = 0;
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  onerror: Socket['onerror'] = null;
  readonly said: Array<Record<string, unknown>> = [];

  constructor(readonly route: Route) {}

  send(text: string): void {
    this.said.push(JSON.parse(text));
  }

  close(): void {
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.call(this as unknown as WebSocket, new Event('open'));
  }

  raw(data: unknown): void {
    this.onmessage?.call(this as unknown as WebSocket, new MessageEvent('message', { data }));
  }

  tell(frame: Frame | Record<string, unknown>): void {
    this.raw(JSON.stringify(frame));
  }

  hello(head = 0, subscriptions: number | undefined = 16): void {
    this.tell({ type: 'hello', version: '0.1.0', head, oldest: 1, as_of: '2026-02-14T09:12:33Z', subscriptions });
  }

  end(code = 1006, reason = ''): void {
    this.readyState = 3;
    this.onclose?.call(this as unknown as WebSocket, { code, reason } as CloseEvent);
  }

  /** Subscriptions asked for, by their name. */
  get subscriptions(): Array<Record<string, unknown>> {
    return this.said.filter(({ type }) => type === 'subscribe');
  }

  /** The name of the last subscription. */
  get id(): string {
    return String(this.subscriptions.at(-1)?.id);
  }
}

type Answer = (route: Route, path: string, params: Params) => unknown;

/** The daemon as a test says it is. */
export class FakeUpstream implements Upstream {
  readonly sockets: FakeSocket[] = [];
  readonly streams: Array<{ params: Params; bytes: Subject<Uint8Array> }> = [];
  readonly asked: Array<{ route: Route; path: string; params: Params }> = [];
  trouble: Partial<Record<Route, Trouble>> = {};
  streamTrouble: Trouble | undefined;

  constructor(private readonly answer: Answer = () => ({ items: [], next: null, as_of: '' })) {}

  async get<T>(route: Route, path: string, params: Params = {}): Promise<T> {
    this.asked.push({ route, path, params });
    const trouble = this.trouble[route];
    if (trouble) {
      throw new FeedError(trouble);
    }
    if (path === 'api/ticket') {
      return { ticket: `ticket-${this.asked.length}`, expires_in: 30, role: 'viewer', required: true } as T;
    }
    const answer = await this.answer(route, path, params);
    return answer as T;
  }

  chunks(_route: Route, _path: string, params: Params = {}) {
    if (this.streamTrouble) {
      return throwError(() => new FeedError(this.streamTrouble ?? { kind: 'closed' }));
    }
    const bytes = new Subject<Uint8Array>();
    this.streams.push({ params, bytes });
    return bytes;
  }

  socket(route: Route): Socket {
    const socket = new FakeSocket(route);
    this.sockets.push(socket);
    return socket;
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) {
      throw new Error('no socket was opened');
    }
    return socket;
  }

  /** Lets what waits for answers go on, and opens the socket that comes of it. */
  async opened(head = 0): Promise<FakeSocket> {
    await settle();
    this.last.open();
    this.last.hello(head);
    await settle();
    return this.last;
  }
}

/** Promises that are settled are acted upon; timers stand still. */
export async function settle(): Promise<void> {
  for (let n = 0; n < 10; n++) {
    await Promise.resolve();
  }
}

export const line = (frame: object) => new TextEncoder().encode(`${JSON.stringify(frame)}\n`);

/** What a subscriber was told. */
export class Told {
  readonly updates: FeedUpdate[] = [];
  readonly take = (update: FeedUpdate) => void this.updates.push(update);

  get seqs(): number[] {
    return this.updates.flatMap((update) => (update.kind === 'events' ? update.events.map(({ seq }) => seq) : []));
  }

  get gaps() {
    return this.updates.flatMap((update) => (update.kind === 'gap' ? [[update.from, update.to, update.reason]] : []));
  }

  get states(): string[] {
    return this.updates.flatMap((u) =>
      u.kind === 'status' ? [`${u.state} ${u.transport} ${u.detail ?? ''}`.trim()] : []
    );
  }

  get state(): string | undefined {
    return this.states.at(-1);
  }
}
