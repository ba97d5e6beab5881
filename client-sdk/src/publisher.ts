/** Publishes to groups, so that each publish has one effect however often it must be sent. */
import type { Outbox, RequestOptions } from './outbox.ts';
import { payloadOf } from './payload.ts';
import { validated, validatorOf, type Validators } from './validation.ts';
import { keyOf, type Position } from './wire.ts';

export interface PublishOptions extends RequestOptions {
  /** 1 to 128 characters. The same id again has no second effect. Default: a random one. */
  readonly id?: string | undefined;
  /** True: it does not come back to this client. */
  readonly noEcho?: boolean | undefined;
  /** 1 to 300: where it could not be delivered in that time, it is dropped. */
  readonly ttlSeconds?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The broker has accepted the message. */
export interface Published {
  /** The gateway's id, as it is in the message; not the text that the client chose. */
  readonly id: string | undefined;
  /** Where it is; undefined: the group is no stream. */
  readonly position: Position | undefined;
}

export interface PublisherOptions {
  readonly outbox: Outbox;
  readonly validators: Validators;
  readonly randomId: () => string;
  /** A publish with `noEcho` was accepted. */
  readonly onOwn: (key: string, id: string, position: Position) => void;
}

export class Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** @throws TrunklineError. */
  async publish(group: string, data: unknown, options: PublishOptions = {}): Promise<Published> {
    const { onOwn, outbox, randomId, validators } = this.#options;
    const { metadata, noEcho, signal, timeoutMs, ttlSeconds } = options;
    const key = keyOf({ group });
    const payload = payloadOf(validated(validatorOf(validators, group), data, key));
    const id = options.id ?? randomId();
    const { id: publishedId, position } = await outbox.request({
      frame: { type: 'sendToGroup', group, id, ...payload, noEcho, ttlSeconds, metadata },
      isRepeatable: true,
      signal,
      timeoutMs,
      ...(noEcho === true && { holds: key }),
      onSuccess: (answer) => {
        if (noEcho !== true || answer.id === undefined || answer.position === undefined) return;
        onOwn(key, answer.id, answer.position);
      },
    });
    return { id: publishedId, position };
  }
}
