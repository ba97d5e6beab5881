/** Redis servers that belong together: slots that move, primaries that fail, one shard of several. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChannelNames } from '../../backplanes/redis/channels.ts';
import { HashRing } from '../../backplanes/redis/hash.ts';
import { traffic } from '../support/backplane-node.ts';
import {
  moveSlot,
  ownerOf,
  startRedisCluster,
  startRedisSentinels,
} from '../support/redis-groups.ts';
import { redisNode, redisPair } from '../support/redis-nodes.ts';
import { noRedis, startRedis, type RedisServer } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

const key = 'g:chat:room';
const partitions = 16;
const names = new ChannelNames('trunkline', partitions, '');
const slot = names.slotOf(names.partitionOf(key));

/** Receivers of a publish at this very server; none while it cuts its clients. */
function heardBy(server: RedisServer, channel: string): Promise<number> {
  return server
    .admin()
    .publish(channel, 'direct')
    .catch(() => 0);
}

describe('redis group faults', { skip: noRedis }, () => {
  test('redis cluster: interest follows a slot that moves under traffic', async (t) => {
    const cluster = await startRedisCluster();
    t.after(() => cluster.stop());
    const [a, b] = await redisPair(t, `${cluster.url}/?partitions=${partitions}`);
    await b.backplane.subscribe(key);
    const publishing = traffic(a, key);
    for (let round = 0; round < 3; round += 1) {
      const mark = b.gaps.length;
      const owner = await ownerOf(cluster, slot);
      const next = cluster.primaries.find((one) => one !== owner);
      assert.ok(next);
      await b.waitForFlow(key, a);
      await moveSlot(cluster, slot, next);
      await waitFor(() => b.toldGap(key, mark), { what: 'the gap is told' });
      await b.waitForFlow(key, a);
    }
    await publishing.stop();
    assert.deepEqual(a.outcomes.strange, []);
    assert.equal(a.outcomes.unavailable + a.outcomes.unknown, 0);
    assert.ok(a.backplane.isUp());
  });

  test('redis cluster: interest follows a quiet slot that moves', async (t) => {
    const cluster = await startRedisCluster();
    t.after(() => cluster.stop());
    const [, b] = await redisPair(t, `${cluster.url}/?partitions=${partitions}`);
    await b.backplane.subscribe(key);
    const owner = await ownerOf(cluster, slot);
    const next = cluster.primaries.find((one) => one !== owner);
    assert.ok(next);
    await moveSlot(cluster, slot, next);
    await waitFor(() => b.toldGap(key), { what: 'the gap is told', deadlineMs: 5000 });
    const channel = names.ofKey(key, names.partitionOf(key));
    await waitFor(async () => (await next.admin().spublish(channel, 'direct')) === 1, {
      what: 'the new owner has the interest',
    });
  });

  test('redis cluster: a primary that fails over, and one that dies, are replaced', async (t) => {
    const cluster = await startRedisCluster({ hasReplicas: true });
    t.after(() => cluster.stop());
    const [a, b] = await redisPair(t, `${cluster.url}/?partitions=${partitions}`);
    await b.backplane.subscribe(key);
    const owner = await ownerOf(cluster, slot);
    const replica = cluster.replicas[cluster.primaries.indexOf(owner)];
    const publishing = traffic(a, key);
    await replica?.admin().cluster('FAILOVER');
    await waitFor(() => b.toldGap(key), { what: 'the gap of the failover is told' });
    await b.waitForFlow(key, a);
    const mark = b.gaps.length;
    await replica?.kill();
    await waitFor(() => b.toldGap(key, mark), {
      what: 'the gap of the death is told',
      deadlineMs: 30_000,
    });
    await b.waitForFlow(key, a);
    await publishing.stop();
    assert.deepEqual(a.outcomes.strange, []);
    await waitFor(() => a.backplane.isUp() && b.backplane.isUp(), { what: 'both are up' });
  });

  test('redis cluster: a start without a cluster says where and what to do', async (t) => {
    const single = await startRedis();
    t.after(() => single.stop());
    const stopped = await startRedis();
    await stopped.stop();
    for (const [port, expected] of [
      [single.port, /cluster support disabled/],
      [stopped.port, /ECONNREFUSED/],
    ] as const) {
      const url = `redis+cluster://anna:secret@127.0.0.1:${port}`;
      const node = redisNode(t, port === single.port ? url.replace('anna:secret@', '') : url, {
        connectTimeoutMs: 300,
      });
      await assert.rejects(node.start(), (error: Error) => {
        assert.equal(error.name, 'BackplaneUnavailableError');
        assert.match(error.message, expected);
        assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port} .*Start it`));
        assert.ok(!error.message.includes('secret'));
        return true;
      });
    }
  });

  test('redis sentinel: a failover on request is followed', async (t) => {
    const group = await startRedisSentinels();
    t.after(() => group.stop());
    const [a, b] = await redisPair(t, group.url);
    await b.backplane.subscribe(key);
    const publishing = traffic(a, key);
    await group.sentinels[0]?.admin().call('SENTINEL', 'FAILOVER', 'mymaster');
    const roleOf = (server: RedisServer): Promise<string> =>
      server
        .admin()
        .info('replication')
        .catch(() => '');
    await waitFor(async () => (await roleOf(group.replica)).includes('role:master'), {
      what: 'the replica is the primary',
      deadlineMs: 30_000,
    });
    await waitFor(() => b.toldGap(key), { what: 'the gap is told', deadlineMs: 30_000 });
    await b.waitForFlow(key, a);
    const channel = `trunkline:${key}`;
    await waitFor(async () => (await heardBy(group.replica, channel)) === 1, {
      what: 'the new primary has the interest',
      deadlineMs: 30_000,
    });
    await publishing.stop();
    assert.deepEqual(a.outcomes.strange, []);
  });

  test('redis sentinel: a primary that was only asleep is not used again', async (t) => {
    const group = await startRedisSentinels();
    t.after(() => group.stop());
    const [a, b] = await redisPair(t, group.url);
    await b.backplane.subscribe(key);
    t.after(() => group.primary.signal('SIGCONT'));
    group.primary.signal('SIGSTOP');
    const channel = `trunkline:${key}`;
    await waitFor(async () => (await heardBy(group.replica, channel)) === 1, {
      what: 'the new primary has the interest',
      deadlineMs: 30_000,
    });
    group.primary.signal('SIGCONT');
    await b.waitForFlow(key, a);
    assert.ok(b.toldGap(key));
    assert.equal(await heardBy(group.replica, channel), 1);
    assert.deepEqual(a.outcomes.strange, []);
  });

  test('redis shards: one of them dies, its keys are refused and the others flow', async (t) => {
    const servers = [await startRedis(), await startRedis()];
    t.after(() => Promise.all(servers.map((server) => server.stop())));
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
    const ring = new HashRing(addresses);
    const keys = Array.from({ length: 100 }, (_, index) => `u:chat:${index}`);
    const lost = keys.find((one) => ring.serverOf(one) === 0) ?? '';
    const kept = keys.find((one) => ring.serverOf(one) === 1) ?? '';
    const [a, b] = await redisPair(t, `redis+shards://${addresses.join(',')}`);
    await Promise.all([b.backplane.subscribe(lost), b.backplane.subscribe(kept)]);
    await servers[0]?.kill();
    await waitFor(() => b.links.at(-1)?.startsWith('down') === true, { what: 'it is noticed' });
    assert.equal(await a.publish(lost, 'x'), 'unavailable');
    await b.waitForFlow(kept, a);
    await servers[0]?.start();
    await b.waitForFlow(lost, a);
    assert.ok(b.toldGap(lost));
    assert.ok(!b.toldGap(kept));
  });
});
