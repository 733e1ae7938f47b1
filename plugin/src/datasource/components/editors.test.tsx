import { type DataSourceInstanceSettings, type DataSourceSettings } from '@grafana/data';
import { type DataSourceSrv, setDataSourceSrv, setTemplateSrv, type TemplateSrv } from '@grafana/runtime';
import { fireEvent, render, screen } from '@testing-library/react';
import React, { useState } from 'react';
import { FakeUpstream } from '../../testing/upstream';
import { FleetDataSource } from '../datasource';
import { testIds } from '../testIds';
import { type FleetOptions, type FleetQuery, type FleetSecrets, type FleetVariableQuery } from '../types';
import { AnnotationEditor } from './AnnotationEditor';
import { ConfigEditor } from './ConfigEditor';
import { complete } from './completion';
import { QueryEditor } from './QueryEditor';
import { VariableEditor } from './VariableEditor';

const templates = { replace: (text = '') => text, getVariables: () => [{ name: 'story' }] } as unknown as TemplateSrv;
const settings = { url: '/proxy', jsonData: {} } as DataSourceInstanceSettings<FleetOptions>;
const datasource = new FleetDataSource(settings, templates, new FakeUpstream());

beforeAll(() => {
  setTemplateSrv(templates);
  setDataSourceSrv({ getList: () => [], getInstanceSettings: () => undefined } as unknown as DataSourceSrv);
});

/** Shows an editor that keeps what is changed; gives what it was changed to. */
function show<T>(first: T, editor: (value: T, onChange: (value: T) => void) => React.JSX.Element) {
  const changes: T[] = [];
  const Harness = () => {
    const [value, setValue] = useState(first);
    return editor(value, (next) => {
      changes.push(next);
      setValue(next);
    });
  };
  render(<Harness />);
  return changes;
}

describe('the query editor', () => {
  const query: FleetQuery = { refId: 'A', queryType: 'events', filter: { story: 'US-1' } };
  const runs = jest.fn();
  const editor = (first = query) =>
    show(first, (value, onChange) => (
      <QueryEditor datasource={datasource} query={value} onChange={onChange} onRunQuery={runs} />
    ));

  beforeEach(() => runs.mockClear());

  it('shows the filters that the query understands, with labels', () => {
    editor();
    expect(screen.getByLabelText('Story')).toHaveValue('US-1');
    expect(screen.getByLabelText('Consumer')).toBeInTheDocument();
    expect(screen.queryByLabelText('Model')).not.toBeInTheDocument();
    expect(screen.getByLabelText('Live')).not.toBeChecked();
  });

  it('shows no live switch where nothing comes live', () => {
    editor({ refId: 'A', queryType: 'consumers' });
    expect(screen.queryByLabelText('Live')).not.toBeInTheDocument();
    expect(screen.queryByLabelText('Story')).not.toBeInTheDocument();
    expect(screen.getByLabelText('Consumer')).toBeInTheDocument();
  });

  it('runs once a text is done, not at each letter', () => {
    const changes = editor();
    const text = screen.getByTestId(testIds.filter('q'));
    fireEvent.change(text, { target: { value: 'timeout' } });
    expect(runs).not.toHaveBeenCalled();
    fireEvent.blur(text);
    expect(changes.at(-1)?.filter).toEqual({ story: 'US-1', q: 'timeout' });
    expect(runs).toHaveBeenCalledTimes(1);
  });

  it('takes a filter of the filter language beside the fields', () => {
    const changes = editor();
    const text = screen.getByLabelText('Filter');
    fireEvent.change(text, { target: { value: 'role:DEV -type:context.*' } });
    fireEvent.keyDown(text, { key: 'Enter' });
    expect(changes.at(-1)?.filter).toEqual({ story: 'US-1', filter: 'role:DEV -type:context.*' });
    expect(runs).toHaveBeenCalledTimes(1);
  });

  it('keeps the limit within bounds', () => {
    const changes = editor();
    const limit = screen.getByTestId(testIds.limit);
    for (const [typed, kept] of [
      ['250', 250],
      ['0', 1],
      ['999999', 10_000],
      ['', undefined],
    ] as const) {
      fireEvent.change(limit, { target: { value: typed } });
      fireEvent.blur(limit);
      expect(changes.at(-1)?.limit).toBe(kept);
    }
  });

  it('switches to live', () => {
    const changes = editor();
    fireEvent.click(screen.getByLabelText('Live'));
    expect(changes.at(-1)).toEqual({ ...query, live: true });
  });
});

