/**
 * One connection's life: what is asked of it in one turn of the event loop goes out together and is
 * confirmed by the PONG that follows it. When the connection ends, so does the session; nothing of
 * it is carried over, so nothing is sent late or twice.
 */
import type { Msg, NatsConnection, Status, Subscription } from '@nats-io/transport-node';
import { PermissionViolationError } from '@nats-io/transport-node';
import { BackplaneUnavailableError, type Accepted } from '../backplane.ts';
import type { NatsCounters, NatsSettings } from './settings.ts';
import { Turn } from './turn.ts';

/** Why a session is over. */
export interface SessionEnd {
  readonly reason: string;
  /** True: the server cut us off because we read too slowly. */
  readonly isOverflow: boolean;
}

export interface SessionOptions {
  readonly connection: NatsConnection;
  readonly settings: NatsSettings;
  readonly counters: NatsCounters;
  /** The server asks its clients to move to others. */
  readonly onLameDuck: () => void;
  /** The server said something new of itself or its cluster. */
  readonly onInfo: () => void;
}

/** `message` is the whole of what arrived; both are valid until the call returns. */
export type Receive = (bytes: Uint8Array, message: Msg) => void;

interface Interest {
  readonly receive: Receive;
  subscription: Subscription | undefined;
  state: 'asked' | 'confirmed' | 'denied';
}

export class Session {
  /** Resolves once, when the session is over. Never rejects. */
  readonly ended: Promise<SessionEnd>;
  readonly #options: SessionOptions;
  readonly #interests = new Map<string, Interest>();
  /** Written, not answered; in the order of the PONGs to come. */
  #flights: Turn[] = [];
  /** Collects what this turn of the event loop asks for. */
  #turn: Turn | undefined;
  #messages = 0;
  #bytes = 0;
  #isOver = false;
  #isDraining = false;
  #lastError: string | undefined;
  #resolveEnded: (end: SessionEnd) => void = () => undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    const { connection } = options;
    void this.#watch(connection.status());
    void connection.closed().then((error) => {
      const cause = error instanceof Error ? error.message : undefined;
      this.end(this.#lastError ?? cause ?? 'the connection was lost');
    });
  }

  /** False: it accepts nothing more. */
  get isUsable(): boolean {
    return !this.#isOver && !this.#isDraining;
  }

  /** Messages that reached this connection, of any kind. */
  get inboundCount(): number {
    return this.#options.connection.stats().inMsgs;
  }

  /** What the server said last that may explain trouble. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Settles as `Backplane.publish` does. `bytes` fit into the server's largest payload. */
  publish(subject: string, bytes: Uint8Array): Promise<Accepted> {
    const { inflightBytesMax, inflightMax } = this.#options.settings;
    if (this.#messages >= inflightMax || this.#bytes + bytes.length > inflightBytesMax) {
      this.#options.counters.refused += 1;
      return Promise.reject(
        new BackplaneUnavailableError(
          `NATS is slow: ${this.#messages} publishes with ${this.#bytes} bytes wait for its ` +
            `answer, and at most ${inflightMax} with ${inflightBytesMax} may`,
        ),
      );
    }
    const turn = this.#open();
    if (turn === undefined) return Promise.reject(over());
    this.#messages += 1;
    this.#bytes += bytes.length;
    turn.publish(subject, bytes);
    return turn.answered;
  }

  /** Publishes outside of all bounds and counts; whether it arrives shows on its subject. */
  probe(subject: string, bytes: Uint8Array): void {
    this.write((connection) => connection.publish(subject, bytes));
  }

