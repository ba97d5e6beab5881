/** Tests of when a node says that it wants clients. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Readiness } from '../../../gateway/readiness.ts';
import { FakeClock } from './router/fakes.ts';

describe('readiness', () => {
  test('readiness: from when it listens and knows the others until it goes away', () => {
    const clock = new FakeClock();
    let isInDoubt = true;
    let reason: string | undefined;
    const readiness = new Readiness({
      clock,
      introductionMsMax: 3000,
      isInDoubt: () => isInDoubt,
      unavailableReason: () => reason,
    });
    const isReady = (): boolean => readiness.state().ready;
    assert.equal(isReady(), false);
    readiness.open();
    assert.equal(isReady(), false, 'it may not know all others');
    clock.advance(3001);
    assert.equal(isReady(), true, 'it seems to be alone');
    isInDoubt = false;
    reason = 'the backplane is down';
    assert.deepEqual(readiness.state(), { ready: false, reason });
    reason = undefined;
    isInDoubt = true;
    assert.equal(isReady(), true, 'it was introduced before');
    readiness.close();
    assert.equal(isReady(), false);
  });
});
