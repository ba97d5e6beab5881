/**
 * The outgoing frames of the protobuf subprotocols: one DownstreamMessage each (Azure §5). Replies
 * that have no published number cannot be said, nor can a sender's user and a message's place in a
 * stream of fragments.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Encoder, Frame } from './codec.ts';
import { groupStatesOf, type GroupStateItem } from './group-states.ts';
import type { Message, Metadata, Reply } from './model.ts';
import type { PresenceNotice } from './presence-model.ts';
import { dataNumberOf } from './protobuf-payload.ts';
import { varintLength, writeVarint } from './protobuf-varint.ts';

type ReplyOf<Kind extends Reply['kind']> = Extract<Reply, { kind: Kind }>;

/** DownstreamMessage */
const numbers = {
  ack: 1,
  data: 2,
  system: 3,
  pong: 4,
  groupStateUpdate: 9,
  groupStateSnapshot: 10,
} as const;

/** The tag of a field with a length; all of ours are one byte. */
const tagOf = (number: number): number => (number << 3) | WireType.LengthDelimited;

const groupTag = tagOf(2);
const dataTag = tagOf(3);
const sequenceIdTag = (4 << 3) | WireType.Varint;
const fromGroup = new BinaryWriter().uint32(tagOf(1)).string('group').finish();
const fromServer = new BinaryWriter().uint32(tagOf(1)).string('server').finish();

export class ProtobufWebPubSubEncoder implements Encoder {
  readonly name: string;
  readonly #pong = replyFrame(numbers.pong, () => undefined);

  constructor(name: string) {
    this.name = name;
  }

  encodeReply(reply: Reply): Frame | undefined {
    switch (reply.kind) {
      case 'ack':
        return replyFrame(numbers.ack, (writer) => writeAck(writer, reply));
      case 'pong':
        return this.#pong;
      case 'connected':
        return systemFrame(1, (writer) => writeConnected(writer, reply));
      case 'disconnected':
        return systemFrame(2, (writer) => writeText(writer, 2, reply.reason));
      case 'invokeResponse':
      case 'streamAck':
      case 'streamNack':
      case 'streamClosed':
      case 'heartbeat':
      case 'goaway':
      case 'gap':
      case 'bookmark':
      case 'history':
        return undefined;
      case 'presence':
        return groupStatesFrame(reply);
    }
  }

  /** The frame comes from Node's buffer pool, which makes it cheap; who keeps it copies it. */
  encodeMessage({ from, group = '', metadata, payload }: Message): Frame {
    const origin = from === 'group' ? fromGroup : fromServer;
    const entries = metadata === undefined ? undefined : metadataFields(metadata);
    const groupLength = Buffer.byteLength(group);
    const payloadLength = payload.bytes.length;
    const dataLength = fieldLength(payloadLength);
    const length =
      origin.length +
      (from === 'group' ? fieldLength(groupLength) : 0) +
      fieldLength(dataLength) +
      (entries?.length ?? 0);
    const bytes = Buffer.allocUnsafe(fieldLength(length));
    let index = writeHead(bytes, 0, tagOf(numbers.data), length);
    bytes.set(origin, index);
    index += origin.length;
    if (from === 'group') {
      index = writeHead(bytes, index, groupTag, groupLength);
      index += bytes.write(group, index, 'utf8');
    }
    index = writeHead(bytes, index, dataTag, dataLength);
    index = writeHead(bytes, index, tagOf(dataNumberOf(payload)), payloadLength);
    bytes.set(payload.bytes, index);
    if (entries !== undefined) bytes.set(entries, index + payloadLength);
    return { bytes, isBinary: true };
  }
}

/**
 * A message's frame with the field sequence_id = 4 in it. The frame is one field, of type Data, and
 * fields may stand in any order: so the number goes to the end, all that lies between is copied as
 * it is, and only the length in front is another one.
 */
