import { useEffect, useMemo, useSyncExternalStore } from 'react';

import { type EventFilter, type FeedSource } from '../../feed';
import { browserFrames } from '../../state/frames';
import { Session } from '../../state/session';
import { type Window } from '../../state/snapshot';
import { wordsOf } from '../../words';

const now = () => Date.now();

/** A session for what is asked for; another one as soon as that changes. */
export function useSession(source: FeedSource, filter: EventFilter, window: Window, capacity: number) {
  // By what they say, not by which object says it: a dashboard makes new ones with each refresh.
  const asked = JSON.stringify([filter, window]);
  const session = useMemo(() => {
    const [wanted, range]: [EventFilter, Window] = JSON.parse(asked);
    return new Session({
      source,
      filter: wanted,
      window: range,
      capacity,
      frames: browserFrames(),
      now,
      explain: wordsOf,
    });
  }, [source, asked, capacity]);
  useEffect(() => {
    session.start();
    return () => session.stop();
  }, [session]);
  return { session, snapshot: useSyncExternalStore(session.subscribe, session.getSnapshot) };
}
