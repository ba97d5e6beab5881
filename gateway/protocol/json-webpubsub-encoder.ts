/**
 * The outgoing frames of `json.webpubsub.azure.v1` (Azure §3.2). Order and compactness of the
 * properties are part of the protocol: tests of Azure's SDKs compare whole frames.
 */
import type { Encoder, Frame } from './codec.ts';
import { groupStatesOf } from './group-states.ts';
import { ackText, invokeResponse, messageFrame } from './json-replies.ts';
import { jsonFrame, textFrame } from './json-splice.ts';
import type { Message, Reply } from './model.ts';
import type { PresenceNotice } from './presence-model.ts';
import { commonReplyObject, stateObject } from './reply-objects.ts';

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
      case 'presence':
        return groupStateFrame(reply);
    }
  }

  encodeMessage(message: Message): Frame {
    return messageFrame(message, '');
  }
}

function groupStateFrame(notice: PresenceNotice): Frame | undefined {
  const states = groupStatesOf(notice);
  if (states === undefined) return undefined;
  const { group, isWhole, items } = states;
  return jsonFrame({
    type: isWhole ? 'groupStateSnapshot' : 'groupStateUpdate',
    group,
    items: items.map((item) => ({ ...item, state: stateObject(item.state) })),
  });
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
