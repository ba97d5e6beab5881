/** What one turn of the event loop asks of the server, and the one answer to all of it. */
import type { NatsConnection } from '@nats-io/transport-node';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
  type Accepted,
} from '../backplane.ts';
import type { NatsCounters } from './settings.ts';

interface Publish {
  readonly subject: string;
  readonly bytes: Uint8Array;
}
type Operation = Publish | (() => void);

const accepted: Accepted = { receivers: undefined };

export class Turn {
  /** Settles for all of the turn's operations at once. */
  readonly answered: Promise<Accepted>;
  messages = 0;
  bytes = 0;
  #operations: Operation[] = [];
  #isWritten = false;
  #isSettled = false;
  #doubt: string | undefined;
  #resolve: (accepted: Accepted) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #counters: NatsCounters;

  constructor(timeoutMs: number, counters: NatsCounters) {
    this.#counters = counters;
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who asked holds the same promise and hears of the failure there.
    this.answered.catch(() => undefined);
    this.#timer = setTimeout(() => {
      // This process was late itself, and it is about to be written.
      if (!this.#isWritten) this.#timer.refresh();
      else this.lose(`NATS did not answer within ${timeoutMs} ms`);
    }, timeoutMs);
  }

  publish(subject: string, bytes: Uint8Array): void {
    this.messages += 1;
    this.bytes += bytes.length;
    this.#operations.push({ subject, bytes });
  }

  /** Adds a command; called in its place among the publishes. */
  add(command: () => void): void {
    this.#operations.push(command);
  }

  /** @throws what the connection throws: it is closed. */
  writeTo(connection: NatsConnection): void {
    const operations = this.#operations;
    this.#operations = [];
    this.#isWritten = true;
    for (const operation of operations) {
      if (typeof operation === 'function') operation();
      else connection.publish(operation.subject, operation.bytes);
    }
  }

  /** From now on the server's answer will not tell whether all was accepted. */
  doubt(why: string): void {
    this.#doubt ??= why;
  }

  /** The server answered. */
  accept(): void {
    if (this.#doubt !== undefined) {
      this.lose(this.#doubt);
    } else if (this.#settle()) {
      this.#counters.published += this.messages;
      this.#resolve(accepted);
    }
  }

  /** Nothing of it was sent. */
  refuse(why: string): void {
    if (!this.#settle()) return;
    this.#counters.refused += this.messages;
    this.#reject(new BackplaneUnavailableError(sentence(why)));
  }

  /** It was sent, and no answer will be waited for. */
  lose(why: string): void {
    if (!this.#settle()) return;
    this.#counters.unknown += this.messages;
    this.#reject(new PublishOutcomeUnknownError(sentence(why)));
  }

  /** Resolves when it is settled, or when the time is over. */
  async settledWithin(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.answered.catch(() => undefined), expiry]);
    clearTimeout(timer);
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    return true;
  }
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
