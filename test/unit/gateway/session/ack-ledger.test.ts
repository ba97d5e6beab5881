/** The ledger of ackIds against the plainest model of it: a list. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ClientId64 } from '../../../../gateway/protocol/model.ts';
import { AckLedger, type AckVerdict } from '../../../../gateway/session/ack-ledger.ts';

class NaiveLedger {
  readonly done: ClientId64[] = [];
  readonly running: { readonly id: ClientId64; repeats: number }[] = [];
  readonly #historyMax: number;
  readonly #runningMax: number;

  constructor(historyMax: number, runningMax: number) {
    this.#historyMax = historyMax;
    this.#runningMax = runningMax;
  }

  begin(id: ClientId64): AckVerdict {
    if (this.done.includes(id)) return 'duplicate';
    const running = this.running.find((entry) => entry.id === id);
    if (running !== undefined) {
      running.repeats += 1;
      return 'running';
    }
    if (this.running.length >= this.#runningMax) return 'full';
    this.running.push({ id, repeats: 0 });
    return 'new';
  }

  end(id: ClientId64, succeeded: boolean): number {
    const at = this.running.findIndex((entry) => entry.id === id);
    const [entry] = this.running.splice(at, 1);
    if (succeeded) this.done.push(id);
    if (this.done.length > this.#historyMax) this.done.shift();
    return entry?.repeats ?? 0;
  }
}

/** Counting upwards, as clients do, with gaps, repeats, and the border of exact numbers. */
const ids = fc.oneof(
  { weight: 6, arbitrary: fc.constant('next' as const) },
  { weight: 1, arbitrary: fc.constant('gap' as const) },
  { weight: 3, arbitrary: fc.nat({ max: 12 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<ClientId64>(
      Number.MAX_SAFE_INTEGER - 1,
      Number.MAX_SAFE_INTEGER,
      2n ** 53n,
      2n ** 53n + 1n,
      2n ** 64n - 1n,
    ),
  },
);

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('begin' as const), id: ids }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      place: fc.nat({ max: 9 }),
      succeeded: fc.boolean(),
    }),
  },
);

describe('ack ledger', () => {
  test('ack ledger: says what a list of the done and the running says', () => {
    const bounds = fc.record({
      history: fc.nat({ max: 5 }),
      running: fc.integer({ min: 1, max: 4 }),
    });
    const property = fc.property(
      bounds,
      fc.array(step, { maxLength: 60 }),
      ({ history, running }, steps) => {
        const ledger = new AckLedger(history, running);
        const naive = new NaiveLedger(history, running);
        let last = 0;
        for (const action of steps) {
          if (action.do === 'end') {
            const entry = naive.running[action.place % Math.max(1, naive.running.length)];
            if (entry === undefined) continue;
            const repeats = naive.end(entry.id, action.succeeded);
            assert.equal(ledger.end(entry.id, action.succeeded), repeats);
            continue;
          }
          if (action.id === 'next') last += 1;
          if (action.id === 'gap') last += 2;
          const id = typeof action.id === 'string' ? last : action.id;
          assert.equal(ledger.begin(id), naive.begin(id), `begin(${id})`);
        }
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });

  test('ack ledger: ids that were never used are new after a million in a row', () => {
    const ledger = new AckLedger(1000, 10);
    for (let id = 1; id <= 1_000_000; id += 1) {
      ledger.begin(id);
      ledger.end(id, true);
    }
    assert.equal(ledger.begin(999_001), 'duplicate');
    assert.equal(ledger.begin(999_000), 'new', 'only the last thousand are remembered');
    assert.equal(ledger.begin(1_000_001), 'new');
  });
});
