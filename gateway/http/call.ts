/** What handlers get: one request with its path and query read, and the ports to act through. */
import type { Clock } from '../clock.ts';
import type { Limits } from '../limits.ts';
import { isClientId, isGroupName, isUserId, parseHub } from '../protocol/names.ts';
import { shown } from '../protocol/shown.ts';
import type { Directory, Publisher, Streams } from '../router/ports.ts';
import type { HttpRequest, HttpRequestWithBody, HttpResponse } from '../transport/transport.ts';
import { InvalidArgument } from './errors.ts';
import type { Query } from './query.ts';

const latestApiVersion = '2024-12-01';

export interface Readiness {
  readonly ready: boolean;
  /** Why it is not ready; for the operator. */
  readonly reason?: string | undefined;
}

export interface RestPorts {
  readonly publisher: Publisher;
  readonly directory: Directory;
  readonly streams: Streams;
  /** They sign client tokens and continuation tokens; the first one signs. */
  readonly accessKeys: readonly string[];
  /** The public endpoints now: http(s) URLs, with a base path where there is one. */
  readonly endpoints: () => readonly string[];
  readonly limits: Limits;
  readonly clock: Pick<Clock, 'wallSeconds'>;
  readonly readiness: () => Readiness;
  readonly metrics: { text(): Promise<string>; readonly contentType: string };
  /** Is told every error that was answered with 500. Must not throw. */
  readonly onError: (error: unknown) => void;
}

export type Handler = (call: Call, ports: RestPorts) => HttpResponse | Promise<HttpResponse>;

/** Names in a path template. */
export type PathParameter = 'hub' | 'group' | 'userId' | 'connectionId' | 'permission';

export class Call {
  readonly request: HttpRequestWithBody;
  readonly query: Query;
  readonly #parameters: ReadonlyMap<string, string>;
  readonly #limits: Limits;

  constructor(
    request: HttpRequestWithBody,
    parameters: ReadonlyMap<string, string>,
    query: Query,
    limits: Limits,
  ) {
    this.request = request;
    this.query = query;
    this.#parameters = parameters;
    this.#limits = limits;
  }

  /** Folded to lower case. @throws InvalidArgument: it is no name of a hub. */
  get hub(): string {
    const name = this.#parameter('hub');
    const hub = parseHub(name);
    if (hub !== undefined) return hub;
    throw new InvalidArgument(
      'hub',
      `The hub must be a letter and up to 127 letters, digits and _\`,.[], got ${shown(name)}.`,
    );
  }

  /** @throws InvalidArgument: it is no name of a group. */
  get group(): string {
    return this.checkedGroup('group', this.#parameter('group'));
  }

  /** @throws InvalidArgument: it is no id of a user. */
  get userId(): string {
    return this.checkedUserId(this.#parameter('userId'));
  }

  /** @throws InvalidArgument: it is too long for an id of a connection. */
  get connectionId(): string {
    const id = this.#parameter('connectionId');
    if (isClientId(id, this.#limits.nameLengthMax)) return id;
    throw new InvalidArgument('connectionId', this.#nameFault('connectionId', id));
  }

  /** @throws InvalidArgument: there is no such permission. */
  get permission(): 'joinLeaveGroup' | 'sendToGroup' {
    const name = this.#parameter('permission');
    if (name === 'joinLeaveGroup' || name === 'sendToGroup') return name;
    throw new InvalidArgument(
      'permission',
      `The permission must be joinLeaveGroup or sendToGroup, got ${shown(name)}.`,
    );
  }

  /** @throws InvalidArgument */
  checkedGroup(target: string, name: string): string {
    if (isGroupName(name, this.#limits.nameLengthMax)) return name;
    throw new InvalidArgument(target, this.#nameFault(target, name));
  }

  /** @throws InvalidArgument */
  checkedUserId(name: string): string {
    if (isUserId(name, this.#limits.nameLengthMax)) return name;
    throw new InvalidArgument('userId', this.#nameFault('userId', name));
  }

  #nameFault(target: string, name: string): string {
    const bounds = `1..${this.#limits.nameLengthMax} characters of valid Unicode, not only white space`;
    return `${target} must have ${bounds}, got ${shown(name)}.`;
  }

  /** The matcher has filled every parameter of the template: a miss is a handler of ours. */
  #parameter(name: PathParameter): string {
    const value = this.#parameters.get(name);
    if (value === undefined) throw new Error(`the path template has no {${name}}`);
    return value;
  }
}

/** The endpoint by which the request came, or else the first; never a host of the sender's making. */
export function endpointOf(request: HttpRequest, endpoints: readonly string[]): string {
  const host = request.headers.get('host')?.toLowerCase();
  const [first] = endpoints;
  if (first === undefined) throw new Error('the gateway has no public endpoint');
  return endpoints.find((endpoint) => new URL(endpoint).host === host) ?? first;
}

/** An absolute URL of the same operation, on the endpoint by which the request came. */
export function nextLink(
  { request, query }: Call,
  { endpoints }: RestPorts,
  values: Readonly<Record<string, string | number | undefined>>,
): string {
  const parameters = new URLSearchParams({
    'api-version': query.text('api-version') ?? latestApiVersion,
  });
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return `${endpointOf(request, endpoints())}${request.path}?${parameters.toString()}`;
}

/** An answer without a body. */
export function empty(status: number): HttpResponse {
  return { status };
}

/** An answer with a JSON body. */
export function json(status: number, body: unknown): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
}
