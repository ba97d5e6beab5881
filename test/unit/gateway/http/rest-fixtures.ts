/** A RestApi over fakes that write down what they are asked. */
import { RestApi, type RestApiOptions } from '../../../../gateway/http/api.ts';
import { GatewayError } from '../../../../gateway/errors.ts';
import { defaultLimits } from '../../../../gateway/limits.ts';
import type {
  ConnectionPage,
  Directory,
  Publication,
  Published,
  Streams,
} from '../../../../gateway/router/ports.ts';
import type { History, StreamInfo } from '../../../../gateway/router/stream-ports.ts';
import type { Attendance } from '../../../../gateway/protocol/presence-model.ts';
import { signServerToken } from '../../../../gateway/tokens/sign.ts';
import { TokenVerifier } from '../../../../gateway/tokens/verify.ts';
import type { HttpRequestWithBody, HttpResponse } from '../../../../gateway/transport/transport.ts';

export const accessKey = 'access-key-of-the-rest-tests-0123456789ab';
export const endpoint = 'http://gateway.test:8080';
export const nowSeconds = 1_800_000_000;
const clock = { wallSeconds: () => nowSeconds, monotonicMs: () => 0 };

/** Answers "yes" about everything whose name begins with `known`. */
class FakeDirectory implements Directory {
  readonly calls: unknown[][] = [];
  pages: ConnectionPage[] = [];

  #say(...call: unknown[]): Promise<boolean> {
    this.calls.push(call);
    return Promise.resolve(String(call[2]).startsWith('known'));
  }

  async #do(...call: unknown[]): Promise<void> {
    await this.#say(...call);
  }

  listGroup(...call: Parameters<Directory['listGroup']>): Promise<ConnectionPage> {
    this.calls.push(['listGroup', ...call]);
    return Promise.resolve(this.pages.shift() ?? { connections: [], continuation: undefined });
  }

  attendances: Attendance[] = [];

  attendance(...call: Parameters<Directory['attendance']>): Promise<Attendance> {
    this.calls.push(['attendance', ...call]);
    return Promise.resolve(this.attendances.shift() ?? { connections: 0, members: [] });
  }

  connectionExists = (...call: unknown[]) => this.#say('connectionExists', ...call);
  groupExists = (...call: unknown[]) => this.#say('groupExists', ...call);
  userExists = (...call: unknown[]) => this.#say('userExists', ...call);
  closeConnection = (...call: unknown[]) => this.#do('closeConnection', ...call);
  closeUser = (...call: unknown[]) => this.#do('closeUser', ...call);
  closeGroup = (...call: unknown[]) => this.#do('closeGroup', ...call);
  closeAll = (...call: unknown[]) => this.#do('closeAll', ...call);
  addConnectionToGroup = (...call: unknown[]) => this.#say('addConnectionToGroup', ...call);
  removeConnectionFromGroup = (...call: unknown[]) =>
    this.#do('removeConnectionFromGroup', ...call);
  removeConnectionFromAllGroups = (...call: unknown[]) =>
    this.#do('removeConnectionFromAllGroups', ...call);
  addUserToGroup = (...call: unknown[]) => this.#say('addUserToGroup', ...call);
  removeUserFromGroup = (...call: unknown[]) => this.#do('removeUserFromGroup', ...call);
  removeUserFromAllGroups = (...call: unknown[]) => this.#do('removeUserFromAllGroups', ...call);
  addMatchingToGroups = (...call: unknown[]) => this.#do('addMatchingToGroups', ...call);
  removeMatchingFromGroups = (...call: unknown[]) => this.#do('removeMatchingFromGroups', ...call);
  grantPermission = (...call: unknown[]) => this.#say('grantPermission', ...call);
  revokePermission = (...call: unknown[]) => this.#do('revokePermission', ...call);
  hasPermission = (...call: unknown[]) => this.#say('hasPermission', ...call);
}

/** A position in the one epoch of these tests. */
export const at = (offset: number) => ({ epoch: 'E', offset, tag: offset * 7 });

