/** Streams in one Redis server that dies, forgets, answers too late or refuses. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../backplanes/backplane.ts';
import type { Position } from '../../backplanes/stream-store.ts';
import {
  beginningOf,
  startedStreamNode,
  streamNamed,
  streamNode,
  texts,
  type StreamNode,
} from '../support/redis-stream-nodes.ts';
import { noRedis, startRedis, type RedisServer } from '../support/redis.ts';
import { StoppableProxy } from '../support/stoppable-proxy.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const stream = streamNamed('g:chat:room');
const entriesKey = `trunkline#${stream.key}`;

const isUnknown = (error: unknown): boolean => error instanceof PublishOutcomeUnknownError;

/** Appends while the server is killed and started again; the positions of the acknowledged ones. */
async function appendUnderKills(
  node: StreamNode,
  server: RedisServer,
): Promise<ReadonlyMap<string, Position>> {
  const acknowledged = new Map<string, Position>();
  for (let round = 0; round < 3; round += 1) {
    const doubts = node.doubts.length;
    const appends = texts(round * 100 + 1, round * 100 + 100).map(async (text) => {
      acknowledged.set(text, (await node.append(stream, text, text)).position);
    });
    await Promise.race(appends);
    await server.kill();
    await Promise.allSettled(appends);
    await server.start();
    await node.untilUp(stream);
    await waitFor(() => node.doubts.length > doubts, { what: 'the doubt is raised' });
  }
  assert.ok(acknowledged.size > 0);
  return acknowledged;
}

