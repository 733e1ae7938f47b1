// When to draw: once a frame while the page is seen, now and then while it is not.

export interface Frames {
  /** Calls back once, soon; a second request before that changes nothing. */
  request(callback: () => void): void;
  cancel(): void;
}

/** Frames do not come in a hidden page, and what arrives must not pile up there. */
const HIDDEN_MS = 500;

export function browserFrames(): Frames {
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = 0;
    timer = undefined;
  };
  return {
    cancel,
    request(callback) {
      if (timer !== undefined) {
        return;
      }
      const run = () => {
        cancel();
        callback();
      };
      frame = document.hidden ? 0 : requestAnimationFrame(run);
      // A page that is hidden after the request gets no frame either.
      timer = setTimeout(run, HIDDEN_MS);
    },
  };
}
