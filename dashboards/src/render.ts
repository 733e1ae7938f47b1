// Writes the dashboards beside this project, or, with --check, says where the files are not what the code gives.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard, DashboardBuilder, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { agent } from './agent';
import { consumers } from './consumers';
import { councils } from './councils';
import { events } from './events';
import { eventsLogs } from './events-logs';
import { graphCache } from './graph-cache';
import type { BoardName } from './links';
import { overview } from './overview';
import { rayLlm } from './ray-llm';
import { self } from './self';
import { story } from './story';

const BOARDS: Record<BoardName, () => DashboardBuilder> = {
  overview,
  councils,
  events,
  'events-logs': eventsLogs,
  'ray-llm': rayLlm,
  'graph-cache': graphCache,
  story,
  agent,
  consumers,
  self,
};

function rendered(dashboard: Dashboard): string {
  // Not set by the SDK: a number each, in the order in which they are shown.
  (dashboard.panels as Panel[] | undefined)?.forEach((panel, at) => (panel.id = at + 1));
  // The SDK's default would hide the link in a menu.
  dashboard.links?.forEach((link) => Reflect.deleteProperty(link, 'placement'));
  dashboard.annotations?.list?.forEach((annotation) => Reflect.deleteProperty(annotation, 'placement'));
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const isCheck = process.argv.includes('--check');
for (const [name, make] of Object.entries(BOARDS)) {
  const path = join(__dirname, '..', `${name}.json`);
  const text = rendered(make().build());
  if (!isCheck) {
    writeFileSync(path, text);
  } else if (read(path) !== text) {
    console.error(`dashboards/${name}.json is not what dashboards/src gives: run \`npm run build\` there`);
    process.exitCode = 1;
  }
}
