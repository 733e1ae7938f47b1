import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from 'http';
import { connect, type Socket } from 'net';

/** What differs from one Grafana, and from one way to it, to another. */
export interface Settings {
  /** Port of the daemon. */
  daemon: number;
  token?: string;
  debugToken?: string;
  role: 'Viewer' | 'Editor';
  /** Whether what stands in front passes WebSockets. */
  upgrades: boolean;
  /** Whether it holds answers back until they are complete. */
  holdsBack: boolean;
  /** Another answer to everything, such as a login page. */
  page?: string;
}

const PROXY = /^\/api\/datasources\/proxy\/uid\/fleetscope-feed\/(.*)$/;
/** What Grafana's data source proxy takes out of a request. */
const HIDDEN = ['cookie', 'origin', 'referer', 'host', 'authorization'];

/**
 * Behaves as Grafana's data source proxy was seen to: the route's token is put in, also into a WebSocket's handshake; a
 * route may need a role; a path of no route is passed on without a token.
 */
export class GrafanaProxy {
  readonly settings: Settings;
  /** Headers that came through to the daemon, by path. */
  readonly passed: Array<{ path: string; headers: IncomingHttpHeaders }> = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(settings: Partial<Settings> & { daemon: number }) {
    this.settings = { role: 'Editor', upgrades: true, holdsBack: false, ...settings };
    this.server = createServer((incoming, response) => {
      const asked = this.route(incoming);
      if (this.settings.page !== undefined) {
        return response.writeHead(200, { 'content-type': 'text/html' }).end(this.settings.page);
      }
      if (typeof asked === 'number') {
        const body = JSON.stringify({ message: 'plugin proxy route access denied' });
        return response.writeHead(asked, { 'content-type': 'application/json' }).end(body);
      }
      const outgoing = request({ ...asked, host: '127.0.0.1', port: this.settings.daemon }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        if (this.settings.holdsBack) {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part)).on('end', () => response.end(Buffer.concat(parts)));
        } else {
          response.flushHeaders();
          answer.pipe(response);
        }
        answer.on('error', () => response.destroy());
      });
      outgoing.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
      response.on('close', () => outgoing.destroy());
      return incoming.pipe(outgoing);
    });
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.server.on('upgrade', (incoming, socket: Socket, head) => this.upgrade(incoming, socket, head));
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    this.sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** What the daemon is asked, or the status that the proxy answers itself. */
  private route(incoming: IncomingMessage) {
    const [, path] = PROXY.exec(incoming.url ?? '') ?? [];
    if (path === undefined) {
      return 404;
    }
    const [first, ...rest] = path.split('/');
    const token = first === 'feed' ? this.settings.token : first === 'debug' ? this.settings.debugToken : undefined;
    const isRoute = first === 'feed' || first === 'debug';
    if (first === 'debug' && this.settings.role === 'Viewer') {
      return 403;
    }
    const kept = Object.entries(incoming.headers).filter(([name]) => !HIDDEN.includes(name));
    const headers: IncomingHttpHeaders = {
      ...Object.fromEntries(kept),
      host: `127.0.0.1:${this.settings.daemon}`,
      ...(isRoute ? { authorization: `Bearer ${token ?? ''}` } : {}),
    };
    const target = { method: incoming.method, path: `/${isRoute ? rest.join('/') : path}`, headers };
    this.passed.push({ path: target.path, headers });
    return target;
  }

  private upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    const asked = this.route(incoming);
    if (!this.settings.upgrades || typeof asked === 'number' || this.settings.page !== undefined) {
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
      return;
    }
    const upstream = connect(this.settings.daemon, '127.0.0.1', () => {
      const lines = Object.entries(asked.headers).map(([name, value]) => `${name}: ${value}`);
      upstream.write(`GET ${asked.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    upstream.on('close', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
    socket.on('close', () => upstream.destroy());
  }
}
