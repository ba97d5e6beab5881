/** The command line of the benchmarks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseOptions, scenarioNames, UsageError } from '../../../../bench/micro/options.ts';

describe('options', () => {
  test('defaults: the figures of the method page', () => {
    const options = parseOptions(['fanout']);
    assert.deepEqual(options.scenarios, ['fanout']);
    assert.deepEqual(options.rates, [50, 1000, 5000]);
    assert.deepEqual(options.crossRates, [3000, 6000]);
    assert.equal(options.pairs, 200);
    assert.equal(options.subscribers, 1000);
    assert.equal(options.idleConnections, 10_000);
    assert.deepEqual(options.streamRates, [50, 200, 1000, 5000]);
    assert.equal(options.storm.connections, 10_000);
    assert.equal(options.throttled.bytesPerSecond, 10_000);
    assert.equal(options.stalled.stalled, 2000);
    assert.equal(options.stalled.connections, 6000);
    const { rate, payloadBytes, seconds } = options.stalled;
    assert.ok(rate * payloadBytes * seconds > 4 * 1024 * 1024, 'a stall begins after 4 MB');
  });

  test('storm: all groups have one size', () => {
    const { storm } = parseOptions(['storm', '--connections', '250', '--groups', '100']);
    assert.deepEqual([storm.connections, storm.groups], [200, 100]);
  });

  test('all: every scenario', () => {
    assert.deepEqual(parseOptions(['all', '--quick']).scenarios, scenarioNames);
  });

  for (const [args, says] of [
    [[], /say what to measure/],
    [['fan'], /"fan"/],
    [['fanout', '--rates', '50,x'], /--rates .*"x"/],
    [['fanout', '--targets', 'gateway,wss'], /"wss"/],
    [['stalled', '--stalled', '6000/6000'], /6000\/6000/],
    [['cross', '--cross-targets', 'gateway'], /"gateway"/],
    [['fanout', '--repeat', '3'], /--repeat/],
    [['fanout', '--summary', '../x'], /--summary/],
  ] as const) {
    test(`a wrong command line is refused: ${args.join(' ')}`, () => {
      assert.throws(
        () => parseOptions(args),
        (error) => error instanceof UsageError && says.test(error.message),
      );
    });
  }
});
