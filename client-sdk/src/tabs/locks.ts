/** A Web Lock that is held until it is given back, or taken away. */
import type { Locks } from './environment.ts';

export interface LockEvents {
  /** It is held from now on. */
  onHeld(): void;
  /** It is not held and will not be: somebody has taken it, or the browser does not allow locks. */
  onLost(): void;
}

/** Returns a function that gives it back, or up; nothing is called after that. */
export function holdLock(
  locks: Locks,
  name: string,
  events: LockEvents,
  steal = false,
): () => void {
  let isOver = false;
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const controller = new AbortController();
  const { signal } = controller;
  locks
    .request(name, steal ? { steal } : { signal }, () => {
      if (isOver) return Promise.resolve();
      events.onHeld();
      return held;
    })
    .catch(() => {
      // Giving up ends in an error, too.
      if (!isOver) events.onLost();
    });
  return () => {
    isOver = true;
    release();
    controller.abort();
  };
}