/** Answers with what it is given, or fails. */
export class FakeStreams implements Streams {
  readonly calls: unknown[][] = [];
  pages: History[] = [];
  state: StreamInfo = {
    retention: { name: 'chat', messagesMax: 10, ageMsMax: 60_000, bytesMax: 4096 },
    newest: at(9),
    oldestOffset: 3,
  };
  /** What every call fails with. */
  failure: Error | undefined;

  history(...call: Parameters<Streams['history']>): Promise<History> {
    const end = { isComplete: true, hasMore: false, next: undefined, position: at(0) };
    const empty = { messages: [], ...end };
    return this.#answer(['history', ...call], this.pages.shift() ?? empty);
  }

  info(...call: Parameters<Streams['info']>): Promise<StreamInfo> {
    return this.#answer(['info', ...call], this.state);
  }

  purge(...call: Parameters<Streams['purge']>): Promise<void> {
    return this.#answer(['purge', ...call], undefined);
  }

  #answer<T>(call: unknown[], value: T): Promise<T> {
    this.calls.push(call);
    return this.failure === undefined ? Promise.resolve(value) : Promise.reject(this.failure);
  }
}

export interface RequestOptions {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Default: a good one for the request. */
  readonly authorization?: string | undefined;
}

export class RestFixture {
  readonly directory = new FakeDirectory();
  readonly streams = new FakeStreams();
  readonly published: Publication[] = [];
  readonly reported: unknown[] = [];
  /** What the next publish fails with. */
  publishError: Error | undefined;
  /** What becomes of each publication. */
  outcome: (publication: Publication) => Published = ({ id = 'p' }) => ({
    id,
    position: undefined,
    isDuplicate: false,
  });
  readonly api: RestApi;

  constructor(options: Partial<RestApiOptions> = {}) {
    const endpoints = options.endpoints ?? (() => [endpoint]);
    this.api = new RestApi({
      publisher: {
        publish: (publication) => {
          if (this.publishError !== undefined) return Promise.reject(this.publishError);
          this.published.push(publication);
          return Promise.resolve(this.outcome(publication));
        },
      },
      directory: this.directory,
      streams: this.streams,
      accessKeys: [accessKey],
      endpoints,
      limits: defaultLimits,
      clock,
      readiness: () => ({ ready: true }),
      metrics: { text: () => Promise.resolve('up 1\n'), contentType: 'text/plain; version=0.0.4' },
      tokens: new TokenVerifier({ accessKeys: [accessKey], issuers: [], endpoints, clock }),
      onError: (error) => this.reported.push(error),
      ...options,
    });
  }

  /** Sends `METHOD /path?query` through both doors, as the transport does. */
  async send(line: string, options: RequestOptions = {}): Promise<HttpResponse> {
    const request = requestOf(line, options);
    return this.api.onHeaders(request) ?? (await this.api.onRequest(request));
  }
}

export function requestOf(line: string, options: RequestOptions = {}): HttpRequestWithBody {
  const [method = '', target = ''] = line.split(' ');
  const [path = '', ...query] = target.split('?');
  const body = typeof options.body === 'string' ? Buffer.from(options.body) : options.body;
  const headers = new Map<string, string>();
  const all: Record<string, string | undefined> = {
    host: 'gateway.test:8080',
    authorization: `Bearer ${signServerToken({ accessKey, url: endpoint + target, nowSeconds })}`,
    ...(method === 'POST' || method === 'PUT'
      ? { 'content-length': String(body?.byteLength ?? 0) }
      : {}),
    ...options.headers,
  };
  if ('authorization' in options) all['authorization'] = options.authorization;
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) headers.set(name, value);
  }
  return {
    method,
    path,
    query: query.join('?'),
    headers,
    remoteAddress: '127.0.0.1',
    body: body ?? new Uint8Array(0),
  };
}

export interface Detail {
  readonly code: string;
  readonly message: string;
  readonly target?: string;
}

export function detailOf(response: HttpResponse): Detail {
  return jsonOf(response) as Detail;
}

export function jsonOf(response: HttpResponse): unknown {
  return JSON.parse(String(response.body));
}

export const brokerAway = new GatewayError('backplane-unavailable', 'The broker is away.');
