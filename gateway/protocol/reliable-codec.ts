/**
 * A reliable subprotocol (Azure §4): the frames of a plain one, with a number in every message and a
 * reconnection token in `connected`.
 */
import type { Codec, Encoder, Frame } from './codec.ts';
import type { Command, Message, Reply } from './model.ts';

/** The shared frame of a message with a connection's number in it. */
export type NumberFrame = (frame: Frame, sequenceId: number) => Frame;

export class ReliableCodec implements Codec {
  readonly name: string;
  readonly subprotocol: string;
  readonly encoder: Encoder;
  readonly #plain: Codec;

  /** @param plain the codec that reads and writes what is equal. */
  constructor(name: string, plain: Codec, withSequenceId: NumberFrame) {
    this.name = name;
    this.subprotocol = name;
    this.encoder = new ReliableEncoder(name, plain.encoder, withSequenceId);
    this.#plain = plain;
  }

  decode(bytes: Uint8Array, isBinary: boolean, onCommand: (command: Command) => void): void {
    this.#plain.decode(bytes, isBinary, onCommand);
  }
}

class ReliableEncoder implements Encoder {
  readonly name: string;
  readonly messagesOf: Encoder;
  readonly withSequenceId: NumberFrame;

  constructor(name: string, plain: Encoder, withSequenceId: NumberFrame) {
    this.name = name;
    this.messagesOf = plain;
    this.withSequenceId = withSequenceId;
  }

  encodeReply(reply: Reply): Frame | undefined {
    return this.messagesOf.encodeReply(reply);
  }

  encodeMessage(message: Message): Frame {
    return this.messagesOf.encodeMessage(message);
  }
}
