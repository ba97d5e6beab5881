/**
 * Tells the backplane for which targets this node has members. One operation per target is in
 * flight at a time; interest outlives the last member a little, so that a reconnecting client does
 * not cost the broker two commands.
 */
import type { Backplane } from '../../backplanes/backplane.ts';
import type { Clock } from '../clock.ts';
import type { Target } from './target.ts';

export type InterestState = 'none' | 'subscribing' | 'confirmed' | 'unsubscribing';

export interface InterestOptions {
  readonly backplane: Pick<Backplane, 'subscribe' | 'unsubscribe'>;
  readonly lingerMs: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** The interest is about to end: what the broker brings from now on may have holes. */
  readonly onEnding?: (target: Target) => void;
  /** The broker has no interest of ours in this target any more, and nobody wants it. */
  readonly onForgotten: (target: Target) => void;
  /** An unsubscribe failed; the adapter may deliver what nobody wants, which is dropped. */
  readonly onError: (error: unknown) => void;
}

export class Interest {
  readonly #options: InterestOptions;
  readonly #running = new Map<Target, Promise<void>>();
  /** Targets without members, with the time since when. */
  readonly #lingering = new Map<Target, number>();

  constructor(options: InterestOptions) {
    this.#options = options;
  }

  /**
   * Announces that a member is about to be added; call `settle` when it was, or was not. Returns
   * undefined when the broker knows of the interest already, else a promise for its confirmation.
   */
  want(target: Target): Promise<void> | undefined {
    target.pendingJoins += 1;
    if (this.#lingering.size > 0) this.#lingering.delete(target);
    return target.interest === 'confirmed' ? undefined : this.#confirm(target);
  }

  /**
   * Ends what `want` announced. Not before its promise has settled, also when another of the same
   * request failed: nobody else would take back an interest that is confirmed later.
   */
  settle(target: Target): void {
    target.pendingJoins -= 1;
    this.releaseIfUnused(target);
  }

  /** Call after a member was removed. */
  releaseIfUnused(target: Target): void {
    if (isWanted(target)) return;
    this.#lingering.set(target, this.#options.clock.monotonicMs());
  }

  /** Unsubscribes what has lingered long enough. Call it every now and then. */
  sweep(): void {
    const before = this.#options.clock.monotonicMs() - this.#options.lingerMs;
    for (const [target, since] of this.#lingering) {
      // Insertion order is age order.
      if (since > before) break;
      this.#lingering.delete(target);
      if (!isWanted(target)) void this.#forget(target);
    }
  }

  async #confirm(target: Target): Promise<void> {
    while (target.interest !== 'confirmed') {
      const running = this.#running.get(target);
      if (running === undefined) {
        await this.#run(target, 'subscribing');
      } else if (target.interest === 'subscribing') {
        await running;
      } else {
        // An unsubscribe is on its way; its outcome does not matter to who wants in.
        await running.catch(() => undefined);
      }
    }
  }

  async #forget(target: Target): Promise<void> {
    if (target.interest === 'confirmed') {
      this.#options.onEnding?.(target);
      try {
        await this.#run(target, 'unsubscribing');
      } catch (error) {
        this.#options.onError(error);
      }
    }
    if (!isWanted(target) && target.interest === 'none') this.#options.onForgotten(target);
  }

  #run(target: Target, change: 'subscribing' | 'unsubscribing'): Promise<void> {
    const { backplane } = this.#options;
    target.interest = change;
    const operation =
      change === 'subscribing'
        ? backplane.subscribe(target.key).then(() => 'confirmed' as const)
        : backplane.unsubscribe(target.key).then(() => 'none' as const);
    const settled = operation
      .then(
        (state) => {
          target.interest = state;
        },
        (error: unknown) => {
          target.interest = 'none';
          throw error;
        },
      )
      .finally(() => this.#running.delete(target));
    this.#running.set(target, settled);
    return settled;
  }
}

function isWanted(target: Target): boolean {
  return target.members.length > 0 || target.pendingJoins > 0;
}