describe('the editor of annotations', () => {
  it('changes the annotation’s query', () => {
    const annotation = {
      name: 'n',
      enable: true,
      iconColor: 'red',
      target: { refId: 'Anno', queryType: 'events' as const },
    };
    const changes = show(annotation, (value, onChange) => (
      <AnnotationEditor
        datasource={datasource}
        query={value.target}
        onChange={() => {}}
        onRunQuery={() => {}}
        annotation={value}
        onAnnotationChange={(next) =>
          onChange({ ...annotation, target: next.target ?? annotation.target } as typeof annotation)
        }
      />
    ));
    const text = screen.getByTestId(testIds.filter('q'));
    fireEvent.change(text, { target: { value: 'oom' } });
    fireEvent.keyDown(text, { key: 'Enter' });
    expect(changes.at(-1)).toMatchObject({
      name: 'n',
      target: { refId: 'Anno', queryType: 'events', filter: { q: 'oom' } },
    });
  });
});

describe('the editor of variables', () => {
  it('offers what the names can be narrowed down by', () => {
    show({ refId: 'A', kind: 'type' } as FleetVariableQuery, (value, onChange) => (
      <VariableEditor datasource={datasource} query={value} onChange={onChange} onRunQuery={() => {}} />
    ));
    expect(screen.getByTestId(testIds.kind)).toHaveValue('Event types');
    expect(screen.getByLabelText('Producer')).toBeInTheDocument();
    expect(screen.queryByLabelText('Consumer')).not.toBeInTheDocument();
  });
});

describe('the configuration', () => {
  const options = {
    url: 'http://old:1',
    jsonData: { url: 'http://old:1' },
    secureJsonFields: { token: true },
  } as unknown as DataSourceSettings<FleetOptions, FleetSecrets>;
  const editor = () =>
    show(options, (value, onChange) => <ConfigEditor options={value as never} onOptionsChange={onChange as never} />);

  it('keeps the address where Grafana and where the routes read it', () => {
    const changes = editor();
    fireEvent.change(screen.getByLabelText('URL'), { target: { value: ' http://fleetscope:8080// ' } });
    expect(changes.at(-1)).toMatchObject({
      access: 'proxy',
      url: 'http://fleetscope:8080',
      jsonData: { url: 'http://fleetscope:8080' },
    });
  });

  it('keeps tokens where only Grafana’s server reads them', () => {
    const changes = editor();
    fireEvent.change(screen.getByLabelText('Debug token'), { target: { value: 'secret-of-the-tests' } });
    expect(changes.at(-1)?.secureJsonData).toEqual({ debugToken: 'secret-of-the-tests' });
    expect(JSON.stringify(changes.at(-1)?.jsonData)).not.toContain('secret');
    expect(screen.getByTestId(testIds.token)).toBeDisabled();
    fireEvent.click(screen.getByRole('button', { name: /reset/i }));
    expect(changes.at(-1)).toMatchObject({ secureJsonFields: { token: false }, secureJsonData: { token: '' } });
  });
});

describe('completion', () => {
  const names = { names: jest.fn((query: { kind: string }) => Promise.resolve([`${query.kind}-1`, 'Other'])) };

  it('offers variables, then what there is, narrowed down by what is typed', async () => {
    const values = async (...given: Parameters<typeof complete>) =>
      (await complete(...given)).map(({ value }) => value);
    expect(await values(names, ['story'], 'story', '')).toEqual(['$story', 'story-1', 'Other']);
    expect(await values(names, ['story'], 'story', 'OTH')).toEqual(['Other']);
    expect(await values(names, [], 'severity', 'w')).toEqual(['warning']);
    expect(await values(names, [], 'source', 'vllm')).toEqual(['vLLM']);
  });

  it('offers nothing where the daemon does not answer', async () => {
    const broken = { names: () => Promise.reject(new Error('down')) };
    expect(await complete(broken, ['a'], 'agent', '')).toEqual([{ value: '$a', label: '$a' }]);
  });
});
