/** The regression gate: what it compares, with which tolerance, and what it says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { baselineOf, judge, readBaseline } from '../../../../bench/compare/baseline.ts';
import { fanoutRate, watchedRatios } from '../../../../bench/compare/ratios.ts';
import type { Measurement } from '../../../../bench/report/data.ts';

function run(row: string, target: string, values: Measurement['values']): Measurement {
  return { row, target, params: { rate: fanoutRate }, values, invalid: [] };
}

describe('baseline', () => {
  test('tolerance: twice what was seen, and never below a tenth', () => {
    assert.deepEqual(baselineOf([1, 1.2, 0.9]), {
      value: 1,
      tolerance: 0.4,
      observed: [1, 1.2, 0.9],
    });
    assert.equal(baselineOf([1, 1.001])?.tolerance, 0.1);
    assert.equal(baselineOf([]), undefined);
  });

  test('verdict: worse only beyond the tolerance', () => {
    const before = { value: 2, tolerance: 0.25, observed: [2] };
    assert.equal(judge(2.5, before), 'held');
    assert.equal(judge(2.51, before), 'worse');
    assert.equal(judge(1.4, before), 'better');
    assert.equal(judge(undefined, before), 'unmeasured');
  });

  test('ratios: the gateway over the other, totals over totals', () => {
    const measurements = [
      run('fanout', 'gateway', { serverCpuSeconds: 1, deliveries: 100 }),
      run('fanout', 'gateway', { serverCpuSeconds: 3, deliveries: 100 }),
      run('fanout', 'topics-deferred', { serverCpuSeconds: 1, deliveries: 100 }),
      run('accept', 'gateway', { serverCpuSeconds: 3, accepted: 8 }),
      run('accept', 'topics', { serverCpuSeconds: 1, accepted: 8 }),
    ];
    const values = watchedRatios.map(({ name, value }) => [name, value(measurements)]);
    assert.deepEqual(values.slice(0, 2), [
      ['fan-out', 2],
      ['accept', 3],
    ]);
    assert.deepEqual(
      values.slice(2).map(([, value]) => value),
      [undefined, undefined],
    );
  });

  test('the committed baseline has every ratio that is watched', () => {
    const { ratios } = readBaseline();
    assert.deepEqual(
      Object.keys(ratios),
      watchedRatios.map(({ name }) => name),
    );
  });
});
