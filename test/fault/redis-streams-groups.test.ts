/** Streams in Redis servers that belong together: slots that move, primaries that fail, shards. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BackplaneUnavailableError } from '../../backplanes/backplane.ts';
import { ChannelNames } from '../../backplanes/redis/channels.ts';
import { HashRing } from '../../backplanes/redis/hash.ts';
import {
  moveSlot,
  ownerOf,
  startRedisCluster,
  startRedisSentinels,
} from '../support/redis-groups.ts';
import {
  startedStreamNode,
  streamNamed,
  texts,
  type StreamNode,
} from '../support/redis-stream-nodes.ts';
import { noRedis, startRedis, type RedisServer } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

const stream = streamNamed('g:chat:room');
const partitions = 16;
const names = new ChannelNames('trunkline', partitions, '');
const partition = names.partitionOf(stream.key);
const slot = names.slotOf(partition);
const entriesKey = names.ofEntries(stream.key, partition);

/** Appends one after the other until it is told to stop; resolves with how many. */
function writer(node: StreamNode): { stop(): Promise<number> } {
  const over = new AbortController();
  let count = 0;
  const work = (async () => {
    while (!over.signal.aborted) {
      count += 1;
      await node.appendSurely(stream, `n${count}`);
    }
    return count;
  })();
  return {
    stop: () => {
      over.abort();
      return work;
    },
  };
}

async function untilDoubt(node: StreamNode, mark: number): Promise<void> {
  await waitFor(() => node.doubts.length > mark, {
    what: 'the doubt is raised',
    deadlineMs: 30_000,
  });
}

