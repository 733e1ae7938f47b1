import { type DataSourceInstanceSettings, type TestDataSourceResponse } from '@grafana/data';
import { t } from '@grafana/i18n';
import { SocketLine } from '../feed/socket';
import { type Trouble, troubleOf, type Upstream } from '../feed/upstream';
import { explain } from './texts';
import { type FleetOptions } from './types';

interface Status {
  version?: unknown;
  role?: string;
  ready?: boolean;
}

/** Whether the daemon can be read, and which transport the live feed gets; if not, what to change. */
export async function checkHealth(
  upstream: Upstream,
  settings: DataSourceInstanceSettings<FleetOptions>
): Promise<TestDataSourceResponse> {
  if (!settings.jsonData.url) {
    const message = t(
      'health.no_url',
      'Set the URL, and save. In provisioning it stands in `url` and in `jsonData.url`.'
    );
    return { status: 'error', message };
  }
  let status: Status;
  try {
    status = await upstream.get<Status>('feed', 'status');
  } catch (error) {
    return { status: 'error', message: explain(troubleOf(error)) };
  }
  if (typeof status.version !== 'string') {
    return { status: 'error', message: explain({ kind: 'not_json' }) };
  }
  const { version, role = 'viewer' } = status;
  const found = t('health.found', 'Fleetscope {{version}}, role {{role}}.', { version, role });
  const ready = status.ready === false ? t('health.not_ready', 'It is not ready yet: see /ready.') : '';
  const feed = await liveFeed(upstream);
  const words = feed.trouble
    ? t('health.slow_feed', '{{why}} The live feed falls back to a stream or to polling.', {
        why: explain(feed.trouble),
      })
    : t('health.live_feed', 'The live feed opens over a WebSocket.');
  return { status: 'success', message: [found, ready, words].filter(Boolean).join(' ') };
}

async function liveFeed(upstream: Upstream): Promise<{ trouble?: Trouble }> {
  const line = new SocketLine(upstream, 'feed', { told: () => {}, malformed: () => {}, lost: () => {} });
  try {
    const hello = await line.open();
    return hello.subscriptions === undefined ? { trouble: { kind: 'old_server', detail: hello.version } } : {};
  } catch (error) {
    return { trouble: troubleOf(error) };
  } finally {
    line.close();
  }
}
