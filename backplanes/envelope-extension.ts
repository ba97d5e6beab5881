/**
 * The optional part of an envelope, in MessagePack: what most publications do not have. Read back
 * field by field into known shapes, because a broker is shared ground and may hold anything.
 */
import { Packr, Unpackr } from 'msgpackr';

/** Place of the message in a client-to-group stream of fragments. */
export interface ExtensionStream {
  readonly streamId: string;
  readonly streamSequenceId: number;
  readonly endOfStream?: boolean;
  readonly error?: {
    readonly name: string;
    readonly message?: string;
    readonly userErrorCode?: string;
  };
}

export interface Extension {
  readonly metadata?: Readonly<Record<string, string>>;
  /** Ids of connections that do not get it. */
  readonly excluded?: readonly string[];
  /** Filter expression; evaluated where the receivers are. */
  readonly filter?: string;
  readonly stream?: ExtensionStream;
}

const packr = new Packr({ useRecords: false });
// Maps stay maps: no key from the wire can become an object's prototype.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false });

export function writeExtension(extension: Extension): Uint8Array {
  return packr.pack(extension);
}

/** @throws when the bytes are not MessagePack or a known field has another type. */
export function readExtension(bytes: Uint8Array): Extension {
  const map = mapOf(unpackr.unpack(bytes), 'extension');
  const metadata = optional(map, 'metadata', stringRecord);
  const excluded = optional(map, 'excluded', strings);
  const filter = optional(map, 'filter', text);
  const stream = optional(map, 'stream', streamOf);
  return {
    ...(metadata === undefined ? {} : { metadata }),
    ...(excluded === undefined ? {} : { excluded }),
    ...(filter === undefined ? {} : { filter }),
    ...(stream === undefined ? {} : { stream }),
  };
}

function optional<T>(
  map: ReadonlyMap<unknown, unknown>,
  key: string,
  read: (value: unknown, key: string) => T,
): T | undefined {
  const value = map.get(key);
  return value === undefined || value === null ? undefined : read(value, key);
}

function text(value: unknown, key: string): string {
  if (typeof value !== 'string') throw new TypeError(`${key} must be a string`);
  return value;
}

function count(value: unknown, key: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`${key} must be a whole number`);
}

function truth(value: unknown, key: string): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${key} must be a boolean`);
  return value;
}

function mapOf(value: unknown, key: string): ReadonlyMap<unknown, unknown> {
  if (!(value instanceof Map)) throw new TypeError(`${key} must be a map`);
  return value;
}

function strings(value: unknown, key: string): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError(`${key} must be an array`);
  return value.map((item: unknown) => text(item, key));
}

function stringRecord(value: unknown, key: string): Readonly<Record<string, string>> {
  const pairs: [string, string][] = [];
  for (const [name, item] of mapOf(value, key)) pairs.push([text(name, key), text(item, key)]);
  return Object.fromEntries(pairs);
}

function streamOf(value: unknown, key: string): ExtensionStream {
  const map = mapOf(value, key);
  const endOfStream = optional(map, 'endOfStream', truth);
  const error = optional(map, 'error', errorOf);
  return {
    streamId: text(map.get('streamId'), 'streamId'),
    streamSequenceId: count(map.get('streamSequenceId'), 'streamSequenceId'),
    ...(endOfStream === undefined ? {} : { endOfStream }),
    ...(error === undefined ? {} : { error }),
  };
}

function errorOf(value: unknown, key: string): NonNullable<ExtensionStream['error']> {
  const map = mapOf(value, key);
  const message = optional(map, 'message', text);
  const userErrorCode = optional(map, 'userErrorCode', text);
  return {
    name: text(map.get('name'), 'name'),
    ...(message === undefined ? {} : { message }),
    ...(userErrorCode === undefined ? {} : { userErrorCode }),
  };
}
