// A real Prometheus that scrapes a daemon once a second, as deploy/prometheus does.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { freePort } from '../daemon.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const TOOL = join(ROOT, '.tools/deb/usr/bin/prometheus');
const RULES = join(ROOT, 'alerts/fleet.rules.yaml');
const START_MS = 30_000;

/** Why there is none, or nothing. */
export const missing = () => (existsSync(TOOL) ? undefined : `no ${TOOL}: run \`make tools\``);

async function ask(at, query) {
  const response = await fetch(`http://${at.host}:${at.port}/api/v1/query?${new URLSearchParams({ query })}`);
  return (await response.json()).data.result;
}

export async function startPrometheus(daemon) {
  const folder = mkdtempSync(join(tmpdir(), 'fleetscope-prometheus-'));
  const at = { host: '127.0.0.1', port: await freePort() };
  const config = join(folder, 'prometheus.yml');
  const job = `{job_name: fleetscope, static_configs: [{targets: ['${daemon.host}:${daemon.port}']}]}`;
  const lines = [
    'global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}',
    `rule_files: ['${RULES}']`,
    `scrape_configs: [${job}]`,
  ];
  writeFileSync(config, lines.join('\n'));
  const options = {
    'config.file': config,
    'storage.tsdb.path': join(folder, 'data'),
    'web.listen-address': `${at.host}:${at.port}`,
  };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(TOOL, flags, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const end = Date.now() + START_MS;
  // A rate takes two scrapes.
  while (
    !(await ask(at, 'rate(fleetscope_events_total[10s])').then(
      (found) => found.length > 0,
      () => false
    ))
  ) {
    if (child.exitCode !== null || Date.now() > end) {
      await stop();
      throw new Error('Prometheus did not scrape the daemon');
    }
    await wait(100);
  }
  return { ...at, stop };
}
