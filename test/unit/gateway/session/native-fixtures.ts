/** A session of a client of our own: its frames are the model itself, written as JSON. */
import type { Codec } from '../../../../gateway/protocol/codec.ts';
import type {
  Command,
  Message,
  Payload,
  StreamPosition,
} from '../../../../gateway/protocol/model.ts';
import { SessionFixture, type SessionFixtureOptions } from './session-fixtures.ts';

/** Decodes a frame as the command that it spells, and encodes replies as they are. */
export const nativeCodec: Codec = {
  name: 'native',
  subprotocol: 'native',
  isNative: true,
  encoder: {
    name: 'native',
    encodeReply: (reply) => text(reply),
    encodeMessage: (message) => text(message),
  },
  decode(bytes, _isBinary, onCommand) {
    const spelled = JSON.parse(Buffer.from(bytes).toString()) as { readonly data?: string };
    const { data = '', ...command } = spelled;
    const payload: Payload = { dataType: 'text', bytes: Buffer.from(data) };
    // Tests spell commands as the model has them.
    onCommand({ ...command, payload } as unknown as Command);
  },
};

export function nativeFixture(options: SessionFixtureOptions = {}): SessionFixture {
  return new SessionFixture({ codec: nativeCodec, ...options });
}

/** The ack as it comes out of the native codec. */
export function nativeAck(ackId: number, outcome?: object): object {
  return { kind: 'ack', ackId, ...(outcome && { outcome }) };
}

export function failedAck(ackId: number, name: string, message: string): object {
  return { kind: 'ack', ackId, error: { name, message } };
}

export function placeAt(offset: number): StreamPosition {
  return { epoch: 'e', offset, tag: 7 };
}

/** A retained message of a group with this text. */
export function retained(offset: number, data: string): Message {
  return {
    from: 'group',
    group: 'g',
    fromUserId: undefined,
    payload: { dataType: 'text', bytes: Buffer.from(data) },
    metadata: undefined,
    stream: undefined,
    kind: 'group',
    place: { id: `p${offset}`, epoch: 'e', offset, prev: undefined, tag: 7, storedAtMs: 0 },
  };
}

/** Payloads of tests are buffers, of which JSON would make a list of numbers. */
function text(value: object) {
  const json = JSON.stringify(value, (key, field: { readonly data?: readonly number[] }) =>
    key === 'bytes' ? Buffer.from(field.data ?? []).toString() : field,
  );
  return { bytes: Buffer.from(json), isBinary: false };
}
