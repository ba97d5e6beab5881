/** Tests of how answers of several nodes about who is there become one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PresenceMember } from '../../../../../gateway/protocol/presence-model.ts';
import { fromAnswers, toAnswer } from '../../../../../gateway/router/bus/attendance-answer.ts';

const anna: PresenceMember = {
  connectionId: 'a',
  userId: 'anna',
  state: [['mood', 'fine']],
  sinceMs: 5,
  stateAtMs: 6,
};
const ben: PresenceMember = {
  connectionId: 'b',
  userId: undefined,
  state: undefined,
  sinceMs: 7,
  stateAtMs: undefined,
};

describe('attendance of several nodes', () => {
  test('attendance: the members of all, each once', () => {
    const answers = [
      toAnswer({ connections: 2, members: [anna, ben] }),
      toAnswer({ connections: 1, members: [anna] }),
      toAnswer({ connections: 0, members: [] }),
    ];
    assert.deepEqual(fromAnswers(answers, 10), { connections: 2, members: [anna, ben] });
  });

  test('attendance: where one node only counts, or all have too many, it is a count', () => {
    const [one, many] = [
      toAnswer({ connections: 2, members: [anna, ben] }),
      toAnswer({ connections: 1000, members: undefined }),
    ];
    assert.deepEqual(fromAnswers([one, many], 10), { connections: 1002, members: undefined });
    assert.deepEqual(fromAnswers([one], 1), { connections: 2, members: undefined });
  });

  test('attendance: an answer of another version is an error', () => {
    assert.throws(() => fromAnswers([{ connections: 'many' }], 10));
    assert.throws(() => fromAnswers([undefined], 10));
  });
});
