// Serves the page, and stands in for Grafana's data source proxy: the route's token is put in, and what tells of the
// browser is taken out.
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { extname, join, normalize } from 'node:path';

import { DIST } from './build.mjs';

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};
const PROXY = /^\/api\/datasources\/proxy\/uid\/[\w-]+\/(feed|debug)\/(.*)$/;
const METRICS = /^\/api\/datasources\/proxy\/uid\/fleetscope-prometheus\/(.*)$/;
const HIDDEN = ['cookie', 'origin', 'referer', 'host'];

/** What is asked of whom, or nothing where the address is not the proxy's, or nobody is there. */
function upstreamOf(incoming, { daemon, token, prometheus }) {
  const metrics = METRICS.exec(incoming.url)?.[1];
  const path = metrics ?? PROXY.exec(incoming.url)?.[2];
  const to = metrics === undefined ? daemon : prometheus;
  if (path === undefined || !to) {
    return undefined;
  }
  const kept = Object.entries(incoming.headers).filter(([name]) => !HIDDEN.includes(name));
  const headers = { ...Object.fromEntries(kept), host: `${to.host}:${to.port}` };
  if (token && to === daemon) {
    headers.authorization = `Bearer ${token}`;
  }
  return { host: to.host, port: to.port, method: incoming.method, path: `/${path}`, headers };
}

async function file(path, response) {
  const { pathname } = new URL(path, 'http://page');
  const asked = pathname === '/' ? '/index.html' : normalize(pathname);
  try {
    const body = await readFile(join(DIST, asked));
    const type = TYPES[extname(asked)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'cache-control': 'max-age=60' }).end(body);
  } catch {
    response.writeHead(404).end();
  }
}

/**
 * Answers on a free port of loopback. `daemon` and `prometheus` = `{ host, port }`; where they are not there the proxy
 * answers 502, as Grafana does.
 */
export async function serve({ port = 0, ...upstreams } = {}) {
  const server = createServer((incoming, response) => {
    const wanted = upstreamOf(incoming, upstreams);
    if (!wanted) {
      return PROXY.test(incoming.url) || METRICS.test(incoming.url)
        ? response.writeHead(502).end()
        : file(incoming.url, response);
    }
    const outgoing = request(wanted, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (incoming, socket, head) => {
    const wanted = upstreamOf(incoming, upstreams);
    if (!wanted) {
      return socket.destroy();
    }
    const upstream = connect(wanted.port, wanted.host, () => {
      const lines = Object.entries(wanted.headers).map(([name, value]) => `${name}: ${value}`);
      upstream.write(`GET ${wanted.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
    socket.on('close', () => upstream.destroy());
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    /** As when Grafana is restarted, or a laptop wakes: every connection ends. */
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: () => {
      sockets.forEach((socket) => socket.destroy());
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
