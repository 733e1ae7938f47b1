// A real daemon with a simulated fleet.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BUILT = join(dirname(fileURLToPath(import.meta.url)), '../../target/debug/fleetscope');
const START_MS = 30_000;

export const BINARY = process.env.FLEETSCOPE ?? BUILT;

/** Below the ports that the system gives to whoever connects or asks for any: nobody takes it before the daemon does. */
export const freePort = () =>
  new Promise((resolve) => {
    const port = 10_000 + Math.floor(Math.random() * 5_000);
    const server = createServer();
    server.on('error', () => resolve(freePort()));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
  });

/** Starts it; `speed` = simulated seconds per second. */
export async function startDaemon(speed = 5) {
  if (!existsSync(BINARY)) {
    throw new Error(`${BINARY} is not built: run \`cargo build\`, or say in FLEETSCOPE where it is`);
  }
  const at = { host: '127.0.0.1', port: await freePort() };
  const listen = `${at.host}:${at.port}`;
  const child = spawn(BINARY, ['demo', '--listen', listen, '--speed', String(speed)], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const end = Date.now() + START_MS;
  while (!(await isUp(listen))) {
    if (child.exitCode !== null || Date.now() > end) {
      child.kill();
      throw new Error(`the daemon did not come up at ${listen}`);
    }
    await wait(100);
  }
  return {
    ...at,
    stop: () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}

const isUp = (listen) =>
  fetch(`http://${listen}/api/events?limit=1`).then(
    async (answer) => answer.ok && (await answer.json()).items.length > 0,
    () => false
  );
