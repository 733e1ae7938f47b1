import { FeedClient } from '../feed/client';
import { type SubscribeOptions } from '../feed/source';
import { type Trouble } from '../feed/upstream';
import { type FakeUpstream, Told } from './upstream';

const explain = ({ kind, count }: Trouble) => [kind, count].filter(Boolean).join(' ');

/** A client of a played daemon, and what its subscribers are told. Trouble is told by its name. */
export function client(upstream: FakeUpstream) {
  const feed = new FeedClient(upstream, { explain, random: () => 0 });
  const subscribe = (options: Partial<SubscribeOptions> = {}) => {
    const told = new Told();
    const running = feed.subscribe({ filter: {}, payload: 'summary', ...options }).subscribe(told.take);
    return { told, stop: () => running.unsubscribe() };
  };
  return { feed, subscribe };
}
