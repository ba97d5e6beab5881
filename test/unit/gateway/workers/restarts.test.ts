/** Holds the restarts of workers to their delays and their end. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Restarts } from '../../../../gateway/workers/restarts.ts';

const settings = { delayMs: 100, delayMsMax: 500, soundAfterMs: 1000, endsMax: 5 };
const crash = { listenedMs: 999, isPassing: false };

describe('restarts', () => {
  test('Restarts: each delay in a row is twice the one before, until it is given up', () => {
    const restarts = new Restarts(settings);
    const delays = Array.from({ length: 6 }, () => restarts.next(crash));
    assert.deepEqual(delays, [100, 200, 400, 500, undefined, undefined]);
  });

  test('Restarts: a worker that was sound for a while begins a new row', () => {
    const restarts = new Restarts(settings);
    for (let count = 0; count < 4; count += 1) restarts.next(crash);
    assert.equal(restarts.next({ ...crash, listenedMs: 1000 }), 100);
    assert.equal(restarts.next(crash), 200);
  });

  test('Restarts: a broker that is away is waited for without an end', () => {
    const restarts = new Restarts(settings);
    const passing = { listenedMs: 0, isPassing: true };
    const delays = Array.from({ length: 20 }, () => restarts.next(passing));
    assert.deepEqual(delays.slice(0, 4), [100, 200, 400, 500]);
    assert.ok(delays.slice(4).every((delay) => delay === 500));
  });
});