describe('redis stream group faults', { skip: noRedis }, () => {
  test('redis streams: a slot that moves under appends loses and repeats nothing', async (t) => {
    const cluster = await startRedisCluster();
    t.after(() => cluster.stop());
    const node = await startedStreamNode(t, `${cluster.url}/?partitions=${partitions}`);
    const [start] = await node.store.tops([stream]);
    assert.ok(start);
    const writing = writer(node);
    for (let round = 0; round < 4; round += 1) {
      const mark = node.doubts.length;
      const owner = await ownerOf(cluster, slot);
      const next = cluster.primaries.find((one) => one !== owner);
      assert.ok(next);
      const before = (await node.store.tops([stream]))[0]?.newest.offset ?? 0;
      await moveSlot(cluster, slot, next);
      await untilDoubt(node, mark);
      await waitFor(async () => (await next.admin().llen(entriesKey)) > before, {
        what: 'appends go on at the new owner',
      });
    }
    const count = await writing.stop();
    assert.deepEqual(await node.textsAfter(stream, start.newest), texts(1, count));
  });

  test('redis streams: while a slot moves, appends to it are refused and reads follow', async (t) => {
    const cluster = await startRedisCluster();
    t.after(() => cluster.stop());
    const node = await startedStreamNode(t, `${cluster.url}/?partitions=${partitions}`);
    await node.appendAll(stream, texts(1, 3));
    const from = await ownerOf(cluster, slot);
    const to = cluster.primaries.find((one) => one !== from);
    assert.ok(to);
    await to.admin().cluster('SETSLOT', slot, 'IMPORTING', await from.admin().cluster('MYID'));
    await from.admin().cluster('SETSLOT', slot, 'MIGRATING', await to.admin().cluster('MYID'));
    const other = Array.from({ length: 1000 }, (_, index) => `g:chat:${index}`).find(
      (key) => key !== stream.key && names.partitionOf(key) === partition,
    );
    assert.ok(other !== undefined);
    // Some of its keys are not there: Redis cannot tell whether they have gone or never were.
    await assert.rejects(
      node.append(stream, 'n4', 'n4'),
      /slot of this stream is moving.*TRYAGAIN/,
    );
    await assert.rejects(node.append(streamNamed(other), 'x'), /slot of this stream is moving/);
    const page = { before: undefined, limit: 10 };
    assert.equal((await node.store.readBack(stream, page)).entries.length, 3);
    const pair = [names.ofKey(stream.key, partition), entriesKey];
    const target = ['127.0.0.1', String(to.port), '', '0', '5000'];
    await from.admin().call('MIGRATE', ...target, 'KEYS', ...pair);
    assert.equal((await node.store.readBack(stream, page)).entries.length, 3);
    await moveSlot(cluster, slot, to);
    assert.equal((await node.appendSurely(stream, 'n4')).position.offset, 4);
    assert.equal((await node.appendSurely(streamNamed(other), 'x')).position.offset, 1);
  });

  test('redis streams: an orderly fail-over keeps everything, and is doubted', async (t) => {
    const cluster = await startRedisCluster({ hasReplicas: true });
    t.after(() => cluster.stop());
    const node = await startedStreamNode(t, `${cluster.url}/?partitions=${partitions}`);
    assert.deepEqual(node.warnings, []);
    const [start] = await node.store.tops([stream]);
    assert.ok(start);
    const writing = writer(node);
    const owner = await ownerOf(cluster, slot);
    const replica = cluster.replicas[cluster.primaries.indexOf(owner)];
    await waitFor(async () => ((await replica?.admin().call('DBSIZE')) ?? 0) !== 0, {
      what: 'the replica follows',
    });
    await replica?.admin().cluster('FAILOVER');
    await untilDoubt(node, 0);
    const before = (await node.appendSurely(stream, 'between')).position.offset;
    await waitFor(
      async () => ((await node.store.tops([stream]))[0]?.newest.offset ?? 0) > before + 20,
      { what: 'appends go on' },
    );
    const count = await writing.stop();
    const kept = await node.textsAfter(stream, start.newest);
    assert.ok(Array.isArray(kept));
    assert.deepEqual(
      kept.filter((text) => text !== 'between'),
      texts(1, count),
    );
  });

  test('redis streams: what a dead primary had not replicated is diverged', async (t) => {
    const cluster = await startRedisCluster({ hasReplicas: true });
    t.after(() => cluster.stop());
    const node = await startedStreamNode(t, `${cluster.url}/?partitions=${partitions}`);
    const before = await node.appendAll(stream, texts(1, 5));
    const owner = await ownerOf(cluster, slot);
    const replica = cluster.replicas[cluster.primaries.indexOf(owner)];
    assert.ok(replica);
    await owner.admin().call('WAIT', '1', '5000');
    await replica.admin().save();
    await replica.kill();
    const beyond = await node.appendAll(stream, texts(6, 10));
    await owner.kill();
    await replica.start();
    await replica.admin().cluster('FAILOVER', 'TAKEOVER');
    await untilDoubt(node, 0);
    await node.untilUp(stream);
    const [p5, p7, p10] = [before[4], beyond[1], beyond[4]];
    assert.ok(p5 && p7 && p10);
    assert.equal(await node.textsAfter(stream, p10), 'diverged');
    const others = await node.appendAll(stream, texts(106, 110));
    assert.equal(others[4]?.offset, p10.offset);
    assert.equal(await node.textsAfter(stream, p7), 'diverged');
    assert.equal(await node.textsAfter(stream, p10), 'diverged');
    assert.deepEqual(await node.textsAfter(stream, p5), texts(106, 110));
  });

  test('redis streams: the sentinels name another primary, and it is used', async (t) => {
    const group = await startRedisSentinels();
    t.after(() => group.stop());
    const node = await startedStreamNode(t, group.url);
    const [p1] = await node.appendAll(stream, texts(1, 3));
    assert.ok(p1);
    await group.primary.admin().call('WAIT', '1', '5000');
    t.after(() => group.primary.signal('SIGCONT'));
    group.primary.signal('SIGSTOP');
    await untilDoubt(node, 0);
    const { position } = await node.appendSurely(stream, 'n4');
    assert.deepEqual([position.epoch, position.offset], [p1.epoch, 4]);
    // The old one wakes up as a primary that nobody asks any more.
    group.primary.signal('SIGCONT');
    assert.deepEqual(await node.textsAfter(stream, p1), ['n2', 'n3', 'n4']);
    assert.equal(await group.replica.admin().llen(`trunkline#${stream.key}`), 4);
  });

  test('redis streams: one shard dies, its streams are refused and the others go on', async (t) => {
    const servers = [await startRedis(), await startRedis()];
    t.after(() => Promise.all(servers.map((server: RedisServer) => server.stop())));
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
    const ring = new HashRing(addresses);
    const keys = Array.from({ length: 100 }, (_, index) => `u:chat:${index}`);
    const lost = streamNamed(keys.find((one) => ring.serverOf(one) === 0) ?? '');
    const kept = streamNamed(keys.find((one) => ring.serverOf(one) === 1) ?? '');
    const node = await startedStreamNode(t, `redis+shards://${addresses.join(',')}`);
    await Promise.all([node.append(lost, 'x'), node.append(kept, 'x')]);
    await servers[0]?.kill();
    await waitFor(
      () =>
        node.append(lost, 'y').then(
          () => false,
          () => true,
        ),
      {
        what: 'it is noticed',
      },
    );
    await assert.rejects(node.store.tops([kept, lost]), BackplaneUnavailableError);
    assert.equal((await node.append(kept, 'y')).position.offset, 2);
    assert.equal(node.store.isUp(), true);
    await servers[0]?.start();
    await node.untilUp(lost);
    await untilDoubt(node, 0);
  });
});
