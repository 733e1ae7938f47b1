import { type ChildProcess, spawn } from 'child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'fs';
import { get } from 'http';
import { createServer } from 'net';
import { tmpdir } from 'os';
import { join } from 'path';

const BINARY = process.env.FLEETSCOPE ?? join(__dirname, '../../target/debug/fleetscope');

export const TOKENS = { viewer: 'viewer-token-of-the-tests', debug: 'debug-token-of-the-tests' };

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** The real daemon, on a history of its own that outlives it. */
export class Daemon {
  readonly folder = mkdtempSync(join(tmpdir(), 'fleetscope-plugin-'));
  port = 0;
  private child: ChildProcess | undefined;
  private output = '';

  /** On a simulated fleet that is so many times as fast as a real one. */
  async demo(speed: number): Promise<void> {
    this.port ||= await freePort();
    const journal = join(this.folder, 'journal');
    await this.start(['demo', '--listen', `127.0.0.1:${this.port}`, '--speed', String(speed), '--keep', journal]);
  }

  /** On what was seen before, with tokens. */
  async guarded(): Promise<void> {
    this.port ||= await freePort();
    const tokens = join(this.folder, 'tokens');
    writeFileSync(tokens, `viewer ${TOKENS.viewer}\ndebug ${TOKENS.debug}\n`, { mode: 0o600 });
    const config = join(this.folder, 'fleetscope.toml');
    const journal = join(this.folder, 'journal');
    writeFileSync(
      config,
      `[http]\nlisten = "127.0.0.1:${this.port}"\ntokens_file = "${tokens}"\n\n[journal]\npath = "${journal}"\n`
    );
    await this.start(['run', '--config', config]);
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    this.child = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async start(args: string[]): Promise<void> {
    if (!existsSync(BINARY)) {
      throw new Error(`${BINARY} is missing: build it, or name another one in FLEETSCOPE`);
    }
    const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.output = '';
    [child.stdout, child.stderr].forEach((stream) =>
      stream?.on('data', (part: Buffer) => (this.output = (this.output + part.toString()).slice(-4_000)))
    );
    await until('the daemon is ready', async () => {
      if (child.exitCode !== null) {
        throw new Error(`the daemon ended: ${this.output}`);
      }
      return (await statusOf(this.port, '/live')) === 200;
    });
  }
}

function statusOf(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    }).on('error', () => resolve(0));
  });
}

/** Waits for a condition, within bounds. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, seconds = 90): Promise<void> {
  const end = Date.now() + seconds * 1_000;
  while (!(await isSo())) {
    if (Date.now() > end) {
      throw new Error(`not within ${seconds} s: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
