// In place of Grafana's list of alerts, which is not on npm: those that Prometheus has, of the panel's name and states.
import { dateTime } from '@grafana/data';
import React, { useEffect, useState } from 'react';

import { METRICS_PROXY } from '../sources';
import { type Drawing, optionsOf } from './drawing';
import { Said, StandIn } from './Said';

interface Alert {
  labels: Record<string, string>;
  state: string;
  activeAt: string;
}

const COLORS: Record<string, string> = { firing: 'red', pending: 'orange' };

export function AlertList({ panel, theme, height }: Drawing) {
  const [alerts, setAlerts] = useState<Alert[]>();
  const { alertName, maxItems, stateFilter } = optionsOf(panel, {
    alertName: '',
    maxItems: 20,
    stateFilter: {} as Record<string, boolean>,
  });
  useEffect(() => {
    const ask = async () => {
      const answer: { data: { alerts: Alert[] } } = await (await fetch(`${METRICS_PROXY}/api/v1/alerts`)).json();
      setAlerts(answer.data.alerts);
    };
    ask().catch(() => setAlerts([]));
  }, []);
  const shown = (alerts ?? [])
    .filter(({ labels, state }) => labels.alertname.includes(alertName) && stateFilter[state])
    .sort((a, b) => a.state.localeCompare(b.state) || b.activeAt.localeCompare(a.activeAt))
    .slice(0, maxItems);
  if (shown.length === 0) {
    return <Said panel={panel} />;
  }
  return (
    <div style={{ height, overflow: 'hidden' }}>
      {shown.map(({ labels: { alertname, severity, ...labels }, state, activeAt }) => (
        <div
          key={`${alertname} ${JSON.stringify(labels)}`}
          style={{ padding: '4px 8px', borderBottom: `1px solid ${theme.colors.border.weak}` }}
        >
          <div>
            <span style={{ color: theme.visualization.getColorByName(COLORS[state] ?? 'text') }}>♥ {state}</span>{' '}
            {alertname} <span style={{ opacity: 0.65 }}>{severity}</span>
          </div>
          <div style={{ fontSize: 12, opacity: 0.65, whiteSpace: 'nowrap' }}>
            {dateTime(activeAt).fromNow()} ·{' '}
            {['component', 'consumer', 'council', 'agent', 'model']
              .map((name) => labels[name])
              .filter(Boolean)
              .join(' ')}
          </div>
        </div>
      ))}
      <StandIn what="drawn as a plain list here; Grafana draws an alert list" />
    </div>
  );
}
