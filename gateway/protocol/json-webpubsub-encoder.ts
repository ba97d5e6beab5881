/**
 * The outgoing frames of `json.webpubsub.azure.v1` (Azure §3.2). Order and compactness of the
 * properties are part of the protocol: tests of Azure's SDKs compare whole frames.
 */
import type { Encoder, Frame } from './codec.ts';
import { isPlainText, jsonBytesOf } from './json-payload.ts';
import type { Message, Payload, Reply, ReplyError } from './model.ts';

const closeBrace = 0x7d;
const quote = 0x22;

export class JsonWebPubSubEncoder implements Encoder {
  readonly name: string;
  readonly #pong = textFrame('{"type":"pong"}');

  constructor(name: string) {
    this.name = name;
  }

  encodeReply(reply: Reply): Frame | undefined {
    switch (reply.kind) {
      case 'ack':
        return textFrame(ackText(reply));
      case 'pong':
        return this.#pong;
      case 'connected':
        return textFrame(connectedText(reply));
      case 'disconnected':
        return jsonFrame({ type: 'system', event: 'disconnected', message: reply.reason });
      case 'invokeResponse':
        return invokeResponse(reply.invocationId, reply.result);
      case 'streamAck': {
        const { streamId, expectedSequenceId } = reply;
        return jsonFrame({ type: 'streamAck', streamId, expectedSequenceId });
      }
      case 'streamNack': {
        const { streamId, name, message, expectedSequenceId } = reply;
        return jsonFrame({ type: 'streamNack', streamId, name, message, expectedSequenceId });
      }
      case 'streamClosed': {
        const { streamId, error } = reply;
        // JSON.stringify leaves out what is undefined.
        return jsonFrame({ type: 'streamClosed', streamId, error });
      }
      case 'heartbeat':
      case 'goaway':
      case 'gap':
      case 'bookmark':
      case 'history':
        return undefined;
    }
  }

  encodeMessage(message: Message): Frame {
    const { payload, metadata, stream } = message;
    const prefix = `${messageHead(message)}"dataType":"${payload.dataType}","data":`;
    if (metadata === undefined && stream === undefined) return splice(prefix, payload, undefined);
    const metadataPart = metadata === undefined ? '' : `,"metadata":${JSON.stringify(metadata)}`;
    const streamPart = stream === undefined ? '' : `,"stream":${streamText(stream)}`;
    return splice(prefix, payload, `${metadataPart}${streamPart}}`);
  }
}

function messageHead(message: Message): string {
  if (message.from === 'server') return '{"type":"message","from":"server",';
  const group = JSON.stringify(message.group ?? '');
  const { fromUserId } = message;
  const user = fromUserId === undefined ? 'null' : JSON.stringify(fromUserId);
  return `{"type":"message","from":"group","group":${group},"fromUserId":${user},`;
}

function streamText(stream: NonNullable<Message['stream']>): string {
  const { streamId, streamSequenceId, endOfStream, error } = stream;
  return JSON.stringify({ streamId, streamSequenceId, endOfStream, error });
}

/**
 * One frame of head, the payload as a JSON value, and tail (undefined: one closing brace). The
 * frame comes from Node's buffer pool, which makes it cheap; who keeps it for long copies it.
 */
function splice(head: string, payload: Payload, tail: string | undefined): Frame {
  const isQuoted = payload.dataType === 'text' && isPlainText(payload.bytes);
  const value = isQuoted ? payload.bytes : jsonBytesOf(payload);
  const quotes = isQuoted ? 2 : 0;
  const headLength = Buffer.byteLength(head);
  const tailLength = tail === undefined ? 1 : Buffer.byteLength(tail);
  const bytes = Buffer.allocUnsafe(headLength + value.length + quotes + tailLength);
  let index = bytes.write(head, 0, 'utf8');
  if (isQuoted) bytes[index++] = quote;
  bytes.set(value, index);
  index += value.length;
  if (isQuoted) bytes[index++] = quote;
  if (tail === undefined) bytes[index] = closeBrace;
  else bytes.write(tail, index, 'utf8');
  return { bytes, isBinary: false };
}

function ackText(reply: Extract<Reply, { kind: 'ack' }>): string {
  const { ackId, error } = reply;
  if (error === undefined) return `{"type":"ack","ackId":${ackId},"success":true}`;
  return `{"type":"ack","ackId":${ackId},"success":false,"error":${errorText(error)}}`;
}

function connectedText(reply: Extract<Reply, { kind: 'connected' }>): string {
  const { userId, connectionId, reconnectionToken } = reply;
  return JSON.stringify({
    type: 'system',
    event: 'connected',
    userId: userId ?? null,
    connectionId,
    reconnectionToken,
  });
}

function invokeResponse(invocationId: string, result: Payload | ReplyError): Frame {
  const head = `{"type":"invokeResponse","invocationId":${JSON.stringify(invocationId)}`;
  if ('dataType' in result) {
    return splice(`${head},"success":true,"dataType":"${result.dataType}","data":`, result, '}');
  }
  return textFrame(`${head},"success":false,"error":${errorText(result)}}`);
}

function errorText(error: ReplyError): string {
  return `{"name":"${error.name}","message":${JSON.stringify(error.message)}}`;
}

function jsonFrame(value: object): Frame {
  return textFrame(JSON.stringify(value));
}

function textFrame(text: string): Frame {
  return { bytes: Buffer.from(text, 'utf8'), isBinary: false };
}
