/** The command line of the example. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseExampleOptions, UsageError } from '../../../../../examples/chat/run/options.ts';

describe('options of the chat', () => {
  test('options: without any, three nodes on Redis, in memory, on a free port', () => {
    assert.deepEqual(parseExampleOptions([]), {
      backplane: 'redis',
      nodes: 3,
      port: 0,
      file: undefined,
    });
  });

  test('options: what is given holds', () => {
    const args = ['--backplane', 'nats', '--nodes', '5', '--port', '8000', '--database', 'chat.db'];
    assert.deepEqual(parseExampleOptions(args), {
      backplane: 'nats',
      nodes: 5,
      port: 8000,
      file: 'chat.db',
    });
  });

  test('options: what is wrong is named with what it may be', () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['--backplane', 'memory'], /--backplane must be redis or nats, got "memory"/],
      [['--nodes', '0'], /--nodes must be 1\.\.16, got "0"/],
      [['--port', 'http'], /--port must be 0\.\.65535, got "http"/],
      [['--colour'], /colour/],
    ];
    for (const [args, message] of cases) {
      assert.throws(() => parseExampleOptions(args), { name: UsageError.name, message });
    }
  });
});
