// What the panel is told of a session.
import { type Transport } from '../feed';
import { type Travel } from './player';
import { type Row } from './rows';

export interface Window {
  from: number;
  /** The end of a range of the past; without it the stream goes on. */
  until?: number;
}

export interface Snapshot {
  /** Grows with each change, of the rows too: they are changed in place. */
  version: number;
  rows: readonly Row[];
  mode: 'live' | 'range' | 'travel';
  state: 'connecting' | 'live' | 'reconnecting' | 'failed';
  transport?: Transport;
  detail?: string;
  /** The first page of history is there. */
  loaded: boolean;
  paused: boolean;
  /** Events that came since it was paused; `waitingMore`: and then some. */
  waiting: number;
  waitingMore: boolean;
  /** There is history before the first row. */
  older: boolean;
  loadingOlder: boolean;
  rate: number;
  /** How far the server's clock is ahead of this one, in milliseconds. */
  skew: number;
  travel?: Travel;
}

export const initial = (rows: readonly Row[], window: Window): Snapshot => ({
  version: 0,
  rows,
  mode: window.until === undefined ? 'live' : 'range',
  state: 'connecting',
  loaded: false,
  paused: false,
  waiting: 0,
  waitingMore: false,
  older: false,
  loadingOlder: false,
  rate: 0,
  skew: 0,
});
