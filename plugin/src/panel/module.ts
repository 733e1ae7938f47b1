import { PanelPlugin } from '@grafana/data';
import { initPluginTranslations, t } from '@grafana/i18n';

import { EventPanel } from './components/EventPanel/EventPanel';
import { troubleTexts } from './locales';
import { migrate } from './migrations';
import pluginJson from './plugin.json';
import { CAPACITIES, DEFAULTS, type Options } from './types';

// Grafana loads the texts of the plugin's languages. What is wrong with the feed is said in the data source's words.
await initPluginTranslations(pluginJson.id, [troubleTexts]);

export const plugin = new PanelPlugin<Options>(EventPanel).setMigrationHandler(migrate).setPanelOptions((builder) =>
  builder
    .addRadio({
      path: 'density',
      name: t('panel.options.density', 'Density'),
      defaultValue: DEFAULTS.density,
      settings: {
        options: [
          { value: 'comfortable', label: t('panel.options.comfortable', 'Comfortable') },
          { value: 'compact', label: t('panel.options.compact', 'Compact') },
        ],
      },
    })
    .addSelect({
      path: 'capacity',
      name: t('panel.options.capacity', 'Events kept'),
      description: t('panel.options.capacity-help', 'At most; the oldest are given up first.'),
      defaultValue: DEFAULTS.capacity,
      settings: { options: CAPACITIES.map((value) => ({ value, label: value.toLocaleString() })) },
    })
    .addBooleanSwitch({
      path: 'followVariables',
      name: t('panel.options.variables', 'Follow variables'),
      description: t(
        'panel.options.variables-help',
        'Narrow by the dashboard’s variables story, task, role, agent and type, even if the query does not name them.'
      ),
      defaultValue: DEFAULTS.followVariables,
    })
    .addTextInput({
      path: 'tempoUid',
      name: t('panel.options.tempo', 'Trace data source'),
      description: t('panel.options.tempo-help', 'Its uid. Empty: the one that the Fleetscope data source names.'),
      defaultValue: DEFAULTS.tempoUid,
    })
    .addBooleanSwitch({
      path: 'showToolbar',
      name: t('panel.options.toolbar', 'Toolbar'),
      defaultValue: DEFAULTS.showToolbar,
    })
);
