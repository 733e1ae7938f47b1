import { decode } from './decode';
import { type Hello, type Ticket, type Told } from './types';
import { FeedError, type Route, type Socket, type Trouble, type Upstream } from './upstream';

/** Time for the hello: after it, something on the way does not pass WebSockets. */
const HELLO_MS = 10_000;
/** Silence after which the daemon is asked whether it is there, and after which it is not. */
const QUIET_MS = 15_000;
const SILENT_MS = 10_000;
const OPEN = 1;
/** The close code for "come back later". */
const AGAIN = 1013;

export interface SocketHandlers {
  /** A frame of a subscription; of none, where the daemon refuses a message it cannot place. */
  told(id: string | undefined, frame: Told): void;
  malformed(count: number): void;
  lost(trouble: Trouble): void;
}

/** One connection, from the ticket to the end: a new one is made for each try. */
export class SocketLine {
  private socket: Socket | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isOpen = false;
  private isOver = false;
  private refusal: string | undefined;
  private settle: { resolve: (hello: Hello) => void; reject: (error: FeedError) => void } | undefined;

  constructor(
    private readonly upstream: Upstream,
    private readonly route: Route,
    private readonly handlers: SocketHandlers
  ) {}

  /** Resolves with the hello. */
  async open(): Promise<Hello> {
    // A page of another site can open the WebSocket through Grafana, but cannot read the ticket.
    const { ticket } = await this.upstream.get<Ticket>(this.route, 'api/ticket');
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      if (this.isOver) {
        return reject(new FeedError({ kind: 'closed' }));
      }
      const socket = this.upstream.socket(this.route, 'ws');
      this.socket = socket;
      socket.onopen = () => this.send({ type: 'ticket', ticket });
      socket.onmessage = (message: MessageEvent) => this.received(message.data);
      socket.onclose = (close: CloseEvent) => this.ended(close.code, close.reason);
      this.wait(HELLO_MS, () => this.end({ kind: 'no_upgrade' }));
    });
  }

  send(message: object): void {
    if (!this.isOver && this.socket?.readyState === OPEN) {
      this.socket.send(JSON.stringify(message));
    }
  }

  close(): void {
    this.end({ kind: 'closed' }, true);
  }

  private received(data: unknown): void {
    if (this.isOver) {
      return;
    }
    if (this.isOpen) {
      this.listen();
    }
    const decoded = typeof data === 'string' ? decode(data) : ({ kind: 'malformed' } as const);
    if (decoded.kind === 'ignored') {
      return;
    }
    if (decoded.kind === 'malformed') {
      return this.handlers.malformed(1);
    }
    if (decoded.malformed > 0) {
      this.handlers.malformed(decoded.malformed);
    }
    const { frame } = decoded;
    if (frame.type === 'hello') {
      return this.greeted(frame);
    }
    if (this.isOpen) {
      this.handlers.told(frame.id, frame);
    } else if (frame.type === 'error') {
      this.refusal = frame.detail;
    }
  }

  private greeted(hello: Hello): void {
    if (!this.isOpen) {
      this.isOpen = true;
      this.listen();
      this.settle?.resolve(hello);
    }
  }

  /** Pings are not shown to a page, so silence says nothing until the daemon does not answer either. */
  private listen(): void {
    this.wait(QUIET_MS, () => {
      this.send({ type: 'hello' });
      this.wait(SILENT_MS, () => this.end({ kind: 'silent' }));
    });
  }

  private ended(code: number, reason: string): void {
    const detail = this.refusal ?? (reason || undefined);
    if (code === AGAIN) {
      return this.end({ kind: 'busy', detail });
    }
    this.end({ kind: this.isOpen ? 'closed' : 'no_upgrade', detail });
  }

  private end(trouble: Trouble, isWanted = false): void {
    if (this.isOver) {
      return;
    }
    this.isOver = true;
    clearTimeout(this.timer);
    if (this.socket) {
      this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
      this.socket.close();
    }
    if (!this.isOpen) {
      this.settle?.reject(new FeedError(trouble));
    } else if (!isWanted) {
      this.handlers.lost(trouble);
    }
  }

  private wait(ms: number, then: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(then, ms);
  }
}
