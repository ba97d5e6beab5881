/** The text of replies and of the parts of messages that all JSON subprotocols write alike. */
import type { Frame } from './codec.ts';
import { splice, textFrame } from './json-splice.ts';
import type { Message, Payload, Reply, ReplyError } from './model.ts';

/** `inside` are more members of a successful ack, each with its comma in front. */
export function ackText(reply: Extract<Reply, { kind: 'ack' }>, inside: string): string {
  const { ackId, error } = reply;
  if (error === undefined) return `{"type":"ack","ackId":${ackId},"success":true${inside}}`;
  return `{"type":"ack","ackId":${ackId},"success":false,"error":${errorText(error)}}`;
}

/**
 * The frame of a message; `inside` are members of the subprotocol's own, each with its comma
 * behind it, between the message's origin and its payload.
 */
export function messageFrame(message: Message, inside: string): Frame {
  const { payload, metadata, stream } = message;
  const prefix = `${messageHead(message)}${inside}"dataType":"${payload.dataType}","data":`;
  if (metadata === undefined && stream === undefined) return splice(prefix, payload, undefined);
  const metadataPart = metadata === undefined ? '' : `,"metadata":${JSON.stringify(metadata)}`;
  const streamPart = stream === undefined ? '' : `,"stream":${streamText(stream)}`;
  return splice(prefix, payload, `${metadataPart}${streamPart}}`);
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

/** A successful result carries its payload. */
export function invokeResponse(invocationId: string, result: Payload | ReplyError): Frame {
  const head = `{"type":"invokeResponse","invocationId":${JSON.stringify(invocationId)}`;
  if ('dataType' in result) {
    return splice(`${head},"success":true,"dataType":"${result.dataType}","data":`, result, '}');
  }
  return textFrame(`${head},"success":false,"error":${errorText(result)}}`);
}

function errorText(error: ReplyError): string {
  return `{"name":"${error.name}","message":${JSON.stringify(error.message)}}`;
}
