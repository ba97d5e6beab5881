/** A connection that comes back into many streams at once, and what a node has when all is over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  MemoryBackplane,
  MemoryBroker,
} from '../../../../../backplanes/memory/memory-backplane.ts';
import { BackplaneUnavailableError } from '../../../../../backplanes/backplane.ts';
import { MemoryStreamStore } from '../../../../../backplanes/memory/memory-stream-store.ts';
import type {
  ReadRequest,
  ReadResult,
  StreamRef,
  StreamTop,
} from '../../../../../backplanes/stream-store.ts';
import { DestinationRules } from '../../../../../gateway/router/destination-rules.ts';
import { settled, TestNode } from '../fakes.ts';

const groupCount = 30;
const perGroup = 20;
const entryBytes = 10_000;
const groups = Array.from({ length: groupCount }, (_, index) => `g${index}`);
const rules = new DestinationRules({
  hubs: {
    hub: {
      anonymous: false,
      streams: [{ match: 'group:*', retention: 'r' }],
      slowConsumers: [],
    },
  },
  retention: { r: { messages: 1000, seconds: 3600, bytes: 100_000_000 } },
});

/** Counts what is read, and is away when it is told so. */
class CountingStore extends MemoryStreamStore {
  reads = 0;
  isAway = false;

  override read(stream: StreamRef, request: ReadRequest): Promise<ReadResult> {
    this.reads += 1;
    return super.read(stream, request);
  }

  override tops(streams: readonly StreamRef[]): Promise<readonly StreamTop[]> {
    if (this.isAway) return Promise.reject(new BackplaneUnavailableError('away'));
    return super.tops(streams);
  }
}

async function startNode(): Promise<{ node: TestNode; store: CountingStore }> {
  const broker = new MemoryBroker();
  const store = new CountingStore(broker.streams);
  const backplane = new MemoryBackplane(broker);
  return { node: await TestNode.start({ backplane, store, rules }), store };
}

async function fill(node: TestNode): Promise<void> {
  for (let index = 0; index < perGroup; index += 1) {
    for (const group of groups) await node.send(group, `${group}:${index}`.padEnd(entryBytes));
  }
}

async function turns(node: TestNode): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) {
    await settled();
    node.clock.endTurn();
  }
}

test('joins since a place, many of one stalled connection: are read and written one by one', async () => {
  const { node, store } = await startNode();
  await fill(node);
  const client = await node.connect();
  client.socket.roomBytes = 0;
  const joins = groups.map(async (group) => {
    const { newest } = await node.router.streams.info('hub', { kind: 'group', name: group });
    const since = { epoch: newest.epoch, offset: 0, tag: 0 };
    await node.router.members.join(client.subscriber, group, { since });
  });
  await turns(node);
  const oneWrite = 64 * 1024 + entryBytes;
  assert.ok(client.socket.bufferedBytes() <= oneWrite, `${client.socket.bufferedBytes()} bytes`);
  assert.ok(store.reads <= 2, `${store.reads} reads`);
  const deadline = groupCount * perGroup;
  for (let reads = 0; reads < deadline && client.texts.length < deadline; reads += 1) {
    const buffered = client.socket.bufferedBytes();
    assert.ok(buffered <= oneWrite, `${buffered} bytes`);
    client.read(buffered);
    await turns(node);
  }
  await Promise.all(joins);
  for (const group of groups) {
    const got = client.texts.filter((text) => text.startsWith(`${group}:`)).map((t) => t.trim());
    assert.deepEqual(
      got,
      Array.from({ length: perGroup }, (_, index) => `${group}:${index}`),
    );
  }
  await node.router.close();
});

test('streams that nobody wants any more: leave nothing behind on the node', async () => {
  const { node } = await startNode();
  const client = await node.connect();
  for (const group of groups) await node.router.members.join(client.subscriber, group);
  await fill(node);
  assert.ok(node.router.streamGauges().cacheBytes > 0);
  const { newest } = await node.router.streams.info('hub', { kind: 'group', name: 'g1' });
  const since = { epoch: newest.epoch, offset: 0, tag: 0 };
  const late = await node.connect();
  for (const group of groups) await node.router.members.join(late.subscriber, group, { since });
  client.vanish();
  late.vanish();
  node.clock.advance(5000);
  await turns(node);
  assert.deepEqual(node.router.streamGauges(), { followed: 0, cacheBytes: 0 });
  assert.equal(node.router.hubs.targetCount, 0);
  await node.router.close();
  assert.equal(node.clock.timers, 0);
});

test('a node that closes while its store is away: asks no more, and keeps no timer', async () => {
  const { node, store } = await startNode();
  const client = await node.connect();
  store.isAway = true;
  await assert.rejects(node.router.members.join(client.subscriber, 'g1'));
  client.vanish();
  await node.router.close();
  for (let second = 0; second < 10; second += 1) {
    node.clock.advance(1000);
    await turns(node);
  }
  assert.equal(node.clock.timers, 0);
});
