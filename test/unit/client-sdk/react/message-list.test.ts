/** The list of a room: in order, each once, bounded, whatever comes first. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Message } from '../../../../client-sdk/src/index.ts';
import { appended, prepended } from '../../../../client-sdk/src/react/message-list.ts';

function messageAt(offset: number | undefined, epoch = 'e'): Message<number> {
  const position = offset === undefined ? undefined : { epoch, offset, tag: offset };
  return {
    data: offset ?? 0,
    dataType: 'json',
    group: 'g',
    fromUserId: undefined,
    metadata: {},
    id: undefined,
    time: undefined,
    position,
  };
}

const offsets = (list: readonly Message<number>[]): number[] => list.map(({ data }) => data);

describe('message list', () => {
  test('message list: live messages and history in any order of arrival give one order', () => {
    const range = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(range, range, range, (joined, read, end) => {
        // Live messages come after the join; the history was read when the stream ended at `read`.
        const top = Math.max(joined, read, end);
        const seen = Math.max(joined, read);
        const history = Array.from({ length: seen }, (_, index) => messageAt(index + 1));
        const live = Array.from({ length: top - joined }, (_, index) =>
          messageAt(joined + index + 1),
        );
        for (let before = 0; before <= live.length; before += 1) {
          let list: readonly Message<number>[] = [];
          for (const message of live.slice(0, before)) list = appended(list, message, 100);
          list = prepended(list, history, 100);
          for (const message of live.slice(before)) list = appended(list, message, 100);
          const all = Array.from({ length: top }, (_, index) => index + 1);
          assert.deepEqual(offsets(list), all);
        }
      }),
    );
  });

  test('message list: it keeps the newest, and takes everything without a place', () => {
    const three = [1, 2, 3].map((offset) => messageAt(offset));
    assert.deepEqual(offsets(appended(three, messageAt(4), 3)), [2, 3, 4]);
    assert.deepEqual(offsets(prepended(three, [messageAt(0)], 3)), [1, 2, 3]);
    const live = messageAt(undefined);
    assert.deepEqual(offsets(appended([live], live, 9)), [0, 0]);
    assert.equal(appended(three, messageAt(3), 9), three);
    assert.deepEqual(offsets(appended(three, messageAt(1, 'another epoch'), 9)), [1, 2, 3, 1]);
  });
});
