// The panel on a page of its own, in surroundings like Grafana's. The address says which feed, theme and language:
//   ?feed=scripted|daemon&theme=dark|light&lang=en-US|es-ES&density=…&from=…&to=…&filter={…}&capacity=…
import {
  createTheme,
  dateMath,
  dateTime,
  EventBusSrv,
  FieldType,
  LoadingState,
  type PanelProps,
  ThemeContext,
  type TimeRange,
  toDataFrame,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { setDataSourceSrv } from '@grafana/runtime';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import i18next from 'i18next';
import React, { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { EventPanel } from '../../src/panel/components/EventPanel/EventPanel';
import { type FeedSource } from '../../src/panel/feed';
import { troubleTexts } from '../../src/panel/locales';
import english from '../../src/panel/locales/en-US/underpass-fleetscopeevents-panel.json';
import spanish from '../../src/panel/locales/es-ES/underpass-fleetscopeevents-panel.json';
import { migrate } from '../../src/panel/migrations';
import { type Options } from '../../src/panel/types';
import { daemonFeed } from './daemon';
import { ScriptedFeed } from './scripted';

const UID = 'fleetscope-feed';
const PANEL = 'underpass-fleetscopeevents-panel';
const asked = new URLSearchParams(window.location.search);
const language = asked.get('lang') ?? 'en-US';

function timeRange(): TimeRange {
  const from = asked.get('from') ?? 'now-1h';
  const to = asked.get('to') ?? 'now';
  const time = (text: string, end: boolean) => dateMath.toDateTime(text, { roundUp: end }) ?? dateTime(text);
  const raw = (text: string) => (text.startsWith('now') ? text : dateTime(text));
  return { from: time(from, false), to: time(to, true), raw: { from: raw(from), to: raw(to) } };
}

function props(): PanelProps<Options> {
  const options = {
    density: asked.get('density') === 'compact' ? ('compact' as const) : ('comfortable' as const),
    ...(asked.has('capacity') && { capacity: Number(asked.get('capacity')) }),
  };
  const range = timeRange();
  const target = {
    refId: 'A',
    queryType: 'events',
    datasource: { uid: UID },
    filter: JSON.parse(asked.get('filter') ?? '{}'),
  };
  const request = {
    app: 'dashboard',
    requestId: 'Q1',
    interval: '1s',
    intervalMs: 1000,
    range,
    scopedVars: {},
    timezone: 'browser',
    startTime: Date.now(),
    targets: [target],
  };
  const variables: Record<string, string> = JSON.parse(asked.get('variables') ?? '{}');
  return {
    id: 1,
    title: 'Events',
    data: {
      state: LoadingState.Done,
      series: [toDataFrame({ fields: [{ name: 'time', type: FieldType.time, values: [] }] })],
      timeRange: range,
      request,
    },
    timeRange: range,
    timeZone: 'utc',
    options: migrate({ options }),
    fieldConfig: { defaults: {}, overrides: [] },
    width: window.innerWidth,
    height: window.innerHeight,
    transparent: false,
    renderCounter: 0,
    eventBus: new EventBusSrv(),
    replaceVariables: (text) =>
      text.replace(/\$\{?(\w+)(:\w+)?\}?/g, (whole, name: string) => variables[name] ?? whole),
    onOptionsChange: () => {},
    onFieldConfigChange: () => {},
    onChangeTimeRange: () => {},
  };
}

async function main() {
  await initPluginTranslations(PANEL);
  i18next.addResourceBundle(language, PANEL, await troubleTexts(language), true, true);
  i18next.addResourceBundle('en-US', PANEL, english, true, true);
  i18next.addResourceBundle('es-ES', PANEL, spanish, true, true);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;

  let feed: FeedSource;
  if (asked.get('feed') === 'daemon') {
    feed = daemonFeed(`/api/datasources/proxy/uid/${UID}`);
  } else {
    const scripted = new ScriptedFeed();
    Object.assign(window, { fleet: scripted });
    feed = scripted;
  }
  const api = asked.get('feed') === 'none' ? { name: 'Other' } : { name: 'Fleetscope', feed: () => feed };
  const known = {
    get: () => Promise.resolve(api),
    getInstanceSettings: () => ({ jsonData: { tempoUid: 'fleetscope-tempo' } }),
  };
  setDataSourceSrv(known as unknown as Parameters<typeof setDataSourceSrv>[0]);

  const theme = createTheme({ colors: { mode: asked.get('theme') === 'light' ? 'light' : 'dark' } });
  const given = props();
  const root = document.getElementById('root');
  if (root) {
    createRoot(root).render(
      <StrictMode>
        <ThemeContext.Provider value={theme}>
          <GlobalStyles />
          <PortalContainer />
          <div id="panel" style={{ background: theme.colors.background.primary }}>
            <EventPanel {...given} />
          </div>
        </ThemeContext.Provider>
      </StrictMode>
    );
  }
}

void main();
