/**
 * Clients without a subprotocol (Azure §2): what they send is payload, what they get is payload;
 * there are no acks, no pongs and no system messages.
 */
import { isUtf8 } from 'node:buffer';
import { closeCodes } from './close-codes.ts';
import type { Codec, Encoder, Frame } from './codec.ts';
import { ProtocolError } from './codec.ts';
import type { Command, Message, Payload } from './model.ts';

/** What the frames of a simple client mean: fixed by its URL for the connection's life. */
export type SimpleMode =
  { readonly mode: 'sendEvent' } | { readonly mode: 'sendToGroup'; readonly group: string };

const name = 'simple';

/** Shared by all simple clients, whatever their mode. Text payloads must be valid UTF-8. */
export class SimpleEncoder implements Encoder {
  readonly name = name;

  encodeReply(): undefined {
    return undefined;
  }

  /** The frame is a view of the payload's bytes: it lives as long as they do. */
  encodeMessage(message: Message): Frame {
    const { dataType, bytes } = message.payload;
    return { bytes, isBinary: dataType === 'binary' || dataType === 'protobuf' };
  }
}

/** One per mode and group; codecs hold nothing but these. */
export class SimpleCodec implements Codec {
  readonly name = name;
  readonly subprotocol = undefined;
  readonly encoder: Encoder;
  /** undefined: frames are events. */
  readonly #group: string | undefined;

  constructor(encoder: SimpleEncoder, mode: SimpleMode) {
    this.encoder = encoder;
    this.#group = mode.mode === 'sendToGroup' ? mode.group : undefined;
  }

  decode(bytes: Uint8Array, isBinary: boolean, onCommand: (command: Command) => void): void {
    // It would reach receivers as it is, and close the connection of every browser among them.
    if (!isBinary && !isUtf8(bytes)) {
      const message = 'a text frame must be valid UTF-8; send other bytes as a binary frame';
      throw new ProtocolError(closeCodes.invalidMessage, message);
    }
    const payload: Payload = { dataType: isBinary ? 'binary' : 'text', bytes };
    const group = this.#group;
    onCommand(group === undefined ? eventCommand(payload) : groupCommand(group, payload));
  }
}

function eventCommand(payload: Payload): Command {
  return { kind: 'event', event: 'message', payload, ackId: undefined, metadata: undefined };
}

/** The sender gets its own message, as with Azure: there is no way to ask for noEcho. */
function groupCommand(group: string, payload: Payload): Command {
  return {
    kind: 'sendToGroup',
    group,
    payload,
    ackId: undefined,
    noEcho: false,
    ttlSeconds: undefined,
    metadata: undefined,
  };
}
