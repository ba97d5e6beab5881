/** What the Redis URLs mean, and how wrong ones are refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BackplaneUnavailableError } from '../../../../backplanes/backplane.ts';
import { addressText, parseRedisUrl } from '../../../../backplanes/redis/redis-url.ts';

const plain = {
  mode: 'single',
  servers: [{ host: 'localhost', port: 6379 }],
  primaryName: '',
  username: undefined,
  password: undefined,
  database: 0,
  tls: false,
  caFile: undefined,
  prefix: undefined,
  partitions: undefined,
};

const good: Readonly<Record<string, object>> = {
  'redis://localhost': plain,
  'redis://localhost/': plain,
  'REDIS://localhost:6379': plain,
  'redis://localhost/3': { ...plain, database: 3 },
  'redis://:p%40ss@localhost': { ...plain, password: 'p@ss' },
  'redis://anna:p@ss@localhost': { ...plain, username: 'anna', password: 'p@ss' },
  'rediss://[::1]:6380?ca=%2Fca.pem': {
    ...plain,
    servers: [{ host: '::1', port: 6380 }],
    tls: true,
    caFile: '/ca.pem',
  },
  'redis+cluster://a:1,b/?partitions=64&prefix=app.1&tls=true': {
    ...plain,
    mode: 'cluster',
    servers: [
      { host: 'a', port: 1 },
      { host: 'b', port: 6379 },
    ],
    tls: true,
    prefix: 'app.1',
    partitions: 64,
  },
  'redis+sentinel://s1,s2:5000/mymaster/2': {
    ...plain,
    mode: 'sentinel',
    servers: [
      { host: 's1', port: 26_379 },
      { host: 's2', port: 5000 },
    ],
    primaryName: 'mymaster',
    database: 2,
  },
  'redis+shards://a,b': {
    ...plain,
    mode: 'shards',
    servers: [
      { host: 'a', port: 6379 },
      { host: 'b', port: 6379 },
    ],
  },
};

const bad: readonly (readonly [string, RegExp])[] = [
  ['redis:localhost', /redis:\/\/host:port/],
  ['redis://', /has no host:port in ""/],
  ['redis://a,b', /redis\+shards:/],
  ['redis://a:0', /has no host:port in "a:0"/],
  ['redis://a:70000', /has no host:port/],
  ['redis://a,', /several servers|has no host:port/],
  ['redis://:%zz@a', /password with a wrong percent-encoding/],
  ['redis://a/x', /database number/],
  ['redis+cluster://a/1', /only database 0/],
  ['redis+sentinel://a', /names no primary/],
  ['redis://a?prefix=a*', /prefix=a\*/],
  ['redis://a?prefix=%7Bx%7D', /prefix/],
  ['redis+cluster://a?partitions=0', /partitions=0.*1 to 4096/],
  ['redis://a?tls=yes', /true or false/],
  ['redis://a?db=1', /option "db".*prefix/],
];

describe('redis url', () => {
  for (const [text, expected] of Object.entries(good)) {
    test(`redis url: ${text} is understood`, () => {
      assert.deepEqual(parseRedisUrl(text), expected);
    });
  }

  for (const [text, expected] of bad) {
    test(`redis url: ${text} is refused with the remedy`, () => {
      assert.throws(() => parseRedisUrl(text), expected);
    });
  }

  test('redis url: a refusal never shows the password', () => {
    for (const text of ['redis://anna:secret@a:0', 'redis://anna:secret@a?x=1']) {
      assert.throws(
        () => parseRedisUrl(text),
        (error: Error) =>
          error instanceof BackplaneUnavailableError && !error.message.includes('secret'),
      );
    }
  });

  test('redis url: an IPv6 address is shown in brackets', () => {
    assert.equal(addressText({ host: '::1', port: 1 }), '[::1]:1');
    assert.equal(addressText({ host: 'a', port: 1 }), 'a:1');
  });
});
