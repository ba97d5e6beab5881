/** How objects become frames and the reverse; the client knows nothing else of its subprotocol. */
import { toBase64 } from './payload.ts';
import { subprotocol, type ClientFrame, type GatewayFrame } from './wire.ts';

export interface Codec {
  /** The one that is offered. */
  readonly subprotocol: string;
  /** `data` may be bytes where `dataType` says `binary`. */
  encode(frame: ClientFrame): string | Uint8Array;
  /** The objects of a frame, in its order; bytes come as an ArrayBuffer. @throws when it is none. */
  decode(data: unknown): readonly GatewayFrame[];
}

/** `trunkline.v1.json`. */
export const json: Codec = {
  subprotocol,
  encode: (frame) =>
    JSON.stringify(
      frame['data'] instanceof Uint8Array ? { ...frame, data: toBase64(frame['data']) } : frame,
    ),
  decode: (data) =>
    String(data)
      .split('\n')
      // What the gateway says is JSON with a type.
      .map((line) => JSON.parse(line) as GatewayFrame),
};
