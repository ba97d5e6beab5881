/** Reads one message of a batch. What is wrong with it is the fault of this message alone. */
import type { Limits } from '../limits.ts';
import { decodeBase64 } from '../protocol/base64.ts';
import { MetadataError, parseMetadata } from '../protocol/metadata.ts';
import type { Metadata, Payload } from '../protocol/model.ts';
import { isClientId } from '../protocol/names.ts';
import { shown } from '../protocol/shown.ts';
import type { Destination, Publication } from '../router/ports.ts';
import type { Call } from './call.ts';
import { InvalidArgument } from './errors.ts';
import { membersOf, valueOf } from './json-slices.ts';
import { idOfKey } from './publication-id.ts';
import { checkedFilter, ttlSecondsMax } from './send.ts';

type Members = ReadonlyMap<string, Uint8Array>;

const memberNames: ReadonlySet<string> = new Set([
  'to',
  'dataType',
  'data',
  'id',
  'metadata',
  'excluded',
  'filter',
  'ttlSeconds',
]);
const kinds = ['all', 'user', 'group', 'connection'] as const;

export interface BatchEntry {
  /** Folded to lower case. */
  readonly hub: string;
  /** One scanned JSON value; JSON data is passed on as a view into it. */
  readonly bytes: Uint8Array;
}

/** @throws InvalidArgument, FilterError */
export function readEntry(call: Call, { bytes, hub }: BatchEntry, limits: Limits): Publication {
  const members = membersOf('message', bytes);
  if (members === undefined) throw new InvalidArgument('message', 'A message must be an object.');
  const unknown = [...members.keys()].find((name) => !memberNames.has(name));
  if (unknown !== undefined) {
    const known = [...memberNames].join(', ');
    throw new InvalidArgument('message', `A message has ${known}, but no ${shown(unknown)}.`);
  }
  const what = {
    hub,
    to: destinationOf(call, members, limits),
    payload: payloadOf(members),
  };
  const key = textOf(members, 'id');
  const excluded = excludedOf(members);
  const filter = textOf(members, 'filter');
  if (what.to.kind === 'connection' && (excluded.length > 0 || filter !== undefined)) {
    throw new InvalidArgument('to', 'A message to a connection has neither excluded nor filter.');
  }
  return {
    ...what,
    id: key === undefined ? undefined : idOfKey('id', key, what),
    metadata: metadataOf(members, limits.metadataBytesMax),
    ...(excluded.length > 0 ? { excluded } : {}),
    filter: checkedFilter(filter, limits),
    ttlSeconds: ttlOf(members),
  };
}

function destinationOf(call: Call, members: Members, limits: Limits): Destination {
  const bytes = members.get('to');
  const to = bytes === undefined ? undefined : membersOf('to', bytes);
  if (to === undefined) {
    throw new InvalidArgument('to', 'to must be an object: {"kind":"group","name":"g"}.');
  }
  const given = textOf(to, 'kind');
  const kind = kinds.find((each) => each === given);
  if (kind === undefined) {
    const got = given === undefined ? 'nothing' : shown(given);
    throw new InvalidArgument('to', `kind must be one of ${kinds.join(', ')}, got ${got}.`);
  }
  const name = textOf(to, 'name');
  if (kind === 'all') {
    if (name === undefined) return { kind };
    throw new InvalidArgument('to', 'all has no name; leave it out.');
  }
  if (name === undefined) throw new InvalidArgument('to', `A ${kind} needs a name.`);
  if (kind === 'group') return { kind, name: call.checkedGroup('to', name) };
  if (kind === 'user') return { kind, name: call.checkedUserId(name) };
  if (isClientId(name, limits.nameLengthMax)) return { kind, name };
  throw new InvalidArgument('to', `${shown(name)} is no id of a connection.`);
}

function payloadOf(members: Members): Payload {
  const data = members.get('data');
  if (data === undefined) throw new InvalidArgument('data', 'data is missing; send it.');
  const dataType = textOf(members, 'dataType');
  if (dataType === 'json') return { dataType, bytes: data };
  if (dataType !== 'text' && dataType !== 'binary') {
    const got = dataType === undefined ? 'nothing' : shown(dataType);
    throw new InvalidArgument('dataType', `dataType must be json, text or binary, got ${got}.`);
  }
  const text = textOf(members, 'data');
  if (text === undefined) {
    throw new InvalidArgument('data', `data of dataType ${dataType} must be a string.`);
  }
  // Text frames must be UTF-8, which has no lone surrogates.
  if (dataType === 'text') return { dataType, bytes: Buffer.from(text.toWellFormed()) };
  const bytes = decodeBase64(Buffer.from(text));
  if (bytes !== undefined) return { dataType, bytes };
  throw new InvalidArgument('data', `data must be padded base64, got ${shown(text)}.`);
}

function metadataOf(members: Members, bytesMax: number): Metadata | undefined {
  const bytes = members.get('metadata');
  if (bytes === undefined) return undefined;
  const pairs = membersOf('metadata', bytes);
  if (pairs === undefined) throw new InvalidArgument('metadata', 'metadata must be an object.');
  try {
    return parseMetadata(
      [...pairs].map(([name, value]) => [name, stringOf('metadata', value)] as const),
      bytesMax,
    );
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    throw new InvalidArgument('metadata', `Bad metadata: ${error.message}.`);
  }
}

function excludedOf(members: Members): readonly string[] {
  const bytes = members.get('excluded');
  const value: unknown = bytes === undefined ? [] : valueOf(bytes);
  if (Array.isArray(value) && value.every((id): id is string => typeof id === 'string')) {
    return value;
  }
  throw new InvalidArgument('excluded', 'excluded must be an array of ids of connections.');
}

function ttlOf(members: Members): number | undefined {
  const bytes = members.get('ttlSeconds');
  if (bytes === undefined) return undefined;
  const value = valueOf(bytes);
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= ttlSecondsMax) {
    return Number(value);
  }
  throw new InvalidArgument(
    'ttlSeconds',
    `ttlSeconds must be a whole number of 0..${ttlSecondsMax}, got ${shown(JSON.stringify(value))}.`,
  );
}

/** undefined: it is not there. */
function textOf(members: Members, name: string): string | undefined {
  const bytes = members.get(name);
  return bytes === undefined ? undefined : stringOf(name, bytes);
}

function stringOf(target: string, bytes: Uint8Array): string {
  const value = valueOf(bytes);
  if (typeof value === 'string') return value;
  throw new InvalidArgument(target, `${target} must be a string.`);
}
