/** Early frames: copies, in order, bounded in number and bytes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EarlyFrames } from '../../../../gateway/session/early-frames.ts';

function replayed(early: EarlyFrames): [string, boolean][] {
  const frames: [string, boolean][] = [];
  early.replay((bytes, isBinary) => frames.push([Buffer.from(bytes).toString(), isBinary]));
  return frames;
}

describe('early frames', () => {
  test('early frames: replayed once, in order, as they were when they came', () => {
    const early = new EarlyFrames(100);
    for (const bytes of [Buffer.from('one'), new TextEncoder().encode('two')]) {
      assert.equal(early.take(bytes, bytes instanceof Buffer), true);
      bytes.fill(0x2a);
    }
    assert.deepEqual(replayed(early), [
      ['one', true],
      ['two', false],
    ]);
    assert.deepEqual(replayed(early), []);
  });

  test('early frames: the bytes of all together are bounded', () => {
    const early = new EarlyFrames(10);
    assert.equal(early.take(Buffer.alloc(6), false), true);
    assert.equal(early.take(Buffer.alloc(4), false), true);
    assert.equal(early.take(Buffer.alloc(1), false), false);
  });

  test('early frames: empty ones are bounded in number', () => {
    const early = new EarlyFrames(10);
    for (let index = 0; index < 64; index += 1) {
      assert.equal(early.take(new Uint8Array(0), false), true);
    }
    assert.equal(early.take(new Uint8Array(0), false), false);
    assert.equal(replayed(early).length, 64);
  });
});
