/**
 * Shows that what is published arrives: a message of our own per partition, sent through the publish
 * path and awaited on the subscription. A connection that is up proves nothing of the kind.
 */
import { missedCanariesMax } from './settings.ts';

export interface CanaryOptions {
  /** Resolves when the broker accepted the bytes. */
  readonly publish: (bytes: Uint8Array) => Promise<unknown>;
  /** False: nothing can be concluded now (the subscription is known to be away). */
  readonly isListening: () => boolean;
  /** Accepted canaries did not arrive. */
  readonly onDeaf: () => void;
}

export class Canary {
  readonly #options: CanaryOptions;
  #number = 0;
  #state: 'idle' | 'sent' | 'accepted' = 'idle';
  #misses = 0;

  constructor(options: CanaryOptions) {
    this.#options = options;
  }

  /** Call it every so often. */
  tick(): void {
    if (!this.#options.isListening()) {
      this.#state = 'idle';
      return;
    }
    if (this.#state === 'sent') return;
    if (this.#state === 'idle') {
      this.#send();
      return;
    }
    // Counted in calls and not in time: a process that was busy has not read its sockets either.
    this.#misses += 1;
    if (this.#misses < missedCanariesMax) return;
    this.#state = 'idle';
    this.#options.onDeaf();
  }

  /** A canary arrived. */
  arrived(bytes: Uint8Array): void {
    if (Buffer.from(bytes).toString() === `${this.#number}`) this.#state = 'idle';
  }

  #send(): void {
    this.#number += 1;
    const number = this.#number;
    this.#misses = 0;
    this.#state = 'sent';
    const settle = (state: 'idle' | 'accepted'): void => {
      if (this.#number === number && this.#state === 'sent') this.#state = state;
    };
    this.#options.publish(Buffer.from(`${number}`)).then(
      () => settle('accepted'),
      // The publisher's trouble says nothing about the subscription.
      () => settle('idle'),
    );
  }
}
