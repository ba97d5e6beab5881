/**
 * The outgoing frames of `trunkline.v1.msgpack` (docs/PROTOCOL.md §5). msgpackr writes the maps; the
 * bytes of payloads and of whole messages are appended to them as they are.
 */
import { Packr } from 'msgpackr';
import type { Encoder, Frame } from './codec.ts';
import type { HistoryReply, Message, MessagePlace, Payload, Reply } from './model.ts';
import { positionOf, replyObject, whereOf } from './reply-objects.ts';

/** Beyond it msgpackr writes numbers as floats, so they are given to it as bigints. */
const uint32Max = 2 ** 32 - 1;

type Members = Readonly<Record<string, unknown>>;

// Small maps have their count in the low bits of their first byte; `withMember` relies on it.
const packr = new Packr({ useRecords: false, variableMapSize: true });
const dataKey = packr.pack('data');
const messagesKey = packr.pack('messages');

export class TrunklineMsgpackEncoder implements Encoder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  encodeReply(reply: Reply): Frame {
    switch (reply.kind) {
      case 'ack': {
        const { ackId, error, outcome } = reply;
        const type = { type: 'ack', ackId };
        if (error !== undefined) return frameOf({ ...type, success: false, error: { ...error } });
        const position = positionOf(outcome?.position);
        const { id, recovered } = outcome ?? {};
        return frameOf({ ...type, success: true, id, position, recovered });
      }
      case 'invokeResponse': {
        const { invocationId, result } = reply;
        const type = { type: 'invokeResponse', invocationId };
        if ('dataType' in result) return withPayload({ ...type, success: true }, result);
        const { name, message } = result;
        return frameOf({ ...type, success: false, error: { name, message } });
      }
      case 'history':
        return this.#history(reply);
      default:
        return frameOf({ ...replyObject(reply) });
    }
  }

  encodeMessage(message: Message): Frame {
    const { from, group, fromUserId, kind, place, metadata, stream } = message;
    const head: Record<string, unknown> =
      from === 'server'
        ? { type: 'message', from, to: kind }
        : { type: 'message', from, group, fromUserId: fromUserId ?? null };
    if (place !== undefined) {
      head['id'] = place.id;
      addLinks(head, place);
      head['time'] = integer(place.storedAtMs);
    }
    if (metadata !== undefined) head['metadata'] = metadata;
    if (stream !== undefined) head['stream'] = sendable({ ...stream });
    return withPayload(head, message.payload);
  }

  encodeSkip({ place, kind, group }: Message): Frame {
    const where = kind === 'group' ? { group } : { to: kind };
    const skip: Record<string, unknown> = { type: 'skip', ...where };
    if (place !== undefined) addLinks(skip, place);
    return frameOf(skip);
  }

  pack(frames: readonly Frame[]): Frame {
    return binary(Buffer.concat(frames.map(({ bytes }) => bytes)));
  }

  #history(reply: HistoryReply): Frame {
    const { ackId, to, messages, isComplete, hasMore } = reply;
    const [next, position] = [positionOf(reply.next), positionOf(reply.position)];
    const head = { type: 'history', ackId, ...whereOf(to), isComplete, hasMore, position, next };
    const frames = messages.map((message) => this.encodeMessage(message).bytes);
    const count = Buffer.alloc(5, 0xdd);
    count.writeUInt32BE(frames.length, 1);
    return withMember(sendable(head), [messagesKey, count, ...frames]);
  }
}

function addLinks(to: Record<string, unknown>, { offset, prev, tag }: MessagePlace): void {
  to['offset'] = integer(offset);
  if (prev !== undefined) to['prev'] = integer(prev);
  to['tag'] = tag;
}

/** `members` must be sendable. */
function withPayload(members: Record<string, unknown>, { dataType, bytes }: Payload): Frame {
  const isText = dataType === 'json' || dataType === 'text';
  const header = lengthHeader(isText ? 0xd9 : 0xc4, bytes.length);
  members['dataType'] = dataType;
  return withMember(members, [dataKey, header, bytes]);
}

/** One map of sendable members, which are fewer than 15, and one more whose key and value are encoded. */
function withMember(members: Members, parts: readonly Uint8Array[]): Frame {
  const head = packr.pack(members);
  const bytes = Buffer.concat([head, ...parts]);
  bytes[0] = (bytes[0] ?? 0) + 1;
  return binary(bytes);
}

/** @param first of the type with a length of one byte; those of two and four bytes follow it. */
function lengthHeader(first: number, length: number): Buffer {
  const width = widthOf(length);
  const header = Buffer.allocUnsafe(1 + width);
  header[0] = first + (width >> 1);
  header.writeUIntBE(length, 1, width);
  return header;
}

function widthOf(length: number): number {
  if (length < 2 ** 8) return 1;
  return length < 2 ** 16 ? 2 : 4;
}

function frameOf(members: Members): Frame {
  return binary(Buffer.from(packr.pack(sendable(members))));
}

function binary(bytes: Uint8Array): Frame {
  return { bytes, isBinary: true };
}

/** Without what is undefined, and with integers that stay integers. */
function sendable(members: Members): Members {
  return Object.fromEntries(
    Object.entries(members)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, sendableValue(value)]),
  );
}

function integer(value: number): number | bigint {
  return value > uint32Max ? BigInt(value) : value;
}

function sendableValue(value: unknown): unknown {
  if (typeof value === 'number') return integer(value);
  if (Array.isArray(value)) return value.map(sendableValue);
  if (typeof value !== 'object' || value === null) return value;
  // A plain object of ours: no frame has another kind.
  return sendable(value as Members);
}
