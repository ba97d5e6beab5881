/** What the jitter test counts, and the stamps that it counts by. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readStamp, stampOf } from '../../../../../bench/peers/jitter/publisher.ts';
import { JitterTally } from '../../../../../bench/peers/jitter/run-jitter.ts';

describe('jitter tally', () => {
  test('messages: each counts once, and repeated and late ones are told', () => {
    const tally = new JitterTally();
    tally.take(0, 100, 101, undefined);
    tally.take(2, 300, 302, undefined);
    tally.take(1, 200, 303, undefined);
    tally.take(2, 300, 304, undefined);
    assert.equal(tally.delivered, 3);
    assert.equal(tally.duplicates, 1);
    assert.equal(tally.outOfOrder, 1);
    assert.deepEqual(tally.latencyUs, [1000, 2000, 103_000]);
  });

  test('a cut: what was due in it counts from its end, too', () => {
    const tally = new JitterTally();
    tally.take(0, 100, 2500, 2100);
    assert.deepEqual(tally.latencyUs, [2_400_000]);
    assert.deepEqual(tally.recoverableUs, [400_000]);
  });
});

describe('jitter stamps', () => {
  test('a stamp is read as it was written, and fills the payload', () => {
    const text = stampOf(17, 1234.5, 100);
    assert.equal(text.length, 100);
    assert.deepEqual(readStamp(text), { n: 17, dueMs: 1234.5 });
  });

  test('another text has no stamp', () => {
    assert.equal(readStamp('{"type":"ack"}'), undefined);
  });
});
