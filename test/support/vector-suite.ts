/** The tests that run a subprotocol's vectors against its codec. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Codec, Frame } from '../../gateway/protocol/codec.ts';
import { ProtocolError } from '../../gateway/protocol/codec.ts';
import type { Command } from '../../gateway/protocol/model.ts';
import {
  commandsOf,
  comparable,
  frameOf,
  messageOf,
  replyOf,
  type VectorFile,
} from './protocol-vectors.ts';

export interface VectorSuite {
  readonly codec: Codec;
  readonly vectors: VectorFile;
  /** More that must hold of every accepted frame. */
  readonly checkAccepted: (bytes: Uint8Array) => void;
}

/** Declares a test for every vector. */
export function testVectors(suite: VectorSuite): void {
  const { codec } = suite;
  describe(`${codec.name}: vectors`, () => {
    testDecoder(suite);
    testEncoder(suite);
  });
}

function testDecoder({ codec, vectors, checkAccepted }: VectorSuite): void {
  for (const vector of vectors.accepted) {
    test(`accepted: ${vector.name}`, () => {
      const { bytes, isBinary } = frameOf(vector);
      const commands: Command[] = [];
      codec.decode(bytes, isBinary, (command) => commands.push(command));
      assert.deepEqual(commands.map(comparable), commandsOf(vector));
      checkAccepted(bytes);
    });
  }

  for (const vector of vectors.refused) {
    test(`refused: ${vector.name}`, () => {
      const { bytes, isBinary } = frameOf(vector);
      assert.throws(
        () => codec.decode(bytes, isBinary, () => undefined),
        (error) => {
          assert.ok(error instanceof ProtocolError);
          assert.equal(error.closeCode, vector.closeCode);
          assert.ok(error.message.includes(vector.reason), error.message);
          return true;
        },
      );
    });
  }
}

function testEncoder({ codec, vectors }: VectorSuite): void {
  const { encoder } = codec;
  for (const vector of vectors.replies) {
    test(`reply: ${vector.name}`, () => {
      assertFrame(encoder.encodeReply(replyOf(vector.reply)), frameOf(vector));
    });
  }

  for (const vector of vectors.messages) {
    test(`message: ${vector.name}`, () => {
      const message = messageOf(vector.message);
      const expected = frameOf(vector);
      assertFrame(encoder.encodeMessage(message), expected);
      if (vector.skip === undefined) return;
      assertFrame(encoder.encodeSkip?.(message), sameKind(vector.skip, expected.isBinary));
    });
  }

  for (const vector of vectors.packs ?? []) {
    test(`pack: ${vector.name}`, () => {
      const expected = frameOf(vector);
      const frames = vector.frames.map((written) => sameKind(written, expected.isBinary));
      assertFrame(encoder.pack?.(frames), expected);
    });
  }
}

/** A frame that is written as text, or in hexadecimal digits where frames are binary. */
function sameKind(written: string, isBinary: boolean): Frame {
  return { bytes: Buffer.from(written, isBinary ? 'hex' : 'utf8'), isBinary };
}

function assertFrame(frame: Frame | undefined, expected: Frame): void {
  assert.ok(frame !== undefined);
  assert.equal(frame.isBinary, expected.isBinary);
  const shown = (bytes: Uint8Array): string =>
    Buffer.from(bytes).toString(expected.isBinary ? 'hex' : 'utf8');
  assert.equal(shown(frame.bytes), shown(expected.bytes));
}
