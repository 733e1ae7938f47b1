import { readFileSync } from 'fs';
import { join } from 'path';
import { type FeedEvent, type Told } from '../feed/types';

const FOLDER = join(__dirname, '../../../tests/fixtures/feed');

/** What the daemon's own tests hold it to. */
export const fixtureText = (name: string): string => readFileSync(join(FOLDER, `${name}.json`), 'utf8');
export const fixture = <T>(name: string): T => JSON.parse(fixtureText(name)) as T;

/** An event of that seq. */
export function event(seq: number, fields: Partial<FeedEvent> = {}): FeedEvent {
  const { items } = fixture<{ items: FeedEvent[] }>('list');
  const timestamp = new Date(Date.UTC(2026, 1, 14, 9, 12, 33, seq)).toISOString();
  return { ...items[0], seq, id: `AGENT_RESPONSES:${seq}`, timestamp, received: timestamp, ...fields };
}

export const events = (...seqs: number[]): Extract<Told, { type: 'events' }> => ({
  type: 'events',
  up_to: Math.max(...seqs),
  items: seqs.map((seq) => event(seq)),
});
