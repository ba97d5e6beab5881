/** Publication ids as headers: they come back as they were, and never meet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { messageId, publicationId } from '../../../../../backplanes/nats/streams/message-id.ts';

test('message id: plain ids stay readable', () => {
  assert.equal(messageId('0190-ab:c', 'g:hub:room'), '0190-ab:c@g:hub:room');
  assert.equal(messageId('a@b %', 't'), 'a%0040b%0020%0025@t');
});

test('message id: every id comes back, and fits into a header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (id) => {
      const text = messageId(id, 'g:hub:x');
      assert.match(text, /^[!-~]+$/);
      assert.equal(publicationId(text), id);
    }),
  );
});

test('message id: the same id on another key is another one', () => {
  assert.notEqual(messageId('id', 'g:hub:x'), messageId('id', 'g:hub:y'));
  assert.equal(publicationId(''), '');
});
