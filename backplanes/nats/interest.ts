/** What this node wants to hear, over the lives of connections, and who waits for the broker. */
import { BackplaneUnavailableError } from '../backplane.ts';
import type { Receive, Session } from './session.ts';

/**
 * A node with many keys must neither stand still while it restores them, nor miss the time in which
 * the server has to answer one turn.
 */
const restoredAtOnce = 5000;

interface Wanted {
  readonly subject: string;
  readonly receive: Receive;
  /** Settles who asked for it; undefined once settled. */
  waiter: Waiter | undefined;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export interface InterestOptions {
  readonly timeoutMs: number;
  /** Why there is no session. */
  readonly detail: () => string;
}

export class InterestTable {
  readonly #options: InterestOptions;
  readonly #wanted = new Map<string, Wanted>();
  /** The newest one, from the moment that it is being restored. */
  #session: Session | undefined;

  constructor(options: InterestOptions) {
    this.#options = options;
  }

  /**
   * Resolves when a server confirmed it. While there is no connection it waits for the next one.
   * @throws BackplaneUnavailableError after the time allowed; then nothing is wanted any more.
   */
  add(subject: string, receive: Receive): Promise<void> {
    return new Promise((resolve, reject) => {
      const { detail, timeoutMs } = this.#options;
      const timer = setTimeout(() => {
        this.#fail(wanted, `no server confirmed it within ${timeoutMs} ms: ${detail()}`);
      }, timeoutMs);
      const wanted: Wanted = { subject, receive, waiter: { resolve, reject, timer } };
      this.#wanted.set(subject, wanted);
      if (this.#session?.isUsable === true) {
        this.#ask(this.#session, wanted).catch(() => undefined);
      }
    });
  }

  async remove(subject: string): Promise<void> {
    const wanted = this.#wanted.get(subject);
    if (wanted === undefined) return;
    this.#wanted.delete(subject);
    settle(wanted)?.reject(new BackplaneUnavailableError('It was unsubscribed meanwhile'));
    await this.#session?.unsubscribe(subject);
  }

  /** Brings everything to a new session. @throws when it takes back what was confirmed before. */
  async restore(session: Session): Promise<void> {
    this.#session = session;
    const all = [...this.#wanted.values()];
    for (let start = 0; start < all.length; start += restoredAtOnce) {
      const some = all
        .slice(start, start + restoredAtOnce)
        // What was removed meanwhile must not come back.
        .filter((wanted) => this.#wanted.get(wanted.subject) === wanted);
      await Promise.all(some.map((wanted) => this.#ask(session, wanted)));
    }
  }

  /** Forgets everything; who waits is told why. */
  clear(why: string): void {
    for (const wanted of this.#wanted.values()) {
      settle(wanted)?.reject(new BackplaneUnavailableError(why));
    }
    this.#wanted.clear();
  }

  async #ask(session: Session, wanted: Wanted): Promise<void> {
    try {
      await session.subscribe(wanted.subject, wanted.receive);
      settle(wanted)?.resolve();
    } catch (error) {
      // When the connection ended the next one asks again; a refusal will not change by that.
      if (!session.isUsable || wanted.waiter === undefined) throw error;
      this.#fail(wanted, error instanceof Error ? error.message : String(error));
    }
  }

  #fail(wanted: Wanted, why: string): void {
    if (wanted.waiter === undefined) return;
    if (this.#wanted.get(wanted.subject) === wanted) {
      this.#wanted.delete(wanted.subject);
      void this.#session?.unsubscribe(wanted.subject);
    }
    settle(wanted)?.reject(new BackplaneUnavailableError(`NATS interest: ${why}`));
  }
}

/** Takes the waiter away, so that it is settled once. */
function settle(wanted: Wanted): Waiter | undefined {
  const { waiter } = wanted;
  wanted.waiter = undefined;
  if (waiter !== undefined) clearTimeout(waiter.timer);
  return waiter;
}
