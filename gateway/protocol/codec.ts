/**
 * The contract of a client subprotocol: frames in, commands out; replies and messages in, frames
 * out. A new client protocol is a new codec file and a line in codecs.ts; session and router never
 * learn its name. Codecs are stateless and shared by all connections of their subprotocol.
 */
import type { CloseCode } from './close-codes.ts';
import type { Command, Message, Reply } from './model.ts';

/** One WebSocket message, ready to be written. Its bytes are never changed after it was made. */
export interface Frame {
  readonly bytes: Uint8Array;
  /** True: opcode binary; false: opcode text. */
  readonly isBinary: boolean;
}

/** Bounds that a decoder enforces; values come from the settings. */
export interface DecodeLimits {
  /** Deepest nesting of arrays and objects in a JSON frame, the frame's own object included. */
  readonly jsonDepthMax: number;
  /** Longest group, event and stream name in characters. */
  readonly nameLengthMax: number;
  /** Largest total of metadata keys and values in bytes. */
  readonly metadataBytesMax: number;
}

/**
 * The outgoing half of a subprotocol. The fan-out encodes a message once per encoder, told apart by
 * object identity: codecs whose frames are the same bytes must share one encoder object.
 */
export interface Encoder {
  /** Name for logs and metrics, for instance `json.webpubsub.azure.v1` or `simple`. */
  readonly name: string;
  /** A frame for one connection; undefined where this subprotocol has no way to say it. */
  encodeReply(reply: Reply): Frame | undefined;
  /** The frame of a message, the same for every receiver that uses this encoder. */
  encodeMessage(message: Message): Frame;
  /**
   * Where clients follow positions: says that this message of a stream is not for the receiver, so
   * that its absence is no hole. Absent: clients of this subprotocol do not follow positions.
   */
  encodeSkip?(message: Message): Frame;
  /** Several frames as one, where the subprotocol has that; there are two at least. */
  pack?(frames: readonly Frame[]): Frame;
  /**
   * Reliable subprotocols: the shared frame of a message with a connection's number in it, counted
   * from 1. Connections of an encoder that has this are resumed, and their messages numbered.
   */
  withSequenceId?(frame: Frame, sequenceId: number): Frame;
  /** Another encoder whose message frames are the same bytes: the fan-out encodes once for both. */
  readonly messagesOf?: Encoder;
}

export interface Codec {
  /** Name for logs and metrics; may differ from the encoder's where only decoding differs. */
  readonly name: string;
  /** Value of Sec-WebSocket-Protocol; undefined for clients that offered none. */
  readonly subprotocol: string | undefined;
  /**
   * True: a subprotocol of our own. Its clients are greeted with where streams stand, get
   * heartbeats, and may bring a new token before theirs expires, or else are closed.
   */
  readonly isNative?: boolean;
  /** Shared by every codec that writes the same frames (all simple clients have one). */
  readonly encoder: Encoder;
  /**
   * Turns one frame into commands, in order; most protocols carry one per frame. `bytes` is valid
   * only during the call, and so are payload views in the commands handed to `onCommand`.
   * @throws ProtocolError: the frame is not acceptable; commands before the fault were handed out.
   *   The connection must be closed with the error's code and reason.
   */
  decode(bytes: Uint8Array, isBinary: boolean, onCommand: (command: Command) => void): void;
}

/** A frame that breaks its subprotocol. The fault of a client's developer, who reads `message`. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly closeCode: CloseCode;

  constructor(closeCode: CloseCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.closeCode = closeCode;
  }
}