describe('redis stream faults', { skip: noRedis }, () => {
  test('redis streams: an append whose answer was lost is stored once, retried or not', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const proxy = new StoppableProxy(server.port);
    t.after(() => proxy.close());
    const node = await startedStreamNode(t, `redis://127.0.0.1:${await proxy.listen()}`);
    await node.append(stream, 'before');
    for (let round = 1; round <= 5; round += 1) {
      proxy.stopReading();
      const outcome = assert.rejects(
        node.append(stream, `text ${round}`, `id ${round}`),
        isUnknown,
      );
      await waitFor(async () => (await server.admin().llen(entriesKey)) === 1 + round, {
        what: 'the server has executed it',
      });
      proxy.cut();
      await outcome;
      proxy.readAgain();
      await node.untilUp(stream);
      const again = await node.append(stream, `text ${round}`, `id ${round}`);
      assert.deepEqual([again.isDuplicate, again.position.offset], [true, 1 + round]);
    }
    assert.equal(await server.admin().llen(entriesKey), 6);
    assert.ok(node.doubts.length >= 5);
    assert.equal(node.store.counters.duplicates, 5);
  });

  test('redis streams: a black hole makes appends unknown and reads unavailable', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const proxy = new TcpProxy(server.port);
    t.after(() => proxy.close());
    const url = `redis://127.0.0.1:${await proxy.listen()}`;
    const node = await startedStreamNode(t, url, { publishTimeoutMs: 300 });
    const [p1] = await node.appendAll(stream, texts(1, 3));
    assert.ok(p1);
    proxy.swallow();
    await assert.rejects(node.append(stream, 'x'), isUnknown);
    await assert.rejects(node.textsAfter(stream, p1), BackplaneUnavailableError);
    await waitFor(() => !node.store.isUp(), { what: 'the silence is noticed' });
    await assert.rejects(node.append(stream, 'x'), BackplaneUnavailableError);
    proxy.heal();
    await node.untilUp(stream);
    assert.deepEqual(await node.textsAfter(stream, p1), ['n2', 'n3']);
    await waitFor(() => node.doubts.length > 0, { what: 'the doubt is raised' });
  });

  test('redis streams: killed with appendfsync always, nothing acknowledged is lost', async (t) => {
    const server = await startRedis({ lines: ['appendonly yes', 'appendfsync always'] });
    t.after(() => server.stop());
    const node = await startedStreamNode(t, server.url);
    assert.deepEqual(node.warnings, []);
    const [start] = await node.store.tops([stream]);
    assert.ok(start);
    const acknowledged = await appendUnderKills(node, server);
    const kept = await node.textsAfter(stream, start.newest);
    assert.ok(Array.isArray(kept));
    // Those of unknown outcome may be among them, too.
    assert.deepEqual(
      [...acknowledged.keys()].filter((text) => !kept.includes(text)),
      [],
    );
    const numbers = kept.map((text) => Number(text.slice(1)));
    const inOrder = [...new Set(numbers)].sort((a, b) => a - b);
    assert.deepEqual(numbers, inOrder, 'each is there once, in the order of the calls');
  });

  test('redis streams: killed with appendfsync everysec, what is lost is told', async (t) => {
    // Redis answers before it writes while an earlier fsync runs: a kill can lose acknowledged ones.
    const server = await startRedis({ lines: ['appendonly yes', 'appendfsync everysec'] });
    t.after(() => server.stop());
    const node = await startedStreamNode(t, server.url);
    const [start] = await node.store.tops([stream]);
    assert.ok(start);
    const acknowledged = await appendUnderKills(node, server);
    await node.appendAll(stream, texts(1001, 1200));
    const kept = await node.textsAfter(stream, start.newest);
    assert.ok(Array.isArray(kept), 'the epoch is the same');
    for (const [text, position] of acknowledged) {
      const at: number = kept.indexOf(text);
      const expected: string[] | string = at === -1 ? 'diverged' : kept.slice(at + 1);
      assert.deepEqual(await node.textsAfter(stream, position), expected, text);
    }
  });

  test('redis streams: restarted without persistence, every position is diverged', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const node = await startedStreamNode(t, server.url);
    assert.match(
      node.warnings[0] ?? '',
      /neither an append-only file nor a replica.*appendonly yes/,
    );
    const [p1, , p3] = await node.appendAll(stream, texts(1, 3));
    assert.ok(p1 && p3);
    await server.kill();
    await waitFor(() => !node.store.isUp(), { what: 'it is noticed' });
    await assert.rejects(node.append(stream, 'x'), BackplaneUnavailableError);
    await server.start();
    await node.untilUp(stream);
    await waitFor(() => node.doubts.length > 0, { what: 'the doubt is raised' });
    for (const position of [p1, p3, beginningOf(p1)]) {
      assert.equal(await node.textsAfter(stream, position), 'diverged');
    }
    const { position, isDuplicate } = await node.append(stream, 'n1', 'n1');
    assert.deepEqual([position.offset, isDuplicate], [1, false]);
    assert.notEqual(position.epoch, p1.epoch);
    assert.equal(await node.textsAfter(stream, p1), 'diverged');
  });

  test('redis streams: after an older copy, positions beyond it are diverged for ever', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const node = await startedStreamNode(t, server.url);
    const before = await node.appendAll(stream, texts(1, 5));
    await server.admin().save();
    const beyond = await node.appendAll(stream, texts(6, 10));
    await server.kill();
    await server.start();
    await node.untilUp(stream);
    const [, p2, , , p5] = before;
    const [, , p8, , p10] = beyond;
    assert.ok(p2 && p5 && p8 && p10);
    assert.equal(await node.textsAfter(stream, p8), 'diverged');
    assert.deepEqual(await node.textsAfter(stream, p5), []);
    // The same offsets again, under other ids.
    const others = await node.appendAll(stream, texts(106, 110));
    assert.deepEqual(
      others.map(({ epoch, offset }) => [epoch, offset]),
      beyond.map(({ epoch, offset }) => [epoch, offset]),
    );
    assert.equal(await node.textsAfter(stream, p8), 'diverged');
    assert.equal(await node.textsAfter(stream, p10), 'diverged');
    assert.deepEqual(await node.textsAfter(stream, p5), texts(106, 110));
    assert.deepEqual(await node.textsAfter(stream, p2), ['n3', 'n4', 'n5', ...texts(106, 110)]);
    // Retention takes the entry at the end, and its tag is still known.
    const short = streamNamed(stream.key, { messagesMax: 1 });
    await node.append(short, 'newest');
    assert.deepEqual(await node.textsAfter(stream, others[4] ?? p5), ['newest']);
    assert.equal(await node.textsAfter(stream, p10), 'diverged');
  });

  test('redis streams: functions that somebody deletes are loaded again', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const node = await startedStreamNode(t, server.url);
    const loads = node.store.counters.loads;
    const [start] = await node.store.tops([stream]);
    assert.ok(start);
    for (let round = 0; round < 5; round += 1) {
      await server.admin().call('FUNCTION', 'FLUSH');
      await node.appendAll(stream, texts(round * 50 + 1, round * 50 + 50));
      await server.admin().call('FUNCTION', 'FLUSH');
      assert.deepEqual(await node.textsAfter(stream, start.newest), texts(1, round * 50 + 50));
      await server.admin().call('SCRIPT', 'FLUSH');
    }
    assert.equal(node.store.counters.loads, loads + 10);
    assert.deepEqual(node.doubts, []);
  });

  test('redis streams: a server that refuses is told by what to do, and reads go on', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const node = await startedStreamNode(t, server.url);
    const [p1] = await node.appendAll(stream, texts(1, 3));
    assert.ok(p1);
    const admin = server.admin();
    for (const [name, refusing, usual, expected] of [
      ['maxmemory', '1', '0', /memory is full.*maxmemory.*OOM/],
      ['min-replicas-to-write', '1', '0', /min-replicas-to-write.*NOREPLICAS/],
    ] as const) {
      await admin.config('SET', name, refusing);
      await assert.rejects(node.append(stream, 'x'), (error: Error) => {
        assert.ok(error instanceof BackplaneUnavailableError);
        assert.match(error.message, expected);
        return true;
      });
      assert.deepEqual(await node.textsAfter(stream, p1), ['n2', 'n3']);
      await admin.config('SET', name, usual);
    }
    assert.equal((await node.append(stream, 'n4')).position.offset, 4);
  });

  test('redis streams: a server that became a replica is left, whatever now has its name', async (t) => {
    const lines = ['repl-diskless-sync-delay 0'];
    const [old, next] = [await startRedis({ lines }), await startRedis({ lines })];
    t.after(() => Promise.all([old.stop(), next.stop()]));
    const proxy = new TcpProxy(old.port);
    t.after(() => proxy.close());
    const node = await startedStreamNode(t, `redis://127.0.0.1:${await proxy.listen()}`);
    const [p1] = await node.appendAll(stream, texts(1, 3));
    assert.ok(p1);
    await next.admin().replicaof('127.0.0.1', old.port);
    await waitFor(async () => (await next.admin().llen(entriesKey)) === 3, { what: 'it follows' });
    await next.admin().replicaof('NO', 'ONE');
    await old.admin().replicaof('127.0.0.1', next.port);
    proxy.targetPort = next.port;
    await assert.rejects(node.append(stream, 'x'), /is a replica now.*READONLY/);
    const { position } = await node.appendSurely(stream, 'n4');
    assert.deepEqual([position.epoch, position.offset], [p1.epoch, 4]);
    await waitFor(() => node.doubts.length > 0, { what: 'the doubt is raised' });
  });

  test('redis streams: every key has an end, and where a stream ends outlives its entries', async (t) => {
    const server = await startRedis();
    t.after(() => server.stop());
    const node = await startedStreamNode(t, server.url);
    const brief = streamNamed('u:chat:anna', { ageMsMax: 60_000 });
    await node.append(brief, 'x');
    await node.store.tops([stream]);
    const admin = server.admin();
    const names = (await admin.keys('*')).filter((name) => !name.includes('!'));
    assert.equal(names.length, 4);
    for (const name of names) assert.ok((await admin.pttl(name)) > 0, name);
    const dayMs = 24 * 3_600_000;
    assert.ok((await admin.pttl(`trunkline:${brief.key}`)) > 60_000 + dayMs);
    assert.ok((await admin.pttl(`trunkline#${brief.key}`)) <= 60_000);
    // Who is watched lives on.
    await admin.pexpire(`trunkline:${brief.key}`, 1000);
    await node.store.tops([brief]);
    assert.ok((await admin.pttl(`trunkline:${brief.key}`)) > 60_000 + dayMs);
  });

  test('redis streams: a start where nothing listens says where and what to do', async (t) => {
    const server = await startRedis();
    await server.stop();
    const node = streamNode(t, `redis://anna:secret@127.0.0.1:${server.port}`, {
      connectTimeoutMs: 300,
    });
    await assert.rejects(node.start(), (error: Error) => {
      assert.ok(error instanceof BackplaneUnavailableError);
      assert.match(
        error.message,
        new RegExp(`127\\.0\\.0\\.1:${server.port} .*ECONNREFUSED.*Start it`),
      );
      assert.ok(!error.message.includes('secret'));
      return true;
    });
    assert.equal(node.store.isUp(), false);
  });
});
