import { useLayoutEffect, useRef, useState } from 'react';

/** Distance to the end, in pixels, that still counts as being there. */
const NEAR = 24;
/** Distance to the beginning at which older events are asked for. */
const EARLY = 200;

/** Keeps the newest row in view until somebody scrolls away from it, and again once they are back. */
export function useFollow(version: number, onEarly: () => void) {
  const scroller = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const last = useRef(0);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (following && element) {
      element.scrollTop = element.scrollHeight;
      // The browser tells of it with the next frame. Until then there would be nothing where the newest rows belong.
      queueMicrotask(() => element.dispatchEvent(new Event('scroll')));
    }
  }, [following, version]);

  const onScroll = () => {
    const element = scroller.current;
    if (!element) {
      return;
    }
    const { scrollTop, scrollHeight, clientHeight } = element;
    if (scrollHeight - scrollTop - clientHeight <= NEAR) {
      setFollowing(true);
    } else if (scrollTop < last.current) {
      setFollowing(false);
      if (scrollTop < EARLY) {
        onEarly();
      }
    }
    last.current = scrollTop;
  };

  return { scroller, following, setFollowing, onScroll };
}
