/** Publishes, so that each message has one effect however often it must be sent. */
import { TrunklineError } from './errors.ts';
import {
  bodyOf,
  membersOf,
  type BatchResult,
  type Destination,
  type ExcludingMessageOptions,
  type PublishOptions,
  type Published,
} from './messages.ts';
import type { CallOptions } from './options.ts';
import { positionOf } from './position.ts';
import { jsonOf, type Answer, type Rest } from './rest.ts';
import { validated, validatorOf, type Validators } from './validation.ts';

/** A message with its destination. */
export interface Outgoing extends ExcludingMessageOptions {
  readonly to: Destination;
  readonly data: unknown;
}

/** A result of a batch over HTTP. */
interface WireResult {
  readonly status: number;
  readonly id?: string;
  readonly position?: string;
  readonly isDuplicate?: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly target?: string;
}

const folders = { user: 'users', group: 'groups', connection: 'connections' } as const;

/** Path segments of a destination under its hub. */
export function pathOf(to: Destination): readonly string[] {
  return to.kind === 'all' ? [] : [folders[to.kind], to.name];
}

export class Publisher {
  readonly #rest: Rest;
  readonly #validators: Validators;
  readonly #randomId: () => string;

  constructor(rest: Rest, validators: Validators, randomId: () => string) {
    this.#rest = rest;
    this.#validators = validators;
    this.#randomId = randomId;
  }

  /** @throws TrunklineError. */
  async publish(
    to: Destination,
    given: unknown,
    options: PublishOptions<ExcludingMessageOptions> = {},
  ): Promise<Published> {
    const { exclude = [], filter, id = this.#randomId(), metadata = {}, ttlSeconds } = options;
    const names = Object.keys(metadata);
    // Headers, which carry them otherwise, do not keep their case.
    if (names.some((name) => name !== name.toLowerCase())) {
      return this.#publishAsBatch({ to, data: given, ...options, id }, options);
    }
    const { body, contentType } = bodyOf(this.#checked(to, given));
    const carried = names.map((name) => [`x-webpubsub-metadata-${name}`, metadata[name] ?? '']);
    return this.#rest.call(
      {
        method: 'POST',
        path: [...pathOf(to), ':send'],
        query: [
          ['filter', filter],
          ['messageTtlSeconds', ttlSeconds],
          ...exclude.map((each) => ['excluded', each] as const),
        ],
        headers: {
          'content-type': contentType,
          'idempotency-key': id,
          // Pairs of names and values.
          ...(Object.fromEntries(carried) as Record<string, string>),
        },
        body,
        isRepeatable: true,
        read: publishedOf,
      },
      options,
    );
  }

  /** In their order. @throws TrunklineError: nothing is known of any of them, or one is invalid. */
  async batch(
    messages: readonly Outgoing[],
    options: CallOptions = {},
  ): Promise<readonly BatchResult[]> {
    if (messages.length === 0) return [];
    return this.#batch(messages, options, resultsOf);
  }

  async #publishAsBatch(message: Outgoing, options: CallOptions): Promise<Published> {
    const read = (answer: Answer): Published => {
      const [result] = resultsOf(answer);
      if (result === undefined) throw new TrunklineError('bad-answer', 'There is no result');
      if (!result.isAccepted) throw result.error;
      return result;
    };
    return this.#batch([message], options, read);
  }

  #batch<Result>(
    messages: readonly Outgoing[],
    options: CallOptions,
    read: (answer: Answer) => Result,
  ): Promise<Result> {
    const wire = messages.map(
      ({ to, data, id = this.#randomId(), metadata, exclude, filter, ttlSeconds }) => ({
        to,
        ...membersOf(this.#checked(to, data)),
        id,
        metadata,
        excluded: exclude,
        filter,
        ttlSeconds,
      }),
    );
    return this.#rest.call(
      {
        method: 'POST',
        path: [':sendBatch'],
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages: wire }),
        isRepeatable: true,
        read,
      },
      options,
    );
  }

  #checked(to: Destination, data: unknown): unknown {
    switch (to.kind) {
      case 'group':
        return validated(validatorOf(this.#validators, to.name), data, `group ${to.name}`);
      case 'user':
        return validated(this.#validators['@user'], data, `user ${to.name}`);
      case 'all':
        return validated(this.#validators['@hub'], data, 'all');
      case 'connection':
        return data;
    }
  }
}

function publishedOf({ header }: Answer): Published {
  const position = header('x-trunkline-position');
  return {
    id: header('x-trunkline-publication-id'),
    position: position === undefined ? undefined : positionOf(position),
    isDuplicate: header('x-trunkline-duplicate') === 'true',
  };
}

function resultsOf(answer: Answer): readonly BatchResult[] {
  // The form of the gateway's answers (docs/openapi.yaml).
  const { results } = jsonOf(answer) as { readonly results: readonly WireResult[] };
  const { requestId } = answer;
  return results.map(({ code = 'refused', id, isDuplicate, message, position, status, target }) => {
    if (status >= 300) {
      const error = new TrunklineError(code, message ?? code, { status, requestId, target });
      return { isAccepted: false, error };
    }
    return {
      isAccepted: true,
      id,
      position: position === undefined ? undefined : positionOf(position),
      isDuplicate: isDuplicate === true,
    };
  });
}
