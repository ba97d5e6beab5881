/** The public entry of @trunkline/client/msgpack: the subprotocol `trunkline.v1.msgpack`. */
import type { Codec } from '../codec.ts';
import type { GatewayFrame } from '../wire.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/**
 * For the option `codec`. Bytes travel as they are, and everything else takes fewer of them; the
 * application sees no difference. JSON payloads are JSON text on this wire, too.
 */
export const msgpack: Codec = {
  subprotocol: 'trunkline.v1.msgpack',
  encode: (frame) => {
    const { data, dataType } = frame;
    const carried = dataType === 'json' ? { ...frame, data: JSON.stringify(data) } : frame;
    return new Writer().encode(carried);
  },
  decode: (data) => {
    if (!(data instanceof ArrayBuffer)) throw new TypeError('a frame must be binary');
    const reader = new Reader(data);
    const frames: GatewayFrame[] = [];
    while (!reader.isAtEnd) {
      // What the gateway says is maps with a type.
      frames.push(withData(reader.value() as GatewayFrame));
    }
    return frames;
  },
};

/** With JSON text parsed: in the object, and in the messages of a history. */
function withData(frame: GatewayFrame): GatewayFrame {
  const { data, dataType, messages } = frame;
  if (messages !== undefined) return { ...frame, messages: messages.map(withData) };
  if (dataType !== 'json' || typeof data !== 'string') return frame;
  const parsed: unknown = JSON.parse(data);
  return { ...frame, data: parsed };
}
