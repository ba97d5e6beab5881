/**
 * The client subprotocol `json.reliable.webpubsub.azure.v1` (Azure §4): the frames of the plain
 * JSON subprotocol, with a number in every message and a reconnection token in `connected`.
 */
import type { Codec, Encoder, Frame } from './codec.ts';
import type { Command, Message, Reply } from './model.ts';

export const jsonReliableWebPubSubName = 'json.reliable.webpubsub.azure.v1';

export class JsonReliableWebPubSubCodec implements Codec {
  readonly name: string = jsonReliableWebPubSubName;
  readonly subprotocol: string = jsonReliableWebPubSubName;
  readonly encoder: Encoder;
  readonly #plain: Codec;

  /** @param plain the codec of `json.webpubsub.azure.v1`, which reads and writes what is equal. */
  constructor(plain: Codec) {
    this.#plain = plain;
    this.encoder = new JsonReliableEncoder(plain.encoder);
  }

  decode(bytes: Uint8Array, isBinary: boolean, onCommand: (command: Command) => void): void {
    this.#plain.decode(bytes, isBinary, onCommand);
  }
}

class JsonReliableEncoder implements Encoder {
  readonly name = jsonReliableWebPubSubName;
  readonly messagesOf: Encoder;

  constructor(plain: Encoder) {
    this.messagesOf = plain;
  }

  encodeReply(reply: Reply): Frame | undefined {
    return this.messagesOf.encodeReply(reply);
  }

  encodeMessage(message: Message): Frame {
    return this.messagesOf.encodeMessage(message);
  }

  /** The number stands first, as Azure's documentation shows it. */
  withSequenceId(frame: Frame, sequenceId: number): Frame {
    const head = `{"sequenceId":${sequenceId},`;
    // The shared frame begins with the brace that the head brings.
    const rest = frame.bytes.length - 1;
    const bytes = Buffer.allocUnsafe(head.length + rest);
    bytes.write(head, 0, 'latin1');
    bytes.set(frame.bytes.subarray(1), head.length);
    return { bytes, isBinary: false };
  }
}
