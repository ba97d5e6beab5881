/** The outbox: numbers without a hole, cumulative acknowledgements, bounds, one copy for all. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Frame } from '../../../../../gateway/protocol/codec.ts';
import { KeptFrames } from '../../../../../gateway/session/reliable/kept-frames.ts';
import { Outbox } from '../../../../../gateway/session/reliable/outbox.ts';

function frame(text: string): Frame {
  return { bytes: Buffer.from(text), isBinary: false };
}

function outbox(differences: { messagesMax?: number; bytesMax?: number } = {}) {
  const frames = new KeptFrames(1000, () => undefined);
  return {
    frames,
    outbox: new Outbox({ frames, messagesMax: 100, bytesMax: 100, ...differences }),
  };
}

describe('outbox', () => {
  test('outbox: what was not acknowledged is there under its number, whatever the order', () => {
    const step = fc.oneof(fc.constant('append' as const), fc.nat(60));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { frames, outbox: box } = outbox({ bytesMax: 1000 });
        let appended = 0;
        let acknowledged = 0;
        for (const one of steps) {
          if (one === 'append') {
            appended += 1;
            assert.ok(box.append(frame(`${appended}`)));
          } else {
            box.acknowledge(one);
            acknowledged = Math.max(acknowledged, Math.min(one, appended));
          }
          assert.deepEqual([box.first, box.next], [acknowledged + 1, appended + 1]);
          for (let id = 0; id <= appended + 1; id += 1) {
            const text = box.at(id) && Buffer.from(box.at(id)?.bytes ?? []).toString();
            assert.equal(text, id > acknowledged && id <= appended ? `${id}` : undefined);
          }
        }
        box.clear();
        assert.deepEqual([box.bytes, box.size, frames.bytes], [0, 0, 0]);
      }),
    );
  });

  test('outbox: one message or one byte too many is said', () => {
    const few = outbox({ messagesMax: 2 }).outbox;
    assert.deepEqual(
      ['a', 'b', 'c'].map((text) => few.append(frame(text))),
      [true, true, false],
    );
    const small = outbox({ bytesMax: 5 }).outbox;
    assert.deepEqual(
      ['abc', 'de', 'f'].map((text) => small.append(frame(text))),
      [true, true, false],
    );
  });

  test('outbox: the bound of the node counts each message once, for all who wait for it', () => {
    let fulls = 0;
    const frames = new KeptFrames(10, () => {
      fulls += 1;
    });
    const boxes = [1, 2, 3].map(() => new Outbox({ frames, messagesMax: 9, bytesMax: 99 }));
    const shared = frame('12345678');
    assert.ok(boxes.every((box) => box.append(shared)));
    assert.equal(frames.bytes, 8);
    assert.equal(fulls, 0);
    // Whoever appends is not the one to suffer for it.
    assert.equal(boxes[0]?.append(frame('abc')), true);
    assert.deepEqual([fulls, frames.isFull], [1, true]);
    boxes[0]?.clear();
    assert.equal(frames.bytes, 8);
    for (const box of boxes) box.clear();
    assert.equal(frames.bytes, 0);
  });

  test('outbox: of what several hold each has its part', () => {
    const frames = new KeptFrames(1000, () => undefined);
    const boxes = [1, 2].map(() => new Outbox({ frames, messagesMax: 999, bytesMax: 9999 }));
    const [first, second] = boxes;
    assert.equal(first?.sharedBytes(), 0);
    const shared = frame('12345678');
    for (const box of boxes) box.append(shared);
    first?.append(frame('abc'));
    assert.deepEqual([first?.sharedBytes(), second?.sharedBytes()], [7, 4]);
    first?.acknowledge(1);
    assert.deepEqual([first?.sharedBytes(), second?.sharedBytes()], [3, 8]);
    for (let at = 0; at < 500; at += 1) second?.append(frame('12345678'));
    assert.equal(second?.sharedBytes(), 501 * 8);
  });

  test('outbox: it holds bytes of its own', () => {
    const { outbox: box } = outbox();
    const bytes = Buffer.from('abc');
    box.append({ bytes, isBinary: false });
    bytes.fill(0);
    assert.equal(Buffer.from(box.at(1)?.bytes ?? []).toString(), 'abc');
  });
});
