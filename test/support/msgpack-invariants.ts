/**
 * What must hold for every binary frame that a client could send. The reference is msgpackr: a
 * decoder that reads a frame differently can be made to say what nobody sent.
 */
import assert from 'node:assert/strict';
import { Unpackr } from 'msgpackr';
import type { Codec } from '../../gateway/protocol/codec.ts';
import type { Command, Payload } from '../../gateway/protocol/model.ts';
import { checkCommand, isDecoded, parseStrictly, type Parsed } from './frame-invariants.ts';

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false });

/**
 * Decodes one binary frame and compares what came out with the reference.
 * @returns the kinds of commands, or undefined when the frame was refused.
 * @throws when anything else than a ProtocolError was thrown, or the readings differ.
 */
export function checkMaps(codec: Codec, frame: Uint8Array): Command['kind'][] | undefined {
  // Guards around the frame: what lies beside it in memory is nobody's business.
  const memory = Buffer.alloc(frame.length + 2, 0xc1);
  memory.set(frame, 1);
  const bytes = memory.subarray(1, 1 + frame.length);
  const commands: Command[] = [];
  const isAccepted = isDecoded(codec, { bytes, isBinary: true }, (command) =>
    commands.push(command),
  );
  if (!isAccepted) return undefined;
  assert.ok(Buffer.from(frame).equals(bytes), 'the frame was not changed');
  const maps = readMaps(frame);
  assert.equal(commands.length, maps.length);
  commands.forEach((command, index) => {
    checkCommand(command, maps[index], checkPayload);
    if ('payload' in command && command.payload !== undefined)
      checkReceived(codec, command.payload);
  });
  return commands.map(({ kind }) => kind);
}

/** The maps of a frame as the reference reads them, large integers as numbers. */
export function readMaps(frame: Uint8Array): unknown[] {
  const maps: unknown[] = [];
  unpackr.unpackMultiple(Buffer.from(frame), (value: unknown) => {
    maps.push(plain(value));
  });
  return maps;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries(Array.from(value, ([key, member]) => [String(key), plain(member)]));
}

function checkPayload({ dataType, bytes }: Payload, parsed: Parsed): void {
  const { data } = parsed;
  if (!Object.hasOwn(parsed, 'data')) return assert.equal(bytes.length, 0);
  const named = parsed['dataType'] ?? 'json';
  assert.equal(dataType, typeof named === 'string' ? named.toLowerCase() : '');
  if (dataType === 'binary' || dataType === 'protobuf') return assert.deepEqual(data, bytes);
  assert.ok(typeof data === 'string');
  const text = Buffer.from(bytes).toString('utf8');
  assert.equal(text, dataType === 'json' ? data.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '') : data);
  if (dataType === 'json') parseStrictly(bytes);
}

/** The payload goes out as it came in. */
function checkReceived(codec: Codec, payload: Payload): void {
  const beside = { fromUserId: undefined, metadata: undefined, stream: undefined };
  const message = { from: 'server', kind: 'user', group: undefined, payload, ...beside } as const;
  const [received] = readMaps(codec.encoder.encodeMessage(message).bytes);
  const { dataType, bytes } = payload;
  const isBinary = dataType === 'binary' || dataType === 'protobuf';
  const data = isBinary ? Buffer.from(bytes) : Buffer.from(bytes).toString('utf8');
  assert.deepEqual(received, { type: 'message', from: 'server', to: 'user', dataType, data });
}
