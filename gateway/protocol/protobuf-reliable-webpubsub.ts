/** The client subprotocol `protobuf.reliable.webpubsub.azure.v1` (Azure §4 and §5). */
import type { Codec } from './codec.ts';
import { withProtobufSequenceId } from './protobuf-webpubsub-encoder.ts';
import { ReliableCodec } from './reliable-codec.ts';

/** @param plain the codec of `protobuf.webpubsub.azure.v1`. */
export function createProtobufReliableCodec(plain: Codec): Codec {
  return new ReliableCodec('protobuf.reliable.webpubsub.azure.v1', plain, withProtobufSequenceId);
}
