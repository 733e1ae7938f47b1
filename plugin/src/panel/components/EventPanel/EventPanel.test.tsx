import { dateTime, getDefaultTimeRange, LoadingState, type PanelProps, type TimeRange } from '@grafana/data';
import { setDataSourceSrv } from '@grafana/runtime';
import { act, render, screen } from '@testing-library/react';
import React from 'react';
import { NEVER } from 'rxjs';

import { event, historyOf, settled, START } from '../../state/fixtures';
import { DEFAULTS, type Options } from '../../types';
import { EventPanel } from './EventPanel';

const source = { subscribe: jest.fn(() => NEVER), history: jest.fn(historyOf([event(1)])), event: jest.fn() };

function dataSource(api: object | Error) {
  const get = () => (api instanceof Error ? Promise.reject(api) : Promise.resolve(api));
  const known = { get, getInstanceSettings: () => ({ jsonData: {} }) };
  setDataSourceSrv(known as unknown as Parameters<typeof setDataSourceSrv>[0]);
}

function props(targets: object[], timeRange: TimeRange = getDefaultTimeRange()): PanelProps<Options> {
  const given: Partial<PanelProps<Options>> = {
    data: {
      state: LoadingState.Done,
      series: [],
      timeRange,
      request: { targets, scopedVars: {} } as unknown as PanelProps<Options>['data']['request'],
    },
    options: DEFAULTS,
    timeRange,
    timeZone: 'utc',
    replaceVariables: (text) => text.replace('$story', 'US-1').replace('${role:csv}', 'QA'),
  };
  return given as PanelProps<Options>;
}

const TARGET = { refId: 'A', datasource: { uid: 'fleetscope-feed' }, filter: { story: '$story' } };

describe('EventPanel', () => {
  beforeEach(() => jest.clearAllMocks());

  it('takes the feed of the query’s data source, with the query’s filter and the dashboard’s variables', async () => {
    dataSource({ name: 'Fleetscope', feed: () => source });
    render(<EventPanel {...props([TARGET])} />);
    await act(settled);
    expect(source.subscribe).toHaveBeenCalledWith(
      expect.objectContaining({ filter: { role: 'QA', story: 'US-1' }, payload: 'summary' })
    );
  });

  it('asks for a range of the past, and subscribes to nothing', async () => {
    dataSource({ name: 'Fleetscope', feed: () => source });
    const [from, to] = [dateTime(START), dateTime(START + 60_000)];
    render(<EventPanel {...props([TARGET], { from, to, raw: { from, to } })} />);
    await act(settled);
    expect(source.history).toHaveBeenCalledWith(
      expect.objectContaining({ since: '2026-02-14T09:12:33.000Z', until: '2026-02-14T09:13:33.000Z' })
    );
    expect(source.subscribe).not.toHaveBeenCalled();
  });

  it('goes on while the dashboard refreshes', async () => {
    dataSource({ name: 'Fleetscope', feed: () => source });
    const { rerender } = render(<EventPanel {...props([TARGET])} />);
    await act(settled);
    const raw = { from: 'now-6h', to: 'now' };
    rerender(<EventPanel {...props([TARGET], { from: dateTime(START), to: dateTime(START + 5000), raw })} />);
    await act(settled);
    expect(source.subscribe).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['no query', [], { name: 'x' }, 'Choose a Fleetscope data source'],
    [
      'another data source',
      [TARGET],
      { name: 'Loki <b>' },
      'This panel needs a data source of type Fleetscope: Loki <b>',
    ],
    ['a data source that is not there', [TARGET], new Error('not found'), 'of type Fleetscope: not found'],
  ])('says what to do with %s', async (_, targets, api, words) => {
    dataSource(api);
    render(<EventPanel {...props(targets)} />);
    await act(settled);
    expect(screen.getByText(words, { exact: false })).toBeInTheDocument();
  });
});
