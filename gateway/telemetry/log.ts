/**
 * The log: one line per entry, from an allow list of fields, so that no token, query string or
 * message can get in by passing an object along.
 */
import { pino } from 'pino';
import { formatTextEntry } from './log-text.ts';

/**
 * All fields that an entry can have. Never add one for tokens, query strings, header values or
 * message data.
 */
export interface LogFields {
  /** What failed: its type, code, message, stack and causes are logged. */
  readonly error?: unknown;
  readonly nodeId?: string | undefined;
  /** Number of a worker, from 1. */
  readonly worker?: number | undefined;
  readonly pid?: number | undefined;
  readonly hub?: string | undefined;
  readonly connectionId?: string | undefined;
  readonly userId?: string | undefined;
  readonly group?: string | undefined;
  /** Address of the other side, without the port. */
  readonly remoteAddress?: string | undefined;
  /** Close code, error code or HTTP status. */
  readonly code?: string | number | undefined;
  readonly reason?: string | undefined;
  /** HTTP method. */
  readonly method?: string | undefined;
  /** Route pattern or path; a query string is cut off. */
  readonly path?: string | undefined;
  readonly requestId?: string | undefined;
  readonly subprotocol?: string | undefined;
  /** User and password are masked, a query string is cut off. */
  readonly url?: string | undefined;
  readonly signal?: string | undefined;
  readonly setting?: string | undefined;
  readonly count?: number | undefined;
  readonly bytes?: number | undefined;
  readonly durationMs?: number | undefined;
}

/** Writes entries; `message` is a constant sentence, what varies goes into `fields`. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each entry. */
  child(fields: LogFields): Logger;
}

export interface LogOptions {
  readonly level: 'silent' | 'error' | 'warn' | 'info' | 'debug';
  readonly format: 'text' | 'json';
  /** Texts that are replaced by `***` wherever they turn up; the access keys. */
  readonly secrets?: readonly string[];
  /** Takes a complete line with its end. */
  readonly write: (line: string) => void;
}

/** Every field of `LogFields`; whatever else an object carries at run time is left out. */
const allowedFields: Readonly<Record<keyof LogFields, true>> = {
  error: true,
  nodeId: true,
  worker: true,
  pid: true,
  hub: true,
  connectionId: true,
  userId: true,
  group: true,
  remoteAddress: true,
  code: true,
  reason: true,
  method: true,
  path: true,
  requestId: true,
  subprotocol: true,
  url: true,
  signal: true,
  setting: true,
  count: true,
  bytes: true,
  durationMs: true,
};
const textLengthMax = 1024;
const causesMax = 5;

/** A logger that never throws because of what it is given. */
export function createLogger(options: LogOptions): Logger {
  const redact = makeRedactor(options.secrets ?? []);
  const write = (line: string): void => {
    const clean = redact(line);
    options.write(options.format === 'text' ? formatTextEntry(clean) : clean);
  };
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return new PinoLogger(root);
}

type PinoSink = Pick<ReturnType<typeof pino>, 'error' | 'warn' | 'info' | 'debug' | 'child'>;

class PinoLogger implements Logger {
  readonly #sink: PinoSink;

  constructor(sink: PinoSink) {
    this.#sink = sink;
  }

  error(message: string, fields: LogFields = {}): void {
    this.#sink.error(pick(fields), message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#sink.warn(pick(fields), message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#sink.info(pick(fields), message);
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#sink.debug(pick(fields), message);
  }

  child(fields: LogFields): Logger {
    return new PinoLogger(this.#sink.child(pick(fields)));
  }
}

function pick(fields: LogFields): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(allowedFields, name) || value === undefined) continue;
    picked[name] = describeField(name, value);
  }
  return picked;
}

function describeField(name: string, value: unknown): unknown {
  if (name === 'error') return describeError(value, causesMax);
  const isAddress = name === 'path' || name === 'url';
  return shorten(isAddress && typeof value === 'string' ? value.replace(/[?#].*$/s, '') : value);
}

function shorten(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, textLengthMax);
  return typeof value === 'number' ? value : textOf(value).slice(0, textLengthMax);
}

/** Never throws: an object may have a `toString` that is no function. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** Fixed members only: errors of libraries carry requests, headers and options. */
function describeError(error: unknown, causesLeft: number): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: shorten(textOf(error)) };
  const code = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message: shorten(error.message),
    stack: error.stack?.slice(0, 4 * textLengthMax),
    ...(error.cause === undefined || causesLeft === 0
      ? {}
      : { cause: describeError(error.cause, causesLeft - 1) }),
  };
}

/** Replaces secrets, JSON Web Tokens and the values of token parameters in a line of JSON. */
function makeRedactor(secrets: readonly string[]): (line: string) => string {
  // A secret with quotes or backslashes stands escaped in the line.
  const escaped = secrets.map((secret) => JSON.stringify(secret).slice(1, -1));
  return (line) => {
    let clean = line;
    for (const secret of escaped) clean = clean.replaceAll(secret, '***');
    return clean
      .replaceAll(/\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, '***')
      .replaceAll(/\b(access_token|awps_reconnection_token|AccessKey)=[^&\s"\\;]+/gi, '$1=***')
      .replaceAll(/(:\/\/)[^\s"]+@/g, '$1***@');
  };
}
