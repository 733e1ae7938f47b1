import { type Trouble } from './upstream';

/** What brings one subscription its events where no WebSocket does. */
export interface Carrier {
  stop(): void;
}

export interface CarrierHandlers {
  /** Why it is not a WebSocket, for people. */
  because(): string | undefined;
  explain(trouble: Trouble): string;
  malformed(count: number): void;
  /** It cannot work here: another one has to take over. */
  gaveUp(trouble: Trouble): void;
}