export function withProtobufSequenceId({ bytes: shared }: Frame, sequenceId: number): Frame {
  let dataStart = 1;
  while ((shared[dataStart] ?? 0) >= 0x80) dataStart += 1;
  dataStart += 1;
  const data = shared.subarray(dataStart);
  const length = data.length + 1 + varintLength(sequenceId);
  const bytes = Buffer.allocUnsafe(fieldLength(length));
  let index = writeHead(bytes, 0, tagOf(numbers.data), length);
  bytes.set(data, index);
  index += data.length;
  bytes[index++] = sequenceIdTag;
  writeVarint(bytes, index, sequenceId);
  return { bytes, isBinary: true };
}

/** Bytes of a whole field whose content has that length. */
function fieldLength(contentLength: number): number {
  return 1 + varintLength(contentLength) + contentLength;
}

function writeHead(bytes: Uint8Array, start: number, tag: number, length: number): number {
  bytes[start] = tag;
  return writeVarint(bytes, start + 1, length);
}

/** metadata = 5 */
function metadataFields(metadata: Metadata): Uint8Array {
  const writer = new BinaryWriter();
  for (const [key, value] of Object.entries(metadata)) writeEntry(writer, 5, key, value);
  return writer.finish();
}

function replyFrame(number: number, write: (writer: BinaryWriter) => void): Frame {
  const writer = new BinaryWriter();
  writer.uint32(tagOf(number)).fork();
  write(writer);
  return { bytes: writer.join().finish(), isBinary: true };
}

/** connected = 1, disconnected = 2 */
function systemFrame(number: number, write: (writer: BinaryWriter) => void): Frame {
  return replyFrame(numbers.system, (writer) => {
    writer.uint32(tagOf(number)).fork();
    write(writer);
    writer.join();
  });
}

/** As in proto3, 0 and false are not written. */
function writeAck(writer: BinaryWriter, { ackId, error }: ReplyOf<'ack'>): void {
  if (ackId !== 0) writer.uint32((1 << 3) | WireType.Varint).uint64(ackId);
  if (error === undefined) {
    writer.uint32((2 << 3) | WireType.Varint).bool(true);
    return;
  }
  writer.uint32(tagOf(3)).fork();
  writeText(writer, 1, error.name);
  writeText(writer, 2, error.message);
  writer.join();
}

function writeConnected(writer: BinaryWriter, reply: ReplyOf<'connected'>): void {
  writeText(writer, 1, reply.connectionId);
  writeText(writer, 2, reply.userId);
  writeText(writer, 3, reply.reconnectionToken);
}

function groupStatesFrame(notice: PresenceNotice): Frame | undefined {
  const states = groupStatesOf(notice);
  if (states === undefined) return undefined;
  const number = states.isWhole ? numbers.groupStateSnapshot : numbers.groupStateUpdate;
  return replyFrame(number, (writer) => {
    writeText(writer, 1, states.group);
    for (const item of states.items) writeItem(writer.uint32(tagOf(2)).fork(), item).join();
  });
}

/** connection_id = 1, user_id = 2, state = 3 (a message around a map), updated_at = 4 */
function writeItem(writer: BinaryWriter, item: GroupStateItem): BinaryWriter {
  const { connectionId, state, updatedAt, userId } = item;
  writeText(writer, 1, connectionId);
  writeText(writer, 2, userId);
  if (state !== undefined) {
    writer.uint32(tagOf(3)).fork();
    for (const [key, value] of state) writeEntry(writer, 1, key, value);
    writer.join();
  }
  return writer.uint32((4 << 3) | WireType.Varint).uint64(updatedAt);
}

/** An entry of a map: a message of key = 1 and value = 2. */
function writeEntry(writer: BinaryWriter, number: number, key: string, value: string): void {
  writer.uint32(tagOf(number)).fork();
  writer.uint32(tagOf(1)).string(key);
  writer.uint32(tagOf(2)).string(value);
  writer.join();
}

/** As in proto3, what is empty is not written. */
function writeText(writer: BinaryWriter, number: number, text: string | undefined): void {
  if (text !== undefined && text !== '') writer.uint32(tagOf(number)).string(text);
}