  /**
   * Calls `command` when the turn is written, in its place among the publishes; never, when the
   * session ends before. Outside of all bounds and counts: the caller has its own. False: it is over.
   */
  write(command: (connection: NatsConnection) => void): boolean {
    const turn = this.#open();
    turn?.add(() => command(this.#options.connection));
    return turn !== undefined;
  }

  /** Resolves when the server has confirmed the interest. @throws as `publish` does. */
  async subscribe(subject: string, receive: Receive): Promise<void> {
    const turn = this.#open();
    if (turn === undefined) throw over();
    const interest: Interest = { receive, subscription: undefined, state: 'asked' };
    this.#interests.set(subject, interest);
    turn.add(() => {
      interest.subscription = this.#options.connection.subscribe(subject, {
        callback: (error, message) => this.#deliver(error, message, interest),
      });
    });
    await turn.answered;
    if (interest.state === 'asked') {
      interest.state = 'confirmed';
      return;
    }
    if (this.#interests.get(subject) === interest) this.#interests.delete(subject);
    throw new BackplaneUnavailableError(
      `NATS refuses the subscription to ${subject}: grant it to this account`,
    );
  }

  /** Resolves when the server has forgotten the interest, or the session is over. */
  async unsubscribe(subject: string): Promise<void> {
    const interest = this.#interests.get(subject);
    if (interest === undefined) return;
    this.#interests.delete(subject);
    const turn = this.#open();
    if (turn === undefined) return;
    turn.add(() => interest.subscription?.unsubscribe());
    // Whatever went wrong, the interest ends with the connection at the latest.
    await turn.answered.catch(() => undefined);
  }

  /** Waits for what is on its way, as long as allowed, and ends. Accepts nothing more. */
  async drain(timeoutMs: number, reason: string): Promise<void> {
    this.#isDraining = true;
    const last = this.#turn ?? this.#flights.at(-1);
    if (last !== undefined) await last.settledWithin(timeoutMs);
    this.end(reason);
  }

  /** Ends it now. Idempotent. */
  end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { connection, counters } = this.#options;
    const turn = this.#turn;
    const flights = this.#flights;
    this.#turn = undefined;
    this.#flights = [];
    this.#interests.clear();
    turn?.refuse(`it was not sent, because the connection to NATS ended: ${reason}`);
    for (const flight of flights) {
      flight.lose(`the connection to NATS ended before its answer: ${reason}`);
    }
    // It destroys the socket, also where the library itself would wait for a frozen server.
    connection.close().catch(() => undefined);
    const isOverflow = /slow consumer/i.test(reason);
    if (isOverflow) counters.slowConsumer += 1;
    this.#resolveEnded({ reason, isOverflow });
  }

  #open(): Turn | undefined {
    if (!this.isUsable) return undefined;
    if (this.#turn !== undefined) return this.#turn;
    const { counters, settings } = this.#options;
    const turn = new Turn(settings.publishTimeoutMs, counters);
    this.#turn = turn;
    setImmediate(() => this.#write(turn));
    return turn;
  }

  #write(turn: Turn): void {
    if (this.#turn !== turn) return;
    const { connection, counters } = this.#options;
    this.#turn = undefined;
    this.#flights.push(turn);
    try {
      turn.writeTo(connection);
      counters.flushes += 1;
      connection.flush().then(
        // The server names what it denied just before the PONG; that message is handled first.
        () => setImmediate(() => this.#answered(turn)),
        (error: unknown) => this.end(textOf(error)),
      );
    } catch (error) {
      this.end(textOf(error));
    }
  }

  #answered(turn: Turn): void {
    if (this.#isOver) return;
    this.#flights.shift();
    this.#messages -= turn.messages;
    this.#bytes -= turn.bytes;
    turn.accept();
  }

  #deliver(error: Error | null, message: Msg, interest: Interest): void {
    if (this.#isOver) return;
    if (error !== null) {
      const wasConfirmed = interest.state === 'confirmed';
      interest.state = 'denied';
      // Deafness on one key must not go unnoticed: a new connection shows what is allowed now.
      if (wasConfirmed) this.end(`the server took a subscription back: ${error.message}`);
      return;
    }
    try {
      interest.receive(message.data, message);
    } catch {
      // Thrown into the library it would stop its reader for good, without a word.
      this.#options.counters.receiverErrors += 1;
    }
  }

  async #watch(events: AsyncIterable<Status>): Promise<void> {
    for await (const event of events) {
      if (event.type === 'staleConnection') {
        this.end(this.#lastError ?? 'the server does not answer pings');
      } else if (event.type === 'ldm') {
        this.#options.onLameDuck();
      } else if (event.type === 'update') {
        this.#options.onInfo();
      } else if (event.type === 'error') {
        this.#lastError = event.error.message;
        if (event.error instanceof PermissionViolationError) this.#denied(event.error);
      }
    }
  }

  #denied(error: PermissionViolationError): void {
    this.#options.counters.denied += 1;
    if (error.operation !== 'publish') return;
    // It is one of those on their way; which ones else the server took, nobody can say.
    for (const flight of this.#flights) {
      flight.doubt(`this account may not publish to ${error.subject}; grant it in NATS`);
    }
  }
}

function over(): BackplaneUnavailableError {
  return new BackplaneUnavailableError('The connection to NATS is down');
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
