/** Reads, describes and empties the retained messages of a destination. */
import { messageOf, type Destination, type Message, type WireMessage } from './messages.ts';
import type { CallOptions } from './options.ts';
import { positionOf, positionText, type Position } from './position.ts';
import { pathOf } from './publisher.ts';
import { jsonOf, type QueryValue, type Rest } from './rest.ts';
import { validated } from './validation.ts';
import type { StandardSchema } from './standard-schema.ts';

export interface HistoryOptions extends CallOptions {
  /** Only what comes after this place; not together with `reverse`. */
  readonly after?: Position | undefined;
  /** Only what is below this offset. */
  readonly before?: number | undefined;
  /** Messages on a page. Default 100. */
  readonly limit?: number | undefined;
  /** True: newest first. */
  readonly reverse?: boolean | undefined;
}

export interface HistoryPage<Payload = unknown> {
  readonly messages: readonly Message<Payload>[];
  /** False: retention has taken messages from the range that was asked for. */
  readonly isComplete: boolean;
  /** False: this is the last page. */
  readonly hasMore: boolean;
  /** Where the stream ended when it was read: a client goes on from here with it as `since`. */
  readonly position: Position;
}

export interface StreamInfo {
  readonly retention: {
    /** Of the class in the gateway's settings. */
    readonly name: string;
    readonly messages: number;
    readonly seconds: number;
    readonly bytes: number;
  };
  /** The end of the stream. */
  readonly position: Position;
  /** Undefined: nothing is retained. */
  readonly oldestOffset: number | undefined;
}

interface WirePage {
  readonly messages: readonly WireMessage[];
  readonly isComplete: boolean;
  readonly hasMore: boolean;
  readonly position: string;
  readonly nextLink?: string;
}

type Query = readonly (readonly [name: string, value: QueryValue])[];

export class Streams {
  readonly #rest: Rest;

  constructor(rest: Rest) {
    this.#rest = rest;
  }

  /** Page by page, each when it is asked for. @throws TrunklineError. */
  async *history(
    to: Destination,
    validator: StandardSchema | undefined,
    options: HistoryOptions = {},
  ): AsyncGenerator<HistoryPage, void, undefined> {
    const { after, before, limit, reverse } = options;
    let query: Query | undefined = [
      ['after', after === undefined ? undefined : positionText(after)],
      ['before', before],
      ['limit', limit],
      ['reverse', reverse],
    ];
    while (query !== undefined) {
      const page: WirePage = await this.#page(to, query, options);
      const messages = page.messages.map((wire) => {
        const message = messageOf(wire);
        return { ...message, data: validated(validator, message.data, 'a retained message') };
      });
      const { hasMore, isComplete, position } = page;
      yield { messages, isComplete, hasMore, position: positionOf(position) };
      query = page.nextLink === undefined ? undefined : queryOf(page.nextLink);
    }
  }

  /** @throws TrunklineError. */
  info(to: Destination, options?: CallOptions): Promise<StreamInfo> {
    return this.#rest.call(
      {
        method: 'GET',
        path: [...pathOf(to), 'stream'],
        isRepeatable: true,
        read: (answer) => {
          // The form of the gateway's answers (docs/openapi.yaml).
          const info = jsonOf(answer) as Omit<StreamInfo, 'position'> & { position: string };
          const { oldestOffset, position, retention } = info;
          return { retention, position: positionOf(position), oldestOffset };
        },
      },
      options,
    );
  }

  /** Drops what is retained. Positions go on. @throws TrunklineError. */
  purge(to: Destination, options?: CallOptions): Promise<void> {
    const path = [...pathOf(to), 'history'];
    // A repeat would drop what was published in between.
    const call = { method: 'DELETE', path, isRepeatable: false, read: () => undefined } as const;
    return this.#rest.call(call, options);
  }

  #page(to: Destination, query: Query, options: CallOptions): Promise<WirePage> {
    return this.#rest.call(
      {
        method: 'GET',
        path: [...pathOf(to), 'history'],
        query,
        isRepeatable: true,
        // The form of the gateway's answers (docs/openapi.yaml).
        read: (answer) => jsonOf(answer) as WirePage,
      },
      options,
    );
  }
}

/** Of a link to the next page; only its query counts: requests go where they always go. */
export function queryOf(link: string): Query {
  return [...new URL(link).searchParams].filter(([name]) => name !== 'api-version');
}
