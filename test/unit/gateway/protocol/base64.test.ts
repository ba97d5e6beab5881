/** Strict base64 against Node's own encoder. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64 } from '../../../../gateway/protocol/base64.ts';

describe('base64', () => {
  test('decodeBase64: gives back what was encoded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        const encoded = Buffer.from(Buffer.from(bytes).toString('base64'));
        assert.deepEqual(Buffer.from(decodeBase64(encoded) ?? 'refused'), Buffer.from(bytes));
      }),
    );
  });

  test('decodeBase64: accepts nothing that is not the encoding of its result', () => {
    const unit = fc.constantFrom('A', 'B', 'Q', 'g', 'w', '/', '+', '=', '-', '_', ' ', '\n', 'é');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 9 }), (text) => {
        const decoded = decodeBase64(Buffer.from(text));
        const isCanonical = Buffer.from(text, 'base64').toString('base64') === text;
        assert.equal(decoded !== undefined, isCanonical, text);
      }),
      { numRuns: 5000 },
    );
  });

  test('decodeBase64: the result does not share memory with the frame', () => {
    const encoded = Buffer.from('AAEC');
    const decoded = decodeBase64(encoded);
    encoded.fill(0x42);
    assert.deepEqual(Buffer.from(decoded ?? []), Buffer.from([0, 1, 2]));
  });
});
