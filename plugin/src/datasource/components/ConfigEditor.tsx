import { type DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { DataSourcePicker } from '@grafana/runtime';
import { Field, FieldSet, Input, SecretInput } from '@grafana/ui';
import React from 'react';
import { testIds } from '../testIds';
import { type FleetOptions, type FleetSecrets } from '../types';

type Props = DataSourcePluginOptionsEditorProps<FleetOptions, FleetSecrets>;

const WIDTH = 60;

export function ConfigEditor({ options, onOptionsChange }: Props) {
  // Grafana reads the data source's own URL, the routes that add the tokens read the other one: they are the same.
  const changeUrl = (text: string) => {
    const url = text.trim().replace(/\/+$/, '');
    onOptionsChange({ ...options, access: 'proxy', url, jsonData: { ...options.jsonData, url } });
  };
  const changeSecret = (name: keyof FleetSecrets, value: string) =>
    onOptionsChange({ ...options, secureJsonData: { ...options.secureJsonData, [name]: value } });
  const resetSecret = (name: keyof FleetSecrets) =>
    onOptionsChange({
      ...options,
      secureJsonFields: { ...options.secureJsonFields, [name]: false },
      secureJsonData: { ...options.secureJsonData, [name]: '' },
    });
  const secret = (name: keyof FleetSecrets, testId: string, label: string) => (
    <SecretInput
      id={testId}
      data-testid={testId}
      aria-label={label}
      width={WIDTH}
      isConfigured={options.secureJsonFields?.[name] ?? false}
      value={options.secureJsonData?.[name] ?? ''}
      onChange={(event: React.ChangeEvent<HTMLInputElement>) => changeSecret(name, event.currentTarget.value)}
      onReset={() => resetSecret(name)}
    />
  );
  const labels = {
    url: t('config.url', 'URL'),
    token: t('config.token', 'Viewer token'),
    debugToken: t('config.debug_token', 'Debug token'),
  };
  return (
    <>
      <FieldSet label={t('config.connection', 'Connection')}>
        <Field
          label={labels.url}
          description={t('config.url_help', 'Where Grafana’s server reaches Fleetscope. Browsers never connect to it.')}
        >
          <Input
            id={testIds.url}
            data-testid={testIds.url}
            aria-label={labels.url}
            width={WIDTH}
            placeholder="http://fleetscope:8080"
            value={options.jsonData.url ?? options.url ?? ''}
            onChange={(event: React.ChangeEvent<HTMLInputElement>) => changeUrl(event.currentTarget.value)}
          />
        </Field>
        <Field
          label={labels.token}
          description={t(
            'config.token_help',
            'A token of role viewer (http.tokens_file). It stays in Grafana’s server.'
          )}
        >
          {secret('token', testIds.token, labels.token)}
        </Field>
        <Field
          label={labels.debugToken}
          description={t(
            'config.debug_token_help',
            'A token of role debug: editors and admins see payloads with it. Leave it empty to show payloads to nobody.'
          )}
        >
          {secret('debugToken', testIds.debugToken, labels.debugToken)}
        </Field>
      </FieldSet>
      <FieldSet label={t('config.links', 'Links')}>
        <Field
          label={t('config.tempo', 'Traces')}
          description={t('config.tempo_help', 'The Tempo data source in which traces of events open.')}
        >
          <DataSourcePicker
            type="tempo"
            noDefault
            current={options.jsonData.tempoUid ?? null}
            width={WIDTH}
            onChange={({ uid }) => onOptionsChange({ ...options, jsonData: { ...options.jsonData, tempoUid: uid } })}
            onClear={() => onOptionsChange({ ...options, jsonData: { ...options.jsonData, tempoUid: undefined } })}
          />
        </Field>
      </FieldSet>
    </>
  );
}
