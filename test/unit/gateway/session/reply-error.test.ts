/** What clients are told of errors: each code by its name, and nothing of the inside. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errorTable, GatewayError, type ErrorCode } from '../../../../gateway/errors.ts';
import { EventError } from '../../../../gateway/session/event-handlers.ts';
import { replyErrorOf } from '../../../../gateway/session/reply-error.ts';

describe('reply error', () => {
  test('reply error: every code of the table has a name that fits its status', () => {
    // Object.keys cannot know that the table has no other keys.
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      const { message, name } = replyErrorOf(new GatewayError(code, 'what to do'));
      const byStatus = errorTable[code].status < 500 ? 'BadRequest' : 'InternalServerError';
      const byCode = new Map([
        ['forbidden', 'Forbidden'],
        ['position-diverged', 'NotFound'],
      ]);
      assert.equal(name, byCode.get(code) ?? byStatus, code);
      assert.equal(message, 'what to do');
    }
  });

  test('reply error: a handler chooses the name itself', () => {
    assert.deepEqual(replyErrorOf(new EventError('NotFound', 'no such room')), {
      name: 'NotFound',
      message: 'no such room',
    });
  });

  test('reply error: of anything else nothing is told', () => {
    for (const error of [new TypeError('x is undefined'), 'text', undefined, { message: 'm' }]) {
      assert.deepEqual(replyErrorOf(error), {
        name: 'InternalServerError',
        message: 'The gateway failed; try again',
      });
    }
  });
});
