/** What a backend can choose, with the defaults. */
import { parseConnectionString } from './connection-string.ts';
import type { Environment, Fetch } from './environment.ts';
import { TrunklineError } from './errors.ts';
import type { AnyGroups, ValidatorsOf } from './schema.ts';

export interface ServerOptions<Schema extends object = AnyGroups> {
  readonly hub: string;
  /** `Endpoint=https://…;AccessKey=…`, as Azure Web PubSub has it. */
  readonly connectionString?: string | undefined;
  /** `https://<host>`, by which clients know the gateway, with its base path where there is one. */
  readonly endpoint?: string | undefined;
  /** One of the gateway's access keys; it never leaves this process. */
  readonly accessKey?: string | undefined;
  /** Where this backend reaches the gateway, if not by `endpoint`. */
  readonly internalEndpoint?: string | undefined;
  /** Default: the runtime's. */
  readonly fetch?: Fetch | undefined;
  /** Hold payloads to the schema when the program runs. */
  readonly validators?: ValidatorsOf<Schema> | undefined;
  /** Attempts after the first. Default 3; 0: none. */
  readonly retries?: number | undefined;
  /** Until a call must be answered, its retries included. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Until one attempt must be answered. Default 10,000. */
  readonly attemptTimeoutMs?: number | undefined;
  /** The bound of the first delay between attempts; it doubles. Default 200. */
  readonly backoffBaseMs?: number | undefined;
  /** The bound of every delay. Default 5,000. */
  readonly backoffCapMs?: number | undefined;
  /** Time and chance, for tests. */
  readonly environment?: Partial<Environment> | undefined;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, which then fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Instead of that of the server's options. */
  readonly timeoutMs?: number | undefined;
}

/** Numbers of `ServerOptions` when they are not given. */
export const defaults = {
  retries: 3,
  timeoutMs: 30_000,
  attemptTimeoutMs: 10_000,
  backoffBaseMs: 200,
  backoffCapMs: 5000,
} as const;

export type Settings = { readonly [Name in keyof typeof defaults]: number };

/** Where the gateway is, and with what one is let in. */
export interface Access {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** The same; where requests go. */
  readonly address: string;
  readonly accessKey: string;
  readonly hub: string;
}

const hubPattern = /^[A-Za-z][A-Za-z0-9_`,.[\]]{0,127}$/;
/** Setting a timer for longer makes it run at once. */
const timerMsMax = 2 ** 31 - 1;

/** @throws TrunklineError `bad-option` that names the option, its value and what it may be. */
export function settingsOf(options: Partial<Record<keyof Settings, unknown>>): Settings {
  const settings: Record<keyof Settings, number> = { ...defaults };
  // The names are those of the defaults.
  for (const name of Object.keys(defaults) as (keyof Settings)[]) {
    const value = options[name];
    if (value !== undefined) settings[name] = checkedNumber(name, value);
  }
  return settings;
}

/** @throws TrunklineError `bad-option`. */
export function checkedNumber(name: keyof Settings, value: unknown): number {
  const [min, max] = name === 'retries' ? [0, 100] : [1, timerMsMax];
  if (typeof value === 'number' && value >= min && value <= max) return value;
  const text = `${name} must be ${min} to ${max}, got ${JSON.stringify(value)}`;
  throw new TrunklineError('bad-option', text);
}

/** @throws TrunklineError `bad-option`. The access key is in no message. */
export function accessOf(options: Omit<ServerOptions, 'validators'>): Access {
  const { connectionString, hub } = options;
  const given = connectionString === undefined ? options : parseConnectionString(connectionString);
  const { accessKey, endpoint } = given;
  if (endpoint === undefined || accessKey === undefined || accessKey === '') {
    const text = 'Give endpoint and accessKey, or a connectionString that has both';
    throw new TrunklineError('bad-option', text);
  }
  if (!hubPattern.test(hub)) {
    const text = `hub must be a letter and up to 127 letters, digits and _\`,.[], got "${hub}"`;
    throw new TrunklineError('bad-option', text);
  }
  const { internalEndpoint = endpoint } = options;
  return {
    endpoint: checkedUrl('endpoint', endpoint),
    address: checkedUrl('internalEndpoint', internalEndpoint),
    accessKey,
    hub,
  };
}

function checkedUrl(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.search === '') {
    return (url.origin + url.pathname).replace(/\/+$/, '');
  }
  const message = `${name} must be like https://realtime.example.com, got "${text}"`;
  throw new TrunklineError('bad-option', message);
}
