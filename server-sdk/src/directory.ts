/** Asks who is there, puts connections into groups, and closes them. */
import type { Destination } from './messages.ts';
import type { CallOptions } from './options.ts';
import { pathOf } from './publisher.ts';
import { queryOf } from './history.ts';
import { jsonOf, type QueryValue, type Rest, type RestCall } from './rest.ts';

export interface ConnectionInfo {
  readonly connectionId: string;
  /** Undefined: it has no user. */
  readonly userId: string | undefined;
}

export interface ListOptions extends CallOptions {
  /** Connections asked for at once, 1 to 200. */
  readonly pageSize?: number | undefined;
}

export interface CloseOptions extends CallOptions {
  /** What the clients are told. */
  readonly reason?: string | undefined;
}

export interface CloseManyOptions extends CloseOptions {
  /** Connections that stay. */
  readonly exclude?: readonly string[] | undefined;
}

/** What a connection may do to groups. */
export type Permission = 'joinLeaveGroup' | 'sendToGroup';

interface WireList {
  readonly value: readonly { readonly connectionId: string; readonly userId?: string | null }[];
  readonly nextLink?: string;
}

type Query = readonly (readonly [name: string, value: QueryValue])[];

export class Directory {
  readonly #rest: Rest;

  constructor(rest: Rest) {
    this.#rest = rest;
  }

  exists(to: Destination, options?: CallOptions): Promise<boolean> {
    return this.#asks({ method: 'HEAD', path: pathOf(to) }, options);
  }

  /** False: there is nobody of that name. */
  put(path: readonly string[], query: Query, options?: CallOptions): Promise<boolean> {
    return this.#asks({ method: 'PUT', path, query }, options);
  }

  has(path: readonly string[], query: Query, options?: CallOptions): Promise<boolean> {
    return this.#asks({ method: 'HEAD', path, query }, options);
  }

  /** Nothing happens where there is nothing to be taken away. */
  remove(path: readonly string[], query: Query, options?: CallOptions): Promise<void> {
    const call = { method: 'DELETE', path, query, isRepeatable: true } as const;
    return this.#rest.call({ ...call, read: () => undefined }, options);
  }

  closeMany(to: Destination, options: CloseManyOptions = {}): Promise<void> {
    const { exclude = [], reason } = options;
    return this.#rest.call(
      {
        method: 'POST',
        path: [...pathOf(to), ':closeConnections'],
        query: [['reason', reason], ...exclude.map((id) => ['excluded', id] as const)],
        // A repeat would close those who have come back in between.
        isRepeatable: false,
        read: () => undefined,
      },
      options,
    );
  }

  /** `operation` is done to the connections that the filter matches. */
  match(
    operation: ':addToGroups' | ':removeFromGroups',
    body: { readonly groups: readonly string[]; readonly filter: string },
    options?: CallOptions,
  ): Promise<void> {
    return this.#rest.call(
      {
        method: 'POST',
        path: [operation],
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        isRepeatable: true,
        read: () => undefined,
      },
      options,
    );
  }

  /** Each connection as it is reached; pages are read when they are needed. */
  async *list(
    group: string,
    options: ListOptions = {},
  ): AsyncGenerator<ConnectionInfo, void, undefined> {
    let query: Query | undefined = [['maxpagesize', options.pageSize]];
    while (query !== undefined) {
      const page: WireList = await this.#page(group, query, options);
      for (const { connectionId, userId } of page.value) {
        yield { connectionId, userId: userId ?? undefined };
      }
      query = page.nextLink === undefined ? undefined : queryOf(page.nextLink);
    }
  }

  #page(group: string, query: Query, options: CallOptions): Promise<WireList> {
    return this.#rest.call(
      {
        method: 'GET',
        path: ['groups', group, 'connections'],
        query,
        isRepeatable: true,
        // The form of the gateway's answers (docs/openapi.yaml).
        read: (answer) => jsonOf(answer) as WireList,
      },
      options,
    );
  }

  #asks(
    call: Pick<RestCall<boolean>, 'method' | 'path' | 'query'>,
    options?: CallOptions,
  ): Promise<boolean> {
    const read: RestCall<boolean>['read'] = ({ status }) => status !== 404;
    return this.#rest.call({ ...call, mayBeMissing: true, isRepeatable: true, read }, options);
  }
}
