/** What an application can choose, with the defaults. */
import type { Codec } from './codec.ts';
import { runtime, type Environment, type SocketConstructor } from './environment.ts';
import { TrunklineError } from './errors.ts';
import type { AnyGroups, ValidatorsOf } from './schema.ts';
import type { GetToken } from './tokens.ts';

export interface ClientOptions<Schema extends object = AnyGroups> {
  /** `wss://<host>/client/hubs/<hub>`; `https:` will do, too. */
  readonly url: string;
  readonly getToken: GetToken;
  /** For runtimes without a WebSocket of their own, for instance that of the package `ws`. */
  readonly WebSocket?: SocketConstructor | undefined;
  /** Another one is in `@trunkline/client/msgpack`. Default: JSON. */
  readonly codec?: Codec | undefined;
  /** False: `connect` begins. Default true. */
  readonly autoConnect?: boolean | undefined;
  /** Hold payloads to the schema when the program runs. */
  readonly validators?: ValidatorsOf<Schema> | undefined;
  /** Until a new connection must serve, and `getToken` must have answered. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Until a request must be answered, reconnects included. Default 30,000. */
  readonly requestTimeoutMs?: number | undefined;
  /** The bound of the first delay between attempts; it doubles. Default 500. */
  readonly backoffBaseMs?: number | undefined;
  /** The bound of every delay. Default 20,000. */
  readonly backoffCapMs?: number | undefined;
  /** Requests that wait for an answer or for a connection. Default 500. */
  readonly queueMessagesMax?: number | undefined;
  /** Their characters, together. Default 1,048,576. */
  readonly queueBytesMax?: number | undefined;
  /** Time, chance and the network, for tests. */
  readonly environment?: Partial<Environment> | undefined;
}

/** Numbers of `ClientOptions` when they are not given. */
export const defaults = {
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  backoffBaseMs: 500,
  backoffCapMs: 20_000,
  queueMessagesMax: 500,
  queueBytesMax: 1_048_576,
} as const;

export type Settings = { readonly [Name in keyof typeof defaults]: number };

/** @throws TrunklineError `bad-option` that names the option, its value and what it may be. */
export function settingsOf(options: Partial<Record<keyof Settings, unknown>>): Settings {
  const settings: Record<keyof Settings, number> = { ...defaults };
  // The names are those of the defaults.
  for (const name of Object.keys(defaults) as (keyof Settings)[]) {
    const value = options[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !(value >= 1) || value > 2 ** 31 - 1) {
      throw new TrunklineError(
        'bad-option',
        `${name} must be 1 to 2147483647, got ${JSON.stringify(value)}`,
      );
    }
    settings[name] = value;
  }
  return settings;
}

/** @throws TrunklineError `bad-option`. */
export function addressOf(url: string): string {
  const address = url.replace(/^http/, 'ws');
  if (URL.canParse(address) && /^wss?:/.test(address)) return address;
  const text = `url must be like wss://example.com/client/hubs/chat, got "${url}"`;
  throw new TrunklineError('bad-option', text);
}

/** Its WebSocket throws TrunklineError `bad-option` where there is none: a server may render. */
export function environmentOf(
  options: Pick<ClientOptions, 'WebSocket' | 'environment'>,
): Environment {
  const { environment = {} } = options;
  return {
    ...runtime,
    ...environment,
    get WebSocket() {
      const found = options.WebSocket ?? environment.WebSocket ?? runtime.WebSocket;
      if (found !== undefined) return found;
      const text = 'This runtime has no WebSocket: give one as the option WebSocket (package "ws")';
      throw new TrunklineError('bad-option', text);
    },
  };
}
