/** One Redis server that dies, stalls, cuts its clients and comes back. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { traffic } from '../support/backplane-node.ts';
import { redisNode, redisPair } from '../support/redis-nodes.ts';
import { noRedis, startRedis, type RedisServer } from '../support/redis.ts';
import { waitFor, withDeadline } from '../support/wait.ts';

const key = 'g:chat:room';

/** The numbers of a traffic generator, in the order of their arrival. */
function numbersOf(texts: readonly string[]): number[] {
  return texts.filter((text) => /^n\d+$/.test(text)).map((text) => Number(text.slice(1)));
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((each, index) => index === 0 || each > (numbers[index - 1] ?? 0));
}

describe('redis server faults', { skip: noRedis }, () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(() => server.stop());

  test('redis: killed and started again, it is used again and the gap is told', async (t) => {
    const [a, b] = await redisPair(t, server.url);
    await b.backplane.subscribe(key);
    const publishing = traffic(a, key);
    await waitFor(() => b.texts(key).length > 20, { what: 'traffic flows' });
    await server.kill();
    await waitFor(() => !a.backplane.isUp() && !b.backplane.isUp(), { what: 'both notice' });
    assert.equal(await a.publish(key, 'during'), 'unavailable');
    await assert.rejects(
      a.backplane.publish(key, Buffer.from('x')),
      new RegExp(`127\\.0\\.0\\.1:${server.port}`),
    );
    await server.start();
    await b.waitForFlow(key, a);
    // What it receives comes over one connection; the link is up when all of them are.
    await waitFor(() => b.backplane.isUp(), { what: 'the link of the receiver is up' });
    await withDeadline(publishing.stop(), { what: 'every publish has an outcome' });
    assert.deepEqual(a.outcomes.strange, []);
    assert.ok(a.outcomes.unavailable > 0);
    assert.ok(b.toldGap(key));
    assert.ok(!b.texts(key).includes('during'));
    assert.ok(isAscending(numbersOf(b.texts(key))));
    assert.deepEqual(
      b.links.map((link) => link.split(' ')[0]),
      ['up', 'down', 'up'],
    );
  });

  test('redis: subscriber connections killed again and again come back, each told', async (t) => {
    const [a, b] = await redisPair(t, server.url);
    await b.backplane.subscribe(key);
    const publishing = traffic(a, key);
    for (let round = 1; round <= 5; round += 1) {
      const mark = b.gaps.length;
      await waitFor(() => b.backplane.counters.resubscribes === round - 1, { what: 'it is back' });
      await server.admin().call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await waitFor(() => b.toldGap(key, mark), { what: `gap ${round} is told` });
    }
    await b.waitForFlow(key, a);
    await publishing.stop();
    assert.deepEqual([a.outcomes.unavailable, a.outcomes.unknown], [0, 0]);
    assert.deepEqual(a.outcomes.strange, []);
    assert.ok(isAscending(numbersOf(b.texts(key))));
  });

  test('redis: publishing connections killed under traffic come back and lose nothing', async (t) => {
    const [a, b] = await redisPair(t, server.url);
    await b.backplane.subscribe(key);
    const publishing = traffic(a, key);
    for (let round = 1; round <= 5; round += 1) {
      await waitFor(() => a.backplane.isUp(), { what: 'it is up' });
      const before = a.backplane.counters.reconnects;
      await server.admin().call('CLIENT', 'KILL', 'TYPE', 'normal');
      await waitFor(() => a.backplane.counters.reconnects > before, { what: 'it is noticed' });
    }
    await b.waitForFlow(key, a);
    await withDeadline(publishing.stop(), { what: 'every publish has an outcome' });
    await waitFor(() => b.texts(key).length >= a.outcomes.accepted, {
      what: 'everything accepted has arrived',
    });
    assert.ok(isAscending(numbersOf(b.texts(key))), 'nothing twice, nothing out of order');
    assert.deepEqual(a.outcomes.strange, []);
    assert.deepEqual(b.gaps, []);
  });

  test('redis: a server that stops answering is noticed within 3 s', async (t) => {
    const [a, b] = await redisPair(t, server.url, { inflightMax: 1000 });
    await b.backplane.subscribe(key);
    t.after(() => server.signal('SIGCONT'));
    server.signal('SIGSTOP');
    const held = Array.from({ length: 1000 }, (_, index) => a.publish(key, `held ${index}`));
    assert.equal(
      await withDeadline(a.publish(key, 'one too many'), { what: 'it is refused at once' }),
      'unavailable',
    );
    await waitFor(() => !a.backplane.isUp() && !b.backplane.isUp(), {
      what: 'both notice',
      deadlineMs: 3000,
    });
    const outcomes = new Set(await withDeadline(Promise.all(held), { what: 'all are answered' }));
    assert.ok(!outcomes.has('accepted'));
    assert.ok(outcomes.has('unknown'));
    await assert.rejects(b.backplane.subscribe('g:chat:new'), /not confirmed in time/);
    server.signal('SIGCONT');
    await b.waitForFlow(key, a);
    assert.ok(b.toldGap(key));
    assert.deepEqual(a.outcomes.strange, []);
  });

  test('redis: a short stall delays and loses nothing', async (t) => {
    const [a, b] = await redisPair(t, server.url);
    await b.backplane.subscribe(key);
    const asleep = server.admin().call('DEBUG', 'SLEEP', '0.7');
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, index) => a.publish(key, `n${index}`)),
    );
    await asleep;
    assert.deepEqual(new Set(outcomes), new Set(['accepted']));
    await waitFor(() => b.texts(key).length === 100, { what: 'all arrive' });
    assert.deepEqual([a.gaps, b.gaps], [[], []]);
    assert.equal(b.backplane.counters.canaryMisses, 0);
  });

  test('redis: paused for longer than the timeout, publishes are unknown, then it recovers', async (t) => {
    const [a, b] = await redisPair(t, server.url, { publishTimeoutMs: 300 });
    await b.backplane.subscribe(key);
    await server.admin().client('PAUSE', 3000, 'ALL');
    assert.equal(await a.publish(key, 'paused'), 'unknown');
    await b.waitForFlow(key, a);
    assert.deepEqual(a.outcomes.strange, []);
  });

  test('redis: a subscriber cut for its full output buffer is told', async (t) => {
    const [a, b] = await redisPair(t, server.url);
    await b.backplane.subscribe(key);
    const admin = server.admin();
    t.after(() => admin.config('SET', 'client-output-buffer-limit', 'pubsub 33554432 8388608 60'));
    await admin.config('SET', 'client-output-buffer-limit', 'pubsub 1000000 1000000 0');
    // In one script, so that the server cannot write anything out between the messages.
    const flood = `for i = 1, 50 do redis.call('PUBLISH', KEYS[1], string.rep('x', 100000)) end`;
    await admin.eval(flood, 1, `trunkline:${key}`);
    await waitFor(() => b.toldGap(key), { what: 'the gap is told' });
    await b.waitForFlow(key, a);
  });

  test('redis: interest of many keys is all back after a reconnect', async (t) => {
    const [a, b] = await redisPair(t, server.url);
    const keys = Array.from({ length: 3000 }, (_, index) => `u:chat:${index}`);
    await Promise.all(keys.map((one) => b.backplane.subscribe(one)));
    await server.admin().call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await waitFor(() => b.gaps.length > 0, { what: 'the gap is told' });
    const receivers = await Promise.all(
      keys.map(async (one) => (await a.backplane.publish(one, Buffer.from('x'))).receivers),
    );
    assert.deepEqual(new Set(receivers), new Set([1]));
    await waitFor(() => keys.every((one) => b.texts(one).length === 1), { what: 'all arrive' });
  });

  test('redis: without a server, start says which and what to do, not the password', async (t) => {
    const stopped = await startRedis();
    await stopped.stop();
    const node = redisNode(t, `redis://anna:secret@127.0.0.1:${stopped.port}`, {
      connectTimeoutMs: 300,
    });
    await assert.rejects(node.start(), (error: Error) => {
      assert.equal(error.name, 'BackplaneUnavailableError');
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${stopped.port}.*Start it`));
      assert.ok(!error.message.includes('secret'));
      return true;
    });
    assert.equal(node.backplane.isUp(), false);
  });
});
