/** Holds the text of positions to both ways, and to refusing what is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePositionText, positionText } from '../../../../gateway/protocol/position-text.ts';

const epochs = fc.string({
  minLength: 1,
  maxLength: 255,
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
});
const positions = fc.record({
  epoch: epochs,
  offset: fc.maxSafeNat(),
  tag: fc.integer({ min: 0, max: 0xffff_ffff }),
});

test('positionText: every position comes back, and needs no escape in a URL or header', () => {
  fc.assert(
    fc.property(positions, (position) => {
      const text = positionText(position);
      assert.match(text, /^[A-Za-z0-9_-]+$/);
      assert.deepEqual(parsePositionText(text), { ...position });
    }),
  );
});

test('parsePositionText: any text is none, or the one text of its position', () => {
  const texts = fc.oneof(fc.string(), fc.base64String(), positions.map(positionText));
  fc.assert(
    fc.property(texts, fc.string({ maxLength: 2 }), fc.nat(400), (text, piece, place) => {
      const damaged = text.slice(0, place) + piece + text.slice(place);
      const position = parsePositionText(damaged);
      if (position !== undefined) assert.equal(positionText(position), damaged);
    }),
  );
});

test('parsePositionText: what no position has is refused', () => {
  const good = positionText({ epoch: 'E', offset: 2 ** 40, tag: 7 });
  const bytes = (change: (bytes: Buffer) => void): string => {
    const copy = Buffer.from(good, 'base64url');
    change(copy);
    return copy.toString('base64url');
  };
  const bad = {
    nothing: '',
    padding: `${good}=`,
    space: `${good} `,
    'another alphabet': good.replace(/^./, '+'),
    'another version': bytes((copy) => (copy[0] = 2)),
    'an offset beyond what is exact': bytes((copy) => copy.fill(0xff, 5, 13)),
    'no epoch': bytes(() => undefined).slice(0, 17),
    'a control character in the epoch': bytes((copy) => (copy[13] = 0x0a)),
    'an epoch too long': positionText({ epoch: 'e'.repeat(256), offset: 1, tag: 1 }),
    JSON: '{"epoch":"E","offset":1,"tag":1}',
  };
  for (const [name, text] of Object.entries(bad)) {
    assert.equal(parsePositionText(text), undefined, name);
  }
  assert.ok(parsePositionText(good) !== undefined);
});
