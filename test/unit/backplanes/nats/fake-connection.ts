/** The part of a NATS connection that sessions use, in the hands of a test. */
import type { NatsConnection, Status } from '@nats-io/transport-node';

type Callback = (error: Error | null, message: { readonly data: Uint8Array }) => void;

export class FakeConnection {
  /** Every command in its order: `pub <subject> <text>`, `sub <subject>`, `unsub …`, `flush`. */
  readonly log: string[] = [];
  readonly callbacks = new Map<string, Callback>();
  inMsgs = 0;
  /** Thrown by the next command. */
  failure: Error | undefined;
  readonly #pongs: { resolve: () => void; reject: (error: Error) => void }[] = [];
  readonly #statuses: Status[] = [];
  #wake: () => void = () => undefined;
  #close: (error?: Error) => void = () => undefined;
  readonly #closed = new Promise<Error | undefined>((resolve) => {
    this.#close = resolve;
  });
  #isClosed = false;

  /** What the session is given. */
  get connection(): NatsConnection {
    // The members below are all that sessions touch.
    return this as unknown as NatsConnection;
  }

  publish(subject: string, bytes: Uint8Array): void {
    if (this.failure !== undefined) throw this.failure;
    this.log.push(`pub ${subject} ${Buffer.from(bytes).toString()}`);
  }

  subscribe(subject: string, { callback }: { readonly callback: Callback }): unknown {
    this.log.push(`sub ${subject}`);
    this.callbacks.set(subject, callback);
    return { unsubscribe: () => this.log.push(`unsub ${subject}`) };
  }

  flush(): Promise<void> {
    this.log.push('flush');
    return new Promise((resolve, reject) => {
      this.#pongs.push({ resolve, reject });
    });
  }

  stats(): { readonly inMsgs: number } {
    return { inMsgs: this.inMsgs };
  }

  closed(): Promise<Error | undefined> {
    return this.#closed;
  }

  close(): Promise<void> {
    this.log.push('close');
    this.drop();
    return Promise.resolve();
  }

  async *status(): AsyncGenerator<Status> {
    while (!this.#isClosed) {
      const next = this.#statuses.shift();
      if (next !== undefined) yield next;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  /** The server answers the oldest flush. */
  pong(): void {
    this.#pongs.shift()?.resolve();
  }

  tell(status: Status): void {
    this.#statuses.push(status);
    this.#wake();
  }

  /** The connection is lost. */
  drop(error?: Error): void {
    this.#isClosed = true;
    this.#close(error);
    this.#wake();
  }
}

/** Lets everything that is due in this turn of the event loop happen. */
export async function turnOver(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
