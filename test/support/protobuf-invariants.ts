/**
 * What must hold for every protobuf frame that a client could send. The reference is the whole of the
 * library, with a schema: a decoder that reads a frame differently can be made to say what nobody
 * sent.
 */
import assert from 'node:assert/strict';
import type { DescMessage, JsonObject } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Codec } from '../../gateway/protocol/codec.ts';
import type { Command, Message, Payload } from '../../gateway/protocol/model.ts';
import { isDecoded, parseStrictly } from './frame-invariants.ts';
import { anyMessage, downstreamMessage, readProtobuf, upstreamMessage } from './protobuf-schema.ts';

/**
 * Decodes one binary frame and compares what came out with the reference.
 * @returns the kind of command, or undefined when the frame was refused.
 * @throws when anything else than a ProtocolError was thrown, or the readings differ.
 */
export function checkProtobuf(codec: Codec, frame: Uint8Array): Command['kind'] | undefined {
  // Guards around the frame: what lies beside it in memory is nobody's business.
  const memory = Buffer.alloc(frame.length + 2, 0x0a);
  memory.set(frame, 1);
  const bytes = memory.subarray(1, 1 + frame.length);
  const commands: Command[] = [];
  const isAccepted = isDecoded(codec, { bytes, isBinary: true }, (command) =>
    commands.push(command),
  );
  assert.ok(Buffer.from(frame).equals(bytes), 'the frame was not changed');
  if (!isAccepted) return undefined;
  const [command] = commands;
  assert.ok(command !== undefined && commands.length === 1);
  assert.deepEqual(asJson(command), explicit(readProtobuf(upstreamMessage, counting(frame))));
  if (command.kind === 'sendToGroup') checkReceived(codec, command);
  return command.kind;
}

/**
 * The message without the fields that later ones supersede: the gateway does not look into them, and
 * the reference refuses the message when they are broken.
 */
function counting(bytes: Uint8Array, schema: DescMessage = upstreamMessage): Buffer {
  const reader = new BinaryReader(bytes);
  const kept = new Map<number | string, () => Uint8Array>();
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const contentStart = reader.pos;
    const content = reader.skip(wireType, number);
    const end = reader.pos;
    const field = schema.fields.find((each) => each.number === number);
    const isOnce = field !== undefined && field.fieldKind !== 'map';
    const place = isOnce ? (field.oneof?.name ?? number) : `at ${start}`;
    const isMessage = isOnce && field.fieldKind === 'message';
    kept.delete(place);
    kept.set(place, () => {
      if (!isMessage || wireType !== WireType.LengthDelimited) return bytes.subarray(start, end);
      const inner = counting(new BinaryReader(content).bytes(), field.message);
      const head = bytes.subarray(start, contentStart);
      return Buffer.concat([head, new BinaryWriter().bytes(inner).finish()]);
    });
  }
  return Buffer.concat(Array.from(kept.values(), (write) => write()));
}

/** What the reference has read, with what a command cannot leave out, and without white space. */
function explicit(read: JsonObject): JsonObject {
  const [kind = ''] = Object.keys(read);
  const members = read[kind];
  assert.ok(isObject(members));
  switch (kind) {
    case 'sequenceAck':
      return { sequenceAck: { sequenceId: '0', ...members } };
    case 'sendToGroup': {
      const isStart = members['stream'] !== undefined;
      return { sendToGroup: { noEcho: false, ...(isStart ? members : withData(members)) } };
    }
    case 'event':
      return { event: withData(members) };
    default:
      return read;
  }
}

function withData(members: JsonObject): JsonObject {
  const { data = { textData: '' } } = members;
  assert.ok(isObject(data));
  const { jsonData } = data;
  if (typeof jsonData !== 'string') return { ...members, data };
  return { ...members, data: { jsonData: jsonData.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '') } };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The frame that a command is read from, in the JSON of the reference. */
function asJson(command: Command): unknown {
  switch (command.kind) {
    case 'joinGroup':
    case 'leaveGroup': {
      const { ackId, group, kind } = command;
      return { [kind]: defined({ group, ackId: ackId?.toString() }) };
    }
    case 'sendToGroup': {
      const { ackId, group, metadata, noEcho, payload, ttlSeconds } = command;
      const ids = { ackId: ackId?.toString(), ttlSeconds, metadata };
      return { sendToGroup: defined({ group, data: dataOf(payload), noEcho, ...ids }) };
    }
    case 'streamStart': {
      const { group, idleTimeoutMs, noEcho, streamId } = command;
      const stream = defined({ streamId, idleTimeoutMs });
      return { sendToGroup: { group, noEcho, stream } };
    }
    case 'event': {
      const { ackId, event, metadata, payload } = command;
      const ids = { ackId: ackId?.toString(), metadata };
      return { event: defined({ event, data: dataOf(payload), ...ids }) };
    }
    case 'sequenceAck':
      return { sequenceAck: { sequenceId: command.sequenceId.toString() } };
    case 'ping':
      return { ping: {} };
    case 'setState': {
      const { ackId, group, state } = command;
      const values = Object.fromEntries(state ?? []);
      const written = state?.length === 0 ? {} : { values };
      const said = state === undefined ? undefined : written;
      return { setGroupState: defined({ group, ackId: ackId?.toString(), state: said }) };
    }
    case 'watchPresence':
    case 'unwatchPresence': {
      const { ackId, kind, to } = command;
      const name = kind === 'watchPresence' ? 'subscribeGroupState' : 'unsubscribeGroupState';
      const group = to.kind === 'group' ? to.name : undefined;
      return { [name]: defined({ group, ackId: ackId?.toString() }) };
    }
    default:
      return assert.fail(`${command.kind} has no number`);
  }
}

/** MessageData of a payload, as the reference writes it. */
export function dataOf({ dataType, bytes }: Payload): JsonObject {
  const buffer = Buffer.from(bytes);
  switch (dataType) {
    case 'text':
      return { textData: buffer.toString('utf8') };
    case 'json':
      parseStrictly(bytes);
      return { jsonData: buffer.toString('utf8') };
    case 'binary':
      return { binaryData: buffer.toString('base64') };
    case 'protobuf':
      return { protobufData: readProtobuf(anyMessage, bytes) };
  }
}

/** A receiver sees what the sender put into the frame, and nothing that it did not. */
function checkReceived(codec: Codec, command: Extract<Command, { kind: 'sendToGroup' }>): void {
  const { group, metadata, payload } = command;
  const beside = { fromUserId: 'anna', stream: undefined };
  const message: Message = { from: 'group', kind: 'group', group, payload, metadata, ...beside };
  const expected = { from: 'group', group, data: dataOf(payload), metadata };
  const shared = codec.encoder.encodeMessage(message);
  assert.deepEqual(readProtobuf(downstreamMessage, shared.bytes), { data: defined(expected) });
}

function defined(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
