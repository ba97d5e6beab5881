/** The command line of `npm run cluster`. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  parseRunOptions,
  programsOf,
  UsageError,
  whyUnavailable,
} from '../../../../bench/cluster/options.ts';

describe('options', () => {
  test('options: three nodes on Redis behind nginx, with the page', () => {
    const usual = { backplane: 'redis', nodes: 3, nginx: true, page: true };
    assert.deepEqual(parseRunOptions([]), usual);
    const args = ['--backplane', 'nats', '--nodes', '5', '--no-nginx', '--no-page'];
    const other = { backplane: 'nats', nodes: 5, nginx: false, page: false };
    assert.deepEqual(parseRunOptions(args), other);
  });

  for (const [args, says] of [
    [['--backplane', 'kafka'], /"kafka"/],
    [['--nodes', '0'], /1\.\.32, got "0"/],
    [['--nodes', '33'], /got "33"/],
    [['--nodes', '2.5'], /got "2\.5"/],
    [['--node', '3'], /--node/],
    [['redis'], /redis/],
  ] as const) {
    test(`options: ${args.join(' ')} is refused`, () => {
      assert.throws(
        () => parseRunOptions(args),
        (error) => error instanceof UsageError && says.test(error.message),
      );
    });
  }

  test('programs: those of the broker, and nginx where it is wanted', () => {
    assert.deepEqual(programsOf({ backplane: 'redis', nginx: true }), ['redis-server', 'nginx']);
    assert.deepEqual(programsOf({ backplane: 'nats', nginx: false }), ['nats-server']);
    assert.deepEqual(programsOf({ backplane: 'memory', nginx: false }), []);
  });

  test('adapters: a backplane without one is refused by name', () => {
    assert.equal(whyUnavailable('redis', ['memory:', 'redis:']), undefined);
    const refusal = whyUnavailable('azure', ['memory:', 'redis:']);
    assert.match(refusal ?? '', /"azure".*choose memory or redis\./);
  });
});
