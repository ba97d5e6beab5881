/** The outgoing frames of `trunkline.v1.json` (docs/PROTOCOL.md §4). */
import type { Encoder, Frame } from './codec.ts';
import { ackText, invokeResponse, messageFrame } from './json-replies.ts';
import { jsonFrame, textFrame } from './json-splice.ts';
import type { HistoryReply, Message, MessagePlace, Reply } from './model.ts';
import { positionOf, replyObject, whereOf } from './reply-objects.ts';

const lineFeed = 0x0a;
const space = 0x20;
const comma = Buffer.from(',');

export class TrunklineJsonEncoder implements Encoder {
  readonly name: string;
  readonly #pong = textFrame('{"type":"pong"}');
  readonly #heartbeat = textFrame('{"type":"heartbeat"}');

  constructor(name: string) {
    this.name = name;
  }

  encodeReply(reply: Reply): Frame {
    switch (reply.kind) {
      case 'ack':
        return textFrame(ackText(reply, outcomeText(reply.outcome)));
      case 'pong':
        return this.#pong;
      case 'heartbeat':
        return this.#heartbeat;
      case 'invokeResponse':
        return onOneLine(invokeResponse(reply.invocationId, reply.result));
      case 'history':
        return this.#history(reply);
      default:
        return jsonFrame(replyObject(reply));
    }
  }

  encodeMessage(message: Message): Frame {
    const { place, kind } = message;
    const to = message.from === 'server' ? `"to":"${kind}",` : '';
    if (place === undefined) return onOneLine(messageFrame(message, to));
    const id = `"id":${JSON.stringify(place.id)},`;
    const inside = `${to}${id}${placeText(place)},"time":${place.storedAtMs},`;
    return onOneLine(messageFrame(message, inside));
  }

  encodeSkip(message: Message): Frame {
    const { place, kind, group } = message;
    const where = kind === 'group' ? `"group":${JSON.stringify(group)}` : `"to":"${kind}"`;
    const links = place === undefined ? '' : `,${placeText(place)}`;
    return textFrame(`{"type":"skip",${where}${links}}`);
  }

  pack(frames: readonly Frame[]): Frame {
    let length = frames.length - 1;
    for (const frame of frames) length += frame.bytes.length;
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    for (const frame of frames) {
      if (at > 0) bytes[at++] = lineFeed;
      bytes.set(frame.bytes, at);
      at += frame.bytes.length;
    }
    return { bytes, isBinary: false };
  }

  #history(reply: HistoryReply): Frame {
    const { ackId, to, messages, isComplete, hasMore } = reply;
    const [next, position] = [positionOf(reply.next), positionOf(reply.position)];
    const where = JSON.stringify(whereOf(to)).slice(1, -1);
    const head = `{"type":"history","ackId":${ackId},${where},"messages":[`;
    const tail = JSON.stringify({ isComplete, hasMore, position, next }).slice(1);
    const parts = messages.map((message) => this.encodeMessage(message).bytes);
    const bytes = [Buffer.from(head), ...separated(parts, comma), Buffer.from(`],${tail}`)];
    return { bytes: Buffer.concat(bytes), isBinary: false };
  }
}

/**
 * Clients split frames at newlines. Inside an object there can be some only between the tokens of
 * a sender's JSON, where a space is as good. The frame is one that nobody else has yet.
 */
function onOneLine(frame: Frame): Frame {
  const { bytes } = frame;
  for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) {
    bytes[at] = space;
  }
  return frame;
}

function placeText({ offset, prev, tag }: MessagePlace): string {
  const known = prev === undefined ? '' : `"prev":${prev},`;
  return `"offset":${offset},${known}"tag":${tag}`;
}

function outcomeText(outcome: Extract<Reply, { kind: 'ack' }>['outcome']): string {
  if (outcome === undefined) return '';
  const { id, recovered } = outcome;
  const position = positionOf(outcome.position);
  const text = JSON.stringify({ id, position, recovered });
  return text === '{}' ? '' : `,${text.slice(1, -1)}`;
}

function separated(parts: readonly Uint8Array[], separator: Uint8Array): Uint8Array[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]));
}
