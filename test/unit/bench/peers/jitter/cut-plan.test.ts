/** The plan of the jitter test: who is offline when. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cutsOf, offlineUntil } from '../../../../../bench/peers/jitter/cut-plan.ts';

const plan = { clients: 10, periodMs: 15_000, offlineMs: 2000, untilMs: 40_000 };

describe('cut plan', () => {
  test('cuts: the first ones are spread over a period, the others follow it', () => {
    assert.deepEqual(cutsOf(plan, 0), [0, 15_000, 30_000]);
    assert.deepEqual(cutsOf(plan, 5), [7500, 22_500, 37_500]);
  });

  test('offline: from the beginning of a cut to its end', () => {
    assert.equal(offlineUntil(plan, 5, 7499), undefined);
    assert.equal(offlineUntil(plan, 5, 7500), 9500);
    assert.equal(offlineUntil(plan, 5, 9499), 9500);
    assert.equal(offlineUntil(plan, 5, 9500), undefined);
    assert.equal(offlineUntil(plan, 5, 22_600), 24_500);
  });

  test('the end: nobody is offline any more', () => {
    assert.equal(offlineUntil({ ...plan, untilMs: 38_000 }, 5, 37_600), 38_000);
    assert.equal(offlineUntil({ ...plan, untilMs: 38_000 }, 5, 38_000), undefined);
  });
});
