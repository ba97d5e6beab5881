/** Redis behind TLS, with users whose rights suffice, do not, or are taken away. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { redisNode, redisPair } from '../support/redis-nodes.ts';
import {
  startedStreamNode,
  streamNamed,
  streamNode,
  texts,
} from '../support/redis-stream-nodes.ts';
import { noRedis, startRedis, type RedisServer } from '../support/redis.ts';
import { tlsCertificate, tlsKey } from '../support/tls-pair.ts';
import { waitFor } from '../support/wait.ts';

const key = 'g:chat:room';
/** The rule that backplanes/redis/README.md gives. */
const rule =
  'on >secret resetchannels &trunkline* -@all +hello +ping +client|setname +publish ' +
  '+subscribe +unsubscribe';
/** The same for streams. */
const streamRule =
  'on >secret resetchannels &trunkline* ~trunkline* -@all +hello +ping +client|setname +info ' +
  '+function|load +fcall +time +get +set +hget +hset +rpush +lpop +lindex +llen +lrange +unlink ' +
  '+pexpire +pexpireat +pttl +publish';

describe('redis rights', { skip: noRedis }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-tls-'));
  const certificate = join(folder, 'certificate.pem');
  let server: RedisServer;
  before(async () => {
    writeFileSync(certificate, tlsCertificate);
    writeFileSync(join(folder, 'key.pem'), tlsKey);
    server = await startRedis({
      admin: { tls: { ca: tlsCertificate }, password: 'the admin' },
      lines: (port) => [
        'port 0',
        `tls-port ${port}`,
        `tls-cert-file ${certificate}`,
        `tls-key-file ${join(folder, 'key.pem')}`,
        'tls-auth-clients no',
        'requirepass "the admin"',
        `user gateway ${rule}`,
        `user streams ${streamRule}`,
      ],
    });
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const urlOf = (user: string): string =>
    `rediss://${user}@localhost:${server.port}?ca=${encodeURIComponent(certificate)}`;

  test('redis: a user with no more rights than documented is enough, over TLS', async (t) => {
    const [a, b] = await redisPair(t, urlOf('gateway:secret'));
    await b.backplane.subscribe(key);
    assert.deepEqual(await a.backplane.publish(key, Buffer.from('x')), { receivers: 1 });
    await waitFor(() => b.texts(key).length === 1, { what: 'it arrives' });
  });

  for (const [what, user, expected] of [
    ['a wrong password', 'gateway:wrong', /WRONGPASS/],
    ['no user at all', '', /NOAUTH/],
  ] as const) {
    test(`redis: ${what} fails the start with the reason`, async (t) => {
      const node = redisNode(t, urlOf(user), { connectTimeoutMs: 1000 });
      await assert.rejects(node.start(), (error: Error) => {
        assert.match(error.message, expected);
        assert.match(error.message, /user and password/);
        return true;
      });
    });
  }

  test('redis: a certificate of an unknown authority fails the start', async (t) => {
    const node = redisNode(t, `rediss://gateway:secret@localhost:${server.port}`, {
      connectTimeoutMs: 1000,
    });
    await assert.rejects(node.start(), /certificate/);
  });

  test('redis: a user without the right to these channels fails the start', async (t) => {
    const node = redisNode(t, `${urlOf('gateway:secret')}&prefix=other`);
    await assert.rejects(node.start(), /NOPERM.*rights/);
  });

  test('redis: rights taken away refuse, and work again when given back', async (t) => {
    const [a, b] = await redisPair(t, urlOf('gateway:secret'));
    await b.backplane.subscribe(key);
    const admin = server.admin();
    await admin.call('ACL', 'SETUSER', 'gateway', '-publish');
    await assert.rejects(a.backplane.publish(key, Buffer.from('x')), /NOPERM/);
    // Taking the channels away cuts the subscribers.
    await admin.call('ACL', 'SETUSER', 'gateway', '+publish', 'resetchannels');
    await waitFor(() => b.links.at(-1)?.startsWith('down') === true, { what: 'it is down' });
    await admin.call('ACL', 'SETUSER', 'gateway', '&trunkline*');
    await b.waitForFlow(key, a);
    assert.ok(b.toldGap(key));
    assert.deepEqual(a.outcomes.strange, []);
  });

  test('redis streams: a user with no more rights than documented can do all', async (t) => {
    const node = await startedStreamNode(t, urlOf('streams:secret'));
    const stream = streamNamed(key, { messagesMax: 2 });
    const [, p2] = await node.appendAll(stream, texts(1, 4));
    assert.ok(p2);
    assert.deepEqual(await node.textsAfter(stream, p2), ['n3', 'n4']);
    await server.admin().pexpire(`trunkline:${key}`, 1000);
    assert.equal((await node.store.tops([stream]))[0]?.newest.offset, 4);
    await node.store.purge(stream);
    const page = await node.store.readBack(stream, { before: undefined, limit: 9 });
    assert.deepEqual(page.entries, []);
  });

  test('redis streams: a right that is missing fails the start with the reason', async (t) => {
    const node = streamNode(t, urlOf('gateway:secret'), { connectTimeoutMs: 1000 });
    await assert.rejects(node.start(), /cannot be used for streams.*NOPERM.*rights/);
    const admin = server.admin();
    t.after(() => admin.call('ACL', 'SETUSER', 'streams', '+function|load', '+publish'));
    for (const right of ['function|load', 'publish']) {
      await admin.call('FUNCTION', 'FLUSH');
      await admin.call('ACL', 'SETUSER', 'streams', `-${right}`);
      const lesser = streamNode(t, urlOf('streams:secret'));
      await assert.rejects(
        lesser.start(),
        /cannot be used for streams.*rights do not suffice|loaded \(NOPERM/,
      );
      await admin.call('ACL', 'SETUSER', 'streams', `+${right}`);
    }
  });
});
