/** The client subprotocol `json.reliable.webpubsub.azure.v1` (Azure §4). */
import type { Codec, Frame } from './codec.ts';
import { ReliableCodec } from './reliable-codec.ts';

/** @param plain the codec of `json.webpubsub.azure.v1`. */
export function createJsonReliableCodec(plain: Codec): Codec {
  return new ReliableCodec('json.reliable.webpubsub.azure.v1', plain, withJsonSequenceId);
}

/** The number stands first, as Azure's documentation shows it. */
function withJsonSequenceId(frame: Frame, sequenceId: number): Frame {
  const head = `{"sequenceId":${sequenceId},`;
  // The shared frame begins with the brace that the head brings.
  const rest = frame.bytes.length - 1;
  const bytes = Buffer.allocUnsafe(head.length + rest);
  bytes.write(head, 0, 'latin1');
  bytes.set(frame.bytes.subarray(1), head.length);
  return { bytes, isBinary: false };
}
