import { type DataSourceApi } from '@grafana/data';
import { getDataSourceSrv } from '@grafana/runtime';
import { type DataSourceRef } from '@grafana/schema';
import { useEffect, useState } from 'react';

import { type FleetOptions } from '../../../datasource/types';
import { type FeedSource } from '../../feed';

export type Found =
  | { state: 'none' | 'loading' }
  | { state: 'failed'; problem: string }
  | { state: 'found'; source: FeedSource; tempoUid: string | undefined };

const hasFeed = (api: DataSourceApi): api is DataSourceApi & { feed(): FeedSource } =>
  'feed' in api && typeof api.feed === 'function';

/** The feed of the data source that the panel's query names. */
export function useFeed(ref: DataSourceRef | null | undefined): Found {
  const uid = ref?.uid;
  const [loaded, setLoaded] = useState<{ uid: string; found: Found }>();
  useEffect(() => {
    if (!uid) {
      return undefined;
    }
    let wanted = true;
    const settle = (found: Found) => wanted && setLoaded({ uid, found });
    getDataSourceSrv()
      .get({ uid })
      .then(
        (api) => {
          const options = getDataSourceSrv().getInstanceSettings({ uid })?.jsonData as FleetOptions | undefined;
          settle(
            hasFeed(api)
              ? { state: 'found', source: api.feed(), tempoUid: options?.tempoUid }
              : { state: 'failed', problem: api.name }
          );
        },
        (error: unknown) => settle({ state: 'failed', problem: error instanceof Error ? error.message : uid })
      );
    return () => {
      wanted = false;
    };
  }, [uid]);
  if (!uid) {
    return { state: 'none' };
  }
  return loaded?.uid === uid ? loaded.found : { state: 'loading' };
}
