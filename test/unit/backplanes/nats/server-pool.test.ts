/** The pool of servers: every one in its turn, and no more than allowed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText } from '../../../../backplanes/nats/nats-url.ts';
import { ServerPool } from '../../../../backplanes/nats/server-pool.ts';
import { learnedServersMax } from '../../../../backplanes/nats/settings.ts';

const hosts = ['a', 'b', 'c'].map((host) => ({ host, port: 4222 }));

function names(pool: ServerPool): readonly string[] {
  return [...pool.round()].map((address) => address.host);
}

test('server pool: a round has every server once and begins where chance says', () => {
  assert.deepEqual(names(new ServerPool(hosts, () => 0)), ['a', 'b', 'c']);
  assert.deepEqual(names(new ServerPool(hosts, () => 0.99)), ['c', 'a', 'b']);
});

test('server pool: a round that was left goes on behind the server that was taken', () => {
  const pool = new ServerPool(hosts, () => 0);
  for (const { host } of pool.round()) if (host === 'b') break;
  assert.deepEqual(names(pool), ['c', 'a', 'b']);
});

test('server pool: learns addresses once, leaves out what is none', () => {
  const pool = new ServerPool(hosts.slice(0, 1), () => 0);
  pool.learn(['10.0.0.1:4222', 'a:4222', 'not an address', '10.0.0.1:4222']);
  assert.deepEqual([...pool.round()].map(addressText), ['a:4222', '10.0.0.1:4222']);
  assert.equal(pool.size, 2);
});

test('server pool: a cluster cannot fill it beyond its bound', () => {
  const pool = new ServerPool(hosts, () => 0);
  pool.learn(Array.from({ length: 1000 }, (_, index) => `10.0.0.1:${index + 1}`));
  assert.equal(pool.size, hosts.length + learnedServersMax);
});
