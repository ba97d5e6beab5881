/** What an application holds of a destination: its events, its history, its state. */
import { Emitter, type Listener } from './emitter.ts';
import { TrunklineError } from './errors.ts';
import { messageOf, type Gap, type HistoryPage, type Message } from './messages.ts';
import type { Outbox, RequestOptions } from './outbox.ts';
import type { StandardSchema } from './standard-schema.ts';
import type { Subscription, SubscriptionChange } from './subscription.ts';
import type { SubscriptionState } from './subscription-states.ts';
import { validated } from './validation.ts';
import { keyOf, type Destination, type Position } from './wire.ts';

export interface ChannelEvents<Payload> {
  /** Each message once, in order; never before it is certain that none is missing before it. */
  readonly message: Message<Payload>;
  /** Messages are missing, or may be. */
  readonly gap: Gap;
  readonly state: SubscriptionChange;
}

export interface HistoryOptions extends RequestOptions {
  /** Only what comes after this place; not together with `reverse`. */
  readonly after?: Position | undefined;
  /** Only what is below this offset. */
  readonly before?: number | undefined;
  readonly limit?: number | undefined;
  /** True: newest first. */
  readonly reverse?: boolean | undefined;
}

export interface ChannelParts {
  readonly destination: Destination;
  readonly outbox: Outbox;
  readonly validator: StandardSchema | undefined;
  readonly report: (error: unknown) => void;
  readonly subscribe: (sink: ChannelSink) => Subscription;
}

/** Where a subscription puts what it has for the application. */
export interface ChannelSink {
  onMessage(message: Message): void;
  onGap(gap: Gap): void;
  onChange(change: SubscriptionChange): void;
}

/** The user's messages, or those to all: a client follows them by itself. */
export class Channel<Payload = unknown> {
  readonly #parts: ChannelParts;
  readonly #emitter: Emitter<ChannelEvents<Payload>>;
  readonly #subscription: Subscription;

  constructor(parts: ChannelParts) {
    this.#parts = parts;
    this.#emitter = new Emitter(parts.report);
    this.#subscription = parts.subscribe({
      onMessage: (message) => this.#deliver(message),
      onGap: (gap) => this.#emitter.emit('gap', gap),
      onChange: (change) => this.#emitter.emit('state', change),
    });
  }

  get state(): SubscriptionState {
    return this.#subscription.state;
  }

  /** Everything up to here was given to the listeners; undefined: no stream, or not joined yet. */
  get position(): Position | undefined {
    return this.#subscription.cursor;
  }

  /** Returns a function that takes the listener off. What it throws goes to the client's `error`. */
  on<Name extends keyof ChannelEvents<Payload>>(
    name: Name,
    listener: Listener<ChannelEvents<Payload>[Name]>,
  ): () => void {
    return this.#emitter.on(name, listener);
  }

  /**
   * Retained messages, oldest first unless `reverse`.
   * @throws TrunklineError; with the code `refused` where it is no stream.
   */
  async history(options: HistoryOptions = {}): Promise<HistoryPage<Payload>> {
    const { after, before, limit, reverse, signal, timeoutMs } = options;
    const { destination, outbox } = this.#parts;
    const answer = await outbox.request({
      frame: { type: 'history', ...destination, after, before, limit, reverse },
      isRepeatable: true,
      signal,
      timeoutMs,
    });
    const { hasMore = false, isComplete = false, messages = [], next, position } = answer;
    return {
      messages: messages.map((frame) => this.#checked(messageOf(frame, position?.epoch))),
      isComplete,
      hasMore,
      position,
      next,
    };
  }

  #deliver(message: Message): void {
    try {
      this.#emitter.emit('message', this.#checked(message));
    } catch (error) {
      this.#parts.report(error);
    }
  }

  #checked(message: Message): Message<Payload> {
    const { destination, validator } = this.#parts;
    const data = validated(validator, message.data, keyOf(destination));
    // The schema says so; where there is a validator, it has looked.
    return { ...message, data } as Message<Payload>;
  }
}

/** Wraps what is no error of this client, so that `error` listeners always get one of ours. */
export function asListenerFailure(error: unknown): TrunklineError {
  if (error instanceof TrunklineError) return error;
  return new TrunklineError('listener-failed', `A listener failed: ${String(error)}`, {
    cause: error,
  });
}
