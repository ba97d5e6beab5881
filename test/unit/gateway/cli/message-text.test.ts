/** Holds the lines that `trunkline subscribe` prints to being one line each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatMessage, parseFrame } from '../../../../gateway/cli/message-text.ts';

test('formatMessage: tells where a message came from and what it says', () => {
  const lines = [
    ['{"type":"message","from":"server","dataType":"json","data":"x"}', 'server: "x"'],
    ['{"type":"message","from":"server","dataType":"text","data":"x"}', 'server: x'],
    ['{"type":"message","from":"server","dataType":"binary","data":"eA=="}', 'server: eA=='],
    ['{"type":"message","from":"group","group":"g","dataType":"json","data":[1]}', 'group g: [1]'],
  ] as const;
  for (const [frame, line] of lines) assert.equal(formatMessage(parseFrame(frame)), line);
});

test('formatMessage: nothing in a frame ends the line or steers the terminal', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, text, (group, fromUserId, data) => {
      const frame = { type: 'message', from: 'group', group, fromUserId, dataType: 'text', data };
      assert.doesNotMatch(
        formatMessage(parseFrame(JSON.stringify(frame))),
        /[\p{Cc}\u2028\u2029]/u,
      );
    }),
  );
});

test('parseFrame: what is no frame has the type unknown', () => {
  for (const text of ['', '[]', '{}', 'null', '{"type":1}']) {
    assert.equal(parseFrame(text).type, 'unknown', text);
  }
});
