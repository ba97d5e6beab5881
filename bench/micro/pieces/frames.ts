/** Pieces that make and read bytes: frames of a message in each subprotocol, and envelopes. */
import { encodeEnvelope, EnvelopeView, type EnvelopeFields } from '../../../backplanes/envelope.ts';
import { decodeStoredEnvelope, encodeStoredEnvelope } from '../../../backplanes/stored-envelope.ts';
import type { StreamEntry } from '../../../backplanes/stream-store.ts';
import { defaultLimits } from '../../../gateway/limits.ts';
import type { Encoder } from '../../../gateway/protocol/codec.ts';
import { createCodecs } from '../../../gateway/protocol/codecs.ts';
import { RingBudget } from '../../../gateway/router/backlog.ts';
import { ReceivedMessage } from '../../../gateway/router/received-message.ts';
import { RecentEntries } from '../../../gateway/router/streams/recent-entries.ts';
import type { Piece } from './timing.ts';

const cacheBytes = 1024 * 1024;

/** One publication with `payloadBytes` of user data, and everything that is made of it. */
export function framePieces(payloadBytes: number): readonly Piece[] {
  const fields = fieldsOf(payloadBytes);
  const bytes = encodeEnvelope(fields);
  const entry: StreamEntry = {
    epoch: 'abcdefghijkl',
    offset: 1_234_567,
    prev: 1_234_566,
    tag: 3_000_000_000,
    storedAtMs: 1_764_000_000_000,
    bytes,
  };
  const stored = encodeStoredEnvelope(entry);
  return [
    repeated('envelope, encode', () => encodeEnvelope(fields)),
    repeated('envelope, view', () => new EnvelopeView(bytes)),
    repeated('stored envelope, wrap', () => encodeStoredEnvelope(entry)),
    repeated('stored envelope, unwrap', () => decodeStoredEnvelope(stored)),
    ...encoderPieces(entry),
    recentEntries(entry),
  ];
}

function fieldsOf(payloadBytes: number): EnvelopeFields {
  return {
    id: 'e7b9759b4498.2s',
    nodeId: 'e7b9759b4498',
    counter: 100,
    hub: 'bench',
    kind: 'group',
    name: 'stream0',
    dataType: 'json',
    data: Buffer.from(JSON.stringify('x'.repeat(payloadBytes))),
    senderConnectionId: 'e7b9759b4498.abcdefghijkl',
    senderUserId: 'publisher',
    noEcho: false,
    expiresAtSeconds: 0,
    extension: undefined,
  };
}

function encoderPieces(entry: StreamEntry): readonly Piece[] {
  const view = new EnvelopeView(entry.bytes);
  const live = new ReceivedMessage(view, undefined, undefined);
  const placed = new ReceivedMessage(view, undefined, entry);
  const azure = encoderOf('json.webpubsub.azure.v1');
  const json = encoderOf('trunkline.v1.json');
  const msgpack = encoderOf('trunkline.v1.msgpack');
  const reliable = encoderOf('json.reliable.webpubsub.azure.v1');
  const shared = azure.encodeMessage(live);
  const ten = Array.from({ length: 10 }, () => json.encodeMessage(placed));
  return [
    repeated('json.webpubsub.azure.v1, live', () => azure.encodeMessage(live)),
    repeated('json.webpubsub.azure.v1, stream', () => azure.encodeMessage(placed)),
    repeated('trunkline.v1.json, live', () => json.encodeMessage(live)),
    repeated('trunkline.v1.json, stream', () => json.encodeMessage(placed)),
    repeated('trunkline.v1.json, pack 10', () => json.pack?.(ten)),
    repeated('trunkline.v1.msgpack, live', () => msgpack.encodeMessage(live)),
    repeated('trunkline.v1.msgpack, stream', () => msgpack.encodeMessage(placed)),
    repeated('json.reliable, number of one', () => reliable.withSequenceId?.(shared, 12_345)),
  ];
}

function encoderOf(subprotocol: string): Encoder {
  const selected = createCodecs(defaultLimits).selectSubprotocol([subprotocol]);
  if (selected === undefined) throw new Error(`the gateway does not speak ${subprotocol}`);
  return selected.codec.encoder;
}

/** Beyond its bound, so that dropping is paid for, too. */
function recentEntries(entry: StreamEntry): Piece {
  const base = { offset: 0, tag: 0 };
  const recent = new RecentEntries(base, cacheBytes, new RingBudget(cacheBytes));
  let offset = 0;
  return repeated('recent entries, append', () => {
    offset += 1;
    recent.append({ ...entry, offset, prev: offset - 1 });
  });
}

/** Something that the compiler cannot leave out: the results are kept until the next. */
let kept: unknown;

function repeated(name: string, operation: () => unknown): Piece {
  return {
    name,
    run: (count) => {
      for (let index = 0; index < count; index++) kept = operation();
    },
  };
}

/** The last result of any piece. */
export function lastResult(): unknown {
  return kept;
}
