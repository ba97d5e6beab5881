/**
 * All client subprotocols. A new one is a new codec file and a line in the constructor of
 * `Codecs`; nothing else in the gateway learns its name.
 */
import type { Codec, DecodeLimits } from './codec.ts';
import { createJsonReliableCodec } from './json-reliable-webpubsub.ts';
import { JsonWebPubSubCodec } from './json-webpubsub.ts';
import { createProtobufReliableCodec } from './protobuf-reliable-webpubsub.ts';
import { ProtobufWebPubSubCodec } from './protobuf-webpubsub.ts';
import type { SimpleMode } from './simple.ts';
import { SimpleCodec, SimpleEncoder } from './simple.ts';
import { TrunklineJsonCodec } from './trunkline-json.ts';
import { TrunklineMsgpackCodec } from './trunkline-msgpack.ts';

/** Made once per gateway: connections of one subprotocol share one codec and one encoder. */
export class Codecs {
  readonly #codecs: readonly Codec[];
  readonly #simpleEncoder = new SimpleEncoder();
  readonly #simpleEvents = new SimpleCodec(this.#simpleEncoder, { mode: 'sendEvent' });

  constructor(limits: DecodeLimits) {
    const json = new JsonWebPubSubCodec(limits);
    const protobuf = new ProtobufWebPubSubCodec(limits);
    this.#codecs = [
      json,
      createJsonReliableCodec(json),
      protobuf,
      createProtobufReliableCodec(protobuf),
      new TrunklineJsonCodec(limits),
      new TrunklineMsgpackCodec(limits),
    ];
  }

  /** Subprotocols that can be offered. */
  get names(): readonly string[] {
    return this.#codecs.map(({ name }) => name);
  }

  /**
   * The first offered subprotocol that the gateway speaks, ignoring case; undefined: none of them.
   * `offered` is the client's own spelling, which the response must echo.
   */
  selectSubprotocol(
    offered: readonly string[],
  ): { readonly codec: Codec; readonly offered: string } | undefined {
    for (const name of offered) {
      const folded = name.trim().toLowerCase();
      const codec = this.#codecs.find(({ subprotocol }) => subprotocol?.toLowerCase() === folded);
      if (codec !== undefined) return { codec, offered: name.trim() };
    }
    return undefined;
  }

  /** The codec of a client without a subprotocol. */
  simpleCodec(mode: SimpleMode): Codec {
    return mode.mode === 'sendEvent'
      ? this.#simpleEvents
      : new SimpleCodec(this.#simpleEncoder, mode);
  }
}

/** The codecs under the settings' limits. */
export function createCodecs(limits: DecodeLimits): Codecs {
  return new Codecs(limits);
}
