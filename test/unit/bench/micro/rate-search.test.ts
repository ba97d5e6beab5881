/** The search for the saturation point, against servers of known capacity. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RateSearch, type RateOutcome } from '../../../../bench/micro/rate-search.ts';

/** Runs a search to its end; fails when it does not end. */
function run(search: RateSearch, outcomeOf: (rate: number, attempt: number) => RateOutcome): void {
  const attempts = new Map<number, number>();
  for (let step = 0; search.next !== undefined; step++) {
    assert.ok(step < 200, 'the search does not end');
    const rate = search.next;
    const attempt = (attempts.get(rate) ?? 0) + 1;
    attempts.set(rate, attempt);
    search.tell(outcomeOf(rate, attempt));
  }
}

describe('rate search', () => {
  test('a server of any capacity: the point is found within the precision', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 200_000 }), (capacity) => {
        const search = new RateSearch({ start: 250, precision: 1.08 });
        run(search, (rate) => (rate <= capacity ? 'held' : 'failed'));
        const best = search.best ?? 0;
        assert.ok(best <= capacity);
        // Small rates are whole numbers: one step may be more than the precision.
        assert.ok(best * 1.08 + 1 >= capacity, `found ${String(best)} of ${String(capacity)}`);
      }),
    );
  });

  test('one failure: the rate is tried again before it counts', () => {
    const search = new RateSearch({ start: 100 });
    search.tell('failed');
    assert.equal(search.next, 100);
    search.tell('held');
    assert.equal(search.best, 100);
    assert.equal(search.next, 200);
  });

  test('a server that never holds: the search ends without a rate', () => {
    const search = new RateSearch({ start: 16 });
    run(search, () => 'failed');
    assert.equal(search.best, undefined);
  });

  test('a generator that is too busy: the search says what ended it', () => {
    const search = new RateSearch({ start: 100 });
    run(search, (rate) => (rate <= 800 ? 'held' : 'unmeasurable'));
    assert.equal(search.endedBy, 'unmeasurable');
    assert.ok((search.best ?? 0) >= 800 / 1.08);
  });

  test('a server without end: the search stops at its maximum', () => {
    const search = new RateSearch({ start: 100, max: 1000 });
    run(search, () => 'held');
    assert.equal(search.best, 800);
  });
});
