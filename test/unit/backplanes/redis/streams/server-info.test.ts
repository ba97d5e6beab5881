/** What a server's INFO says about streams. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusalOf, warningsOf } from '../../../../../backplanes/redis/streams/server-info.ts';

function info(fields: Readonly<Record<string, string>>): string {
  const all = {
    redis_version: '7.0.15',
    aof_enabled: '0',
    connected_slaves: '0',
    maxmemory_policy: 'noeviction',
    ...fields,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}:${value}`);
  return `# Server\r\n${lines.join('\r\n')}\r\n`;
}

describe('redis server info', () => {
  test('server info: Redis below 7, and what hides its version, is refused by name', () => {
    assert.match(
      refusalOf('a:1', info({ redis_version: '6.2.14' })) ?? '',
      /^Redis at a:1 is version 6\.2\.14, and streams need Redis 7 or later .*update it/,
    );
    assert.match(refusalOf('a:1', '') ?? '', /version unknown/);
    for (const version of ['7.0.0', '7.2.4', '8.0.1', '10.1.0']) {
      assert.equal(refusalOf('a:1', info({ redis_version: version })), undefined);
    }
  });

  test('server info: memory alone is warned of, a file or a replica is not', () => {
    assert.match(warningsOf('a:1', info({}))[0] ?? '', /a:1 has neither .*"appendonly yes"/);
    assert.deepEqual(warningsOf('a:1', info({ aof_enabled: '1' })), []);
    assert.deepEqual(warningsOf('a:1', info({ connected_slaves: '2' })), []);
  });

  test('server info: eviction is warned of with its remedy', () => {
    const fields = { aof_enabled: '1', maxmemory_policy: 'volatile-lru' };
    assert.match(warningsOf('a:1', info(fields))[0] ?? '', /volatile-lru.*noeviction/);
  });
});
