// A dashboard on a page, of its committed JSON. The address says which, and in what look:
//   ?board=overview&theme=dark|light&from=…&to=…&var-story=…
import { createTheme, ThemeContext } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { setDataSourceSrv, setTemplateSrv } from '@grafana/runtime';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import i18next from 'i18next';
import React from 'react';
import { createRoot } from 'react-dom/client';

import english from '../../../src/panel/locales/en-US/underpass-fleetscopeevents-panel.json';
import { troubleTexts } from '../../../src/panel/locales';
import { Board } from './Board';
import { GAP, load } from './load';
import { registerTransformations } from './looks';
import { type BoardReport, report } from './report';

const PANEL = 'underpass-fleetscopeevents-panel';

declare global {
  interface Window {
    /** There once the dashboard is drawn. */
    board?: BoardReport;
    /** What kept it from being drawn. */
    broken?: string;
  }
}

async function main() {
  const asked = new URLSearchParams(window.location.search);
  await initPluginTranslations(PANEL);
  i18next.addResourceBundle('en-US', PANEL, await troubleTexts('en-US'), true, true);
  i18next.addResourceBundle('en-US', PANEL, english, true, true);
  await i18next.changeLanguage('en-US');
  registerTransformations();

  // Before anything is measured.
  await document.fonts.load('14px Inter');
  const theme = createTheme({ colors: { mode: asked.get('theme') === 'light' ? 'light' : 'dark' } });
  const width = window.innerWidth - 4 * GAP;
  const ready = await load(asked, width, theme);
  setTemplateSrv(ready.variables.service());
  const known = {
    get: () => Promise.resolve(ready.sources.feed),
    getInstanceSettings: () => ({ jsonData: { tempoUid: 'fleetscope-tempo' } }),
  };
  setDataSourceSrv(known as unknown as Parameters<typeof setDataSourceSrv>[0]);

  const told = report(ready);
  const root = document.getElementById('root');
  if (root) {
    document.body.style.background = theme.colors.background.canvas;
    createRoot(root).render(
      <ThemeContext.Provider value={theme}>
        <GlobalStyles />
        <PortalContainer />
        <Board
          ready={ready}
          width={width}
          theme={theme}
          onDrawn={() => (window.board = told)}
          onError={(title, error) => {
            const panel = told.panels.find((one) => one.title === title);
            if (panel) {
              panel.error = error.message;
            }
          }}
        />
      </ThemeContext.Provider>
    );
  }
}

main().catch((error: unknown) => (window.broken = error instanceof Error ? error.stack : String(error)));
