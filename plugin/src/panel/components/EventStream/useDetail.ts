import { useEffect, useState } from 'react';

import { type EventDetail, type FeedSource } from '../../feed';
import { wordsOf } from '../../words';

interface Loaded {
  seq: number;
  detail?: EventDetail;
  problem?: string;
}

/** All about the event that is open; an answer that comes after another was opened is nobody's. */
export function useDetail(source: FeedSource, seq: number | undefined) {
  const [loaded, setLoaded] = useState<Loaded>();
  useEffect(() => {
    if (seq === undefined) {
      return undefined;
    }
    let wanted = true;
    source.event(seq).then(
      (detail) => wanted && setLoaded({ seq, detail }),
      (error: unknown) => wanted && setLoaded({ seq, problem: wordsOf(error) })
    );
    return () => {
      wanted = false;
    };
  }, [source, seq]);
  return loaded?.seq === seq ? loaded : undefined;
}
