/** Names: which are accepted. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  isClientId,
  isEventName,
  isGroupName,
  isUserId,
  parseHub,
} from '../../../../gateway/protocol/names.ts';

describe('names', () => {
  test('hub: folded to lower case', () => {
    assert.equal(parseHub('Chat_1`,.[]'), 'chat_1`,.[]');
    assert.equal(parseHub('h'), 'h');
    assert.equal(parseHub('H'.repeat(128)), 'h'.repeat(128));
  });

  for (const name of ['', '1a', '_a', 'a b', 'a/b', 'a-b', 'é', 'a\n', 'h'.repeat(129)]) {
    test(`hub: ${JSON.stringify(name).slice(0, 12)} is none`, () => {
      assert.equal(parseHub(name), undefined);
    });
  }

  test('group and user: any text but nothing, white space, or too much', () => {
    for (const isName of [isGroupName, isUserId]) {
      for (const name of ['g', ' g ', '*', '群\u0000', 'g'.repeat(16)]) {
        assert.equal(isName(name, 16), true, name);
      }
      for (const name of ['', ' ', '\t\n\u3000', 'g'.repeat(17)]) {
        assert.equal(isName(name, 16), false, name);
      }
    }
  });

  test('group, user, client id: two that are accepted stay two in UTF-8', () => {
    const loneSurrogates = ['\ud800', '\udfff', 'a\ud83d', '\ude00b', '\ude00\ud83d'];
    for (const isName of [isGroupName, isUserId, isClientId]) {
      for (const name of loneSurrogates) assert.equal(isName(name, 16), false);
      for (const name of ['😀', '\ufffd', '\uffff', 'e\u0301'])
        assert.equal(isName(name, 16), true);
    }
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(text, (name) => {
        fc.pre(isClientId(name, 8));
        assert.equal(Buffer.from(name, 'utf8').toString('utf8'), name);
      }),
    );
  });

  test('event: a letter, then letters, digits and three signs', () => {
    for (const name of ['e', 'E', 'a1_.-', 'e'.repeat(128)]) assert.equal(isEventName(name), true);
    for (const name of ['', '1', '_a', 'a b', 'a\n', 'é', '\u212a', 'e'.repeat(129)]) {
      assert.equal(isEventName(name), false, name);
    }
  });

  test('client id: any text of 1 to the longest', () => {
    assert.equal(isClientId(' ', 2), true);
    assert.equal(isClientId('', 2), false);
    assert.equal(isClientId('abc', 2), false);
  });
});
