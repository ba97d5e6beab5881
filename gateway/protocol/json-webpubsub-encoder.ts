/**
 * The outgoing frames of `json.webpubsub.azure.v1` (Azure §3.2). Order and compactness of the
 * properties are part of the protocol: tests of Azure's SDKs compare whole frames.
 */
import type { Encoder, Frame } from './codec.ts';
import { ackText, invokeResponse, messageFrame } from './json-replies.ts';
import { jsonFrame, textFrame } from './json-splice.ts';
import type { Message, Reply } from './model.ts';
import { commonReplyObject } from './reply-objects.ts';

export class JsonWebPubSubEncoder implements Encoder {
  readonly name: string;
  readonly #pong = textFrame('{"type":"pong"}');

  constructor(name: string) {
    this.name = name;
  }

  encodeReply(reply: Reply): Frame | undefined {
    switch (reply.kind) {
      case 'ack':
        return textFrame(ackText(reply, ''));
      case 'pong':
        return this.#pong;
      case 'connected':
        return textFrame(connectedText(reply));
      case 'invokeResponse':
        return invokeResponse(reply.invocationId, reply.result);
      case 'disconnected':
      case 'streamAck':
      case 'streamNack':
      case 'streamClosed':
        return jsonFrame(commonReplyObject(reply));
      case 'heartbeat':
      case 'goaway':
      case 'gap':
      case 'bookmark':
      case 'history':
        return undefined;
    }
  }

  encodeMessage(message: Message): Frame {
    return messageFrame(message, '');
  }
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
