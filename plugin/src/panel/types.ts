import { type Density } from './state/rows';

export interface Options {
  density: Density;
  /** Rows kept at most. */
  capacity: number;
  /** Narrow by the dashboard's variables `story`, `task`, `role`, `agent` and `type`, without naming them in the query. */
  followVariables: boolean;
  /** Data source in which traces open; empty: the one that the Fleetscope data source names. */
  tempoUid: string;
  showToolbar: boolean;
}

export const DEFAULTS: Options = {
  density: 'comfortable',
  capacity: 100_000,
  followVariables: true,
  tempoUid: '',
  showToolbar: true,
};

export const CAPACITIES = [1_000, 10_000, 50_000, 100_000];
export const TEMPO_UID = 'fleetscope-tempo';
