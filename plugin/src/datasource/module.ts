import { DataSourcePlugin } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { ConfigEditor } from './components/ConfigEditor';
import { QueryEditor } from './components/QueryEditor';
import { FleetDataSource } from './datasource';
import pluginJson from './plugin.json';
import { type FleetOptions, type FleetQuery, type FleetSecrets } from './types';

await initPluginTranslations(pluginJson.id);

export const plugin = new DataSourcePlugin<FleetDataSource, FleetQuery, FleetOptions, FleetSecrets>(FleetDataSource)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor);
